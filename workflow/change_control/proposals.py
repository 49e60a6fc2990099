"""Proposals to withdraw an edit that is in force: candidates like any other, decided by a person."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert

from workflow.change_control.release import ReleasedEdit
from workflow.ledger import tables
from workflow.ledger.ledger import Transaction
from workflow.records import Action, Candidate, CandidateState, Risk


def propose_withdrawal(transaction: Transaction, edit: ReleasedEdit, *, why: str) -> str:
    """Put the withdrawal of ``edit`` into the queue, with the evidence it was made from; return the candidate id.

    Idempotent: the same proposal for the same reason is the same candidate.
    """
    row = transaction.execute(
        select(tables.candidates.c.body, tables.candidates.c.run_id).where(
            tables.candidates.c.candidate_id == edit.candidate_id
        )
    ).one()
    origin = Candidate.model_validate_json(row.body)
    candidate = origin.model_copy(
        update={"action": Action.WITHDRAW, "withdraws": edit.edit_id, "risk": Risk.LOW, "flags": (why,)}
    )
    transaction.execute(
        insert(tables.candidates)
        .values(
            candidate_id=candidate.candidate_id,
            run_id=row.run_id,
            created_at=transaction.now,
            state=CandidateState.PROPOSED,
            action=candidate.action,
            subject=candidate.subject,
            relation=candidate.relation,
            functional_key=candidate.functional_key,
            risk=candidate.risk,
            content_sha256=candidate.content_sha256,
            body=candidate.model_dump_json(),
        )
        .on_conflict_do_nothing()
    )
    return candidate.candidate_id
