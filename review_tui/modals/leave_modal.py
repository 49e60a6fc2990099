"""Asks before the desk is left while marks could not be saved."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from review_tui.action import Scope
from review_tui.keymap import bindings
from review_tui.safe_text import content, line_content
from review_tui.sitting import UnsavedMark
from review_tui.words import VERDICT_WORD, counted


class LeaveModal(ModalScreen[bool]):
    """Answers whether to leave although marks would be lost."""

    BINDINGS: ClassVar[list[BindingType]] = list(bindings(Scope.CONFIRM))
    AUTO_FOCUS = ""

    def __init__(self, unsaved: Iterable[UnsavedMark]) -> None:
        """List what would be lost."""
        super().__init__()
        self._unsaved = tuple(unsaved)

    def compose(self) -> ComposeResult:
        """Lay out what would be lost and the two ways on."""
        with VerticalScroll(id="lost", classes="box", can_focus=False):
            told = f"✗ {counted(len(self._unsaved), 'mark')} could not be saved and would be lost."
            yield Static(content(told, "bold $text-error"))
            for mark in self._unsaved:
                verdict = VERDICT_WORD[mark.request.verdict]
                yield Static(line_content(f"  {mark.request.candidate_id}: {verdict}: {mark.words}"))
            yield Static(Content("y leaves all the same   esc stays (S tries to save them again)"))

    def action_yes(self) -> None:
        """Answer yes."""
        self.dismiss(True)

    def action_no(self) -> None:
        """Answer no."""
        self.dismiss(False)

    def action_scroll(self, lines: int) -> None:
        """Scroll what would be lost."""
        self.query_one("#lost", VerticalScroll).scroll_relative(y=lines, animate=False)
