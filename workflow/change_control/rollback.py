"""Rollback: take a batch, or single edits of it, out of force, at once and from the ledger alone.

Needs no model, no GPU, no network and no memory file: the new release names the rows that remain, and its digest
follows from theirs. What answers again because a newer fact left (a shadowed edit) is shown before, and proposed
for withdrawal so that a person looks at it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from workflow.change_control.proposals import propose_withdrawal
from workflow.change_control.release import (
    LiveState,
    NewRelease,
    ReleasedEdit,
    ReleaseRow,
    digest_of,
    read_live,
    release_edits,
    write_release,
)
from workflow.change_control.roles import Act
from workflow.change_control.signed_acts import sign_act
from workflow.errors import IllegalTransitionError, UsageError
from workflow.fault_points import reached
from workflow.ledger import tables
from workflow.ledger.ledger import Ledger, Transaction
from workflow.records import BatchState, CandidateState


@dataclass(frozen=True)
class RollbackPlan:
    """The exact effect of a rollback, before or after it is done."""

    batch_id: str
    release_id: int
    """The release that is live now."""
    leaving: tuple[ReleasedEdit, ...]
    staying: tuple[ReleasedEdit, ...]
    shadowed: tuple[ReleasedEdit, ...]
    """Older facts that will answer again."""
    digest_new: str
    release_id_new: int | None = None
    """Set once done."""


def plan_rollback(connection: Connection, batch_id: str, only: Sequence[str] = ()) -> RollbackPlan:
    """Tell what a rollback of ``batch_id`` (or of the edits ``only``) would do; changes nothing.

    Raises:
        UsageError: there is no such batch, or an edit of ``only`` is not one of its edits.
        IllegalTransitionError: none of it is in force.
    """
    live = _require_live(connection)
    _require_batch(connection, batch_id)
    in_force = release_edits(connection, live.release_id)
    mine = {edit.edit_id for edit in in_force if edit.batch_id == batch_id}
    _require_in_force(connection, batch_id, mine, only)
    gone = set(only) if only else mine
    leaving = tuple(edit for edit in in_force if edit.edit_id in gone)
    staying = tuple(edit for edit in in_force if edit.edit_id not in gone)
    return RollbackPlan(
        batch_id=batch_id,
        release_id=live.release_id,
        leaving=leaving,
        staying=staying,
        shadowed=_answering_again(leaving, staying),
        digest_new=digest_of(live.identity, tuple(edit.row_sha256 for edit in staying)),
    )


def _require_live(connection: Connection) -> LiveState:
    live = read_live(connection)
    if live is None:
        raise IllegalTransitionError(
            "rollback: there is no release yet, so nothing is in force; see `medrek-flow live`"
        )
    return live


def _require_batch(connection: Connection, batch_id: str) -> None:
    known = connection.execute(select(tables.batches.c.batch_id).order_by(tables.batches.c.ordinal)).scalars().all()
    if batch_id not in known:
        got = f"expected one of {', '.join(known[-5:])}" if known else "this site has no batch yet"
        raise UsageError(f"batch {batch_id!r}: unknown; {got}; see `medrek-flow batch list`")


def _require_in_force(connection: Connection, batch_id: str, mine: set[str], only: Sequence[str]) -> None:
    state = connection.execute(select(tables.batches.c.state).where(tables.batches.c.batch_id == batch_id)).scalar_one()
    if not mine:
        raise IllegalTransitionError(
            f"batch {batch_id}: expected a batch in force, got state {state!r} with no edit in the live release; "
            "nothing to roll back"
        )
    strangers = [edit_id for edit_id in only if edit_id not in mine]
    if strangers:
        raise UsageError(
            f"edit {strangers[0]!r}: expected an edit of batch {batch_id} in force ({', '.join(sorted(mine))}); "
            f"see `medrek-flow batch show {batch_id}`"
        )


def _answering_again(leaving: Sequence[ReleasedEdit], staying: Sequence[ReleasedEdit]) -> tuple[ReleasedEdit, ...]:
    newest = {edit.functional_key: edit for edit in staying}
    again = {
        edit.functional_key: newest[edit.functional_key]
        for edit in leaving
        if edit.functional_key in newest and newest[edit.functional_key].batch_ordinal < edit.batch_ordinal
    }
    return tuple(again.values())


def roll_back(
    ledger: Ledger, batch_id: str, *, only: Sequence[str] = (), reason: str, actor: str, cause: str = "rollback"
) -> RollbackPlan:
    """Do it: write the release that remains and move the live pointer to it, in one transaction.

    Raises:
        UsageError: no reason, or an unknown batch or edit.
        IllegalTransitionError: nothing of it is in force.
    """
    if not reason.strip():
        raise UsageError('rollback: expected a reason, got none; add --reason "..."')
    with ledger.write() as transaction:
        plan = plan_rollback(transaction.connection, batch_id, only)
        live = _require_live(transaction.connection)
        new = NewRelease(
            cause=cause,
            batch_id=batch_id,
            identity=live.identity,
            rows=tuple(ReleaseRow.of(edit) for edit in plan.staying),
            check_state=_check_state(transaction, plan, cause),
            actor=actor,
            reason=reason,
        )
        if cause == "rollback":
            leaving = [edit.edit_id for edit in plan.leaving]
            shown = {"leaving": leaving, "digest": plan.digest_new}
            sign_act(transaction, actor, Act.ROLL_BACK, subject=f"batch:{batch_id}", reason=reason, shown=shown)
        release_id = write_release(transaction, new, expected_live=live.release_id)
        _close(transaction, plan, reason)
        for edit in plan.shadowed if cause != "automatic_return" else ():
            propose_withdrawal(
                transaction,
                edit,
                why=f"answers again since the rollback of {batch_id}: look at it before it is relied on",
            )
        transaction.audit(
            "edit.withdrawn" if cause == "withdrawal" else "batch.rolled_back",
            f"batch:{batch_id}",
            {
                "edits": [edit.edit_id for edit in plan.leaving],
                "release": release_id,
                "reason": reason,
                "shadowed": [edit.edit_id for edit in plan.shadowed],
            },
            actor=actor,
        )
        reached("rollback.before_commit")
    return RollbackPlan(**{**plan.__dict__, "release_id_new": release_id})


def _check_state(transaction: Transaction, plan: RollbackPlan, cause: str) -> str:
    """An automatic return gives back the very memory of before, with the check that it had; all else is pending."""
    if cause != "automatic_return":
        return "pending"
    columns = tables.releases.c
    query = select(columns.check_state).where(columns.digest == plan.digest_new)
    former: str | None = transaction.execute(query.order_by(columns.release_id.desc()).limit(1)).scalar()
    return former or "pending"


def _close(transaction: Transaction, plan: RollbackPlan, reason: str) -> None:
    gone = [edit.edit_id for edit in plan.leaving]
    transaction.execute(
        update(tables.edits).where(tables.edits.c.edit_id.in_(gone)).values(state="withdrawn", reason=reason)
    )
    transaction.execute(
        update(tables.candidates)
        .where(tables.candidates.c.candidate_id.in_([edit.candidate_id for edit in plan.leaving]))
        .values(state=CandidateState.CLOSED, reason=f"withdrawn: {reason}")
    )
    if not any(edit.batch_id == plan.batch_id for edit in plan.staying):
        transaction.execute(
            update(tables.batches)
            .where(tables.batches.c.batch_id == plan.batch_id)
            .values(state=BatchState.ROLLED_BACK)
        )
