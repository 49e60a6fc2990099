"""One line of the queue in cells: risk, mark, fact, old to new, flags, conflict, signatures, age. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style

from review_tui.look_alikes import look_alikes
from review_tui.protocol import Action, QueueRow, Risk, Verdict
from review_tui.safe_text import one_line
from review_tui.words import RISK_LABEL, VERDICT_GLYPH, VERDICT_SHORT, fact_name

BEFORE = 20  # cursor and pick, risk, mark
BEHIND = 17  # flags, conflict, signatures, age

StyleOf = Callable[[str], Style]


_LEAST_OLD = 5
"""Cells under which what was said before is not worth showing."""


@dataclass(frozen=True)
class QueueLine:
    """What a line is made of."""

    row: QueueRow
    is_unsaved: bool
    found_words: tuple[str, ...]
    width: int


def line_segments(line: QueueLine, style_of: StyleOf) -> list[Segment]:
    """Write a line; exactly as wide as asked for, whatever the fields hold."""
    row = line.row
    flags = row.flags_count + bool(look_alikes(row.subject, row.summary_new))
    return [
        Segment(f"{RISK_LABEL[row.risk]:<7}", style_of("queue--high") if row.risk is Risk.HIGH else None),
        _mark(line, style_of),
        *_fact(line, max(10, line.width - BEFORE - BEHIND), style_of),
        Segment(f" {'!' + str(min(flags, 99)) if flags else '':<3}", style_of("queue--high")),
        Segment(f"{'≠' if row.conflict else '':<2}", style_of("queue--high")),
        Segment(set_cell_size(one_line(row.signatures), 4)),
        Segment(set_cell_size(one_line(row.age_text), 7).rstrip().rjust(7), style_of("queue--quiet")),
    ]


def _mark(line: QueueLine, style_of: StyleOf) -> Segment:
    row = line.row
    if line.is_unsaved:
        return Segment(f"{'! NOT SAVED':<11}", style_of("queue--high"))
    if row.mark is not None:
        style = style_of("queue--reject" if row.mark is Verdict.REJECT else "queue--approve")
        return Segment(f"{VERDICT_GLYPH[row.mark]} {VERDICT_SHORT[row.mark]:<9}", style)
    if row.has_draft:
        return Segment(f"{'… draft':<11}", style_of("queue--quiet"))
    if row.claimed_by:
        return Segment(set_cell_size(f"● {one_line(row.claimed_by, 20)}", 10) + " ", style_of("queue--quiet"))
    return Segment(" " * 11)


def _fact(line: QueueLine, width: int, style_of: StyleOf) -> list[Segment]:
    row = line.row
    subject = one_line(fact_name(row.subject, row.qualifiers, row.relation), 120)
    change = _change(row)
    left = min(cell_len(subject), max(width - cell_len(change) - 2, width * 45 // 100))
    found = style_of("queue--found")
    return [
        *marked(fitted(subject, left) + "  ", line.found_words, None, found),
        *marked(
            fitted(_cut_old(row, change, width - left - 2), max(0, width - left - 2)),
            line.found_words,
            Style(bold=True),
            found,
        ),
    ]


def _change(row: QueueRow) -> str:
    new, old = one_line(row.summary_new, 120), one_line(row.summary_old, 120)
    if row.action is Action.WITHDRAW:
        return f"withdraw: {old or new}"
    if row.action is Action.FLAG:
        return f"flagged: {old or new}"
    return f"{old} → {new}" if old else f"→ {new}"


def _cut_old(row: QueueRow, change: str, width: int) -> str:
    """Shorten what was said before, where both do not fit: what would be said counts more."""
    old, arrow, new = change.partition(" → ")
    if cell_len(change) <= width or not arrow or row.action is not Action.EDIT:
        return change
    room = width - cell_len(arrow + new)
    return f"{fitted(old, room).rstrip() if room >= _LEAST_OLD else '…'}{arrow}{new}"


def marked(text: str, words: Sequence[str], style: Style | None, found: Style) -> list[Segment]:
    """Cut text into segments, the words of a search in a look of their own."""
    if not words:
        return [Segment(text, style)]
    pattern = "|".join(re.escape(word) for word in words if word)
    parts = re.split(f"({pattern})", text, flags=re.IGNORECASE) if pattern else [text]
    return [
        Segment(part, (style or Style()) + found if number % 2 else style) for number, part in enumerate(parts) if part
    ]


def fitted(text: str, width: int) -> str:
    """Cut or pad text to exactly so many cells, with an ellipsis where it is cut."""
    return set_cell_size(text, width) if cell_len(text) <= width else set_cell_size(text, max(0, width - 1)) + "…"
