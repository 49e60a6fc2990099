"""The application: what all screens share, and nothing of what they do.

Owns themes, style sheet, the nets under outside text, the place that is kept, and the way in (``run``) and out.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import ClassVar

from textual import events
from textual.app import App
from textual.binding import Binding, BindingType
from textual.filter import LineFilter
from textual.notifications import SeverityLevel
from textual.widgets import Input

from review_tui.ascii_net import AsciiNet
from review_tui.modals.leave_modal import LeaveModal
from review_tui.modals.lock_modal import LockModal
from review_tui.options import DeskOptions
from review_tui.protocol import ReleaseDesk, ReviewDesk, Reviewer
from review_tui.safe_text import ControlNet, one_line
from review_tui.screens.start_screen import StartScreen
from review_tui.session import session_of
from review_tui.sitting import Sitting
from review_tui.themes import OWN, THEMES
from review_tui.verdict_guard import VerdictGuard
from review_tui.words import counted

_WIDTHS: list[tuple[int, str]] = [(0, "-too-narrow"), (60, "-narrow"), (100, "-wide"), (140, "-very-wide")]
"""From 100 columns on a candidate has two panes, from 140 three, and the queue a preview."""
_HEIGHTS: list[tuple[int, str]] = [(0, "-too-low"), (16, "-high-enough")]

KEEP_EVERY_S = 1.5
"""How soon after a change the place is kept."""
LAST_WRITES_S = 10.0
"""How long writes under way are waited for when the line drops."""


def _today() -> date:
    return datetime.now().astimezone().date()


class DeskApp(App[None]):
    """Runs one sitting of one reviewer."""

    CSS_PATH = "app.tcss"
    TITLE = "medrek-flow review"
    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS = _WIDTHS
    VERTICAL_BREAKPOINTS = _HEIGHTS
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+q", "leave", show=False, priority=True)]

    def __init__(
        self,
        desk: ReviewDesk,
        reviewer: Reviewer,
        *,
        clock: Callable[[], float] = time.monotonic,
        today: Callable[[], date] = _today,
        releases: ReleaseDesk | None = None,
        options: DeskOptions | None = None,
        place: str = "",
    ) -> None:
        """Sit the reviewer down at the desk.

        Args:
            desk: The record behind the screens.
            reviewer: What ``desk.who()`` answered.
            clock: Monotonic seconds, for the guard of the verdict keys and the idle lock.
            today: The reviewer's own day, to defer from.
            releases: The record behind batches and releases; without it those screens say that there is none.
            options: Theme, keys and the like; the usual ones where not given.
            place: What ``desk.place()`` answered.
        """
        chosen = options or DeskOptions()
        self._nets: list[LineFilter] = [ControlNet(), *([AsciiNet()] if chosen.is_ascii else [])]
        super().__init__()
        session = session_of(place)
        guard = VerdictGuard(clock)
        self.sitting = Sitting(desk, reviewer, guard, today, releases=releases, options=chosen, session=session)
        self._kept = place
        self._clock = clock
        self._touched_at = 0.0
        for theme in OWN:
            self.register_theme(theme)
        self.theme = session.theme if session.theme in THEMES.values() else THEMES[chosen.theme]
        self.animation_level = "none"
        self.set_keymap(chosen.keys.for_textual())

    def on_mount(self) -> None:
        """Open the first screen; on SIGTERM and SIGHUP, finish what is being saved and leave."""
        loop = asyncio.get_running_loop()
        try:
            loop.add_signal_handler(signal.SIGTERM, self._hang_up, 0)
            loop.add_signal_handler(signal.SIGHUP, self._hang_up, 128 + signal.SIGHUP)
        except (NotImplementedError, RuntimeError, ValueError):
            self.log.info("no signal handlers in this thread")
        self.push_screen(StartScreen(self.sitting))
        self.set_interval(KEEP_EVERY_S, self.keep_place)
        if self.sitting.reviewer.idle_lock_s > 0:
            self._touched_at = self._clock()
            self.set_interval(1.0, self._lock_if_idle)

    def _hang_up(self, return_code: int) -> None:
        self.run_worker(self._finish_and_exit(return_code), group="hang-up", exit_on_error=False)

    async def _finish_and_exit(self, return_code: int) -> None:
        await self.keep_place()
        await self.sitting.writes.drain(LAST_WRITES_S)
        self.exit(return_code=return_code)

    async def keep_place(self) -> None:
        """Keep place and drafts where they changed; a desk that cannot keep them costs the place, no more."""
        words = self.sitting.session.to_words()
        if not words or words == self._kept or self.sitting.reviewer.read_only or self.sitting.writes.pending:
            return
        self._kept = words
        try:
            await self.sitting.write(self.sitting.desk.keep_place, words)
        except Exception as error:  # noqa: BLE001 - a place is not worth the sitting
            self._kept = ""
            self.log.info("place not kept", error=type(error).__name__)

    async def on_event(self, event: events.Event) -> None:
        """Note that somebody is there; then the usual."""
        if isinstance(event, events.Key | events.MouseDown | events.Paste):
            self._touched_at = self._clock()
        await super().on_event(event)

    def on_key(self, event: events.Key) -> None:
        """Give a key that was typed before a field opened to that field: ``/warfarin`` in one burst is no command.

        A field keeps every printable key; one that comes up here while a field has the focus was on its way before.
        """
        field = self.focused
        if isinstance(field, Input) and event.is_printable and event.character is not None:
            event.prevent_default()
            field.insert_text_at_cursor(event.character)

    def _lock_if_idle(self) -> None:
        is_idle = self._clock() - self._touched_at >= self.sitting.reviewer.idle_lock_s
        if is_idle and not isinstance(self.screen, LockModal):
            self.push_screen(LockModal(self.sitting))

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Give the usual filters, and the nets under them all."""
        return [*super().get_line_filters(), *self._nets]

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

    async def action_leave(self) -> None:
        """Leave once everything is saved; ask first where marks would be lost."""
        if isinstance(self.screen, LeaveModal):
            return
        await self.keep_place()
        await self.sitting.writes.drain(LAST_WRITES_S)
        if self.sitting.unsaved:
            self.push_screen(LeaveModal(self.sitting.unsaved.values()), self._left)
        else:
            self._left(leave=True)

    def _left(self, leave: bool | None) -> None:
        if leave:
            self.exit()


def run(desk: ReviewDesk, releases: ReleaseDesk | None = None, options: DeskOptions | None = None) -> int:
    """Open the review desk in this terminal until the reviewer leaves.

    Returns:
        0 when everything marked is on record; 1 when the screen failed, or marks could not be saved.

    Raises:
        DeskError: The desk does not know who sits there; nothing was opened.
    """
    chosen = options or DeskOptions()
    app = DeskApp(desk, desk.who(), releases=releases, options=chosen, place=desk.place())
    app.run(mouse=chosen.has_mouse)
    if app.sitting.unsaved:
        lost = counted(len(app.sitting.unsaved), "mark")
        ids = ", ".join(one_line(candidate_id, 80) for candidate_id in app.sitting.unsaved)
        sys.stderr.write(f"{lost} could not be saved: {ids}\n")
        return 1
    return app.return_code or 0
