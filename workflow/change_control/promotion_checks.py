"""What must hold at the very moment of a promotion, asked again inside its transaction, whatever was true before.

1. Every edit is what its candidate says, and the candidate has the signatures that its risk asks for, on what stands on
   record now (P1).
2. The memory that would go live is the one that the gate judged, digest for digest (P2).
3. The gate passed, against the release that is live, and left its impact note.
4. The clock does not run behind the record.

What fails holds the batch with one line; nothing of it goes live.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import Connection, func, select, update

from workflow.change_control.batch_states import HoldReason, hold_text
from workflow.change_control.batches import BatchRow, set_state
from workflow.change_control.impact_note import read_note
from workflow.clock import utc_moment
from workflow.engine_seam import edit_from_json, edit_to_json, make_edit
from workflow.errors import ExitCode, IllegalTransitionError
from workflow.ledger import tables
from workflow.ledger.case_file import CaseFile, read_case_files
from workflow.ledger.ledger import Ledger, Transaction
from workflow.records import BatchState, CandidateState
from workflow.review_policy import ReviewPolicy

MOST_CLOCK_LAG = timedelta(minutes=5)


class HeldError(IllegalTransitionError):
    """Something must be looked at by a person before this goes live; the live release is as it was."""

    exit_code = ExitCode.HELD

    def __init__(self, reason: HoldReason, words: str) -> None:
        super().__init__(words)
        self.reason = reason


def require_signed(connection: Connection, edit_ids: Sequence[str]) -> None:
    """Compare each edit with its candidate, and count the signatures that stand (P1).

    Raises:
        HeldError: an edit was changed, or its signatures do not stand any more.
    """
    columns = tables.edits.c
    query = select(columns.edit_id, columns.candidate_id, columns.body).where(columns.edit_id.in_(edit_ids))
    bodies = {row.candidate_id: (row.edit_id, row.body) for row in connection.execute(query)}
    policy = ReviewPolicy(str(connection.execute(select(tables.site.c.signer_profile)).scalar()))
    files = read_case_files(connection, list(bodies))
    for file in files:
        edit_id, body = bodies[file.candidate_id]
        words = _why_not(policy, file, edit_id, body)
        if words:
            raise HeldError(
                HoldReason.CHANGED,
                f"edit {edit_id} ({file.candidate.subject}): {words}; nothing went live: cancel its batch, and its "
                "candidates go back to their reviewers",
            )
    if len(files) != len(edit_ids):
        raise HeldError(
            HoldReason.CHANGED, f"expected {len(edit_ids)} edits with their candidates, got {len(files)}; see doctor"
        )


def _why_not(policy: ReviewPolicy, file: CaseFile, edit_id: str, body: str) -> str:
    made = make_edit(file.candidate)
    same = edit_to_json(made) == body or made.sha256 == edit_from_json(body).sha256
    if not same or file.candidate.candidate_id != file.candidate_id or made.edit_id != edit_id:
        return "expected what was signed, got another text on record: it was changed after its signatures"
    case = file.case()
    if policy.state_of(case) is CandidateState.APPROVED:
        return ""
    why = "; ".join(sorted({policy.why_void(case, signature) for signature in case.signatures} - {""}))
    asked, given = policy.required_signatures(case), len(policy.standing(case))
    return f"expected {asked} standing signature(s), got {given}{f' ({why})' if why else ''}"


def require_gated(connection: Connection, batch: BatchRow, digest_new: str) -> None:
    """Compare what would go live with what the gate judged, and ask for its impact note (P2).

    Raises:
        HeldError: it was changed since, or there is no such gate or note.
    """
    columns = tables.gates.c
    query = select(columns.verdict, columns.release_id, columns.report).where(columns.gate_id == (batch.gate_id or ""))
    gate = connection.execute(query).first()
    again = f"run `medrek-flow check {batch.batch_id}`"
    if gate is None or gate.verdict != "pass" or gate.release_id != batch.base_release_id:
        raise HeldError(
            HoldReason.CHANGED, f"batch {batch.batch_id}: expected a gate that passed on record, got none; {again}"
        )
    judged = json.loads(gate.report)["staged_digest"]
    if judged != digest_new:
        raise HeldError(
            HoldReason.CHANGED,
            f"batch {batch.batch_id}: its gate judged memory {judged[:12]}, but {digest_new[:12]} would go live: it "
            f"was changed after its gate; {again}",
        )
    if read_note(connection, batch.gate_id) is None:
        raise HeldError(
            HoldReason.CHANGED, f"batch {batch.batch_id}: expected an impact note of its gate, got none; {again}"
        )


def require_clock(transaction: Transaction) -> None:
    """Refuse to let anything in with a clock that runs behind the record; demo nights may play in another year.

    Raises:
        HeldError: it does.
    """
    kind = transaction.execute(select(tables.site.c.kind)).scalar()
    last = transaction.execute(select(func.max(tables.audit.c.at))).scalar()
    if kind != "demo" and last and utc_moment(last) - utc_moment(transaction.now) > MOST_CLOCK_LAG:
        raise HeldError(
            HoldReason.CLOCK,
            f"the clock says {transaction.now} but the record goes to {last}: nothing went live; set the clock",
        )


def hold(ledger: Ledger, batch_id: str, error: HeldError) -> None:
    """Write down why a batch stands still, where its state allows it."""
    with ledger.write() as transaction:
        state = transaction.execute(
            select(tables.batches.c.state).where(tables.batches.c.batch_id == batch_id)
        ).scalar_one()
        words = hold_text(error.reason, str(error))
        if state == BatchState.PASSED and error.reason is not HoldReason.CLOCK:
            set_state(transaction, batch_id, BatchState.HELD, hold_reason=words, ordered_by=None)
        else:
            transaction.execute(
                update(tables.batches).where(tables.batches.c.batch_id == batch_id).values(hold_reason=words)
            )
        transaction.audit(
            "batch.held", f"batch:{batch_id}", {"reason": error.reason, "words": str(error)}, actor="medrek-flow"
        )
