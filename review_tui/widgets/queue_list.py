"""The list of candidates: windowed, so that 50,000 of them open as fast as ten.

Holds ids only; rows come by page from the screen, which answers ``PageWanted``. Never talks to the desk.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import BindingType
from textual.content import Content
from textual.events import Click, Resize
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widgets import Static

from review_tui.protocol import QueueRow
from review_tui.safe_text import one_line
from review_tui.widgets.queue_line import BEFORE, BEHIND, QueueLine, line_segments

PAGE = 100
"""Rows asked for at once."""
PAGES_KEPT = 20


class QueueList(ScrollView, can_focus=True, inherit_bindings=False):
    """One candidate per line: risk, mark, fact, old to new, flags, conflict, signatures, age."""

    BINDINGS: ClassVar[list[BindingType]] = []
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "queue--row",
        "queue--cursor",
        "queue--high",
        "queue--approve",
        "queue--reject",
        "queue--quiet",
        "queue--picked",
        "queue--found",
    }

    class PageWanted(Message):
        """A page of rows is needed for what is on the screen."""

        def __init__(self, generation: int, page: int, candidate_ids: tuple[str, ...]) -> None:
            """Ask for the rows of some ids; ``generation`` comes back with the answer."""
            super().__init__()
            self.generation = generation
            self.page = page
            self.candidate_ids = candidate_ids

    class Opened(Message):
        """A line was clicked that the cursor was on already."""

    class Moved(Message):
        """The cursor is on another line."""

    def __init__(self) -> None:
        """Start empty."""
        super().__init__()
        self._ids: tuple[str, ...] = ()
        self._generation = 0
        self._pages: OrderedDict[int, dict[str, QueueRow]] = OrderedDict()
        self._wanted: set[int] = set()
        self._unsaved: frozenset[str] = frozenset()
        self._found_words: tuple[str, ...] = ()
        self._picked: set[str] = set()
        self._range_from: int | None = None
        self.cursor = 0

    @property
    def ids(self) -> tuple[str, ...]:
        """The candidates listed, in order."""
        return self._ids

    @property
    def current_id(self) -> str | None:
        """The candidate under the cursor."""
        return self._ids[self.cursor] if self._ids else None

    @property
    def current_row(self) -> QueueRow | None:
        """The row under the cursor, once it has been read."""
        return self._pages.get(self.cursor // PAGE, {}).get(self._ids[self.cursor]) if self._ids else None

    def show(
        self, ids: Sequence[str], *, select: str | None, unsaved: frozenset[str], found_words: Sequence[str] = ()
    ) -> None:
        """List these candidates; the cursor goes to ``select``, near where it was if that is gone, or to the top."""
        self._ids = tuple(ids)
        self._generation += 1
        self._pages.clear()
        self._wanted.clear()
        self._unsaved = unsaved
        self._found_words = tuple(found_words)
        self._range_from = None
        self._picked &= set(self._ids)
        self.virtual_size = Size(0, len(self._ids))
        index = self._ids.index(select) if select in self._ids else self.cursor
        self.move_to(0 if select is None else index)
        self.refresh()

    def put_page(self, generation: int, page: int, rows: Sequence[QueueRow]) -> None:
        """Take the rows of a page; an answer to an earlier listing is dropped."""
        if generation != self._generation:
            return
        self._wanted.discard(page)
        self._pages[page] = {row.candidate_id: row for row in rows}
        while len(self._pages) > PAGES_KEPT:
            self._pages.popitem(last=False)
        self.refresh()

    def page_failed(self, generation: int, page: int) -> None:
        """Let a page be asked for again."""
        if generation == self._generation:
            self._wanted.discard(page)

    def move_to(self, index: int) -> None:
        """Move the cursor, and scroll so that it shows."""
        before, self.cursor = self.cursor, max(0, min(index, len(self._ids) - 1))
        top, height = round(self.scroll_y), max(1, self.size.height)
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, immediate=True)
        elif self.cursor >= top + height:
            self.scroll_to(y=self.cursor - height + 1, animate=False, immediate=True)
        if self._range_from is not None:
            self.refresh()
        for changed in (before, self.cursor):
            self.refresh_line(changed)
        self.post_message(self.Moved())

    # picking

    @property
    def picked(self) -> tuple[str, ...]:
        """The candidates that are picked, in the order of the list."""
        first, last = self._range()
        return tuple(key for number, key in enumerate(self._ids) if first <= number <= last or key in self._picked)

    @property
    def is_picking_range(self) -> bool:
        """Whether a range is being drawn."""
        return self._range_from is not None

    def pick_current(self) -> None:
        """Pick the line under the cursor, or let it go."""
        if self.current_id is not None:
            self._picked ^= {self.current_id}
            self.refresh_line(self.cursor)
            self.move_to(self.cursor + 1)

    def pick_range(self) -> None:
        """Begin a range here, or end the one that was begun."""
        if self._range_from is None:
            self._range_from = self.cursor if self._ids else None
        else:
            self._picked = set(self.picked)
            self._range_from = None
        self.refresh()

    def pick_all(self) -> None:
        """Pick every line, or none where all are picked."""
        self._range_from = None
        self._picked = set() if len(self._picked) == len(self._ids) else set(self._ids)
        self.refresh()

    def pick_none(self) -> None:
        """Let every line go."""
        self._range_from = None
        self._picked = set()
        self.refresh()

    def _range(self) -> tuple[int, int]:
        if self._range_from is None:
            return 0, -1
        return min(self._range_from, self.cursor), max(self._range_from, self.cursor)

    def _is_picked(self, index: int) -> bool:
        first, last = self._range()
        return first <= index <= last or self._ids[index] in self._picked

    # drawing

    def render_line(self, y: int) -> Strip:
        """Draw one line of the viewport."""
        index = round(self.scroll_y) + y
        width = self.scrollable_content_region.width
        if index >= len(self._ids):
            return Strip.blank(width, self.rich_style)
        segments = self._segments(self._row(index), index, width)
        base = self.get_component_rich_style("queue--cursor" if index == self.cursor else "queue--row")
        return Strip(segments).adjust_cell_length(width, base).apply_style(base)

    def on_click(self, event: Click) -> None:
        """Move the cursor to the line that was clicked; a click on the cursor opens it."""
        index = round(self.scroll_y) + event.y
        if index == self.cursor and self._ids:
            self.post_message(self.Opened())
        elif index < len(self._ids):
            self.move_to(index)

    def _row(self, index: int) -> QueueRow | None:
        page = index // PAGE
        rows = self._pages.get(page)
        if rows is None:
            if page not in self._wanted:
                self._wanted.add(page)
                ids = self._ids[page * PAGE : (page + 1) * PAGE]
                self.post_message(self.PageWanted(self._generation, page, ids))
            return None
        self._pages.move_to_end(page)
        return rows.get(self._ids[index])

    def _segments(self, row: QueueRow | None, index: int, width: int) -> list[Segment]:
        is_picked = self._is_picked(index)
        pointer = Segment(">" if index == self.cursor else " ")
        pick = Segment("+" if is_picked else " ", self.style_of("queue--picked") if is_picked else None)
        if row is None:
            return [pointer, pick, Segment(f"… {one_line(self._ids[index])}", self.style_of("queue--quiet"))]
        line = QueueLine(row, row.candidate_id in self._unsaved, self._found_words, width)
        return [pointer, pick, *line_segments(line, self.style_of)]

    def style_of(self, name: str) -> Style:
        """Give the look of a part of a line."""
        return self.get_component_rich_style(name, partial=True)


class ColumnTitles(Static):
    """Names the columns of the list below it."""

    def __init__(self) -> None:
        """Start empty; the width is not known yet."""
        super().__init__(Content(""))

    def on_resize(self, event: Resize) -> None:
        """Put every title above its column; the list is one cell narrower, for its scroll bar."""
        fact = max(10, event.size.width - 1 - BEFORE - BEHIND)
        front = f"  {'risk':<7}{'my mark':<11}"
        self.update(Content(front + f"{'fact  old → new':<{fact}}" + f" {'!':<3}{'≠':<2}{'sign':<4}{'age':>7}"))
