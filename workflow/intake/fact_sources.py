"""The sources of a candidate: every document that says the same fact, and how many of them are texts of their own.

A label copied by ten repackagers is ten sources and one text. A reviewer signs one quote of each text; the documents
that repeat it are kept here, with their places, and counted. They change neither the candidate nor its hash.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from workflow.intake import injection
from workflow.intake.sentences import tokens
from workflow.ledger.intake_tables import candidate_sources, late_warnings
from workflow.ledger.ledger import Transaction
from workflow.ledger.tables import candidates, edits, notices
from workflow.records import Candidate, Evidence

ACTOR = "intake"
_MOST_PARAMETERS = 500


@dataclass(frozen=True)
class SourceCount:
    """How many documents say a fact, and in how many texts."""

    documents: int
    texts: int

    @property
    def words(self) -> str:
        """The count in one line for a reviewer; empty where one document says it."""
        if self.documents < 2:
            return ""
        same = "one and the same text" if self.texts == 1 else f"{self.texts} texts of their own"
        return f"{self.documents} documents say so, in {same}"


def text_of(quote: str, names: Iterable[str]) -> str:
    """Hex digest of a quote's words, the drug's own names levelled: equal for a label and its repackagers' copies."""
    said = " ".join(tokens(quote))
    for name in sorted((" ".join(tokens(name)) for name in names), key=lambda name: (-len(name), name)):
        if name:
            said = re.sub(rf"(?<!\S){re.escape(name)}(?!\S)", "@", said)
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def texts_of(candidate: Candidate) -> dict[str, Evidence]:
    """Give the claims of a candidate by text, the first of each."""
    names = (candidate.subject, *candidate.aliases)
    found: dict[str, Evidence] = {}
    for piece in candidate.evidence:
        if piece.role != "previous":
            found.setdefault(text_of(piece.quote, names), piece)
    return found


def copies_in(candidate: Candidate, other: Candidate) -> tuple[Evidence, ...]:
    """Give the claims of ``other`` that only repeat a text which ``candidate`` quotes already."""
    names = (candidate.subject, *candidate.aliases, *other.aliases)
    held = {text_of(piece.quote, names) for piece in candidate.evidence if piece.role != "previous"}
    return tuple(piece for piece in other.evidence if piece.role != "previous" and text_of(piece.quote, names) in held)


def keep(transaction: Transaction, candidate_id: str, pieces: Sequence[Evidence], names: Iterable[str]) -> int:
    """Note that these pieces say what a candidate says; return how many were new. Safe to run twice."""
    known = tuple(names)
    added = 0
    for piece in pieces:
        added += transaction.execute(
            insert(candidate_sources)
            .values(
                candidate_id=candidate_id,
                notice_id=piece.notice_id,
                start=piece.start,
                end=piece.end,
                text_id=text_of(piece.quote, known),
                added_at=transaction.now,
            )
            .on_conflict_do_nothing()
        ).rowcount
    return added


def warn(transaction: Transaction, holder: Candidate, candidate_id: str, other: Candidate) -> tuple[str, ...]:
    """Tell a candidate that stands what a document that came later has to be warned of; give what was new.

    Whoever signed could not know it, so their signatures count no more (R4 of ``review_policy``), and the candidate
    shows it with its flags. Of a fact in force only the audit chain tells: nothing waits there for a signature.
    """
    claims = [piece.notice_id for piece in other.evidence if piece.role != "previous"]
    said = [line for line in injection.warnings_among(other.flags) if line not in holder.flags]
    if not said or not claims:
        return ()
    source = transaction.execute(select(notices.c.source).where(notices.c.notice_id == claims[0])).scalar_one()
    lines = tuple(f"a document that came later and says the same ({source}): {line}" for line in said)
    made = (edits.c.candidate_id == candidate_id) & (edits.c.state == "live")
    is_live = transaction.execute(select(edits.c.edit_id).where(made)).first() is not None
    told = (
        lines if is_live else tuple(line for line in lines if _keep_warning(transaction, candidate_id, line, claims[0]))
    )
    if told:
        body = {"why": "; ".join(told), "notice": claims[0]}
        transaction.audit("candidate.warned", f"candidate:{candidate_id}", body, actor=ACTOR)
    return told


def _keep_warning(transaction: Transaction, candidate_id: str, words: str, notice_id: str) -> bool:
    row = {"candidate_id": candidate_id, "words": words, "notice_id": notice_id, "warned_at": transaction.now}
    return bool(transaction.execute(insert(late_warnings).values(row).on_conflict_do_nothing()).rowcount)


def hand_over(transaction: Transaction, old_id: str, new_id: str) -> None:
    """Give the candidate that takes another's place its sources too."""
    columns = candidate_sources.c
    kept = (columns.notice_id, columns.start, columns.end, columns.text_id, columns.added_at)
    for row in transaction.execute(select(*kept).where(columns.candidate_id == old_id)).mappings().all():
        transaction.execute(insert(candidate_sources).values(candidate_id=new_id, **dict(row)).on_conflict_do_nothing())


def count_sources(connection: Connection, candidate_ids: Sequence[str]) -> Mapping[str, SourceCount]:
    """Count documents and texts of each candidate that exists."""
    counts: dict[str, SourceCount] = {}
    for start in range(0, len(candidate_ids), _MOST_PARAMETERS):
        some = candidate_ids[start : start + _MOST_PARAMETERS]
        kept: dict[str, list[tuple[str, str]]] = {}
        for row in connection.execute(select(candidate_sources).where(candidate_sources.c.candidate_id.in_(some))):
            kept.setdefault(row.candidate_id, []).append((row.notice_id, row.text_id))
        for row in connection.execute(
            select(candidates.c.candidate_id, candidates.c.body).where(candidates.c.candidate_id.in_(some))
        ):
            counts[row.candidate_id] = _count(Candidate.model_validate_json(row.body), kept.get(row.candidate_id, ()))
    return counts


def _count(candidate: Candidate, kept: Iterable[tuple[str, str]]) -> SourceCount:
    names = (candidate.subject, *candidate.aliases)
    said = [(p.notice_id, text_of(p.quote, names)) for p in candidate.evidence if p.role != "previous"]
    all_of_them = [*said, *kept]
    return SourceCount(len({notice for notice, _ in all_of_them}), len({text for _, text in all_of_them}))


def other_sources(connection: Connection, candidate_id: str) -> tuple[tuple[str, str], ...]:
    """Name the documents beside the quoted ones: source and title of each, in order of arrival."""
    columns = candidate_sources.c
    rows = connection.execute(
        select(notices.c.source, notices.c.title)
        .join(notices, notices.c.notice_id == columns.notice_id)
        .where(columns.candidate_id == candidate_id)
        .order_by(columns.added_at, columns.notice_id)
    )
    return tuple(dict.fromkeys((row.source, row.title) for row in rows))
