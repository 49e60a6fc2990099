"""Warnings that somebody was shown and approved all the same: the next signer sees them, with name and time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from workflow.ledger.case_file import CaseFile
from workflow.ledger.desk_tables import dismissals, reversals
from workflow.ledger.ledger import Transaction
from workflow.ledger.tables import decisions
from workflow.review_policy import ReviewPolicy


@dataclass(frozen=True)
class Dismissal:
    """One warning that somebody passed over."""

    words: str
    signer_name: str
    signed_at: str


def warnings_of(file: CaseFile, policy: ReviewPolicy) -> tuple[str, ...]:
    """List what an approval of a candidate passes over: its flags, what came since, and what the rules warn of."""
    rehearsal = file.rehearsal
    ruled = policy.warnings(
        file.case(),
        moves=len(rehearsal.moves) if rehearsal else 0,
        takes=rehearsal.takes if rehearsal else False,
    )
    since = (upset.words for upset in (*file.newer_versions, *file.late_warnings))
    return (*file.candidate.flags, *since, *ruled)


def note_dismissals(transaction: Transaction, decision_id: str, words: Sequence[str]) -> None:
    """Keep what an approval passed over, beside its decision."""
    rows = [{"decision_id": decision_id, "ordinal": number, "words": line} for number, line in enumerate(words)]
    if rows:
        transaction.execute(insert(dismissals), rows)


def read_dismissals(connection: Connection, candidate_id: str) -> tuple[Dismissal, ...]:
    """Give what earlier signers of a candidate passed over; decisions that were taken back are left out."""
    query = (
        select(dismissals.c.words, decisions.c.signer_name, decisions.c.signed_at)
        .join(decisions, decisions.c.decision_id == dismissals.c.decision_id)
        .outerjoin(reversals, reversals.c.decision_id == decisions.c.decision_id)
        .where(decisions.c.candidate_id == candidate_id, reversals.c.decision_id.is_(None))
        .order_by(decisions.c.signed_at, dismissals.c.ordinal)
    )
    return tuple(Dismissal(*row) for row in connection.execute(query))
