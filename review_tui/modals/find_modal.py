"""A list that narrows as words are typed; enter takes what the cursor is on. Help, palette, filters, saved views."""

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
from review_tui.safe_text import content, line_content

LONGEST_TYPED = 200


@dataclass(frozen=True)
class FindLine:
    """One line of the list."""

    shown: Content
    searched: str
    """What typed words are looked for in; whatever the case."""


class FindModal(ModalScreen[int | None]):
    """Answers with the number of the line that was taken, or None."""

    BINDINGS: ClassVar[list[BindingType]] = list(bindings(Scope.LIST))
    AUTO_FOCUS = "#find"

    def __init__(
        self,
        title: str,
        lines: Sequence[FindLine],
        *,
        legend: str = "",
        does: str = "takes it",
        starts_nowhere: bool = False,
    ) -> None:
        """Offer some lines; ``does`` says what enter does.

        With ``starts_nowhere`` enter does nothing until something was typed or the cursor moved.
        """
        super().__init__()
        self._title = title
        self._lines = tuple(lines)
        self._legend = legend
        self._does = does
        self._starts_nowhere = starts_nowhere
        self._found: list[int] = []
        self._list = OptionList(id="lines", markup=False)
        self._list.can_focus = False

    def compose(self) -> ComposeResult:
        """Lay out the field, the lines, and what there is to know."""
        with Vertical(classes="box"):
            yield Static(line_content(self._title, "bold $text-primary"))
            yield Input(id="find", placeholder="type to find", max_length=LONGEST_TYPED, compact=True)
            yield self._list
            if self._legend:
                yield Static(content(self._legend, "$quiet"), id="legend")
            yield Static(Content(f"enter {self._does}   ↑ ↓ move   esc back"), classes="told")

    def on_mount(self) -> None:
        """List everything."""
        self._show("")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Keep what has every typed word."""
        event.stop()
        self._show(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take what the cursor is on."""
        event.stop()
        self.action_choose()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Take what was clicked."""
        event.stop()
        self.dismiss(self._found[event.option_index])

    def action_choose(self) -> None:
        """Answer with the line under the cursor."""
        if self._list.highlighted is not None:
            self.dismiss(self._found[self._list.highlighted])

    def action_down(self) -> None:
        """Next line."""
        self._list.action_cursor_down()

    def action_up(self) -> None:
        """Previous line."""
        self._list.action_cursor_up()

    def action_page(self, direction: int) -> None:
        """One page on or back."""
        if direction > 0:
            self._list.action_page_down()  # type: ignore[no-untyped-call]  # as Textual has it
        else:
            self._list.action_page_up()  # type: ignore[no-untyped-call]  # as Textual has it

    def action_back(self) -> None:
        """Close."""
        self.dismiss(None)

    def _show(self, typed: str) -> None:
        words = typed.casefold().split()
        searched = [line.searched.casefold() for line in self._lines]
        self._found = [number for number, text in enumerate(searched) if all(word in text for word in words)]
        self._list.clear_options()
        self._list.add_options([Option(self._lines[number].shown) for number in self._found])
        self._list.highlighted = 0 if self._found and (words or not self._starts_nowhere) else None
