"""The queue: views by state with live counts, search, and a windowed list."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.widgets import Input, Static

from review_tui.actions import Scope
from review_tui.keymap import bindings
from review_tui.protocol import QueueCounts, QueueView
from review_tui.safe_text import line_content
from review_tui.screens.candidate_screen import CandidateScreen
from review_tui.screens.desk_screen import DeskScreen
from review_tui.sitting import Sitting
from review_tui.widgets.message_line import Tone
from review_tui.widgets.queue_list import ColumnTitles, QueueList
from review_tui.widgets.view_tabs import ViewTabs
from review_tui.words import VIEW_EMPTY

COUNTS_EVERY_S = 20.0
"""How often the counts of the views are read again while nobody presses a key."""

SEARCH_PAUSE_S = 0.12
"""Wait after a keystroke before searching, so that a word costs one query."""


class QueueScreen(DeskScreen):
    """Lists one view at a time; the cursor follows the candidate, not the line number."""

    SCOPE = Scope.QUEUE
    BINDINGS: ClassVar[list[BindingType]] = list(bindings(Scope.QUEUE))

    def __init__(self, sitting: Sitting) -> None:
        """Start with what waits for a decision."""
        super().__init__(sitting)
        self.view = QueueView.PENDING
        self.search = ""
        self._selected: str | None = None
        self._counts: QueueCounts | None = None
        self._tabs = ViewTabs()
        self._search_field = Input(id="search", placeholder="subject, relation, object, source")
        self._header = ColumnTitles()
        self.queue_list = QueueList()
        self._empty = Static(Content(""), id="empty")

    def compose_body(self) -> ComposeResult:
        """Lay out views, search, and the list."""
        yield self._tabs
        yield self._search_field
        yield self._header
        yield self.queue_list
        yield self._empty

    def on_mount(self) -> None:
        """Keep the search field away until it is asked for."""
        self._search_field.display = False
        self._empty.display = False

        self.set_interval(COUNTS_EVERY_S, self._read_counts)

    @work(group="counts", exclusive=True)
    async def _read_counts(self) -> None:
        """Keep the counts live while the list is on top; the list itself moves only when asked to."""
        if not self.is_current:
            return
        counts = await self.ask(self.sitting.desk.counts)
        if counts is not None:
            self._counts = counts
            self._tabs.show(self.view, counts, len(self.queue_list.ids), self.search)
            self.top_line.show_unsigned(counts.marked, len(self.sitting.unsaved))

    def reload(self) -> None:
        """Read counts and ids again; the cursor stays on its candidate."""
        self._load()

    @work(group="load", exclusive=True)
    async def _load(self, *, from_top: bool = False, pause_s: float = 0.0) -> None:
        await asyncio.sleep(pause_s)
        self._tabs.show(self.view, self._counts, None, self.search)
        view, search = self.view, self.search
        counts = await self.ask(self.sitting.desk.counts)
        ids = await self.ask(self.sitting.desk.queue, view, search)
        if counts is None or ids is None:
            return
        self._counts = counts
        select, self._selected = self._selected or self.queue_list.current_id, None
        self.queue_list.show(ids, select=None if from_top else select, unsaved=frozenset(self.sitting.unsaved))
        self._tabs.show(view, counts, len(ids), search)
        self._show_empty(counts)
        self.top_line.show_unsigned(counts.marked, len(self.sitting.unsaved))

    def _show_empty(self, counts: QueueCounts) -> None:
        is_empty = not self.queue_list.ids
        self.queue_list.display = self._header.display = not is_empty
        self._empty.display = is_empty
        if is_empty and self.search:
            outside = counts.of(self.view)
            self._empty.update(line_content(f"· No match here; {outside:,} without the search. Esc clears it."))
        else:
            self._empty.update(line_content(f"· {VIEW_EMPTY[self.view]}"))

    def on_queue_list_page_wanted(self, message: QueueList.PageWanted) -> None:
        """Read a page of rows; pages are never cancelled, each is asked for once."""
        self._load_page(message)

    @work(group="pages")
    async def _load_page(self, wanted: QueueList.PageWanted) -> None:
        rows = await self.ask(self.sitting.desk.rows, wanted.candidate_ids)
        if rows is None:
            self.queue_list.page_failed(wanted.generation, wanted.page)
        else:
            self.queue_list.put_page(wanted.generation, wanted.page, rows)

    def on_queue_list_opened(self) -> None:
        """Open by click."""
        self.action_open()

    def action_open(self) -> None:
        """Open the candidate under the cursor."""
        if self.queue_list.current_id is None:
            self.say(VIEW_EMPTY[self.view])
            return
        screen = CandidateScreen(self.sitting, self.queue_list.ids, self.queue_list.cursor)
        self.app.push_screen(screen, self._came_back)

    def _came_back(self, candidate_id: str | None) -> None:
        self._selected = candidate_id

    def action_down(self) -> None:
        """Next line."""
        self.queue_list.move_to(self.queue_list.cursor + 1)

    def action_up(self) -> None:
        """Previous line."""
        self.queue_list.move_to(self.queue_list.cursor - 1)

    def action_page_down(self) -> None:
        """One page down."""
        self.queue_list.move_to(self.queue_list.cursor + max(1, self.queue_list.size.height - 1))

    def action_page_up(self) -> None:
        """One page up."""
        self.queue_list.move_to(self.queue_list.cursor - max(1, self.queue_list.size.height - 1))

    def action_first(self) -> None:
        """First line."""
        self.queue_list.move_to(0)

    def action_last(self) -> None:
        """Last line."""
        self.queue_list.move_to(len(self.queue_list.ids) - 1)

    def action_view(self, number: int) -> None:
        """Show a view by its number."""
        self._show_view(list(QueueView)[number - 1])

    def action_next_view(self) -> None:
        """Show the next view."""
        self._step_view(1)

    def action_previous_view(self) -> None:
        """Show the previous view."""
        self._step_view(-1)

    def _step_view(self, by: int) -> None:
        views = list(QueueView)
        self._show_view(views[(views.index(self.view) + by) % len(views)])

    def _show_view(self, view: QueueView) -> None:
        self.view = view
        self.say("")
        self._load(from_top=True)

    def action_search(self) -> None:
        """Open the search field."""
        self._search_field.display = True
        self._search_field.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Search as the words are typed."""
        event.stop()
        if event.value.strip() != self.search:
            self.search = event.value.strip()
            self._load(from_top=True, pause_s=SEARCH_PAUSE_S)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Back to the list with the search standing."""
        event.stop()
        self.set_focus(None)
        self._search_field.display = bool(self.search)

    def action_back(self) -> None:
        """Clear the search first; then back to the first screen."""
        if self.search or self._search_field.display:
            self.set_focus(None)
            self._search_field.display = False
            self._search_field.value = ""
            self.search = ""
            self.reload()
        else:
            self.dismiss(None)

    def action_undo(self) -> None:
        """Take back the mark under the cursor."""
        if self.queue_list.current_id is not None:
            self._undo(self.queue_list.current_id)

    @work(group="write")
    async def _undo(self, candidate_id: str) -> None:
        if self.sitting.unsaved.pop(candidate_id, None) is not None:
            self.say("The mark that could not be saved is dropped.", Tone.DONE)
            self.reload()
            return
        if await self.unmark(candidate_id):
            self.reload()
