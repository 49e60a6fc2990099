"""Candidates in one line each, straight from the ledger: for lists and machines; free of any model or screen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Row, case, or_, select

from workflow.ledger import tables
from workflow.records import Action, Candidate, CandidateState, Risk


@dataclass(frozen=True)
class CandidateSummary:
    """One candidate as lists show it."""

    candidate_id: str
    state: str
    action: str
    risk: str
    subject: str
    relation: str
    object_old: str | None
    object_new: str
    question: str
    withdraws: str | None
    flags: tuple[str, ...]
    created_at: str
    reason: str | None
    replaced_by: str | None


def list_candidates(
    connection: Connection,
    *,
    states: Sequence[CandidateState],
    search: str = "",
    limit: int = 200,
    action: Action | None = None,
) -> tuple[CandidateSummary, ...]:
    """List candidates: withdrawals first, then high risk, then the oldest.

    Args:
        connection: A read snapshot.
        states: Only these.
        search: Only where this text stands in the functional key or the body, whatever the case.
        limit: At most so many.
        action: Only these; both where None.
    """
    columns = tables.candidates.c
    first = case((columns.action == Action.WITHDRAW, 0), (columns.risk == Risk.HIGH, 1), else_=2)
    query = select(tables.candidates).where(columns.state.in_(states))
    if action is not None:
        query = query.where(columns.action == action)
    if search:
        query = query.where(
            or_(
                columns.functional_key.icontains(search, autoescape=True),
                columns.body.icontains(search, autoescape=True),
            )
        )
    query = query.order_by(first, columns.created_at, columns.candidate_id).limit(limit)
    return tuple(_summary(row) for row in connection.execute(query))


def summarise_candidates(connection: Connection, candidate_ids: Sequence[str]) -> tuple[CandidateSummary, ...]:
    """Give candidates in one line each, in the order asked for; ids that do not exist are left out."""
    found: dict[str, CandidateSummary] = {}
    for start in range(0, len(candidate_ids), 500):
        chunk = candidate_ids[start : start + 500]
        query = select(tables.candidates).where(tables.candidates.c.candidate_id.in_(chunk))
        found |= {row.candidate_id: _summary(row) for row in connection.execute(query)}
    return tuple(found[name] for name in candidate_ids if name in found)


def _summary(row: Row[tuple[object, ...]]) -> CandidateSummary:
    candidate = Candidate.model_validate_json(row.body)
    return CandidateSummary(
        candidate_id=row.candidate_id,
        state=row.state,
        action=candidate.action,
        risk=candidate.risk,
        subject=candidate.subject,
        relation=candidate.relation,
        object_old=candidate.object_old,
        object_new=candidate.object_new,
        question=candidate.question,
        withdraws=candidate.withdraws,
        flags=candidate.flags,
        created_at=row.created_at,
        reason=row.reason,
        replaced_by=row.replaced_by,
    )
