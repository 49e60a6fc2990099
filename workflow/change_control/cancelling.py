"""Cancelling a batch by hand: it ends, and its candidates are approved again, for the next batch or none."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import update

from workflow.change_control.batches import read_batch, set_state
from workflow.change_control.roles import Act
from workflow.change_control.signed_acts import sign_act
from workflow.ledger import tables
from workflow.ledger.ledger import Ledger
from workflow.records import BatchState, CandidateState


@dataclass(frozen=True)
class Cancelled:
    """What a cancellation did."""

    batch_id: str
    edits: tuple[str, ...]
    candidates: tuple[str, ...]
    """Approved again."""


def cancel_batch(ledger: Ledger, batch_id: str, *, reason: str, account: str) -> Cancelled:
    """End a batch that is not live; what was not ejected from it is approved again, with its signatures.

    Raises:
        IllegalTransitionError: it is live or closed, or the account is no release manager's.
        UsageError: there is no such batch, or no reason was given.
    """
    with ledger.write() as transaction:
        batch = read_batch(transaction.connection, batch_id)
        edits = [edit.edit_id for edit in batch.standing]
        candidates = [edit.candidate_id for edit in batch.standing]
        sign_act(
            transaction, account, Act.CANCEL_BATCH, subject=f"batch:{batch_id}", reason=reason, shown={"edits": edits}
        )
        set_state(transaction, batch_id, BatchState.CANCELLED, hold_reason=f"cancelled: {' '.join(reason.split())}")
        transaction.execute(
            update(tables.edits)
            .where(tables.edits.c.edit_id.in_(edits))
            .values(state="cancelled", reason=reason, carrier=None, row_sha256=None)
        )
        transaction.execute(
            update(tables.candidates)
            .where(tables.candidates.c.candidate_id.in_(candidates))
            .values(state=CandidateState.APPROVED, reason=f"batch {batch_id} was cancelled: {reason}")
        )
        transaction.audit(
            "batch.cancelled",
            f"batch:{batch_id}",
            {"edits": edits, "candidates": candidates, "reason": reason},
            actor=account,
        )
    return Cancelled(batch_id, tuple(edits), tuple(candidates))
