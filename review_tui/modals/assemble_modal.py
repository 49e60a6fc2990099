"""Picks approved candidates for a new batch. All are in at first; the batch is made by ``y``, never by enter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from review_tui.action import Scope
from review_tui.keymap import bindings
from review_tui.protocol import ReadyLine
from review_tui.widgets.release_content import ready_line
from review_tui.words import counted

LONGEST_NOTE = 400


@dataclass(frozen=True)
class Assembled:
    """What the batch is to hold."""

    candidate_ids: tuple[str, ...]
    note: str


class AssembleModal(ModalScreen[Assembled | None]):
    """Answers with what the batch is to hold, or None."""

    BINDINGS: ClassVar[list[BindingType]] = list(bindings(Scope.ASSEMBLE))
    AUTO_FOCUS = ""

    def __init__(self, ready: Sequence[ReadyLine]) -> None:
        """Offer what is approved."""
        super().__init__()
        self._ready = tuple(ready)
        self._in = {line.candidate_id for line in ready}
        self._list = OptionList(id="lines", markup=False)
        self._list.can_focus = False
        self._note = Input(id="note", placeholder="a note for the record (t writes it)", max_length=LONGEST_NOTE)
        self._told = Static(Content(""), classes="told")

    def compose(self) -> ComposeResult:
        """Lay out the candidates, the note, and how to go on."""
        with Vertical(classes="box"):
            yield Static(Content("A new batch").stylize("bold $text-primary"))
            yield self._list
            yield self._note
            yield self._told

    def on_mount(self) -> None:
        """List everything, picked."""
        self._show(0)

    def _show(self, cursor: int) -> None:
        self._list.clear_options()
        self._list.add_options([Option(self._line(line)) for line in self._ready])
        self._list.highlighted = cursor
        told = f"y makes a batch of {counted(len(self._in), 'edit')}   space in or out   t note   esc back"
        self._told.update(Content(told))

    def _line(self, line: ReadyLine) -> Content:
        sign = "[x] " if line.candidate_id in self._in else "[ ] "
        return Content(sign).stylize("bold $accent") + ready_line(line)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Leave the note."""
        event.stop()
        self.set_focus(None)

    def action_put(self) -> None:
        """Put the one under the cursor in, or leave it out."""
        cursor = self._list.highlighted or 0
        self._in ^= {self._ready[cursor].candidate_id}
        self._show(cursor)

    def action_write(self) -> None:
        """Write a note."""
        self._note.focus()

    def action_make(self) -> None:
        """Answer with what is in."""
        if self._in:
            ids = tuple(line.candidate_id for line in self._ready if line.candidate_id in self._in)
            self.dismiss(Assembled(ids, self._note.value.strip()))

    def action_down(self) -> None:
        """Next line."""
        self._list.action_cursor_down()

    def action_up(self) -> None:
        """Previous line."""
        self._list.action_cursor_up()

    def action_back(self) -> None:
        """Answer with nothing."""
        self.dismiss(None)
