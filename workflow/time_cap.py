"""The cap on a night's time: what is begun is finished or rolled back at its next step, and nothing new is begun."""

from __future__ import annotations

import time
from collections.abc import Callable

from workflow.errors import ExitCode, WorkflowError

Progress = Callable[[str, int, int], None]


class CapReachedError(WorkflowError):
    """The night's time is over; what is left waits, and every step so far is on record."""

    exit_code = ExitCode.SOME_SOURCES_FAILED


class TimeCap:
    """How long a night may go on beginning things.

    Args:
        minutes: From now on; None means for ever.
        clock: Seconds that never run back.
    """

    def __init__(self, minutes: float | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._minutes = minutes
        self._end = None if minutes is None else clock() + minutes * 60
        self.was_reached = False

    @property
    def is_over(self) -> bool:
        """Whether nothing new is to be begun; remembered, so that the report can say so."""
        if self._end is not None and self._clock() >= self._end:
            self.was_reached = True
        return self.was_reached

    @property
    def words(self) -> str:
        """What a report says of a cap that was reached."""
        return f"the night's cap of {self._minutes:g} minutes (night.max_minutes) was reached: what was not begun waits"

    def watching(self, progress: Progress | None) -> Progress:
        """Give a progress that ends long work at its next step once the time is over.

        The progress raises:
            CapReachedError: It is over.
        """

        def tell(what: str, done: int, of: int) -> None:
            if progress is not None:
                progress(what, done, of)
            if self.is_over:
                raise CapReachedError(self.words)

        return tell
