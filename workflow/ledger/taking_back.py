"""Taking decisions back: undo and redo of a reviewer's own steps, and re-opening what was decided.

Nothing on record is removed: a decision that is taken back stays, with a row beside it that says by whom and why, and
counts no more (R12). What is in a batch is not taken back here but rolled back; what a gate ejected or a rollback took
out comes again as a candidate of its own (``coming_again``). Redoing a signature is a new signature and takes the PIN;
taking back needs none, because it lets nothing in.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from workflow.ledger.attention import is_seeded
from workflow.ledger.case_file import CaseFile, SignedDecision, read_case_file
from workflow.ledger.coming_again import Ended, ended_edit, made_edit, propose_again
from workflow.ledger.desk_tables import reversals
from workflow.ledger.fixing import FIX_TAKEN_BACK, CandidateExistsError
from workflow.ledger.ledger import Ledger, Transaction
from workflow.ledger.marks import choice_of, marks_on, put_mark, refusals_of, with_duties
from workflow.ledger.signing import sign_marks
from workflow.ledger.steps import DecisionMade, MarkChange, Step, StepAct, note_step, read_stacks
from workflow.ledger.tables import audit as audit_table
from workflow.ledger.tables import candidates, marks
from workflow.records import Action, CandidateState, Verdict
from workflow.review_policy import OPEN_STATES, PolicyRefusal, PolicyRefusalKind, ReviewPolicy

REOPENABLE = (
    CandidateState.APPROVED,
    CandidateState.REJECTED,
    CandidateState.CLOSED,
    CandidateState.NO_EDIT_NEEDED,
    CandidateState.BATCHED,
)
"""States that are over; whether one can be re-opened is another question."""


@dataclass(frozen=True)
class Stepped:
    """What an undo or a redo did, in words; without candidates where nothing could be done any more."""

    words: str
    candidate_ids: tuple[str, ...] = ()


def undo_step(ledger: Ledger, policy: ReviewPolicy, reviewer_id: str) -> Stepped:
    """Take a reviewer's last step back; one that cannot be undone any more is told and passed over."""
    with ledger.write() as transaction:
        stacks = read_stacks(transaction.connection, reviewer_id)
        if not stacks.undo:
            return Stepped("there is nothing to undo")
        step = stacks.undo[-1]
        if step.body.decision is not None:
            why, done = _undo_decision(transaction, policy, reviewer_id, step.body.decision)
        else:
            back = [_turned(change) for change in step.body.marks]
            why, done = _change_marks(transaction, reviewer_id, back)
        return _told(transaction, reviewer_id, step, StepAct.UNDID, why, done)


def redo_step(ledger: Ledger, policy: ReviewPolicy, reviewer_id: str, *, pin: str) -> Stepped:
    """Do the step again that was undone last.

    Raises:
        WrongPinError: It is a signature, and the PIN is wrong or signing is locked; nothing was done.
    """
    with ledger.read() as connection:
        stacks = read_stacks(connection, reviewer_id)
    if not stacks.redo:
        return Stepped("there is nothing to redo")
    step = stacks.redo[-1]
    if step.body.decision is not None:
        return _sign_again(ledger, policy, reviewer_id, step, pin)
    with ledger.write() as transaction:
        refused = _refused(transaction, policy, reviewer_id, step)
        changes = [change for change in step.body.marks if change.candidate_id not in refused]
        why, done = _change_marks(transaction, reviewer_id, changes)
        return _told(transaction, reviewer_id, step, StepAct.REDID, "; ".join(refused.values()) or why, done)


def reopen(ledger: Ledger, candidate_id: str, *, reviewer_id: str, reason: str) -> tuple[PolicyRefusal, ...]:
    """Put what was decided back into the queue, with a reason; or say why not.

    What became an edit that is over (ejected, withdrawn) stays as it is and is proposed again: its ``replaced_by``
    names the new candidate, which is rehearsed next and takes new signatures.

    Raises:
        UsageError: There is no such candidate.
    """
    with ledger.write() as transaction:
        file = read_case_file(transaction.connection, candidate_id)
        why = why_not_reopened(transaction.connection, file)
        if why is not None:
            return (PolicyRefusal(PolicyRefusalKind.NOT_ALLOWED, why or "it is open already"),)
        if not reason.strip():
            return (PolicyRefusal(PolicyRefusalKind.REASON_NEEDED, "re-opening needs a reason"),)
        if (ended := ended_edit(transaction.connection, file)) is not None:
            return _come_again(transaction, file, ended, reviewer_id=reviewer_id, reason=reason.strip())
        for decision in file.counted:
            _reverse(transaction, decision, candidate_id, reviewer_id, kind="reopened", reason=reason.strip())
        _place(transaction, file, CandidateState.PENDING)
        reversed_ids = [decision.decision_id for decision in file.counted]
        why_words = f"re-opened: {reason.strip()}"
        body = {"from": file.state, "to": CandidateState.PENDING, "why": why_words, "decisions": reversed_ids}
        transaction.audit("candidate.reopened", f"candidate:{candidate_id}", body, actor=reviewer_id)
    return ()


