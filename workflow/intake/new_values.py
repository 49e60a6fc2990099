"""A withdrawal gives way to the new value of a changed sentence, and comes again where that value comes to nothing.

Without that an edit in force whose sentence is gone from its source would be told once, and never again.
"""

from __future__ import annotations

from sqlalchemy import select, update

from workflow.ledger import tables
from workflow.ledger.ledger import Transaction
from workflow.records import Action, Candidate, CandidateState, ChangeKind

ACTOR = "intake"
_PROPOSES = " proposes the new value"
_ENDED = (CandidateState.REJECTED, CandidateState.CLOSED, CandidateState.REFUSED)


def close_withdrawals(transaction: Transaction, fresh: Candidate) -> None:
    """Close a proposal to withdraw an edit whose sentence changed, where the changed sentence gives a new value."""
    columns = tables.candidates.c
    rows = transaction.execute(
        select(columns.candidate_id, columns.body).where(
            columns.functional_key == fresh.functional_key,
            columns.action == Action.WITHDRAW,
            columns.state.in_((CandidateState.PROPOSED, CandidateState.PENDING)),
        )
    ).all()
    for row in rows:
        if Candidate.model_validate_json(row.body).change_kind is ChangeKind.REVISED:
            transaction.execute(
                update(tables.candidates)
                .where(columns.candidate_id == row.candidate_id)
                .values(state=CandidateState.CLOSED, reason=f"{fresh.candidate_id}{_PROPOSES}")
            )


def take_up_again(transaction: Transaction, edit_id: str) -> str | None:
    """Propose a withdrawal again that gave way to a new value which was rejected, closed or refused; give its id."""
    columns = tables.candidates.c
    rows = transaction.execute(
        select(columns.candidate_id, columns.reason, columns.body).where(
            columns.action == Action.WITHDRAW,
            columns.state == CandidateState.CLOSED,
            columns.reason.endswith(_PROPOSES, autoescape=True),
        )
    ).all()
    for row in rows:
        value = row.reason.removesuffix(_PROPOSES)
        if Candidate.model_validate_json(row.body).withdraws == edit_id and _came_to_nothing(transaction, value):
            mine = update(tables.candidates).where(columns.candidate_id == row.candidate_id)
            transaction.execute(mine.values(state=CandidateState.PROPOSED, reason=None))
            body = {"edit": edit_id, "why": f"{value} gave the new value and came to nothing"}
            transaction.audit("withdrawal.proposed", f"candidate:{row.candidate_id}", body, actor=ACTOR)
            return str(row.candidate_id)
    return None


def _came_to_nothing(transaction: Transaction, candidate_id: str) -> bool:
    """Whether a candidate, or the one that stands in its place, ended; what is in a batch or in force did not."""
    columns = tables.candidates.c
    seen: set[str] = set()
    while candidate_id not in seen:
        seen.add(candidate_id)
        query = select(columns.state, columns.replaced_by).where(columns.candidate_id == candidate_id)
        row = transaction.execute(query).one()
        if row.replaced_by is None:
            return row.state in _ENDED
        candidate_id = row.replaced_by
    return True
