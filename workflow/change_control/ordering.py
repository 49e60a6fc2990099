"""Orders that people give and the worker carries out: promote this batch, check it again. Ledger rows, signed."""

from __future__ import annotations

from sqlalchemy import update

from workflow.change_control.batches import read_batch, set_state
from workflow.change_control.impact_note import read_note
from workflow.change_control.roles import Act
from workflow.change_control.signed_acts import sign_act
from workflow.errors import IllegalTransitionError
from workflow.ledger import tables
from workflow.ledger.ledger import Ledger
from workflow.records import BatchState


def order_promotion(ledger: Ledger, batch_id: str, *, actor: str, reason: str = "") -> None:
    """Record that a person ordered the promotion of a batch, signed; the waiting graph reads it.

    Raises:
        IllegalTransitionError: the account is no release manager's, or the batch has not passed its gate.
    """
    with ledger.write() as transaction:
        batch = read_batch(transaction.connection, batch_id)
        note = read_note(transaction.connection, batch.gate_id)
        why = reason.strip() or batch.note or "as its gate and impact note say"
        shown = {"gate": batch.gate_id, "note": note.sha256 if note else None}
        sign_act(transaction, actor, Act.PROMOTE, subject=f"batch:{batch_id}", reason=why, shown=shown)
        if batch.state is not BatchState.PASSED:
            raise IllegalTransitionError(
                f"batch {batch_id}: expected one that passed its gate, got {batch.state}: an order is given on what "
                f"the gate found; see `medrek-flow batch show {batch_id}`"
            )
        transaction.execute(
            update(tables.batches)
            .where(tables.batches.c.batch_id == batch_id)
            .values(ordered_by=actor, order_reason=why, hold_reason=None)
        )
        transaction.audit("promotion.ordered", f"batch:{batch_id}", {"reason": why}, actor=actor)


def order_check(ledger: Ledger, batch_id: str, *, actor: str) -> None:
    """Send a held or passed batch through the gate again; an order that was given on the former gate is gone.

    Raises:
        IllegalTransitionError: it was never staged, or it is live or closed.
    """
    with ledger.write() as transaction:
        batch = read_batch(transaction.connection, batch_id)
        if batch.shard_sha256 is None:
            raise IllegalTransitionError(
                f"batch {batch_id}: is {batch.state} and has no shard; the worker stages it first"
            )
        set_state(transaction, batch_id, BatchState.STAGED, hold_reason=None, ordered_by=None, order_reason=None)
        transaction.audit("check.ordered", f"batch:{batch_id}", {}, actor=actor)


def take_back_promotion(ledger: Ledger, batch_id: str, *, actor: str) -> None:
    """Take back an order that the worker has not carried out: the batch waits for a person again.

    Raises:
        IllegalTransitionError: the batch is not passed, or nobody ordered its promotion.
    """
    with ledger.write() as transaction:
        taken = transaction.execute(
            update(tables.batches)
            .where(
                tables.batches.c.batch_id == batch_id,
                tables.batches.c.state == BatchState.PASSED,
                tables.batches.c.ordered_by.is_not(None),
            )
            .values(ordered_by=None, order_reason=None)
        )
        if taken.rowcount != 1:
            raise IllegalTransitionError(f"batch {batch_id}: expected an ordered promotion not carried out, got none")
        transaction.audit("promotion.taken_back", f"batch:{batch_id}", {}, actor=actor)
