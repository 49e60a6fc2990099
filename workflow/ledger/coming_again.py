"""What a gate ejected, or a rollback took out, comes again where a person wants it to: as a candidate of its own.

Never by itself. The first candidate, its signatures and its edit stay as they are, and the new one is rehearsed on
today's memory, reviewed, signed and gated like any other.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from workflow.ledger.case_file import CaseFile
from workflow.ledger.fixing import candidate_again, insert_candidate
from workflow.ledger.ledger import Transaction
from workflow.ledger.tables import candidates, edits, reviewers
from workflow.records import CandidateState

_OVER = ("ejected", "withdrawn")


@dataclass(frozen=True)
class Ended:
    """The edit that was made of a candidate."""

    edit_id: str
    batch_id: str
    state: str
    reason: str


def made_edit(connection: Connection, candidate_id: str) -> Ended | None:
    """Give the edit that was made of a candidate; None where there is none, or its batch was cancelled."""
    columns = edits.c
    query = select(columns.edit_id, columns.batch_id, columns.state, columns.reason)
    mine = (columns.candidate_id == candidate_id) & (columns.state != "cancelled")
    row = connection.execute(query.where(mine)).first()
    return None if row is None else Ended(row.edit_id, row.batch_id, row.state, row.reason or "")


def ended_edit(connection: Connection, file: CaseFile) -> Ended | None:
    """Give the edit of a closed candidate that was ejected or withdrawn; None where there is none such."""
    if file.state is not CandidateState.CLOSED:
        return None
    edit = made_edit(connection, file.candidate_id)
    return edit if edit is not None and edit.state in _OVER else None


def propose_again(transaction: Transaction, file: CaseFile, ended: Ended, *, reviewer_id: str, reason: str) -> str:
    """Put the same fact on record as a new candidate, in the words of whoever wants it; give its id.

    Raises:
        CandidateExistsError: this very proposal is on record already.
    """
    name = transaction.execute(select(reviewers.c.name).where(reviewers.c.reviewer_id == reviewer_id)).scalar()
    again = candidate_again(file.candidate, ended.edit_id, ended.state, by=name or reviewer_id, reason=reason)
    made = insert_candidate(transaction, again, run_id=file.run_id, change_id=file.change_id, actor=reviewer_id)
    mine = candidates.c.candidate_id == file.candidate_id
    transaction.execute(update(candidates).where(mine).values(replaced_by=made))
    was = f"edit {ended.edit_id} of batch {ended.batch_id} was {ended.state}"
    of = {"of": file.candidate_id, "why": f"{was}: {ended.reason}" if ended.reason else was}
    transaction.audit("candidate.proposed_again", f"candidate:{made}", of, actor=reviewer_id)
    body = {"from": file.state, "to": file.state, "why": f"proposed again as {made}: {reason}", "decisions": []}
    transaction.audit("candidate.reopened", f"candidate:{file.candidate_id}", body, actor=reviewer_id)
    return made