def _come_again(
    transaction: Transaction, file: CaseFile, ended: Ended, *, reviewer_id: str, reason: str
) -> tuple[PolicyRefusal, ...]:
    try:
        propose_again(transaction, file, ended, reviewer_id=reviewer_id, reason=reason)
    except CandidateExistsError as error:
        return (PolicyRefusal(PolicyRefusalKind.NOT_ALLOWED, f"{error}; re-open that one, or give another reason"),)
    return ()


def why_not_reopened(connection: Connection, file: CaseFile) -> str | None:
    """Say why a candidate cannot be re-opened; None where it can be, empty where it is open."""
    if file.state not in REOPENABLE:
        return ""
    held = _why_held(connection, file)
    if held and ended_edit(connection, file) is None:
        return held
    if file.replaced_by is not None:
        made = read_case_file(connection, file.replaced_by)
        if made.state not in (CandidateState.REJECTED, CandidateState.CLOSED, CandidateState.REFUSED):
            return f"{made.candidate_id} was made of it and stands in its place; decide that one"
    return None


def verify_reversals(connection: Connection) -> tuple[str, ...]:
    """Compare what was taken back with the audit chain; one line for each reversal that was added or lost."""
    events = ("decision.undone", "candidate.reopened")
    bodies = connection.execute(select(audit_table.c.body).where(audit_table.c.event.in_(events))).scalars()
    told = {str(name) for body in bodies for name in json.loads(body)["decisions"]}
    found = set(connection.execute(select(reversals.c.decision_id)).scalars())
    return (
        *(f"decision {name} was taken back without an audit row" for name in sorted(found - told)),
        *(f"decision {name} was taken back and counts again" for name in sorted(told - found)),
    )


def _undo_decision(
    transaction: Transaction, policy: ReviewPolicy, reviewer_id: str, made: DecisionMade
) -> tuple[str, tuple[str, ...]]:
    file = read_case_file(transaction.connection, made.candidate_id)
    decision = next(one for one in file.decisions if one.decision_id == made.decision_id)
    why = _why_stays(transaction.connection, policy, file, decision)
    if why:
        return why, ()
    _reverse(transaction, decision, file.candidate_id, reviewer_id, kind="undone", reason="")
    if file.replaced_by is not None and decision.verdict is Verdict.FIX_AND_APPROVE:
        _close_fixed(transaction, file.replaced_by, reviewer_id)
    state = policy.state_of(read_case_file(transaction.connection, file.candidate_id).case())
    _place(transaction, file, state)
    body = {"from": file.state, "to": state, "decisions": [decision.decision_id], "verdict": decision.verdict}
    transaction.audit("decision.undone", f"candidate:{file.candidate_id}", body, actor=reviewer_id)
    put_mark(transaction, file.candidate_id, reviewer_id, made.mark)
    return "", (file.candidate_id,)


def _why_stays(connection: Connection, policy: ReviewPolicy, file: CaseFile, decision: SignedDecision) -> str:
    """Say why a decision cannot be undone; empty where it can be."""
    held = _why_held(connection, file)
    if held or decision.taken_back:
        return held or "it was taken back already"
    is_last = file.counted[-1].decision_id == decision.decision_id
    if decision.verdict is Verdict.APPROVE and file.candidate.action is not Action.FLAG:
        if file.state not in (CandidateState.AWAITING_SECOND, CandidateState.APPROVED):
            return f"the candidate is {file.state.replace('_', ' ')} since: nothing of the approval stands"
        standing = {one.reviewer_id for one in policy.standing(file.case())}
        return "" if decision.reviewer_id in standing else "the approval does not stand any more"
    over = {Verdict.REJECT: CandidateState.REJECTED, Verdict.DEFER: CandidateState.DEFERRED}
    if not is_last or file.state is not over.get(decision.verdict, CandidateState.CLOSED):
        return "the candidate went on since; re-open it where it can be"
    if decision.verdict is Verdict.FIX_AND_APPROVE:
        return _why_fixed_stays(connection, file.replaced_by)
    return ""


def _why_fixed_stays(connection: Connection, made: str | None) -> str:
    if made is None:
        return "its correction is not on record"
    fixed = read_case_file(connection, made)
    waits = (CandidateState.PROPOSED, CandidateState.PENDING, CandidateState.NO_EDIT_NEEDED)
    if fixed.state not in waits or fixed.counted:
        return f"its correction {made} is {fixed.state.replace('_', ' ')}: decide that one"
    return ""


def _why_held(connection: Connection, file: CaseFile) -> str:
    """Say what keeps a candidate's decisions as they are, whoever asks; empty where nothing does."""
    if is_seeded(connection, file.candidate_id) and file.state not in OPEN_STATES:
        return "it was made false on purpose, and was told"
    edit = made_edit(connection, file.candidate_id)
    if edit is not None:
        ways = {"live": "roll it back instead", "in_batch": "cancel the batch instead"}
        way = ways.get(edit.state, "re-open it, which proposes it again")
        return f"it is edit {edit.edit_id} of batch {edit.batch_id} ({edit.state.replace('_', ' ')}): {way}"
    is_done = file.candidate.action is Action.WITHDRAW and file.state is CandidateState.CLOSED
    return "the withdrawal was carried out" if is_done and (file.reason or "").startswith("done in") else ""


