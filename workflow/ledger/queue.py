"""The review queue: its views, their orders, and one line for each candidate.

Reads only. Made for 50,000 candidates: a view is a list of ids; lines are read a page at a time. Equal ones stand
oldest first, then by id, so that an order is stable.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, CompoundSelect, Connection, and_, case, func, or_, select, union

from workflow.ledger.case_file import effective_risk, find_rivals, read_case_files
from workflow.ledger.claims import claims_on
from workflow.ledger.comments import count_comments, drafted
from workflow.ledger.desk_tables import claims, drafts, reversals, seeded_candidates
from workflow.ledger.marks import marks_on
from workflow.ledger.tables import candidates, decisions, marks
from workflow.records import Action, CandidateState, Risk, Verdict
from workflow.review_policy import OPEN_STATES, ReviewPolicy

MINUTES = {Risk.LOW: 1.0, Risk.HIGH: 2.0}
"""Minutes that one candidate takes, by risk: an estimate, printed as one."""


class QueueView(StrEnum):
    """One list of candidates; a candidate may stand in several."""

    PENDING = "pending"
    MINE = "mine"
    MARKED = "marked"
    AWAITING_SECOND = "awaiting_second"
    DEFERRED = "deferred"
    CONFLICTS = "conflicts"
    AFFECTED = "affected"
    APPROVED = "approved"
    REJECTED = "rejected"
    NO_EDIT_NEEDED = "no_edit_needed"


class QueueOrder(StrEnum):
    """How a view is ordered."""

    RISK = "risk"
    CONFLICT = "conflict"
    AGE = "age"
    NEWEST = "newest"
    SUBJECT = "subject"


@dataclass(frozen=True)
class Onlooker:
    """Who looks at the queue, and when."""

    reviewer_id: str = ""
    """Empty for a visitor, who has nothing of their own."""
    stands_in_for: tuple[str, ...] = ()
    """Reviewers whose deputy they are: their open work is seen as the onlooker's own."""
    now: str = ""
    """UTC, as the ledger writes it; claims that ended before are over."""

    @property
    def accounts(self) -> tuple[str, ...]:
        """The reviewer and those they stand in for."""
        return (self.reviewer_id, *self.stands_in_for)


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
    claimed_by: str
    """Printed name; empty where nobody works on it."""
    has_draft: bool
    comments: int


@dataclass(frozen=True)
class Workload:
    """What one reviewer can decide now."""

    items: int
    minutes: int
    urgent: int
    unsigned: int
    high: int


def queue_ids(
    connection: Connection, view: QueueView, onlooker: Onlooker, order: QueueOrder = QueueOrder.RISK
) -> list[str]:
    """List the ids of a view in the order to review them.

    By risk: withdrawals, then conflicts, then high before low; within each, what both runs of a model say before what
    only one says, and the oldest first.
    """
    in_conflict = set(find_rivals(connection))
    columns = candidates.c
    query = select(columns.candidate_id, _rank()).where(_condition(view, onlooker))
    age = columns.created_at.desc() if order is QueueOrder.NEWEST else columns.created_at
    keys: dict[QueueOrder, tuple[ColumnElement[str] | ColumnElement[int] | str, ...]] = {
        QueueOrder.RISK: ("rank", _doubted()),
        QueueOrder.CONFLICT: ("rank", _doubted()),
        QueueOrder.SUBJECT: (func.lower(columns.subject),),
    }
    rows = connection.execute(query.order_by(*keys.get(order, ()), age, columns.candidate_id)).all()
    if view is QueueView.CONFLICTS:
        rows = [row for row in rows if row.candidate_id in in_conflict]
    if order is QueueOrder.CONFLICT:
        rows = sorted(rows, key=lambda row: row.candidate_id not in in_conflict)
    elif order is QueueOrder.RISK:
        rows = sorted(rows, key=lambda row: 0 if not row.rank else 1 if row.candidate_id in in_conflict else 2)
    return [str(row.candidate_id) for row in rows]


def count_views(connection: Connection, onlooker: Onlooker) -> dict[QueueView, int]:
    """Count every view."""
    totals = connection.execute(select(candidates.c.state, func.count()).group_by(candidates.c.state))
    by_state = Counter({str(state): int(count) for state, count in totals})
    counts = {view: sum(by_state[state] for state in states) for view, states in _STATES.items()}
    for view in (QueueView.MINE, QueueView.MARKED, QueueView.AFFECTED, QueueView.NO_EDIT_NEEDED):
        query = select(func.count()).select_from(candidates).where(_condition(view, onlooker))
        counts[view] = int(connection.execute(query).scalar_one())
    rivals = find_rivals(connection)
    standing = and_(_condition(QueueView.CONFLICTS, onlooker), candidates.c.action == Action.EDIT)
    open_ids = set(connection.execute(select(candidates.c.candidate_id).where(standing)).scalars()) if rivals else set()
    counts[QueueView.CONFLICTS] = len(open_ids & set(rivals))
    return counts


def queue_rows(
    connection: Connection, policy: ReviewPolicy, candidate_ids: Sequence[str], onlooker: Onlooker
) -> tuple[QueueRow, ...]:
    """Give the lines of a page of ids, in that order; an id that is gone is left out."""
    own = marks_on(connection, candidate_ids, onlooker.reviewer_id)
    held = claims_on(connection, candidate_ids, now=onlooker.now)
    said = count_comments(connection, candidate_ids)
    unfinished = drafted(connection, onlooker.reviewer_id)
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
                claimed_by=held[file.candidate_id].name if file.candidate_id in held else "",
                has_draft=file.candidate_id in unfinished,
                comments=said.get(file.candidate_id, 0),
            )
        )
    return tuple(rows)


