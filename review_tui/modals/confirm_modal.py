"""Shows what would happen, and asks once. Yes is a key of its own, guarded like a verdict; enter does nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from review_tui.action import Scope
from review_tui.keymap import bindings
from review_tui.safe_text import line_content


class ConfirmModal(ModalScreen[bool]):
    """Answers whether to do it."""

    BINDINGS: ClassVar[list[BindingType]] = list(bindings(Scope.CONFIRM))
    AUTO_FOCUS = ""

    def __init__(self, title: str, effect: Content, *, does: str, admits: Callable[[], bool]) -> None:
        """Show an effect.

        Args:
            title: What is asked.
            effect: What would happen.
            does: What ``y`` does, in words.
            admits: Tells whether a key press now is meant.
        """
        super().__init__()
        self._title = title
        self._effect = effect
        self._does = does
        self._admits = admits
        self._list = VerticalScroll(classes="list tall", can_focus=False)

    def compose(self) -> ComposeResult:
        """Lay out title, effect, and the two ways on."""
        with Vertical(classes="box"):
            yield Static(line_content(self._title, "bold $text-primary"))
            with self._list:
                yield Static(self._effect)
            yield Static(line_content(f"y {self._does}   esc back, nothing done   ↑ ↓ scroll"), classes="told")

    def action_yes(self) -> None:
        """Answer yes, unless the key is held."""
        if self._admits():
            self.dismiss(True)

    def action_no(self) -> None:
        """Answer no."""
        self.dismiss(False)

    def action_scroll(self, lines: int) -> None:
        """Scroll what would happen."""
        self._list.scroll_relative(y=lines, animate=False)