def _reverse(
    transaction: Transaction, decision: SignedDecision, candidate_id: str, reviewer_id: str, *, kind: str, reason: str
) -> None:
    row = {"decision_id": decision.decision_id, "candidate_id": candidate_id, "reviewer_id": reviewer_id}
    transaction.execute(insert(reversals).values(**row, kind=kind, reason=reason, at=transaction.now))


def _close_fixed(transaction: Transaction, made: str, reviewer_id: str) -> None:
    """Close a correction that is taken back, so that the very same can be made again."""
    fixed = read_case_file(transaction.connection, made)
    transaction.execute(
        update(candidates)
        .where(candidates.c.candidate_id == made)
        .values(state=CandidateState.CLOSED, reason=FIX_TAKEN_BACK)
    )
    transaction.execute(marks.delete().where(marks.c.candidate_id == made))
    body = {"from": fixed.state, "to": CandidateState.CLOSED, "why": FIX_TAKEN_BACK}
    transaction.audit("candidate.moved", f"candidate:{made}", body, actor=reviewer_id)


def _place(transaction: Transaction, file: CaseFile, state: CandidateState) -> None:
    transaction.execute(
        update(candidates)
        .where(candidates.c.candidate_id == file.candidate_id)
        .values(state=state, reason=None, defer_until=None, replaced_by=None)
    )


def _change_marks(transaction: Transaction, reviewer_id: str, changes: list[MarkChange]) -> tuple[str, tuple[str, ...]]:
    """Make these changes where the mark is what it was and the candidate is open; give those that were made."""
    ids = [change.candidate_id for change in changes]
    own = marks_on(transaction.connection, ids, reviewer_id)
    waits = _open_ids(transaction.connection, ids)
    done = []
    for change in changes:
        now = own[change.candidate_id].content if change.candidate_id in own else None
        if now == change.before and change.candidate_id in waits:
            put_mark(transaction, change.candidate_id, reviewer_id, change.after)
            done.append(change.candidate_id)
    return ("" if done else "the mark, or the candidate, went on since"), tuple(done)


def _open_ids(connection: Connection, ids: list[str]) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(ids), 500):
        query = select(candidates.c.candidate_id).where(
            candidates.c.candidate_id.in_(ids[start : start + 500]), candidates.c.state.in_(OPEN_STATES)
        )
        found |= set(connection.execute(query).scalars())
    return found


def _turned(change: MarkChange) -> MarkChange:
    return MarkChange(candidate_id=change.candidate_id, before=change.after, after=change.before)


def _refused(transaction: Transaction, policy: ReviewPolicy, reviewer_id: str, step: Step) -> dict[str, str]:
    """Ask the rules again about the marks that a redo would make."""
    found = {}
    for change in step.body.marks:
        if change.after is not None:
            file = read_case_file(transaction.connection, change.candidate_id)
            choice = with_duties(transaction.connection, choice_of(change.after, reviewer_id))
            refusals = refusals_of(transaction.connection, policy, file, choice, now=transaction.now)
            if refusals:
                found[change.candidate_id] = "; ".join(refusal.words for refusal in refusals)
    return found


def _sign_again(ledger: Ledger, policy: ReviewPolicy, reviewer_id: str, step: Step, pin: str) -> Stepped:
    made = step.body.decision
    if made is None:
        raise ValueError(f"step {step.step_id}: expected a decision")
    with ledger.read() as connection:
        mark = marks_on(connection, [made.candidate_id], reviewer_id).get(made.candidate_id)
    words = "the mark changed since"
    if mark is not None and mark.content == made.mark:
        signed = sign_marks(ledger, policy, reviewer_id, [mark.mark_id], pin=pin, redo_of=step.step_id)
        if signed.signed:
            return Stepped(f"done again: {step.body.words}", signed.signed)
        words = "; ".join(refused.words for refused in signed.refused)
    with ledger.write() as transaction:
        return _told(transaction, reviewer_id, step, StepAct.REDID, words, ())


def _told(
    transaction: Transaction, reviewer_id: str, step: Step, act: StepAct, why: str, done: tuple[str, ...]
) -> Stepped:
    """Note what was done with a step, and say it."""
    did = act if done else StepAct.PASSED
    note_step(transaction, reviewer_id, step.body, act=did, of_step=step.step_id)
    verb = "undo" if act is StepAct.UNDID else "redo"
    if not done:
        return Stepped(f"could not {verb}: {step.body.words}: {why}")
    left = len(step.body.candidate_ids) - len(done)
    rest = f" ({left} went on since and stay)" if left else ""
    return Stepped(f"{'undone' if act is StepAct.UNDID else 'done again'}: {step.body.words}{rest}", done)
