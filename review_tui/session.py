"""Where a reviewer was: view, filter, search, order, cursor and unfinished fixes, from one sitting to the next.

The desk keeps it (``ReviewDesk.keep_place``) as one short text, whole or not at all. It is a convenience, never a
record: marks are saved before the screen moves on, and a place that cannot be read never keeps the desk from
opening. Textual-free.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields

from review_tui.protocol import Action, QueueFilter, QueueOrder, QueueView, Risk

VERSION = 1
LONGEST = 4_000
"""Characters that the desk keeps; the oldest drafts go first."""
LONGEST_DRAFT = 1_000


@dataclass
class Session:
    """One reviewer's place, in plain words."""

    view: str = QueueView.PENDING.value
    search: str = ""
    order: str = QueueOrder.RISK.value
    filters: dict[str, list[str]] = field(default_factory=dict)
    """By field of ``QueueFilter``."""
    cursor: str = ""
    """Candidate id under the cursor."""
    open_candidate: str = ""
    """Candidate that was open on its own page; empty in the queue."""
    shows_all: bool = False
    """Whether a search marks its matches among all lines instead of leaving the others out."""
    stays: bool = False
    """Whether the page stays on a candidate after its mark."""
    theme: str = ""
    drafts: dict[str, str] = field(default_factory=dict)
    """Unfinished fixes, by candidate."""

    def keep_draft(self, key: str, text: str) -> None:
        """Keep what is being written; empty text drops it."""
        self.drafts.pop(key, None)
        if text.strip():
            self.drafts[key] = text[:LONGEST_DRAFT]

    def queue_view(self) -> QueueView:
        """Give the view; the first one where the word is not known."""
        return QueueView(self.view) if self.view in set(QueueView) else QueueView.PENDING

    def queue_order(self) -> QueueOrder:
        """Give the order; the usual one where the word is not known."""
        return QueueOrder(self.order) if self.order in set(QueueOrder) else QueueOrder.RISK

    def queue_filter(self) -> QueueFilter:
        """Give the filter."""
        return filter_of(self.filters)

    def to_words(self) -> str:
        """Give the place as the desk keeps it."""
        kept = {"version": VERSION, **asdict(self)}
        while len(text := json.dumps(kept, ensure_ascii=True)) > LONGEST:
            drafts = kept["drafts"]
            if isinstance(drafts, dict) and drafts:
                del drafts[next(iter(drafts))]
            else:
                return ""
        return text


def session_of(words: str) -> Session:
    """Take what was kept and has the right type; anything else is as if it had not been kept."""
    try:
        kept = json.loads(words) if words else {}
    except (ValueError, RecursionError):
        return Session()
    session = Session()
    if not isinstance(kept, dict) or kept.get("version") != VERSION:
        return session
    for known in fields(Session):
        value = kept.get(known.name)
        if type(value) is type(getattr(session, known.name)):
            setattr(session, known.name, value)
    session.filters = {key: value for key, value in session.filters.items() if _is_words(value)}
    session.drafts = {key: value for key, value in session.drafts.items() if isinstance(value, str)}
    return session


def words_of(filters: QueueFilter) -> dict[str, list[str]]:
    """Write a filter in plain words; what is not narrowed is left out."""
    words = {}
    for name, value in asdict(filters).items():
        if value not in ((), None):
            words[name] = [str(each) for each in value] if isinstance(value, tuple) else [str(int(value))]
    return words


def filter_of(words: Mapping[str, list[str]]) -> QueueFilter:
    """Read a filter from plain words; what is not known is left out."""
    return QueueFilter(
        risks=tuple(Risk(word) for word in words.get("risks", ()) if word in set(Risk)),
        actions=tuple(Action(word) for word in words.get("actions", ()) if word in set(Action)),
        relations=tuple(words.get("relations", ())),
        subjects=tuple(words.get("subjects", ())),
        drug_classes=tuple(words.get("drug_classes", ())),
        sources=tuple(words.get("sources", ())),
        change_kinds=tuple(words.get("change_kinds", ())),
        claimed_by=tuple(words.get("claimed_by", ())),
        flagged=_claim(words.get("flagged")),
        in_conflict=_claim(words.get("in_conflict")),
        at_least_days=_days(words.get("at_least_days")),
        at_most_days=_days(words.get("at_most_days")),
    )


def _is_words(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(word, str) for word in value)


def _claim(words: list[str] | None) -> bool | None:
    return words[0] == "1" if words else None


def _days(words: list[str] | None) -> int | None:
    return int(words[0]) if words and words[0].isdecimal() and len(words[0]) < 6 else None
