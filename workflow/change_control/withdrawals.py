"""Withdrawals: approved proposals to take single edits out of force, carried out as rollbacks of those edits."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select, update

from workflow.change_control.batches import approved_candidates
from workflow.change_control.release import read_live, release_edits
from workflow.change_control.rollback import roll_back
from workflow.fault_points import reached
from workflow.ledger import tables
from workflow.ledger.ledger import Ledger
from workflow.ledger.signing import void_outdated
from workflow.records import Action, Candidate, CandidateState
from workflow.review_policy import ReviewPolicy


@dataclass(frozen=True)
class Withdrawn:
    """One edit that was taken out of force."""

    edit_id: str
    batch_id: str
    candidate_id: str
    release_id: int | None


def carry_out_withdrawals(ledger: Ledger) -> tuple[Withdrawn, ...]:
    """Take every edit out of force whose withdrawal has its signatures. Safe to run twice.

    The actor of the new release is who signed, its reason what the proposal said.
    """
    with ledger.write() as transaction:
        void_outdated(transaction, ReviewPolicy(ledger.signer_profile()))
    with ledger.read() as connection:
        approved = [one for one in approved_candidates(connection) if one.action is Action.WITHDRAW]
    return tuple(_carry_out(ledger, candidate) for candidate in approved)


def _carry_out(ledger: Ledger, candidate: Candidate) -> Withdrawn:
    edit_id = candidate.withdraws or ""
    with ledger.read() as connection:
        live = read_live(connection)
        in_force = {e.edit_id: e.batch_id for e in release_edits(connection, live.release_id)} if live else {}
        signers = connection.execute(
            select(tables.decisions.c.signer_name)
            .where(tables.decisions.c.candidate_id == candidate.candidate_id)
            .order_by(tables.decisions.c.signed_at)
        ).scalars()
        actor = ", ".join(dict.fromkeys(signers)) or "unknown"
    release_id = None
    if edit_id in in_force:
        reason = "; ".join(candidate.flags) or "withdrawn by review"
        plan = roll_back(ledger, in_force[edit_id], only=(edit_id,), reason=reason, actor=actor, cause="withdrawal")
        release_id = plan.release_id_new
    _close(ledger, candidate, release_id)
    return Withdrawn(edit_id, in_force.get(edit_id, ""), candidate.candidate_id, release_id)


def _close(ledger: Ledger, candidate: Candidate, release_id: int | None) -> None:
    words = f"done in release {release_id}" if release_id is not None else "the edit was not in force any more"
    with ledger.write() as transaction:
        transaction.execute(
            update(tables.candidates)
            .where(tables.candidates.c.candidate_id == candidate.candidate_id)
            .values(state=CandidateState.CLOSED, reason=words)
        )
        transaction.audit(
            "withdrawal.done",
            f"candidate:{candidate.candidate_id}",
            {"edit": candidate.withdraws, "release": release_id},
            actor="medrek-flow",
        )
        reached("withdraw.before_commit")
