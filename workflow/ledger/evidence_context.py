"""A quote in its surroundings: two sentences before and after it, from the document's own text.

The document is read by its hash, so what is shown is what was received. Where the quote does not stand at its
offsets, the context says so by an empty span, and nothing is repaired.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from sqlalchemy import Connection, select

from workflow.ledger.documents import DocumentStore
from workflow.ledger.tables import documents, notices
from workflow.records import Evidence

SENTENCES = 2
MOST_CHARACTERS = 700
"""Bound on each side, for text without sentences (tables, lists)."""
_SENTENCE_END = re.compile(r"[.!?][\"')\]]*\s+(?=[^a-z\s])|\n\s*\n")


@dataclass(frozen=True)
class EvidenceContext:
    """One quote as a reviewer sees it."""

    context: str
    quote_start: int
    quote_end: int
    """Equal to ``quote_start`` where the quote does not stand in the text."""
    role: str
    section: str
    source: str
    source_title: str
    source_date: str
    kind: str
    url: str
    notice_id: str
    document_id: str
    version: str


def read_context(connection: Connection, store: DocumentStore, evidence: Evidence) -> EvidenceContext:
    """Give the context of one piece of evidence.

    Raises:
        DamagedError: The document is missing from the store, or changed.
    """
    text_sha256 = connection.execute(
        select(documents.c.text_sha256).where(documents.c.document_id == evidence.document_id)
    ).scalar()
    text = store.get_text(text_sha256) if text_sha256 else ""
    context, start, end = cut_context(text, evidence)
    row = connection.execute(select(notices).where(notices.c.notice_id == evidence.notice_id)).first()
    body = json.loads(row.body) if row is not None else {}
    return EvidenceContext(
        context=context,
        quote_start=start,
        quote_end=end,
        role=evidence.role,
        section=evidence.section,
        source=row.source if row is not None else "",
        source_title=row.title if row is not None else "",
        source_date=_date(body.get("published")),
        kind=row.kind if row is not None else "",
        url=str(body.get("url") or ""),
        notice_id=evidence.notice_id,
        document_id=evidence.document_id,
        version=row.version if row is not None else "",
    )


def cut_context(text: str, evidence: Evidence) -> tuple[str, int, int]:
    """Cut the context of a quote out of a text; give it with the quote's span in it."""
    if text[evidence.start : evidence.end] != evidence.quote or not evidence.quote:
        return evidence.quote, 0, 0
    first = max(0, evidence.start - MOST_CHARACTERS)
    last = min(len(text), evidence.end + MOST_CHARACTERS)
    ends = [match.end() for match in _SENTENCE_END.finditer(text, first, last)]
    before = [end for end in ends if end <= evidence.start]
    after = [end for end in ends if end > evidence.end]
    cut = before[-(SENTENCES + 1)] if len(before) > SENTENCES else first
    stop = after[SENTENCES] if len(after) > SENTENCES else last
    lead = text[cut : evidence.start].lstrip()
    return lead + evidence.quote + text[evidence.end : stop].rstrip(), len(lead), len(lead) + len(evidence.quote)


def _date(published: object) -> str:
    """Read a date as the source gave it: text, or a record with ``value``."""
    if isinstance(published, dict):
        return str(published.get("value") or "")
    return str(published or "")
