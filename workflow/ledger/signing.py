"""Signing: marks become decisions, and candidates move, in one transaction with their audit rows.

Guards P6 (an acknowledged decision is never lost) and the binding of a signature to what was signed: every decision
stands in full in its audit row, so that a decision that was moved, changed or slipped in is found
(``verify_decisions``). The rules are in ``workflow.review_policy``; here they are asked again at the moment of
signing, whatever was said when the mark was made.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, func, insert, select, update

from workflow.clock import utc_moment, utc_text
from workflow.errors import IllegalTransitionError
from workflow.fault_points import reached
from workflow.identity import Reviewer, check_pin, find_reviewer
from workflow.ledger import attention, audit
from workflow.ledger.attention import Revealed
from workflow.ledger.case_file import CaseFile, read_case_file, read_case_files
from workflow.ledger.deputies import stands_in_for
from workflow.ledger.desk_tables import claims
from workflow.ledger.dismissals import note_dismissals, warnings_of
from workflow.ledger.fixing import CandidateExistsError, fixed_candidate, insert_fixed
from workflow.ledger.ledger import Ledger, Transaction
from workflow.ledger.marks import Mark, list_marks, with_duties
from workflow.ledger.meanings import MEANINGS
from workflow.ledger.steps import DecisionMade, StepAct, StepBody, note_step
from workflow.ledger.tables import audit as audit_table
from workflow.ledger.tables import candidates, decisions, marks
from workflow.ledger.wrong_answers import confirm_wrong_answer
from workflow.records import Action, CandidateState, Verdict
from workflow.review_policy import ReviewPolicy

DEFAULT_DEFERRAL = timedelta(days=7)
MOST_CLOCK_LAG = timedelta(minutes=5)
SIGNED = "candidate.signed"
_COLUMNS = (
    "decision_id",
    "candidate_id",
    "reviewer_id",
    "signer_name",
    "verdict",
    "meaning",
    "reason_code",
    "reason_text",
    "shown_sha256",
    "signed_at",
    "scripted",
)


@dataclass(frozen=True)
class RefusedMark:
    """A mark that could not be signed, and why; it stays."""

    candidate_id: str
    words: str


@dataclass(frozen=True)
class Signed:
    """What a signature did."""

    signed: tuple[str, ...]
    """Candidates whose decision stands now."""
    refused: tuple[RefusedMark, ...]
    made: tuple[str, ...] = ()
    """Candidates that *fix and approve* made; they are rehearsed next, and then wait for their author's signature."""
    revealed: tuple[Revealed, ...] = ()
    """Candidates of this sitting that were made false on purpose."""


@dataclass
class _Sitting:
    """One signature over several marks, while it is given."""

    transaction: Transaction
    policy: ReviewPolicy
    reviewer: Reviewer
    stands_in: str
    """Printed after each meaning where the signer stands in for somebody; else empty."""
    redo_of: int | None
    made: list[str]
    revealed: list[Revealed]


def sign_marks(
    ledger: Ledger,
    policy: ReviewPolicy,
    reviewer_id: str,
    mark_ids: Collection[str],
    *,
    pin: str,
    redo_of: int | None = None,
) -> Signed:
    """Sign exactly the marks that were listed, with one PIN; on disk when this returns.

    Args:
        redo_of: The step of this reviewer that this signature does again.

    Raises:
        WrongPinError: The PIN is wrong, or signing is locked; nothing was signed.
        IllegalTransitionError: Not enrolled; a scripted signer on a hospital site; the clock runs behind.
    """
    reviewer = find_reviewer(ledger, reviewer_id)
    kind = ledger.kind()
    if not reviewer.scripted:
        check_pin(ledger, reviewer_id, pin)
    elif kind != "demo":
        raise IllegalTransitionError(f"scripted signer {reviewer_id}: expected a demo site, got a {kind} site")
    with ledger.write() as transaction:
        _check_clock(transaction, kind)
        listed = [mark for mark in list_marks(transaction.connection, reviewer_id) if mark.mark_id in set(mark_ids)]
        signed: list[str] = []
        sitting = _sit_down(transaction, policy, reviewer, redo_of)
        refused = [RefusedMark("", "a mark changed since it was listed; look at the list again")] * (
            len(set(mark_ids)) - len(listed)
        )
        for mark in listed:
            words = _sign_one(sitting, mark)
            if words:
                refused.append(RefusedMark(mark.candidate_id, words))
            else:
                signed.append(mark.candidate_id)
        reached("sign.before_commit")
    return Signed(tuple(signed), tuple(refused), tuple(sitting.made), tuple(sitting.revealed))


def settle(ledger: Ledger, policy: ReviewPolicy) -> tuple[str, ...]:
    """Wake what was deferred until today and void what does not stand; give the candidates that moved.

    Writes only where there is something to do, so that it may be called whenever somebody looks.
    """
    with ledger.read() as connection:
        is_settled = not _outdated(connection, policy) and not _due(connection, utc_text(ledger.clock()))
    if is_settled:
        return ()
    with ledger.write() as transaction:
        woken = wake_deferred(transaction, policy)
        return (*woken, *(candidate_id for candidate_id, _ in void_outdated(transaction, policy)))


