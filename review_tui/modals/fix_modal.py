"""Writes the new object of a *fix and approve*: the original stays in sight, and so does the difference."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from review_tui.action import Scope
from review_tui.keymap import bindings
from review_tui.protocol import CandidateView
from review_tui.safe_text import content, field_content, one_line
from review_tui.widgets.fact_content import diff_lines

LONGEST_OBJECT = 2_000
"""Characters; an object longer than this is a defect of the extraction, not something to fix in one line."""


class FixModal(ModalScreen[str | None]):
    """Answers with the object as rewritten, or None. Enter only leaves the field; ``a`` approves."""

    BINDINGS: ClassVar[list[BindingType]] = list(bindings(Scope.FIX))
    AUTO_FOCUS = "#fix"

    def __init__(self, view: CandidateView, *, draft: str = "", on_change: Callable[[str], None] | None = None) -> None:
        """Start from what was being written, from the reviewer's own earlier fix, or from the proposed object."""
        super().__init__()
        self._view = view
        self._on_change = on_change
        self._field = Input(
            value=one_line(draft or view.marked_object or view.object_new, LONGEST_OBJECT),
            id="fix",
            max_length=LONGEST_OBJECT,
            select_on_focus=False,
        )
        self._difference = Static(Content(""), id="difference")
        self._told = Static(Content(""), classes="told")

    def compose(self) -> ComposeResult:
        """Lay out question, field, difference, and how to go on."""
        with VerticalScroll(classes="box", can_focus=False):
            yield Static(Content("Fix and approve").stylize("bold $text-primary"))
            yield Static(field_content(self._view.question, "$quiet"))
            yield Static(Content("proposed  ") + field_content(self._view.object_new))
            yield self._field
            yield self._difference
            yield self._told

    def on_mount(self) -> None:
        """Show the difference and how to go on."""
        self._show_difference()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Keep the difference up to date."""
        event.stop()
        self._show_difference()
        if self._on_change is not None:
            self._on_change(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Leave the field; enter decides nothing."""
        event.stop()
        self.set_focus(None)

    def action_approve(self) -> None:
        """Answer with the object as it was rewritten."""
        if problem := self._problem():
            self._told.update(content(f"! {problem}", "bold $text-warning"))
        else:
            self.dismiss(self._field.value.strip())

    def action_edit(self) -> None:
        """Back into the field."""
        self._field.focus()

    def action_back(self) -> None:
        """Answer with nothing."""
        self.dismiss(None)

    def _problem(self) -> str | None:
        written = self._field.value.strip()
        if not written:
            return "The object is empty. To refuse the fact, go back and press r."
        if written == self._view.object_new.strip():
            return "Nothing is changed. To approve it as it stands, go back and press a."
        return None

    def _show_difference(self) -> None:
        written = self._field.value.strip()
        lines = diff_lines(self._view.object_new, written)
        self._difference.update(Content("what you change\n") + Content("\n").join(lines))
        leave = "enter leaves the field" if self._field.has_focus else "a approves the fix   e edits on"
        self._told.update(Content(f"{leave}   esc back"))

    def on_descendant_focus(self) -> None:
        """The keys that count depend on where the cursor is."""
        self._show_difference()

    def on_descendant_blur(self) -> None:
        """The keys that count depend on where the cursor is."""
        self._show_difference()
