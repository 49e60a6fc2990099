"""What a person can do and look at in change control, as plain functions: for commands, screens and scripts alike.

Every function takes an open ledger and, where somebody acts, the account that does it; roles and signatures are the
ledger's affair. Nothing here needs a model: what does (gate, read-back) is done by the worker, which finds the order in
the ledger. Each act has a preview that changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from workflow.change_control.affected_list import AffectedItem
from workflow.change_control.affected_list import list_affected as _list_affected
from workflow.change_control.batches import BatchRow, approved_candidates, create_batch, read_batch
from workflow.change_control.batches import list_batches as _list_batches
from workflow.change_control.cancelling import Cancelled
from workflow.change_control.cancelling import cancel_batch as _cancel_batch
from workflow.change_control.expedite import Expedited, ask_expedite
from workflow.change_control.expedite import list_expedited as _list_expedited
from workflow.change_control.find_edits import FoundEdit
from workflow.change_control.find_edits import find_edits as _find_edits
from workflow.change_control.gate_report import GateReport
from workflow.change_control.impact_note import ImpactNote, read_note
from workflow.change_control.ordering import order_check, order_promotion
from workflow.change_control.release import LiveState, ReleasedEdit, read_live, read_release, release_edits
from workflow.change_control.release import list_releases as _list_releases
from workflow.change_control.rollback import RollbackPlan, plan_rollback, roll_back
from workflow.change_control.serving import start, stop
from workflow.change_control.signed_acts import SignedAct, acts_on
from workflow.change_control.undo_rollback import UndoPlan, plan_undo, undo_rollback
from workflow.clock import utc_text
from workflow.errors import UsageError
from workflow.ledger import tables
from workflow.ledger.ledger import Ledger
from workflow.records import Action, Candidate
from workflow.settings.control import AffectedTable


@dataclass(frozen=True)
class BatchView:
    """One batch with everything that a person should see before it goes live."""

    batch: BatchRow
    gate: GateReport | None
    note: ImpactNote | None
    signed: tuple[SignedAct, ...]


@dataclass(frozen=True)
class ReleaseDiff:
    """Which edits came into force, and which left, between two releases."""

    first: LiveState
    second: LiveState
    came: tuple[ReleasedEdit, ...]
    left: tuple[ReleasedEdit, ...]


def list_batches(ledger: Ledger) -> tuple[BatchRow, ...]:
    """Read every batch, oldest first."""
    with ledger.read() as connection:
        return _list_batches(connection)


def show_batch(ledger: Ledger, batch_id: str) -> BatchView:
    """Read one batch with its gate's report, impact note and signatures.

    Raises:
        UsageError: there is no such batch.
    """
    with ledger.read() as connection:
        batch = read_batch(connection, batch_id)
        query = select(tables.gates.c.report).where(tables.gates.c.gate_id == (batch.gate_id or ""))
        report = connection.execute(query).scalar()
        return BatchView(
            batch=batch,
            gate=None if report is None else GateReport.model_validate_json(report),
            note=read_note(connection, batch.gate_id),
            signed=acts_on(connection, f"batch:{batch_id}"),
        )


def preview_batch(ledger: Ledger, candidate_ids: Sequence[str] = ()) -> tuple[Candidate, ...]:
    """Read what a batch made now would hold: all that is approved and in no batch, or those named."""
    with ledger.read() as connection:
        approved = [one for one in approved_candidates(connection) if one.action is Action.EDIT]
    return tuple(one for one in approved if not candidate_ids or one.candidate_id in candidate_ids)


def submit_batch(ledger: Ledger, *, account: str, note: str = "", candidate_ids: Sequence[str] = ()) -> str | None:
    """Make a batch by hand, signed; the worker stages and gates it. None when nothing is approved.

    Raises:
        IllegalTransitionError: a named candidate is not approved, or the account may not make batches.
    """
    return create_batch(ledger, actor=account, note=note, candidate_ids=candidate_ids, by_hand=True)


def cancel_batch(ledger: Ledger, batch_id: str, *, reason: str, account: str) -> Cancelled:
    """End a batch that is not live, or was refused whole; its candidates are approved again while signed."""
    return _cancel_batch(ledger, batch_id, reason=reason, account=account)


def submit_check(ledger: Ledger, batch_id: str, *, account: str) -> None:
    """Send a held or passed batch through the gate again; the worker does it."""
    order_check(ledger, batch_id, actor=account)


def submit_promotion(ledger: Ledger, batch_id: str, *, account: str, reason: str = "") -> None:
    """Order the promotion of a passed batch, signed; the worker carries it out and asks the live model.

    Raises:
        IllegalTransitionError: the account is no release manager's.
    """
    order_promotion(ledger, batch_id, actor=account, reason=reason)


def preview_rollback(ledger: Ledger, batch_id: str, only: Sequence[str] = ()) -> RollbackPlan:
    """Tell exactly what a rollback of a batch, or of single edits of it, would do, shadowed facts among it.

    Raises:
        UsageError: there is no such batch or edit.
        IllegalTransitionError: none of it is in force.
    """
    with ledger.read() as connection:
        return plan_rollback(connection, batch_id, only)


def do_rollback(ledger: Ledger, batch_id: str, *, reason: str, account: str, only: Sequence[str] = ()) -> RollbackPlan:
    """Take a batch, or single edits of it, out of force at once, signed; raises as the preview."""
    return roll_back(ledger, batch_id, only=only, reason=reason, actor=account)


def preview_undo(ledger: Ledger, release_id: int) -> UndoPlan:
    """Tell exactly what undoing the rollback that made a release would do.

    Raises:
        UsageError: there is no such release.
        IllegalTransitionError: it came from no rollback, or nothing is left to undo.
    """
    with ledger.read() as connection:
        return plan_undo(connection, release_id)


def do_undo(ledger: Ledger, release_id: int, *, reason: str, account: str) -> UndoPlan:
    """Bring back what a rollback took out, signed; raises as the preview."""
    return undo_rollback(ledger, release_id, reason=reason, account=account)


def find_edits(ledger: Ledger, text: str) -> tuple[FoundEdit, ...]:
    """Find batch and edit from a drug, a question or an answer; those in force first."""
    with ledger.read() as connection:
        return _find_edits(connection, text)


def list_affected(
    ledger: Ledger, table: AffectedTable, *, today: date | None = None, everything: bool = False
) -> tuple[AffectedItem, ...]:
    """List what rests on something taken back, replaced or run out, the most severe first."""
    day = today or ledger.clock().date()
    with ledger.read() as connection:
        return _list_affected(connection, table, today=day, everything=everything)


def show_affected(ledger: Ledger, table: AffectedTable, name: str, *, today: date | None = None) -> AffectedItem:
    """Read one affected fact by its proposal or by its edit.

    Raises:
        UsageError: there is none of that name.
    """
    for item in list_affected(ledger, table, today=today, everything=True):
        if name in (item.proposal_id, item.edit_id):
            return item
    raise UsageError(f"{name!r}: expected a proposal or an edit that is affected; see `medrek-flow affected list`")


def expedite(ledger: Ledger, candidate_id: str, *, reason: str, account: str) -> Expedited:
    """Mark a candidate for review, gate and promotion within the hour, signed; tells what it waits for."""
    return ask_expedite(ledger, candidate_id, reason=reason, account=account)


def list_expedited(ledger: Ledger) -> tuple[Expedited, ...]:
    """List every expedited candidate with its next step."""
    with ledger.read() as connection:
        return _list_expedited(connection, now=utc_text(ledger.clock()))


def stop_serving(ledger: Ledger, *, reason: str, account: str) -> None:
    """Serve the bare base model from now on, signed."""
    stop(ledger, reason=reason, actor=account)


def start_serving(ledger: Ledger, *, account: str, reason: str = "") -> None:
    """Serve the live release again, signed by a release manager."""
    start(ledger, reason=reason, actor=account)


def list_releases(ledger: Ledger) -> tuple[LiveState, ...]:
    """Read every release, oldest first."""
    with ledger.read() as connection:
        return _list_releases(connection)


def show_release(ledger: Ledger, release_id: int | None = None) -> tuple[LiveState, tuple[ReleasedEdit, ...]] | None:
    """Read one release (or the live one) with the edits in force; None on a site without any."""
    with ledger.read() as connection:
        state = read_live(connection) if release_id is None else read_release(connection, release_id)
        return None if state is None else (state, release_edits(connection, state.release_id))


def diff_releases(ledger: Ledger, first: int, second: int) -> ReleaseDiff:
    """Compare two releases.

    Raises:
        UsageError: one of them does not exist.
    """
    one, other = show_release(ledger, first), show_release(ledger, second)
    if one is None or other is None:
        missing = first if one is None else second
        raise UsageError(f"release {missing}: unknown; see medrek-flow release list")
    old, new = {edit.edit_id for edit in one[1]}, {edit.edit_id for edit in other[1]}
    return ReleaseDiff(
        first=one[0],
        second=other[0],
        came=tuple(edit for edit in other[1] if edit.edit_id not in old),
        left=tuple(edit for edit in one[1] if edit.edit_id not in new),
    )
