"""The panes of a candidate's page: three side by side on a very wide terminal, two on a wide one, all in one else.

Owns which of them the keys scroll; the style sheet owns how they are laid out.
"""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.widget import Widget

from review_tui.widgets.scroll_pane import ScrollPane


class CandidatePanes(ScrollPane):
    """Evidence; the fact; the rehearsal and what happened to the candidate so far."""

    def __init__(self, evidence: Sequence[Widget], fact: Widget, rehearsal: Sequence[Widget]) -> None:
        """Take what each pane shows, from top to bottom."""
        super().__init__(id="page")
        self._shown = (evidence, fact, rehearsal)
        self._left, self._right = ScrollPane(id="left"), ScrollPane(id="right")
        self._first, self._second = ScrollPane(id="first"), ScrollPane(id="second")
        self._current = 0

    def compose(self) -> ComposeResult:
        """Put fact and rehearsal into one column, which a narrow terminal stacks under the evidence."""
        evidence, fact, rehearsal = self._shown
        with self._left:
            yield from evidence
        with self._right:
            with self._first:
                yield fact
            with self._second:
                yield from rehearsal

    @property
    def around_evidence(self) -> ScrollPane:
        """The pane that scrolls the evidence."""
        return self._side_by_side()[0]

    @property
    def current(self) -> ScrollPane:
        """The pane that the keys scroll."""
        panes = self._side_by_side()
        return panes[min(self._current, len(panes) - 1)]

    def start_over(self) -> None:
        """Show the top of every pane; the keys scroll the first."""
        for pane in (self, self._left, self._right, self._first, self._second):
            pane.scroll_home(animate=False, immediate=True)
        self._make_current(0)

    def turn(self) -> None:
        """Let the keys scroll the next pane."""
        self._make_current(self._current + 1)

    def _side_by_side(self) -> tuple[ScrollPane, ...]:
        if self.screen.has_class("-very-wide"):
            return self._left, self._first, self._second
        return (self._left, self._right) if self.screen.has_class("-wide") else (self,)

    def _make_current(self, number: int) -> None:
        panes = self._side_by_side()
        self._current = number % len(panes)
        for pane in (self._left, self._right, self._first, self._second):
            pane.set_class(pane is panes[self._current], "-current")
