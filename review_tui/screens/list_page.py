"""A page with a short list above and what the cursor is on below: batches, releases, affected edits."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from review_tui.errors import DeskError
from review_tui.protocol import ReleaseDesk
from review_tui.screens.desk_screen import DeskScreen
from review_tui.sitting import Sitting
from review_tui.widgets.scroll_pane import ScrollPane


class ListPage(DeskScreen):
    """Lists things that are at most some hundreds, and shows one of them."""

    def __init__(self, sitting: Sitting) -> None:
        """Start empty."""
        super().__init__(sitting)
        self._head = Static(Content("· reading …"), id="page-head")
        self._list = OptionList(id="page-list", markup=False)
        self._list.can_focus = False
        self._detail = Static(Content(""), id="page-detail")
        self._pane = ScrollPane(id="page-pane")

    @property
    def releases(self) -> ReleaseDesk:
        """The record behind this page.

        Raises:
            DeskError: There is none; the page cannot be opened then.
        """
        if self.sitting.releases is None:
            raise DeskError("This desk has no batches and releases behind it.")
        return self.sitting.releases

    def compose_body(self) -> ComposeResult:
        """Lay out what is said first, the list, and what the cursor is on."""
        yield self._head
        yield self._list
        with self._pane:
            yield self._detail

    def show(self, head: Content, lines: Sequence[Content], empty: str) -> None:
        """Show the list; the cursor stays on its line number."""
        self._head.update(head)
        cursor = self.cursor
        self._list.clear_options()
        self._list.add_options([Option(line) for line in lines] or [Option(Content(empty), disabled=True)])
        self._list.highlighted = min(cursor, len(lines) - 1) if lines else None
        self.show_detail(self.detail())

    @property
    def cursor(self) -> int:
        """The line number under the cursor."""
        return self._list.highlighted or 0

    def detail(self) -> Content:
        """Write what the cursor is on."""
        raise NotImplementedError

    def show_detail(self, shown: Content) -> None:
        """Show what the cursor is on."""
        self._detail.update(shown)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Show what the cursor is on now."""
        event.stop()
        self.moved()

    def moved(self) -> None:
        """Show what the cursor is on now."""
        self.show_detail(self.detail())

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Open what was clicked."""
        event.stop()
        self.action_open()

    def action_open(self) -> None:
        """Open what the cursor is on, where it can be."""

    def action_down(self) -> None:
        """Next line."""
        self._list.action_cursor_down()

    def action_up(self) -> None:
        """Previous line."""
        self._list.action_cursor_up()

    def action_page(self, direction: int) -> None:
        """One page on or back: of the list, or of the text where the list is short."""
        self._pane.by_pages(direction)

    def action_scroll(self, lines: int) -> None:
        """Scroll the text below the list."""
        self._pane.by_lines(lines)

    def action_back(self) -> None:
        """Back to the page before."""
        self.dismiss(None)
