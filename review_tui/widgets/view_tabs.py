"""The views of the queue with their live counts."""

from __future__ import annotations

from textual.content import Content
from textual.events import Resize
from textual.widgets import Static

from review_tui.protocol import QueueCounts, QueueView
from review_tui.words import VIEW_WORD


class ViewTabs(Static):
    """Shows every view as ``number word count``; the current one in brackets and reversed."""

    def __init__(self) -> None:
        """Start without counts."""
        super().__init__(Content(""))
        self._tabs: list[Content] = []

    def show(self, current: QueueView, counts: QueueCounts | None) -> None:
        """Show the counts."""
        self._tabs = [
            self._tab(number, view, counts, is_current=view is current) for number, view in enumerate(QueueView, 1)
        ]
        self._lay_out(self.size.width)

    def on_resize(self, event: Resize) -> None:
        """Lay the tabs out for the new width."""
        self._lay_out(event.size.width)

    def _lay_out(self, width: int) -> None:
        """Fill lines with whole tabs."""
        lines: list[Content] = []
        for tab in self._tabs:
            if lines and lines[-1].cell_length + 2 + tab.cell_length <= width:
                lines[-1] = lines[-1] + Content("  ") + tab
            else:
                lines.append(tab)
        self.update(Content("\n").join(lines))

    @staticmethod
    def _tab(number: int, view: QueueView, counts: QueueCounts | None, *, is_current: bool) -> Content:
        count = "…" if counts is None else f"{counts.of(view):,}"
        words = f"{number % 10} {VIEW_WORD[view]} {count}"
        return Content(f"[{words}]").stylize("bold reverse") if is_current else Content(words)