def void_outdated(transaction: Transaction, policy: ReviewPolicy) -> tuple[tuple[str, str], ...]:
    """Send candidates back whose signatures do not stand any more; give each with the reason.

    To be called after new candidates, notices or rehearsals were stored, and before a batch is made.
    """
    moved = _outdated(transaction.connection, policy)
    for file, state, why in moved:
        _move(transaction, file, state, reason=why, actor="medrek-flow")
    return tuple((file.candidate_id, why) for file, _, why in moved)


def _outdated(connection: Connection, policy: ReviewPolicy) -> list[tuple[CaseFile, CandidateState, str]]:
    states = (CandidateState.AWAITING_SECOND, CandidateState.APPROVED)
    query = select(candidates.c.candidate_id).where(candidates.c.state.in_(states)).order_by(candidates.c.candidate_id)
    found = []
    for file in read_case_files(connection, list(connection.execute(query).scalars())):
        case = file.case()
        state = policy.state_of(case)
        if state is not file.state:
            reasons = sorted({policy.why_void(case, signature) for signature in case.signatures} - {""})
            void = f"signatures void: {'; '.join(reasons)}"
            found.append((file, state, void if reasons else "its risk asks for another number of signatures"))
    return found


def wake_deferred(transaction: Transaction, policy: ReviewPolicy) -> tuple[str, ...]:
    """Put deferred candidates whose day has come back into the queue; give their ids."""
    ids = _due(transaction.connection, transaction.now)
    for file in read_case_files(transaction.connection, ids):
        state = policy.state_of(file.case())
        _move(transaction, file, state, reason="deferred until today", actor="medrek-flow", defer_until=None)
    return tuple(ids)


def _due(connection: Connection, now: str) -> list[str]:
    is_due = (candidates.c.state == CandidateState.DEFERRED) & (candidates.c.defer_until <= now[:10])
    return list(connection.execute(select(candidates.c.candidate_id).where(is_due)).scalars())


def verify_decisions(connection: Connection) -> tuple[str, ...]:
    """Compare every decision with its audit row; one line for each that was moved, changed, added or lost."""
    on_record: dict[str, dict[str, object]] = {}
    query = select(audit_table.c.body).where(audit_table.c.event == SIGNED).order_by(audit_table.c.seq)
    for body in connection.execute(query).scalars():
        fields = json.loads(body)
        on_record[fields["decision_id"]] = {name: fields[name] for name in _COLUMNS}
    lines = []
    for row in connection.execute(select(decisions).order_by(decisions.c.decision_id)).mappings():
        expected = on_record.pop(row["decision_id"], None)
        if expected is None:
            lines.append(f"decision {row['decision_id']} has no audit row: it was not signed here")
        elif expected != dict(row):
            lines.append(f"decision {row['decision_id']} differs from its audit row: it was moved or changed")
    lines += [f"decision {decision_id} is in the audit chain but not in the ledger" for decision_id in on_record]
    return tuple(lines)


def _sit_down(transaction: Transaction, policy: ReviewPolicy, reviewer: Reviewer, redo_of: int | None) -> _Sitting:
    away = stands_in_for(transaction.connection, reviewer.reviewer_id, today=transaction.now[:10])
    named = ", ".join(f"{one.name} until {one.last_day}" for one in away)
    words = f" (deputy of {named})" if named else ""
    return _Sitting(transaction, policy, reviewer, words, redo_of, [], [])


def _sign_one(sitting: _Sitting, mark: Mark) -> str:
    """Sign one mark; give the reason where it is refused."""
    transaction, policy = sitting.transaction, sitting.policy
    file = read_case_file(transaction.connection, mark.candidate_id)
    case = file.case()
    refusals = policy.refusals(case, with_duties(transaction.connection, mark.choice))
    if refusals:
        return "; ".join(refusal.words for refusal in refusals)
    is_seeded = attention.is_seeded(transaction.connection, mark.candidate_id)
    state = policy.next_state(case, mark.choice, signed_at=transaction.now)
    if is_seeded and mark.choice.verdict is not Verdict.DEFER:
        state = CandidateState.CLOSED
    replaced_by = None
    if mark.choice.verdict is Verdict.FIX_AND_APPROVE and not is_seeded:
        try:
            replaced_by = _make_fixed(sitting, file, str(mark.choice.fixed_object))
        except CandidateExistsError as error:
            return str(error)
    _record(sitting, file, mark, state=state, replaced_by=replaced_by)
    if is_seeded and state is CandidateState.CLOSED:
        sitting.revealed.append(
            attention.reveal(
                transaction, mark.candidate_id, reviewer_id=sitting.reviewer.reviewer_id, verdict=mark.choice.verdict
            )
        )
    elif file.candidate.action is Action.FLAG and mark.choice.verdict is Verdict.APPROVE:
        confirm_wrong_answer(transaction, file, by=sitting.reviewer.name)
    return ""


