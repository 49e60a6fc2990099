"""A short list to pick from by digit, with words to add where they help: reasons, and days to defer to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from review_tui.action import Scope
from review_tui.dialog_actions import MOST_CHOICES
from review_tui.keymap import bindings
from review_tui.safe_text import content, line_content


@dataclass(frozen=True)
class Choice:
    """One line of the list."""

    code: str
    words: str
    needs_text: bool = False


@dataclass(frozen=True)
class Picked:
    """What was picked, with the words that were added."""

    code: str
    text: str


class PickModal(ModalScreen[Picked | None]):
    """Answers with a choice, or None where the reviewer went back. A digit picks; enter never does by itself."""

    BINDINGS: ClassVar[list[BindingType]] = list(bindings(Scope.PICK))
    AUTO_FOCUS = ""

    def __init__(self, title: str, choices: Sequence[Choice], *, with_text: bool) -> None:
        """Offer up to nine choices; ``with_text`` lets words be added."""
        super().__init__()
        self._title = title
        self._choices = tuple(choices)[:MOST_CHOICES]
        self._with_text = with_text
        self._waiting_for_text: Choice | None = None
        self._field = Input(id="words", placeholder="")
        self._told = Static(Content(""), classes="told")

    def compose(self) -> ComposeResult:
        """Lay out title, choices, the field for words, and how to go on."""
        with VerticalScroll(classes="box", can_focus=False):
            yield Static(content(self._title, "bold $text-primary"))
            for number, choice in enumerate(self._choices, 1):
                key = Content(f" {number} ").stylize("bold $accent")
                yield Static(key + line_content(choice.words), classes="choice")
            if self._with_text:
                yield self._field
            yield self._told

    def on_mount(self) -> None:
        """Say how to go on."""
        self._tell()

    def _tell(self) -> None:
        add = "   t adds words first" if self._with_text else ""
        self._told.update(Content(f"1-{len(self._choices)} picks and saves{add}   esc back"))

    def action_pick(self, number: int) -> None:
        """Answer with a choice, or ask for the words that it needs."""
        if number > len(self._choices):
            return
        choice = self._choices[number - 1]
        if choice.needs_text and not self._field.value.strip():
            self._waiting_for_text = choice
            self._told.update(line_content(f"! “{choice.words}” needs words: write them, then enter"))
            self._field.focus()
            return
        self.dismiss(Picked(choice.code, self._field.value.strip()))

    def action_write(self) -> None:
        """Move to the field for words."""
        if self._with_text:
            self._field.focus()
            self._told.update(Content("enter: back to the digits   esc back"))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go back to the digits; or answer, where a choice was only waiting for its words."""
        event.stop()
        waiting, text = self._waiting_for_text, event.value.strip()
        if waiting is not None and text:
            self.dismiss(Picked(waiting.code, text))
        else:
            self.set_focus(None)
            self._tell()

    def action_back(self) -> None:
        """Answer with nothing."""
        self.dismiss(None)
