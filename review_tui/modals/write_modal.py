"""One line to write: a comment, a reason, a name, a PIN. Enter hands it over; escape goes back and keeps a draft."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.timer import Timer
from textual.widgets import Input, Static

from review_tui.action import Scope
from review_tui.keymap import bindings
from review_tui.safe_text import line_content, one_line

LONGEST = 4_000
DRAFT_PAUSE_S = 0.8
"""Wait after a keystroke before the draft is kept."""


@dataclass(frozen=True)
class Written:
    """What was written, and whether it was handed over."""

    text: str
    is_done: bool


class WriteModal(ModalScreen[Written]):
    """Answers with what was written; not done where the reviewer went back."""

    BINDINGS: ClassVar[list[BindingType]] = list(bindings(Scope.WRITE))
    AUTO_FOCUS = "#text"

    def __init__(
        self,
        title: str,
        *,
        text: str = "",
        about: Content | None = None,
        is_secret: bool = False,
        can_be_empty: bool = False,
        on_pause: Callable[[str], None] | None = None,
    ) -> None:
        """Ask for a line.

        Args:
            title: What is asked for.
            text: What stands there at first.
            about: What it is about, above the field.
            is_secret: Whether it is a PIN.
            can_be_empty: Whether nothing is an answer too.
            on_pause: Takes the draft whenever the writing pauses.
        """
        super().__init__()
        self._title = title
        self._about = about
        self._can_be_empty = can_be_empty
        self._on_pause = on_pause
        self._timer: Timer | None = None
        self._field = Input(
            value=one_line(text, LONGEST), id="text", max_length=LONGEST, password=is_secret, select_on_focus=False
        )
        self._told = Static(Content("enter hands it over   esc back"), classes="told")

    def compose(self) -> ComposeResult:
        """Lay out title, what it is about, and the field."""
        with Vertical(classes="box"):
            yield Static(line_content(self._title, "bold $text-primary"))
            if self._about is not None:
                yield Static(self._about)
            yield self._field
            yield self._told

    def on_input_changed(self, event: Input.Changed) -> None:
        """Keep a draft once the writing pauses."""
        event.stop()
        if self._on_pause is None:
            return
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(DRAFT_PAUSE_S, self._paused)

    def _paused(self) -> None:
        if self._on_pause is not None and self.is_running:
            self._on_pause(self._field.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Hand it over."""
        event.stop()
        self.action_save()

    def action_save(self) -> None:
        """Answer with what is written."""
        text = self._field.value.strip()
        if text or self._can_be_empty:
            self.dismiss(Written(text, is_done=True))
        else:
            self._told.update(Content("! Nothing is written yet.   esc back").stylize("bold $text-warning"))

    def action_back(self) -> None:
        """Answer that it is not done."""
        self.dismiss(Written(self._field.value.strip(), is_done=False))
