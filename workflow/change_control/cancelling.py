"""Cancelling a batch by hand: it ends, and its candidates are approved again, for the next batch or none.

A batch that its gate refused whole ends so too. The signatures are on the facts, not on the combination: they stand,
unless something came since that the signers could not know; then the candidate is back with its reviewers at once.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import update

from workflow.change_control.batches import read_batch, set_state
from workflow.change_control.roles import Act
from workflow.change_control.signed_acts import sign_act
from workflow.errors import IllegalTransitionError
from workflow.ledger import tables
from workflow.ledger.ledger import Ledger
from workflow.ledger.signing import void_outdated
from workflow.records import BatchState, CandidateState
from workflow.review_policy import ReviewPolicy


@dataclass(frozen=True)
class Cancelled:
    """What a cancellation did."""

    batch_id: str
    edits: tuple[str, ...]
    candidates: tuple[str, ...]
    """Approved again."""
    sent_back: tuple[tuple[str, str], ...] = ()
    """Back in the queue, because their signatures do not stand any more: each with the reason."""


def cancel_batch(ledger: Ledger, batch_id: str, *, reason: str, account: str) -> Cancelled:
    """End a batch that is not live; what was not ejected from it is approved again, while its signatures stand.

    Raises:
        IllegalTransitionError: it is live or closed, nothing of it is left, or the account is no release manager's.
        UsageError: there is no such batch, or no reason was given.
    """
    policy = ReviewPolicy(ledger.signer_profile())
    with ledger.write() as transaction:
        batch = read_batch(transaction.connection, batch_id)
        if batch.state is BatchState.REFUSED and not batch.standing:
            raise IllegalTransitionError(
                f"batch {batch_id}: expected one that holds candidates, got one whose every edit the gate ejected; "
                "re-open a candidate instead: medrek-flow queue reopen CANDIDATE --reason TEXT"
            )
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
        body = {"was": batch.state, "edits": edits, "candidates": candidates, "reason": reason}
        transaction.audit("batch.cancelled", f"batch:{batch_id}", body, actor=account)
        void = tuple((name, why) for name, why in void_outdated(transaction, policy) if name in candidates)
    gone = {name for name, _ in void}
    return Cancelled(batch_id, tuple(edits), tuple(name for name in candidates if name not in gone), void)
