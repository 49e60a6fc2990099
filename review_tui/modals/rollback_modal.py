"""Shows the exact effect of a rollback, asks why, and has the id typed before anything is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from review_tui.action import Scope
from review_tui.keymap import bindings
from review_tui.protocol import RollbackView
from review_tui.safe_text import line_content
from review_tui.widgets.release_content import rollback_content

LONGEST_REASON = 1_000


@dataclass(frozen=True)
class RollbackWish:
    """Why, and what was typed."""

    reason: str
    typed: str


class RollbackModal(ModalScreen[RollbackWish | None]):
    """Answers with the reason and the id as typed, or None. An empty or wrong id does nothing."""

    BINDINGS: ClassVar[list[BindingType]] = list(bindings(Scope.WRITE))
    AUTO_FOCUS = "#reason"

    def __init__(self, seen: RollbackView) -> None:
        """Show what would leave, and what would answer again."""
        super().__init__()
        self._seen = seen
        self._told = Static(Content("enter: next field, then rolls back   esc back, nothing done"), classes="told")

    def compose(self) -> ComposeResult:
        """Lay out the effect above reason and id."""
        with Vertical(classes="box"):
            yield Static(line_content(f"Roll back {self._seen.type_this}", "bold $text-error"))
            with VerticalScroll(classes="list short", can_focus=False):
                yield Static(rollback_content(self._seen))
            yield Input(id="reason", placeholder="why (goes on the record)", max_length=LONGEST_REASON, compact=True)
            yield Static(line_content(f"Type {self._seen.type_this} to do it:"))
            yield Input(id="typed", placeholder="", max_length=200, compact=True)
            yield self._told

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go on to the id, or do it."""
        event.stop()
        if event.input.id == "reason":
            self.query_one("#typed", Input).focus()
        else:
            self.action_save()

    def action_save(self) -> None:
        """Answer, once there is a reason and the id is typed right."""
        reason = self.query_one("#reason", Input).value.strip()
        typed = self.query_one("#typed", Input).value.strip()
        if not reason:
            self._warn("A rollback needs a reason.", "reason")
        elif typed != self._seen.type_this:
            self._warn(f"Expected {self._seen.type_this}.", "typed")
        else:
            self.dismiss(RollbackWish(reason, typed))

    def _warn(self, words: str, field: str) -> None:
        self._told.update(line_content(f"! {words}   esc back, nothing done", "bold $text-warning"))
        self.query_one(f"#{field}", Input).focus()

    def action_back(self) -> None:
        """Answer with nothing."""
        self.dismiss(None)
