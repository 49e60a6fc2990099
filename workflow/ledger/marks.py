"""Marks: what a reviewer chose and has not signed yet. Each is durable, with its audit row, when ``mark`` returns.

A reviewer has at most one mark on a candidate; marking again replaces it and gives it another name. A mark moves no
candidate: only a signature does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Delete, Row, delete, insert, select

from workflow.ledger.case_file import read_case_file
from workflow.ledger.ledger import Ledger
from workflow.ledger.tables import marks
from workflow.records import Verdict
from workflow.review_policy import Choice, PolicyRefusal, ReviewPolicy


@dataclass(frozen=True)
class Mark:
    """One unsigned mark."""

    mark_id: str
    """Names this very mark; marking the candidate again makes another."""
    candidate_id: str
    choice: Choice
    defer_until: str | None
    marked_at: str


def save_mark(
    ledger: Ledger, policy: ReviewPolicy, candidate_id: str, choice: Choice, *, defer_until: str | None = None
) -> tuple[PolicyRefusal, ...]:
    """Save a mark in place of this reviewer's earlier one, or say why not.

    Raises:
        UsageError: There is no such candidate.
    """
    with ledger.write() as transaction:
        refusals = policy.refusals(read_case_file(transaction.connection, candidate_id).case(), choice)
        if refusals:
            return refusals
        body = {
            "verdict": choice.verdict,
            "reason_code": choice.reason_code,
            "reason_text": choice.reason_text,
            "fixed_object": choice.fixed_object,
            "defer_until": defer_until,
            "shown_sha256": choice.shown_sha256,
            "quote_seen": int(choice.quote_seen),
        }
        seq = transaction.audit("candidate.marked", f"candidate:{candidate_id}", body, actor=choice.reviewer_id)
        transaction.execute(_own(candidate_id, choice.reviewer_id))
        transaction.execute(
            insert(marks).values(
                **body,
                candidate_id=candidate_id,
                reviewer_id=choice.reviewer_id,
                marked_at=transaction.now,
                audit_seq=seq,
            )
        )
    return ()


def take_back_mark(ledger: Ledger, candidate_id: str, reviewer_id: str) -> bool:
    """Take this reviewer's own mark back; False where there was none."""
    with ledger.write() as transaction:
        gone = transaction.execute(_own(candidate_id, reviewer_id)).rowcount > 0
        if gone:
            transaction.audit("candidate.unmarked", f"candidate:{candidate_id}", {}, actor=reviewer_id)
    return gone


def list_marks(connection: Connection, reviewer_id: str) -> tuple[Mark, ...]:
    """List a reviewer's unsigned marks in the order in which they were made."""
    query = select(marks).where(marks.c.reviewer_id == reviewer_id).order_by(marks.c.audit_seq)
    return tuple(_mark(row) for row in connection.execute(query))


def marks_on(connection: Connection, candidate_ids: Sequence[str], reviewer_id: str) -> dict[str, Mark]:
    """Give this reviewer's marks on these candidates, by candidate id."""
    query = select(marks).where(marks.c.reviewer_id == reviewer_id, marks.c.candidate_id.in_(candidate_ids))
    return {row.candidate_id: _mark(row) for row in connection.execute(query)}


def _own(candidate_id: str, reviewer_id: str) -> Delete:
    return delete(marks).where(marks.c.candidate_id == candidate_id, marks.c.reviewer_id == reviewer_id)


def _mark(row: Row[tuple[object, ...]]) -> Mark:
    return Mark(
        mark_id=f"m{row.audit_seq}",
        candidate_id=row.candidate_id,
        choice=Choice(
            reviewer_id=row.reviewer_id,
            verdict=Verdict(row.verdict),
            shown_sha256=row.shown_sha256,
            quote_seen=bool(row.quote_seen),
            reason_code=row.reason_code,
            reason_text=row.reason_text,
            fixed_object=row.fixed_object,
        ),
        defer_until=row.defer_until,
        marked_at=row.marked_at,
    )