def _make_fixed(sitting: _Sitting, file: CaseFile, fixed: str) -> str:
    candidate = fixed_candidate(file.candidate, fixed, by=sitting.reviewer.name)
    actor = sitting.reviewer.reviewer_id
    made = insert_fixed(sitting.transaction, candidate, run_id=file.run_id, change_id=file.change_id, actor=actor)
    sitting.made.append(made)
    return made


def _record(
    sitting: _Sitting,
    file: CaseFile,
    mark: Mark,
    *,
    state: CandidateState,
    replaced_by: str | None,
) -> None:
    choice, transaction, reviewer = mark.choice, sitting.transaction, sitting.reviewer
    values: dict[str, object] = {
        "candidate_id": file.candidate_id,
        "reviewer_id": reviewer.reviewer_id,
        "signer_name": reviewer.name,
        "verdict": choice.verdict.value,
        "meaning": MEANINGS[choice.verdict, file.candidate.action] + sitting.stands_in,
        "reason_code": choice.reason_code,
        "reason_text": choice.reason_text,
        "shown_sha256": choice.shown_sha256,
        "signed_at": transaction.now,
        "scripted": int(reviewer.scripted),
    }
    decision_id = _decision_id(transaction, values)
    values["decision_id"] = decision_id
    transaction.execute(insert(decisions).values(**values))
    passed_over = warnings_of(file, sitting.policy) if choice.verdict is Verdict.APPROVE else ()
    note_dismissals(transaction, decision_id, passed_over)
    rivals = [rival.name for rival in file.rivals]
    body = {**values, "from": file.state, "to": state, "rivals": rivals, "dismissed": list(passed_over)}
    transaction.audit(SIGNED, f"candidate:{file.candidate_id}", body, actor=reviewer.reviewer_id)
    transaction.execute(
        update(candidates)
        .where(candidates.c.candidate_id == file.candidate_id)
        .values(**_placed(sitting, mark, state=state, replaced_by=replaced_by))
    )
    step = StepBody(decision=DecisionMade(candidate_id=file.candidate_id, decision_id=decision_id, mark=mark.content))
    act = StepAct.DID if sitting.redo_of is None else StepAct.REDID
    note_step(transaction, reviewer.reviewer_id, step, act=act, of_step=sitting.redo_of)
    _clear_desk(sitting, file.candidate_id, state)


def _placed(sitting: _Sitting, mark: Mark, *, state: CandidateState, replaced_by: str | None) -> dict[str, object]:
    """Give the columns of a candidate once a decision on it is signed."""
    choice = mark.choice
    values: dict[str, object] = {"state": state, "replaced_by": replaced_by, "defer_until": None, "reason": None}
    if choice.verdict is Verdict.DEFER:
        later = utc_moment(sitting.transaction.now) + DEFAULT_DEFERRAL
        values["defer_until"] = mark.defer_until or later.date().isoformat()
    if choice.verdict is Verdict.FIX_AND_APPROVE:
        values["reason"] = f"fixed by {sitting.reviewer.name}"
    elif choice.verdict is not Verdict.APPROVE:
        values["reason"] = " ".join((choice.reason_code, choice.reason_text)).strip() or None
    return values


def _clear_desk(sitting: _Sitting, candidate_id: str, state: CandidateState) -> None:
    """Take away the marks that this decision used up, and the signer's claim."""
    transaction, mine = sitting.transaction, sitting.reviewer.reviewer_id
    spent = marks.c.candidate_id == candidate_id
    if state in (CandidateState.AWAITING_SECOND, CandidateState.PENDING, CandidateState.DEFERRED):
        spent &= marks.c.reviewer_id == mine
    transaction.execute(marks.delete().where(spent))
    transaction.execute(claims.delete().where(claims.c.candidate_id == candidate_id, claims.c.reviewer_id == mine))


def _move(
    transaction: Transaction, file: CaseFile, state: CandidateState, *, reason: str, actor: str, **values: object
) -> None:
    transaction.execute(
        update(candidates)
        .where(candidates.c.candidate_id == file.candidate_id)
        .values(state=state, reason=reason, **values)
    )
    body = {"from": file.state, "to": state, "why": reason}
    transaction.audit("candidate.moved", f"candidate:{file.candidate_id}", body, actor=actor)


def _decision_id(transaction: Transaction, values: Mapping[str, object]) -> str:
    _, head = audit.head(transaction.connection)
    return "d-" + hashlib.sha256(audit.canonical_json({**values, "head": head}).encode()).hexdigest()[:16]


def _check_clock(transaction: Transaction, kind: str) -> None:
    """Refuse to sign with a clock that runs behind the record; demo nights may play in another year."""
    last = transaction.execute(select(func.max(audit_table.c.at))).scalar()  # the last row may be one of that clock
    if kind != "demo" and last and utc_moment(last) - utc_moment(transaction.now) > MOST_CLOCK_LAG:
        raise IllegalTransitionError(
            f"the clock says {transaction.now} but the record goes to {last}; nothing was signed, set the clock"
        )
