"""The help page of a screen, generated from the registry of actions."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from review_tui.actions import Scope
from review_tui.keymap import help_rows
from review_tui.safe_text import line_content

_GLYPHS = (
    "▲ HIGH  high risk: usually two signers      · low   low risk\n"
    "✓ approve   ± fixed and approve   ✗ reject   » defer   (marks, until they are signed)\n"
    "!2  two things to know first      ≠  in conflict      1/2  signatures given, of those asked for"
)


class HelpModal(ModalScreen[None]):
    """Every key of the screen below, and what the glyphs mean."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,enter", "back", show=False),
        Binding("j,down", "scroll(1)", show=False),
        Binding("k,up", "scroll(-1)", show=False),
        Binding("space,pagedown", "scroll(10)", show=False),
        Binding("pageup", "scroll(-10)", show=False),
    ]
    AUTO_FOCUS = ""

    def __init__(self, scope: Scope) -> None:
        """Explain the keys of a scope."""
        super().__init__()
        self._scope = scope
        self._box = VerticalScroll(classes="box", can_focus=False)

    def compose(self) -> ComposeResult:
        """Lay out keys above glyphs."""
        rows = help_rows(self._scope)
        wide = max(len(keys) for keys, _ in rows) + 2
        lines = [Content(f"{keys:<{wide}}").stylize("bold $accent") + line_content(words) for keys, words in rows]
        with self._box:
            yield Static(Content("Keys here").stylize("bold $text-primary"))
            yield Static(Content("\n").join(lines))
            yield Static(Content("\nMarks are saved at once; S signs them all with one PIN.\n\n" + _GLYPHS))
            yield Static(Content("\nesc back   j/k scroll").stylize("$quiet"))

    def action_scroll(self, lines: int) -> None:
        """Scroll the page."""
        self._box.scroll_relative(y=lines, animate=False)

    def action_back(self) -> None:
        """Close the help."""
        self.dismiss(None)
