"""The application: what all screens share, and nothing of what they do.

Owns theme, style sheet, the net under outside text, and the way in (``run``) and out.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import ClassVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.filter import LineFilter
from textual.notifications import SeverityLevel
from textual.theme import Theme

from review_tui.modals.leave_modal import LeaveModal
from review_tui.protocol import ReviewDesk, Reviewer
from review_tui.safe_text import ControlNet, one_line
from review_tui.screens.start_screen import StartScreen
from review_tui.sitting import Sitting
from review_tui.verdict_guard import VerdictGuard
from review_tui.words import counted

_THEME = Theme(
    name="desk-dark",
    primary="#4f9fe0",
    secondary="#3a6ea5",
    accent="#ffb454",
    warning="#ff9e3d",
    error="#ff6b57",
    success="#5fb3ff",
    foreground="#e4e4e4",
    background="#121417",
    surface="#1b1e23",
    panel="#262a31",
    dark=True,
    variables={"quiet": "#9aa3ad"},
)
"""Orange against blue: the pair that every common kind of colour blindness keeps apart."""


_BREAKPOINTS: list[tuple[int, str]] = [(0, "-narrow"), (100, "-wide")]
"""From 100 columns on a candidate has two panes."""


def _today() -> date:
    return datetime.now().astimezone().date()


class DeskApp(App[None]):
    """Runs one sitting of one reviewer."""

    CSS_PATH = "app.tcss"
    TITLE = "medrek-flow review"
    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS = _BREAKPOINTS
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+q", "leave", show=False, priority=True)]

    def __init__(
        self,
        desk: ReviewDesk,
        reviewer: Reviewer,
        *,
        clock: Callable[[], float] = time.monotonic,
        today: Callable[[], date] = _today,
    ) -> None:
        """Sit the reviewer down at the desk.

        Args:
            desk: The record behind the screens.
            reviewer: What ``desk.who()`` answered.
            clock: Monotonic seconds, for the guard of the verdict keys.
            today: The reviewer's own day, to defer from.
        """
        super().__init__()
        self._net = ControlNet()
        self.sitting = Sitting(desk, reviewer, VerdictGuard(clock), today)
        self.register_theme(_THEME)
        self.theme = _THEME.name
        self.animation_level = "none"

    def on_mount(self) -> None:
        """Open the first screen; on SIGTERM, leave the terminal as it was found."""
        try:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.exit)
        except (NotImplementedError, RuntimeError, ValueError):
            self.log.info("no SIGTERM handler in this thread")
        self.push_screen(StartScreen(self.sitting))

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Give the usual filters, and the net under them all."""
        return [*super().get_line_filters(), self._net]

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        """Notify in clean text, never as markup, whatever was asked."""
        del markup
        text, clean_title = one_line(message), one_line(title)
        super().notify(text, title=clean_title, severity=severity, timeout=timeout, markup=False)

    def copy_to_clipboard(self, text: str) -> None:
        """Copy what is selected, without a character that acts."""
        super().copy_to_clipboard("\n".join(one_line(line, sys.maxsize) for line in text.split("\n")))

    def action_leave(self) -> None:
        """Leave; ask first where marks would be lost."""
        if isinstance(self.screen, LeaveModal):
            return
        if self.sitting.unsaved:
            self.push_screen(LeaveModal(self.sitting.unsaved.values()), self._left)
        else:
            self.exit()

    def _left(self, leave: bool | None) -> None:
        if leave:
            self.exit()


def run(desk: ReviewDesk) -> int:
    """Open the review desk in this terminal until the reviewer leaves.

    Returns:
        0 when everything marked is on record; 1 when the screen failed, or marks could not be saved.

    Raises:
        DeskError: The desk does not know who sits there; nothing was opened.
    """
    app = DeskApp(desk, desk.who())
    app.run()
    if app.sitting.unsaved:
        lost = counted(len(app.sitting.unsaved), "mark")
        ids = ", ".join(one_line(candidate_id, 80) for candidate_id in app.sitting.unsaved)
        sys.stderr.write(f"{lost} could not be saved: {ids}\n")
        return 1
    return app.return_code or 0
