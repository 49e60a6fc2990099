"""Takes down an answer that somebody calls wrong."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from review_tui.action import Scope
from review_tui.keymap import bindings
from review_tui.protocol import WrongAnswer

LONGEST = 4_000

_FIELDS = (
    ("question", "the question that was asked"),
    ("answer", "what the model answered"),
    ("note", "what is wrong with it"),
    ("reported_by", "who noticed it (may stay empty)"),
    ("edit_id", "the edit that the answer names, e.g. from medrek-flow trace (may stay empty)"),
)


class FlagModal(ModalScreen[WrongAnswer | None]):
    """Answers with what is called wrong, or None. Enter goes to the next field; in the last one it hands it over."""

    BINDINGS: ClassVar[list[BindingType]] = list(bindings(Scope.WRITE))
    AUTO_FOCUS = "#question"

    def compose(self) -> ComposeResult:
        """Lay out the fields."""
        with VerticalScroll(classes="box", can_focus=False):
            yield Static(Content("Flag a wrong answer").stylize("bold $text-primary"))
            for name, words in _FIELDS:
                yield Input(id=name, placeholder=words, max_length=LONGEST, compact=True)
            yield Static(Content("enter: next field, and from the last one hands it over   esc back"), classes="told")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go to the next field, or hand it over from the last one."""
        event.stop()
        if event.input.id == _FIELDS[-1][0]:
            self.action_save()
        else:
            self.focus_next()

    def action_save(self) -> None:
        """Answer with what is written, once question and note are there."""
        written = {name: self.query_one(f"#{name}", Input).value.strip() for name, _ in _FIELDS}
        for name in ("question", "note"):
            if not written[name]:
                self.query_one(f"#{name}", Input).focus()
                told = Content(f"! The {name} is missing.   esc back").stylize("bold $text-warning")
                self.query_one(".told", Static).update(told)
                return
        self.dismiss(
            WrongAnswer(
                question=written["question"],
                answer=written["answer"],
                note=written["note"],
                reported_by=written["reported_by"],
                edit_id=written["edit_id"] or None,
            )
        )

    def action_back(self) -> None:
        """Answer with nothing."""
        self.dismiss(None)
