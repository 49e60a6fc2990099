"""Undoing a rollback: what left with it answers again, at once and from the ledger alone.

The edits come back as they were, with the signatures that they had; those must still stand. The new release is marked
*check pending*: what was promoted meanwhile was never gated together with them. A withdrawal that people signed is not
undone here: its way back is a proposal of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from workflow.change_control.affected_list import ANSWERS_AGAIN, OPEN_STATES
from workflow.change_control.release import (
    LiveState,
    NewRelease,
    ReleasedEdit,
    ReleaseRow,
    digest_of,
    read_live,
    read_release,
    release_edits,
    release_rows,
    write_release,
)
from workflow.change_control.roles import Act
from workflow.change_control.signed_acts import sign_act
from workflow.errors import IllegalTransitionError, UsageError
from workflow.fault_points import reached
from workflow.ledger import tables
from workflow.ledger.ledger import Ledger, Transaction
from workflow.records import Action, BatchState, Candidate, CandidateState

_UNDOABLE = ("rollback", "automatic_return")


@dataclass(frozen=True)
class UndoPlan:
    """The exact effect of undoing a rollback, before or after it is done."""

    undone_release_id: int
    """The release that the rollback made."""
    release_id: int
    """The release that is live now."""
    coming: tuple[ReleasedEdit, ...]
    """Edits that come back into force."""
    hidden: tuple[ReleasedEdit, ...]
    """Of these: what will not answer, because a newer fact stands in its place."""
    replaced: tuple[ReleasedEdit, ...]
    """Facts in force that will not answer any more."""
    staying: tuple[ReleasedEdit, ...]
    digest_new: str
    release_id_new: int | None = None
    """Set once done."""


def plan_undo(connection: Connection, release_id: int) -> UndoPlan:
    """Tell what undoing the rollback that made ``release_id`` would do; changes nothing.

    Raises:
        UsageError: there is no such release.
        IllegalTransitionError: it came from no rollback, nothing of it is left to bring back, or its rows were encoded
            for another model.
    """
    before, live = _releases(connection, release_id)
    left = _left(connection, release_id) - _withdrawn_since(connection, release_id)
    in_force = release_edits(connection, live.release_id)
    here = {edit.edit_id for edit in in_force}
    coming = tuple(edit for edit in release_edits(connection, before.release_id) if edit.edit_id in left - here)
    if not coming:
        raise IllegalTransitionError(
            f"release {release_id}: what left with it is in force again, or was withdrawn since with signatures; "
            "nothing to undo, see `medrek-flow live`"
        )
    return UndoPlan(
        undone_release_id=release_id,
        release_id=live.release_id,
        coming=coming,
        hidden=_behind(coming, in_force),
        replaced=_behind(in_force, coming),
        staying=in_force,
        digest_new=digest_of(live.identity, tuple(edit.row_sha256 for edit in (*in_force, *coming))),
    )


def _left(connection: Connection, release_id: int) -> set[str]:
    """Names of the edits that were in force before a release and not in it."""
    parent = select(tables.releases.c.parent_id).where(tables.releases.c.release_id == release_id)
    before = connection.execute(parent).scalar()
    rows = () if before is None else release_rows(connection, before)
    return {row.edit_id for row in rows} - {row.edit_id for row in release_rows(connection, release_id)}


def _withdrawn_since(connection: Connection, release_id: int) -> set[str]:
    """Names of the edits that people withdrew, with their signatures, after a release."""
    columns = tables.releases.c
    query = select(columns.release_id).where(columns.cause == "withdrawal", columns.release_id > release_id)
    return {name for later in connection.execute(query).scalars().all() for name in _left(connection, later)}


def _releases(connection: Connection, release_id: int) -> tuple[LiveState, LiveState]:
    undone, live = read_release(connection, release_id), read_live(connection)
    if undone is None or live is None:
        raise UsageError(f"release {release_id}: unknown; see `medrek-flow release list`")
    parent = connection.execute(
        select(tables.releases.c.parent_id).where(tables.releases.c.release_id == release_id)
    ).scalar()
    before = None if parent is None else read_release(connection, parent)
    if undone.cause not in _UNDOABLE or before is None:
        raise IllegalTransitionError(
            f"release {release_id}: expected one that a rollback made, got {undone.cause}; a withdrawal that was "
            "signed comes back by a proposal of its own; see `medrek-flow release list`"
        )
    if before.identity != live.identity:
        raise IllegalTransitionError(
            f"release {release_id}: its edits were encoded for another model or editor than live; have the facts "
            "proposed and signed again"
        )
    return before, live


def _behind(these: tuple[ReleasedEdit, ...], others: tuple[ReleasedEdit, ...]) -> tuple[ReleasedEdit, ...]:
    """Those of ``these`` in whose place a newer one of ``others`` answers."""
    newest = {edit.functional_key: edit.batch_ordinal for edit in others}
    return tuple(edit for edit in these if newest.get(edit.functional_key, -1) > edit.batch_ordinal)


def undo_rollback(ledger: Ledger, release_id: int, *, reason: str, account: str) -> UndoPlan:
    """Do it: write the release with these edits in force again and move the live pointer, in one transaction.

    Raises:
        UsageError: no reason, or an unknown release.
        IllegalTransitionError: as ``plan_undo``, or the account is no release manager's, or signatures do not stand.
    """
    from workflow.change_control.promotion_checks import require_signed

    with ledger.write() as transaction:
        plan = plan_undo(transaction.connection, release_id)
        live = read_live(transaction.connection)
        if live is None:
            raise IllegalTransitionError("live: there is no release yet; see `medrek-flow live`")
        require_signed(transaction.connection, [edit.edit_id for edit in plan.coming])
        sign_act(
            transaction,
            account,
            Act.UNDO_ROLLBACK,
            subject=f"release:{release_id}",
            reason=reason,
            shown={"coming": [edit.edit_id for edit in plan.coming], "digest": plan.digest_new},
        )
        new = NewRelease(
            cause="undone_rollback",
            batch_id=plan.coming[0].batch_id,
            identity=live.identity,
            rows=tuple(ReleaseRow.of(edit) for edit in (*plan.staying, *plan.coming)),
            check_state="pending",
            actor=account,
            reason=reason,
        )
        new_id = write_release(transaction, new, expected_live=live.release_id)
        _reopen(transaction, plan, new_id)
        transaction.audit(
            "rollback.undone",
            f"release:{release_id}",
            {"edits": [edit.edit_id for edit in plan.coming], "release": new_id, "reason": reason},
            actor=account,
        )
        reached("rollback.before_commit")
    return UndoPlan(**{**plan.__dict__, "release_id_new": new_id})


def _reopen(transaction: Transaction, plan: UndoPlan, release_id: int) -> None:
    edits = [edit.edit_id for edit in plan.coming]
    candidates = [edit.candidate_id for edit in plan.coming]
    batches = {edit.batch_id for edit in plan.coming}
    transaction.execute(update(tables.edits).where(tables.edits.c.edit_id.in_(edits)).values(state="live", reason=None))
    transaction.execute(
        update(tables.candidates)
        .where(tables.candidates.c.candidate_id.in_(candidates))
        .values(state=CandidateState.BATCHED, reason=f"in force again since release {release_id}")
    )
    _close_proposals(transaction, [edit.edit_id for edit in plan.replaced], release_id)
    transaction.execute(
        update(tables.batches)
        .where(tables.batches.c.batch_id.in_(batches), tables.batches.c.state == BatchState.ROLLED_BACK)
        .values(state=BatchState.PROMOTED, hold_reason=None)
    )


def _close_proposals(transaction: Transaction, edits: Sequence[str], release_id: int) -> None:
    """Close the proposals that were made because these facts answered again: they do not any more."""
    columns = tables.candidates.c
    query = select(columns.candidate_id, columns.body).where(
        columns.action == Action.WITHDRAW, columns.state.in_(OPEN_STATES)
    )
    for row in transaction.execute(query).all():
        proposal = Candidate.model_validate_json(row.body)
        if proposal.withdraws not in edits or not "".join(proposal.flags[:1]).startswith(ANSWERS_AGAIN):
            continue
        why = f"a newer fact answers again since release {release_id}"
        mine = update(tables.candidates).where(columns.candidate_id == row.candidate_id)
        transaction.execute(mine.values(state=CandidateState.CLOSED, reason=why))
        body = {"why": why}
        transaction.audit("candidate.closed", f"candidate:{row.candidate_id}", body, actor="medrek-flow")
