"""Guards verdict keys against held keys and reflexes: a verdict needs a pause before it, and a look first.

Pure, with an injected clock.
"""

from __future__ import annotations

from collections.abc import Callable

REPEAT_S = 0.15
"""A verdict key within this time of the last press of one is a repeat: held keys come every 30 ms or so."""

LOOK_S = 0.7
"""No verdict this soon after a candidate appears. Longer than the delay before a held key starts to repeat
(660 ms on X11), so that one long press cannot decide two candidates; nobody reads one faster."""


class VerdictGuard:
    """Says whether a verdict key pressed now is meant."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Start with nothing shown and nothing pressed.

        Args:
            clock: Monotonic time in seconds.
        """
        self._clock = clock
        self._pressed_at = float("-inf")
        self._shown_at = float("-inf")

    def shown(self) -> None:
        """Note that a new candidate, or a new list to sign, has just appeared."""
        self._shown_at = self._clock()

    def admits(self) -> bool:
        """Tell whether this press counts; every press, counted or not, starts the pause anew."""
        now = self._clock()
        repeated = now - self._pressed_at < REPEAT_S
        unseen = now - self._shown_at < LOOK_S
        self._pressed_at = now
        return not (repeated or unseen)
