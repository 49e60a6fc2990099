"""Expedite: one candidate is reviewed, gated and promoted within the hour, and is marked wherever it stands.

It asks for the same signatures and passes the same gate as any other; only the queue is skipped. What is recorded
here is who asked, why and until when; what it waits for follows from where it stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from workflow.change_control.batches import read_batch
from workflow.change_control.roles import Act, allowed, roles_of
from workflow.change_control.signed_acts import person_of, sign_act
from workflow.clock import utc_moment, utc_text
from workflow.errors import IllegalTransitionError, UsageError
from workflow.ledger import tables
from workflow.ledger.control_tables import expedited
from workflow.ledger.ledger import Ledger
from workflow.records import Action, BatchState, Candidate, CandidateState

WITHIN = timedelta(hours=1)


@dataclass(frozen=True)
class Expedited:
    """Where an expedited candidate stands, and the next step."""

    candidate_id: str
    subject: str
    question: str
    object_new: str
    asked_by: str
    asked_at: str
    due_at: str
    reason: str
    state: str
    """The candidate's state, or once it is in a batch the batch's."""
    batch_id: str | None
    next_step: str
    """What has to happen next, in words with the command; empty once it is live or closed."""
    overdue: bool

    @property
    def done(self) -> bool:
        """Whether nothing is left to do."""
        return not self.next_step


def ask_expedite(ledger: Ledger, candidate_id: str, *, reason: str, account: str) -> Expedited:
    """Mark a candidate as expedited, signed; asking again changes nothing and tells where it stands.

    Raises:
        UsageError: there is no such candidate, or no reason was given.
        IllegalTransitionError: it is closed or live, or the account may not ask.
    """
    with ledger.write() as transaction:
        candidate, state = _candidate(transaction.connection, candidate_id)
        known = transaction.execute(select(expedited).where(expedited.c.candidate_id == candidate_id)).first()
        if known is None:
            _require(transaction.connection, account, candidate_id, candidate, state)
            sign_act(
                transaction,
                account,
                Act.EXPEDITE,
                subject=f"candidate:{candidate_id}",
                reason=reason,
                shown={"content_sha256": candidate.content_sha256},
            )
            due = utc_text(utc_moment(transaction.now) + WITHIN)
            values = {"asked_by": account, "asked_at": transaction.now, "due_at": due, "reason": reason}
            transaction.execute(insert(expedited).values(candidate_id=candidate_id, **values).on_conflict_do_nothing())
            transaction.audit("candidate.expedited", f"candidate:{candidate_id}", values, actor=account)
    with ledger.read() as connection:
        return read_expedited(connection, candidate_id, now=utc_text(ledger.clock()))


def _candidate(connection: Connection, candidate_id: str) -> tuple[Candidate, CandidateState]:
    columns = tables.candidates.c
    query = select(columns.body, columns.state).where(columns.candidate_id == candidate_id)
    row = connection.execute(query).first()
    if row is None:
        raise UsageError(f"candidate {candidate_id!r}: unknown; see `medrek-flow queue list`")
    return Candidate.model_validate_json(row.body), CandidateState(row.state)


def _require(
    connection: Connection, account: str, candidate_id: str, candidate: Candidate, state: CandidateState
) -> None:
    if candidate.action is Action.WITHDRAW:
        raise IllegalTransitionError(
            f"candidate {candidate_id}: a withdrawal needs no haste of its own: sign it, or run `medrek-flow rollback`"
        )
    person = person_of(connection, account)
    if not allowed(person.roles, Act.EXPEDITE, state) and allowed(roles_of("reviewer"), Act.EXPEDITE, state):
        return  # the role is refused, in its own words, when the act is signed
    if not allowed(roles_of("reviewer"), Act.EXPEDITE, state):
        raise IllegalTransitionError(
            f"candidate {candidate_id}: is {state.replace('_', ' ')}, nothing is left to expedite; "
            f"see `medrek-flow queue show {candidate_id}`"
        )


def read_expedited(connection: Connection, candidate_id: str, *, now: str) -> Expedited:
    """Read where an expedited candidate stands.

    Raises:
        UsageError: nobody asked to expedite it.
    """
    found = [one for one in list_expedited(connection, now=now) if one.candidate_id == candidate_id]
    if not found:
        raise UsageError(f"candidate {candidate_id!r}: is not expedited; see `medrek-flow expedite --help`")
    return found[0]


def list_expedited(connection: Connection, *, now: str) -> tuple[Expedited, ...]:
    """List every expedited candidate, what is due first on top."""
    rows = connection.execute(select(expedited).order_by(expedited.c.due_at, expedited.c.candidate_id)).all()
    found = []
    for row in rows:
        candidate, state = _candidate(connection, row.candidate_id)
        batch_id, batch_state, edit_state = _batch_of(connection, row.candidate_id)
        step = _next_step(row.candidate_id, state, batch_id, batch_state, edit_state)
        found.append(
            Expedited(
                candidate_id=row.candidate_id,
                subject=candidate.subject,
                question=candidate.question,
                object_new=candidate.object_new,
                asked_by=row.asked_by,
                asked_at=row.asked_at,
                due_at=row.due_at,
                reason=row.reason,
                state=str(batch_state or state),
                batch_id=batch_id,
                next_step=step,
                overdue=bool(step) and now > row.due_at,
            )
        )
    return tuple(found)


def is_expedited(connection: Connection, candidate_id: str) -> bool:
    """Whether somebody asked to expedite it."""
    query = select(expedited.c.candidate_id).where(expedited.c.candidate_id == candidate_id)
    return connection.execute(query).first() is not None


def _batch_of(connection: Connection, candidate_id: str) -> tuple[str | None, BatchState | None, str]:
    query = select(tables.edits.c.batch_id, tables.edits.c.state).where(tables.edits.c.candidate_id == candidate_id)
    row = connection.execute(query).first()
    if row is None or row.state == "cancelled":
        return None, None, ""
    return row.batch_id, read_batch(connection, row.batch_id).state, row.state


def _next_step(
    candidate_id: str, state: CandidateState, batch_id: str | None, batch_state: BatchState | None, edit_state: str
) -> str:
    if edit_state in ("live", "ejected", "withdrawn"):
        return ""
    if batch_state in (BatchState.OPEN, BatchState.STAGED, BatchState.PASSED):
        return f"gate and promote it: medrek-flow expedite {candidate_id}"
    if batch_state is BatchState.HELD:
        return f"its gate is undecided: medrek-flow batch show {batch_id}"
    return {
        CandidateState.PROPOSED: f"rehearse it: medrek-flow expedite {candidate_id}",
        CandidateState.PENDING: f"decide and sign it: medrek-flow queue decide {candidate_id} --verdict approve",
        CandidateState.AWAITING_SECOND: f"a second person signs it: medrek-flow queue decide {candidate_id} --verdict "
        "approve",
        CandidateState.DEFERRED: f"decide and sign it: medrek-flow queue decide {candidate_id} --verdict approve",
        CandidateState.APPROVED: f"gate and promote it: medrek-flow expedite {candidate_id}",
    }.get(state, "")
