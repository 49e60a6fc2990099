"""The views of the queue with their live counts, and what a search leaves of the current one."""

from __future__ import annotations

from textual.content import Content
from textual.events import Resize
from textual.widgets import Static

from review_tui.protocol import QueueCounts, QueueView
from review_tui.safe_text import line_content
from review_tui.words import VIEW_WORD


class ViewTabs(Static):
    """Shows every view as ``number word count``; the current one in brackets and reversed."""

    def __init__(self) -> None:
        """Start without counts."""
        super().__init__(Content(""))
        self._tabs: list[Content] = []
        self._told = Content("")

    def show(self, current: QueueView, counts: QueueCounts | None, found: int | None, search: str) -> None:
        """Show the counts, and for a search how many of how many match."""
        self._tabs = [
            self._tab(number, view, counts, is_current=view is current) for number, view in enumerate(QueueView, 1)
        ]
        self._told = Content("")
        if search and found is not None and counts is not None:
            told = f"\n{found:,} of {counts.of(current):,} match"
            self._told = Content(told).stylize("bold") + line_content(f" “{search}” · esc clears the search")
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
        self.update(Content("\n").join(lines) + self._told)

    @staticmethod
    def _tab(number: int, view: QueueView, counts: QueueCounts | None, *, is_current: bool) -> Content:
        count = "…" if counts is None else f"{counts.of(view):,}"
        words = f"{number} {VIEW_WORD[view]} {count}"
        return Content(f"[{words}]").stylize("bold reverse") if is_current else Content(words)
