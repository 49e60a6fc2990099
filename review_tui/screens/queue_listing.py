"""What the queue lists: views by state with live counts, search, filter and order, in a windowed list."""

from __future__ import annotations

import asyncio

from textual import work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Input, Static

from review_tui.action import Scope
from review_tui.filter_words import chips
from review_tui.protocol import QueueCounts, QueueFilter, QueueOrder, QueueView, SavedView
from review_tui.safe_text import line_content
from review_tui.screens.desk_screen import DeskScreen
from review_tui.session import words_of
from review_tui.sitting import Sitting
from review_tui.widgets.filter_chips import FilterChips, Narrowing
from review_tui.widgets.message_line import Tone
from review_tui.widgets.preview_pane import PreviewPane
from review_tui.widgets.queue_list import ColumnTitles, QueueList
from review_tui.widgets.view_tabs import ViewTabs
from review_tui.words import ORDER_WORD, VIEW_EMPTY

COUNTS_EVERY_S = 20.0
"""How often the counts of the views are read again while nobody presses a key."""

SEARCH_PAUSE_S = 0.12
"""Wait after a keystroke before searching, so that a word costs one query."""

PREVIEW_PAUSE_S = 0.1
"""Wait after the cursor moved before its candidate is read, so that a held key reads none."""


class QueueListing(DeskScreen):
    """Lists one view at a time; the cursor follows the candidate, not the line number."""

    SCOPE = Scope.QUEUE

    def __init__(self, sitting: Sitting) -> None:
        """Start where the reviewer was the last time."""
        super().__init__(sitting)
        place = sitting.session
        self.view, self.search = place.queue_view(), place.search
        self.filters, self.order = place.queue_filter(), place.queue_order()
        self.selected: str | None = place.open_candidate or place.cursor or None
        self._opens_at_once = place.open_candidate
        self._matches: frozenset[str] = frozenset()
        self._counts: QueueCounts | None = None
        self._tabs = ViewTabs()
        self._chips = FilterChips()
        self.search_field = Input(value=self.search, id="search", placeholder="subject, relation, object, source")
        self._header = ColumnTitles()
        self.queue_list = QueueList()
        self._preview = PreviewPane()
        self._empty = Static(Content(""), id="empty")

    def compose_body(self) -> ComposeResult:
        """Lay out views, what narrows, search, and the list; a very wide terminal has a preview beside it."""
        yield self._tabs
        yield self._chips
        yield self.search_field
        with Horizontal(id="queue"):
            with Vertical(id="listing"):
                yield self._header
                yield self.queue_list
                yield self._empty
            yield self._preview

    def on_mount(self) -> None:
        """Keep the search field away until it is asked for."""
        self.search_field.display = False
        self._empty.display = False
        self.set_interval(COUNTS_EVERY_S, self._read_counts)

    # reading

    @work(group="counts", exclusive=True)
    async def _read_counts(self) -> None:
        """Keep the counts live while the list is on top; the list itself moves only when asked to."""
        if not self.is_current:
            return
        counts = await self.ask(self.sitting.desk.counts)
        if counts is not None:
            self._show_counts(counts)

    def _show_counts(self, counts: QueueCounts) -> None:
        self._counts = counts
        self._tabs.show(self.view, counts)
        self.show_chips()
        self.top_line.show_unsigned(counts.marked, len(self.sitting.unsaved))

    def reload(self) -> None:
        """Read counts and ids again; the cursor stays on its candidate."""
        self._load()

    @work(group="load", exclusive=True)
    async def _load(self, *, from_top: bool = False, pause_s: float = 0.0) -> None:
        await asyncio.sleep(pause_s)
        self._tabs.show(self.view, self._counts)
        view, search, desk = self.view, self.search, self.sitting.desk
        shows_all = bool(search) and self.sitting.session.shows_all
        found = await self.ask(desk.queue, view, search, self.filters, self.order)
        ids = await self.ask(desk.queue, view, "", self.filters, self.order) if shows_all else found
        if found is None or ids is None:
            return
        self._matches = frozenset(found) if search else frozenset()
        select, self.selected = self.selected or self.queue_list.current_id, None
        self.queue_list.show(
            ids,
            select=None if from_top else select,
            unsaved=frozenset(self.sitting.unsaved),
            found_words=search.split(),
        )
        counts = await self.ask(desk.counts)
        if counts is not None:
            self._show_counts(counts)
            self._show_empty(counts)
        self._keep_place()
        if self._opens_at_once and self._opens_at_once == self.queue_list.current_id:
            self.action_open()
        self._opens_at_once = ""

    def action_open(self) -> None:
        """Open the candidate under the cursor."""
        raise NotImplementedError

    def show_chips(self) -> None:
        """Say what narrows and orders the list, and what is picked."""
        in_view = self._counts.of(self.view) if self._counts else 0
        shows_all = bool(self.search) and self.sitting.session.shows_all
        self._chips.show(
            Narrowing(
                search=self.search,
                chips=chips(self.filters),
                order="" if self.order is QueueOrder.RISK else ORDER_WORD[self.order],
                listed=len(self.queue_list.ids),
                in_view=in_view,
                matches=len(self._matches) if shows_all else None,
                picked=len(self.queue_list.picked),
                is_picking_range=self.queue_list.is_picking_range,
            )
        )

    def _show_empty(self, counts: QueueCounts) -> None:
        is_empty = not self.queue_list.ids
        self.queue_list.display = self._header.display = not is_empty
        self._empty.display = is_empty
        outside = counts.of(self.view)
        if is_empty and self.search:
            self._empty.update(line_content(f"· No match here; {outside:,} without the search. Esc clears it."))
        elif is_empty and not self.filters.is_empty:
            self._empty.update(line_content(f"· 0 left in this filter, {outside:,} outside. c clears it."))
        else:
            self._empty.update(line_content(f"· {VIEW_EMPTY[self.view]}"))

    def _keep_place(self) -> None:
        place = self.sitting.session
        place.view, place.search, place.order = self.view.value, self.search, self.order.value
        place.filters = words_of(self.filters)
        place.cursor = self.queue_list.current_id or ""

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

    def on_queue_list_moved(self) -> None:
        """Remember the line, and show its candidate beside the list where there is room."""
        self.sitting.session.cursor = self.queue_list.current_id or ""
        if self.queue_list.is_picking_range:
            self.show_chips()
        if self._preview.size.width:
            self._load_preview()

    def on_preview_pane_appeared(self) -> None:
        """There is room for a preview now."""
        self._load_preview()

    @work(group="preview", exclusive=True)
    async def _load_preview(self) -> None:
        await asyncio.sleep(PREVIEW_PAUSE_S)
        wanted = self.queue_list.current_id
        view = await self.ask(self.sitting.desk.candidate, wanted) if wanted else None
        if wanted == self.queue_list.current_id:
            self._preview.show(view)

    # moving

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

    def action_next_match(self) -> None:
        """Next line that the search finds."""
        self._step_match(1)

    def action_previous_match(self) -> None:
        """Previous line that the search finds."""
        self._step_match(-1)

    def _step_match(self, by: int) -> None:
        ids, count = self.queue_list.ids, len(self.queue_list.ids)
        if not self._matches:
            self.say("Nothing is searched for; / searches.", Tone.ASK)
            return
        onward = ((self.queue_list.cursor + by * step) % count for step in range(1, count + 1))
        self.queue_list.move_to(
            next((index for index in onward if ids[index] in self._matches), self.queue_list.cursor)
        )

    # views, search, filter, order

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
        self.queue_list.pick_none()
        self.say("")
        self._load(from_top=True)

    def narrow(self, *, filters: QueueFilter | None = None, order: QueueOrder | None = None) -> None:
        """List anew under another filter or order."""
        self.filters = self.filters if filters is None else filters
        self.order = order or self.order
        self._load(from_top=True)

    def as_saved_view(self, name: str) -> SavedView:
        """Give what is listed under a name."""
        return SavedView(name, self.view, self.search, self.filters, self.order)

    def show_saved_view(self, saved: SavedView) -> None:
        """List what was saved."""
        self.view, self.filters, self.order = saved.view, saved.filters, saved.order
        self.search = saved.search
        self.search_field.value = saved.search
        self._load(from_top=True)
        self.say(f"View: {saved.name}")

    def action_show_all(self) -> None:
        """Show the matches among all lines, or alone."""
        place = self.sitting.session
        place.shows_all = not place.shows_all
        self.say("Matches among all lines; n and N go to them." if place.shows_all else "Matches alone.")
        self.reload()

    def action_search(self) -> None:
        """Open the search field."""
        self.search_field.display = True
        self.set_focus(self.search_field)  # at once: what is typed next belongs to it

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
        self.search_field.display = False