def workload(connection: Connection, reviewer_id: str) -> Workload:
    """Say what waits for this reviewer: pending, or awaiting a second signature that may be theirs."""
    signed = (
        select(decisions.c.candidate_id)
        .outerjoin(reversals, reversals.c.decision_id == decisions.c.decision_id)
        .where(
            decisions.c.reviewer_id == reviewer_id,
            decisions.c.verdict == Verdict.APPROVE,
            reversals.c.decision_id.is_(None),
        )
    )
    waits = candidates.c.state == CandidateState.PENDING
    second = and_(candidates.c.state == CandidateState.AWAITING_SECOND, candidates.c.candidate_id.not_in(signed))
    kinds = ("retracted", "withdrawn", "partly_retracted", "concern")
    is_urgent = case(
        (candidates.c.action != Action.EDIT, 1),
        (func.json_extract(candidates.c.body, "$.change_kind").in_(kinds), 1),
        else_=0,
    )
    query = (
        select(candidates.c.risk, func.count(), func.sum(is_urgent)).where(waits | second).group_by(candidates.c.risk)
    )
    items, minutes, urgent, high = 0, 0.0, 0, 0
    for risk, count, pressing in connection.execute(query):
        items += count
        minutes += count * MINUTES[Risk(risk)]
        urgent += int(pressing or 0)
        high += count if risk == Risk.HIGH else 0
    return Workload(items, round(minutes), urgent, _count_marks(connection, reviewer_id), high)


def matches(text: str, search: str) -> bool:
    """Tell whether every word of the search stands somewhere in the text."""
    return all(word in text for word in search.casefold().split())


def _condition(view: QueueView, onlooker: Onlooker) -> ColumnElement[bool]:
    columns = candidates.c
    if view is QueueView.MARKED:
        return columns.candidate_id.in_(select(marks.c.candidate_id).where(marks.c.reviewer_id == onlooker.reviewer_id))
    if view is QueueView.MINE:
        return and_(columns.state.in_(OPEN_STATES), columns.candidate_id.in_(_own(onlooker)))
    if view is QueueView.AFFECTED:
        return and_(columns.state.in_(OPEN_STATES), columns.action != Action.EDIT)
    if view is QueueView.NO_EDIT_NEEDED:
        closed = (
            select(decisions.c.candidate_id)
            .outerjoin(reversals, reversals.c.decision_id == decisions.c.decision_id)
            .where(decisions.c.verdict == Verdict.CLOSE, reversals.c.decision_id.is_(None))
        )
        is_closed = columns.state == CandidateState.CLOSED
        by_hand = and_(is_closed, columns.candidate_id.in_(closed))
        return or_(columns.state == CandidateState.NO_EDIT_NEEDED, by_hand, and_(is_closed, _can_come_back()))
    return columns.state.in_(_STATES[view])


def _can_come_back() -> ColumnElement[bool]:
    """What was signed and ended since (by its source, a gate, a rollback), and nothing stands in its place."""
    approved = (
        select(decisions.c.candidate_id)
        .outerjoin(reversals, reversals.c.decision_id == decisions.c.decision_id)
        .where(decisions.c.verdict == Verdict.APPROVE, reversals.c.decision_id.is_(None))
    )
    columns = candidates.c
    return and_(
        columns.action == Action.EDIT,
        columns.replaced_by.is_(None),
        columns.candidate_id.in_(approved),
        columns.candidate_id.not_in(select(seeded_candidates.c.candidate_id)),
    )


def _own(onlooker: Onlooker) -> CompoundSelect[tuple[str]]:
    """What is claimed, drafted, marked or corrected by the onlooker, or by whom they stand in for."""
    who = onlooker.accounts
    original = candidates.alias("original")
    corrected = (
        select(original.c.replaced_by)
        .join(decisions, decisions.c.candidate_id == original.c.candidate_id)
        .where(decisions.c.reviewer_id.in_(who), decisions.c.verdict == Verdict.FIX_AND_APPROVE)
        .where(original.c.replaced_by.is_not(None))
    )
    claimed = select(claims.c.candidate_id).where(claims.c.reviewer_id.in_(who), claims.c.until > onlooker.now)
    return union(
        claimed,
        select(drafts.c.candidate_id).where(drafts.c.reviewer_id.in_(who)),
        select(marks.c.candidate_id).where(marks.c.reviewer_id.in_(who)),
        corrected,
    )


def _rank() -> ColumnElement[int]:
    return case((candidates.c.action != Action.EDIT, 0), (candidates.c.risk == Risk.HIGH, 1), else_=2).label("rank")


def _doubted() -> ColumnElement[int]:
    """1 where only one of two runs of the language model says so; the rules and a single run are not doubted."""
    return case((candidates.c.body.contains('"agreement":1'), 1), else_=0)


def _count_marks(connection: Connection, reviewer_id: str) -> int:
    query = select(func.count()).select_from(marks).where(marks.c.reviewer_id == reviewer_id)
    return int(connection.execute(query).scalar_one())
