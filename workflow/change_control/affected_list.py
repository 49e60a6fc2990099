"""What rests on something that was taken back, replaced or ran out: each with its severity and the day to decide by.

Reads proposals to withdraw and proposals of the way back; decides nothing. Severity follows from what happened to the
source, the deadline from severity and the site's settings, counted from the day the proposal was made.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from sqlalchemy import Connection, Row, Select, or_, select

from workflow.change_control.release import read_live
from workflow.intake.stored_notices import identifiers_of
from workflow.ledger import tables
from workflow.records import Action, Candidate, CandidateState, ChangeKind
from workflow.settings.control import AffectedTable

OPEN_STATES = (
    CandidateState.PROPOSED,
    CandidateState.PENDING,
    CandidateState.AWAITING_SECOND,
    CandidateState.DEFERRED,
    CandidateState.APPROVED,
)
ANSWERS_AGAIN = "answers again"
RAN_OUT = "its time ran out"
REINSTATED = "the way back"


class Severity(StrEnum):
    """How soon somebody should look."""

    URGENT = "urgent"
    HIGH = "high"
    MEDIUM = "medium"
    ROUTINE = "routine"


_SEVERITY = {
    ChangeKind.RETRACTED: Severity.URGENT,
    ChangeKind.WITHDRAWN: Severity.URGENT,
    ChangeKind.PARTLY_RETRACTED: Severity.HIGH,
    ChangeKind.CONCERN: Severity.HIGH,
    ChangeKind.CORRECTED: Severity.MEDIUM,
}
_ORDER = tuple(Severity)


@dataclass(frozen=True)
class AffectedItem:
    """One fact, what happened to what it rests on, and the proposal that waits for a decision."""

    proposal_id: str
    state: str
    action: str
    """``withdraw`` proposes to take the edit out; ``edit`` proposes the way back after a reinstatement."""
    edit_id: str | None
    batch_id: str | None
    in_force: bool
    """Whether the edit answers questions now."""
    subject: str
    question: str
    object_new: str
    kind: str
    severity: Severity
    why: str
    identifiers: tuple[str, ...]
    """Every name of the sources that it rests on: ``pmid:1``, ``doi:...``, ``set_id:...``."""
    proposed_at: str
    deadline: str
    """The day to decide by."""
    overdue: bool

    @property
    def line(self) -> str:
        """All that a person needs in one line."""
        late = " (OVERDUE)" if self.overdue else ""
        return (
            f"edit {self.edit_id} ({self.subject}: {self.object_new}) is in force: {self.why}; "
            f"decide {self.proposal_id} by {self.deadline}{late}"
        )


def list_affected(
    connection: Connection, table: AffectedTable, *, today: date, everything: bool = False
) -> tuple[AffectedItem, ...]:
    """List what is affected and open (or everything ever proposed): the most severe first, then by deadline."""
    columns = tables.candidates.c
    way_back = columns.body.contains(f'"flags":["{REINSTATED}', autoescape=True)
    query = select(columns.candidate_id, columns.state, columns.created_at, columns.body).where(
        or_(columns.action == Action.WITHDRAW, way_back)
    )
    if not everything:
        query = query.where(columns.state.in_(OPEN_STATES))
    return _sorted_items(connection, query, table, today)


def _sorted_items(
    connection: Connection, query: Select[str, str, str, str], table: AffectedTable, today: date
) -> tuple[AffectedItem, ...]:
    live = read_live(connection)
    in_force = _in_force(connection, live.release_id if live else -1)
    items = [_item(connection, row, table, today, in_force) for row in connection.execute(query)]
    return tuple(sorted(items, key=lambda item: (_ORDER.index(item.severity), item.deadline, item.proposal_id)))


def affected_in_force(connection: Connection, table: AffectedTable, *, today: date) -> tuple[AffectedItem, ...]:
    """List the open withdrawals of what answers questions now; reads no candidate that is no withdrawal."""
    columns = tables.candidates.c
    query = select(columns.candidate_id, columns.state, columns.created_at, columns.body).where(
        columns.state.in_(OPEN_STATES), columns.action == Action.WITHDRAW
    )
    return tuple(item for item in _sorted_items(connection, query, table, today) if item.in_force)


def _in_force(connection: Connection, release_id: int) -> frozenset[str]:
    columns = tables.release_edits.c
    return frozenset(connection.execute(select(columns.edit_id).where(columns.release_id == release_id)).scalars())


def _item(
    connection: Connection,
    row: Row[str, str, str, str],
    table: AffectedTable,
    today: date,
    in_force: frozenset[str],
) -> AffectedItem:
    candidate = Candidate.model_validate_json(row.body)
    kind, severity = kind_of(candidate)
    deadline = date.fromisoformat(row.created_at[:10]) + timedelta(days=days_for(severity, table))
    edits = tables.edits.c
    batch_id = connection.execute(select(edits.batch_id).where(edits.edit_id == candidate.withdraws)).scalar()
    return AffectedItem(
        proposal_id=row.candidate_id,
        state=row.state,
        action=candidate.action,
        edit_id=candidate.withdraws,
        batch_id=batch_id,
        in_force=candidate.withdraws in in_force,
        subject=candidate.subject,
        question=candidate.question,
        object_new=candidate.object_new,
        kind=kind,
        severity=severity,
        why="; ".join(candidate.flags),
        identifiers=_names(connection, candidate),
        proposed_at=row.created_at,
        deadline=deadline.isoformat(),
        overdue=row.state in OPEN_STATES and deadline < today,
    )


def kind_of(candidate: Candidate) -> tuple[str, Severity]:
    """What happened to a proposal's fact, in a word, and how severe that is."""
    why = candidate.flags[0] if candidate.flags else ""
    if why.startswith(ANSWERS_AGAIN):
        return "shadowed", Severity.MEDIUM
    if why.startswith(RAN_OUT):
        return "expired", Severity.ROUTINE
    if why.startswith(REINSTATED):
        return "reinstated", Severity.ROUTINE
    return candidate.change_kind, _SEVERITY.get(candidate.change_kind, Severity.ROUTINE)


def days_for(severity: Severity, table: AffectedTable) -> int:
    """Days until the deadline, by the site's settings."""
    return {
        Severity.URGENT: table.retracted_days,
        Severity.HIGH: table.concern_days,
        Severity.MEDIUM: table.corrected_days,
        Severity.ROUTINE: table.revised_days,
    }[severity]


def _names(connection: Connection, candidate: Candidate) -> tuple[str, ...]:
    claims = {evidence.notice_id for evidence in candidate.evidence if evidence.role == "claim"}
    return tuple(sorted({f"{s}:{v}" for notice in claims for s, v in identifiers_of(connection, notice)}))
