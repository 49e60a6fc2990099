"""The review queue: its views, their order, the search, and one line for each candidate.

Reads only. Order in every view: withdrawals of live edits first, then risk, then conflict, then the oldest. Made for
50,000 candidates: a view is a list of ids; lines are read a page at a time.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, and_, case, func, select

from workflow.ledger.case_file import effective_risk, find_rivals, read_case_files
from workflow.ledger.marks import marks_on
from workflow.ledger.tables import candidates, decisions, marks, notices
from workflow.records import Action, CandidateState, Risk, Verdict
from workflow.review_policy import ReviewPolicy

MINUTES = {Risk.LOW: 1.0, Risk.HIGH: 2.0}
"""Minutes that one candidate takes, by risk: an estimate, printed as one."""


class QueueView(StrEnum):
    """One list of candidates; a candidate may stand in several."""

    PENDING = "pending"
    MARKED = "marked"
    AWAITING_SECOND = "awaiting_second"
    DEFERRED = "deferred"
    CONFLICTS = "conflicts"
    APPROVED = "approved"
    REJECTED = "rejected"


_STATES = {
    QueueView.PENDING: (CandidateState.PENDING,),
    QueueView.AWAITING_SECOND: (CandidateState.AWAITING_SECOND,),
    QueueView.DEFERRED: (CandidateState.DEFERRED,),
    QueueView.CONFLICTS: (CandidateState.PENDING, CandidateState.AWAITING_SECOND),
    QueueView.APPROVED: (CandidateState.APPROVED, CandidateState.BATCHED),
    QueueView.REJECTED: (CandidateState.REJECTED,),
}


@dataclass(frozen=True)
class QueueRow:
    """One line of the queue."""

    candidate_id: str
    state: CandidateState
    action: Action
    risk: Risk
    subject: str
    qualifiers: tuple[str, ...]
    """Their values, in the order on record: for whom and how."""
    relation: str
    object_old: str | None
    object_new: str
    question: str
    created_at: str
    flags: tuple[str, ...]
    in_conflict: bool
    mark: Verdict | None
    given: int
    required: int


@dataclass(frozen=True)
class Workload:
    """What one reviewer can decide now."""

    items: int
    minutes: int
    urgent: int
    unsigned: int


def queue_ids(connection: Connection, view: QueueView, reviewer_id: str = "") -> list[str]:
    """List the ids of a view in the order to review them."""
    in_conflict = set(find_rivals(connection))
    query = select(candidates.c.candidate_id, _rank()).where(_condition(view, reviewer_id))
    ordered = query.order_by("rank", candidates.c.created_at, candidates.c.candidate_id)
    rows = [(str(name), int(rank)) for name, rank in connection.execute(ordered)]
    if view is QueueView.CONFLICTS:
        rows = [row for row in rows if row[0] in in_conflict]
    first = [name for name, rank in rows if rank == 0]
    second = [name for name, rank in rows if rank and name in in_conflict]
    return [*first, *second, *(name for name, rank in rows if rank and name not in in_conflict)]


def count_views(connection: Connection, reviewer_id: str = "") -> dict[QueueView, int]:
    """Count every view."""
    totals = connection.execute(select(candidates.c.state, func.count()).group_by(candidates.c.state))
    by_state = Counter({str(state): int(count) for state, count in totals})
    counts = {view: sum(by_state[state] for state in states) for view, states in _STATES.items()}
    counts[QueueView.MARKED] = _count_marks(connection, reviewer_id)
    rivals = find_rivals(connection)
    standing = and_(_condition(QueueView.CONFLICTS, reviewer_id), candidates.c.action == Action.EDIT)
    open_ids = set(connection.execute(select(candidates.c.candidate_id).where(standing)).scalars()) if rivals else set()
    counts[QueueView.CONFLICTS] = len(open_ids & set(rivals))
    return counts


def queue_rows(
    connection: Connection, policy: ReviewPolicy, candidate_ids: Sequence[str], reviewer_id: str = ""
) -> tuple[QueueRow, ...]:
    """Give the lines of a page of ids, in that order; an id that is gone is left out."""
    own = marks_on(connection, candidate_ids, reviewer_id)
    rows = []
    for file in read_case_files(connection, candidate_ids):
        standing, mark = file.case(), own.get(file.candidate_id)
        rows.append(
            QueueRow(
                candidate_id=file.candidate_id,
                state=file.state,
                action=file.candidate.action,
                risk=effective_risk(file),
                subject=file.candidate.subject,
                qualifiers=tuple(file.candidate.qualifiers.values()),
                relation=file.candidate.relation,
                object_old=file.candidate.object_old,
                object_new=file.candidate.object_new,
                question=file.candidate.question,
                created_at=file.created_at,
                flags=file.candidate.flags,
                in_conflict=bool(file.rivals),
                mark=mark.choice.verdict if mark else None,
                given=len(policy.standing(standing)),
                required=policy.required_signatures(standing),
            )
        )
    return tuple(rows)


def workload(connection: Connection, reviewer_id: str) -> Workload:
    """Say what waits for this reviewer: pending, or awaiting a second signature that may be theirs."""
    signed = select(decisions.c.candidate_id).where(
        decisions.c.reviewer_id == reviewer_id, decisions.c.verdict == Verdict.APPROVE
    )
    waits = candidates.c.state == CandidateState.PENDING
    second = and_(candidates.c.state == CandidateState.AWAITING_SECOND, candidates.c.candidate_id.not_in(signed))
    kinds = ("retracted", "withdrawn", "partly_retracted", "concern")
    is_urgent = case(
        (candidates.c.action == Action.WITHDRAW, 1),
        (func.json_extract(candidates.c.body, "$.change_kind").in_(kinds), 1),
        else_=0,
    )
    query = (
        select(candidates.c.risk, func.count(), func.sum(is_urgent)).where(waits | second).group_by(candidates.c.risk)
    )
    items, minutes, urgent = 0, 0.0, 0
    for risk, count, pressing in connection.execute(query):
        items += count
        minutes += count * MINUTES[Risk(risk)]
        urgent += int(pressing or 0)
    return Workload(items, round(minutes), urgent, _count_marks(connection, reviewer_id))


def search_texts(connection: Connection, candidate_ids: Sequence[str] | None = None) -> dict[str, str]:
    """Give the case-folded text that a search looks in, by candidate: subject, relation, objects, question, source."""
    titles = {
        row.notice_id: f"{row.source} {row.title}"
        for row in connection.execute(select(notices.c.notice_id, notices.c.source, notices.c.title))
    }
    query = select(candidates.c.candidate_id, candidates.c.body)
    if candidate_ids is not None:
        query = query.where(candidates.c.candidate_id.in_(candidate_ids))
    texts = {}
    for candidate_id, body in connection.execute(query):
        fields = json.loads(body)
        named = [fields.get(name) or "" for name in ("subject", "relation", "object_old", "object_new", "question")]
        sources = [titles.get(evidence["notice_id"], "") for evidence in fields["evidence"]]
        texts[candidate_id] = "\n".join((candidate_id, *named, *fields["aliases"], *sources)).casefold()
    return texts


def matches(text: str, search: str) -> bool:
    """Tell whether every word of the search stands somewhere in the text."""
    return all(word in text for word in search.casefold().split())


def _condition(view: QueueView, reviewer_id: str) -> ColumnElement[bool]:
    if view is QueueView.MARKED:
        return candidates.c.candidate_id.in_(select(marks.c.candidate_id).where(marks.c.reviewer_id == reviewer_id))
    return candidates.c.state.in_(_STATES[view])


def _rank() -> ColumnElement[int]:
    return case((candidates.c.action == Action.WITHDRAW, 0), (candidates.c.risk == Risk.HIGH, 1), else_=2).label("rank")


def _count_marks(connection: Connection, reviewer_id: str) -> int:
    query = select(func.count()).select_from(marks).where(marks.c.reviewer_id == reviewer_id)
    return int(connection.execute(query).scalar_one())
