"""The sheet that a self-test fills in: checks in order, each numbered, timed, and failed by what it raises."""

from __future__ import annotations

import time
from collections.abc import Callable

from workflow.errors import WorkflowError
from workflow.qualification.record import Check
from workflow.qualification.shell import CheckFailedError

Progress = Callable[[str, int, int | None], None]


class Sheet:
    """Checks as they come out."""

    def __init__(self, progress: Progress) -> None:
        self.checks: list[Check] = []
        self._progress = progress
        self._prefix = "IQ"

    def begin(self, prefix: str) -> None:
        """Number the following checks with another prefix."""
        self._prefix = prefix

    def check(self, title: str, look: Callable[[], str]) -> bool:
        """Look, and write down what was seen."""
        self._progress(title, len(self.checks), None)
        began = time.perf_counter()
        passed, detail = True, ""
        try:
            detail = look()
        except (CheckFailedError, WorkflowError) as error:
            passed, detail = False, str(error)
        except (KeyError, ValueError, TypeError, OSError) as error:
            passed, detail = False, f"not as expected: {type(error).__name__}"
        number = f"{self._prefix}-{1 + sum(one.number.startswith(self._prefix) for one in self.checks):02d}"
        seconds = round(time.perf_counter() - began, 2)
        self.checks.append(Check(number=number, title=title, passed=passed, detail=detail, seconds=seconds))
        return passed
