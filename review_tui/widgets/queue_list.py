"""The list of candidates: windowed, so that 50,000 of them open as fast as ten.

Holds ids only; rows come by page from the screen, which answers ``PageWanted``. Never talks to the desk.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
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

from review_tui.protocol import Action, QueueRow, Risk, Verdict
from review_tui.safe_text import one_line
from review_tui.words import RISK_LABEL, VERDICT_GLYPH, VERDICT_SHORT, fact_name

PAGE = 100
"""Rows asked for at once."""
PAGES_KEPT = 20

_BEFORE = 20  # cursor, risk, mark
_BEHIND = 17  # flags, conflict, signatures, age


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

    def __init__(self) -> None:
        """Start empty."""
        super().__init__()
        self._ids: tuple[str, ...] = ()
        self._generation = 0
        self._pages: OrderedDict[int, dict[str, QueueRow]] = OrderedDict()
        self._wanted: set[int] = set()
        self._unsaved: frozenset[str] = frozenset()
        self.cursor = 0

    @property
    def ids(self) -> tuple[str, ...]:
        """The candidates listed, in order."""
        return self._ids

    @property
    def current_id(self) -> str | None:
        """The candidate under the cursor."""
        return self._ids[self.cursor] if self._ids else None

    def show(self, ids: Sequence[str], *, select: str | None, unsaved: frozenset[str]) -> None:
        """List these candidates; the cursor goes to ``select``, near where it was if that is gone, or to the top."""
        self._ids = tuple(ids)
        self._generation += 1
        self._pages.clear()
        self._wanted.clear()
        self._unsaved = unsaved
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
        for changed in (before, self.cursor):
            self.refresh_line(changed)

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
        pointer = Segment("> " if index == self.cursor else "  ")
        if row is None:
            return [pointer, Segment(f"… {one_line(self._ids[index])}", self._style("queue--quiet"))]
        risk = Segment(f"{RISK_LABEL[row.risk]:<7}", self._style("queue--high") if row.risk is Risk.HIGH else None)
        return [
            pointer,
            risk,
            self._mark(row),
            *self._fact(row, max(10, width - _BEFORE - _BEHIND)),
            Segment(f" {'!' + str(row.flags_count) if row.flags_count else '':<3}", self._style("queue--high")),
            Segment(f"{'≠' if row.conflict else '':<2}", self._style("queue--high")),
            Segment(set_cell_size(one_line(row.signatures), 4)),
            Segment(set_cell_size(one_line(row.age_text), 7).rstrip().rjust(7), self._style("queue--quiet")),
        ]

    def _mark(self, row: QueueRow) -> Segment:
        if row.candidate_id in self._unsaved:
            return Segment(f"{'! NOT SAVED':<11}", self._style("queue--high"))
        if row.mark is None:
            return Segment(" " * 11)
        style = self._style("queue--reject" if row.mark is Verdict.REJECT else "queue--approve")
        return Segment(f"{VERDICT_GLYPH[row.mark]} {VERDICT_SHORT[row.mark]:<9}", style)

    def _fact(self, row: QueueRow, width: int) -> list[Segment]:
        subject = one_line(fact_name(row.subject, row.qualifiers, row.relation), 120)
        new = one_line(row.summary_new, 120)
        old = one_line(row.summary_old, 120)
        change = f"withdraw: {old or new}" if row.action is Action.WITHDRAW else f"{old} → {new}" if old else f"→ {new}"
        left = min(cell_len(subject), max(width - cell_len(change) - 2, width * 45 // 100))
        return [
            Segment(_fitted(subject, left) + "  "),
            Segment(_fitted(change, max(0, width - left - 2)), Style(bold=True)),
        ]

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(name, partial=True)


class ColumnTitles(Static):
    """Names the columns of the list below it."""

    def __init__(self) -> None:
        """Start empty; the width is not known yet."""
        super().__init__(Content(""))

    def on_resize(self, event: Resize) -> None:
        """Put every title above its column; the list is one cell narrower, for its scroll bar."""
        fact = max(10, event.size.width - 1 - _BEFORE - _BEHIND)
        front = f"  {'risk':<7}{'my mark':<11}"
        self.update(Content(front + f"{'fact  old → new':<{fact}}" + f" {'!':<3}{'≠':<2}{'sign':<4}{'age':>7}"))


def _fitted(text: str, width: int) -> str:
    """Cut or pad text to exactly so many cells, with an ellipsis where it is cut."""
    return set_cell_size(text, width) if cell_len(text) <= width else set_cell_size(text, max(0, width - 1)) + "…"
