"""Answers that somebody calls wrong: each becomes a candidate of its own kind, decided by a person like any other.

Confirming one proposes the withdrawal of the edit that fired, where one did and is still in force; where none fired,
the base model was wrong, and a fact must come from a source. It never becomes an edit itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from workflow.errors import UsageError
from workflow.ledger.case_file import CaseFile
from workflow.ledger.comments import LONGEST_TEXT
from workflow.ledger.desk_tables import wrong_answers
from workflow.ledger.fixing import CandidateExistsError, insert_candidate
from workflow.ledger.ledger import Ledger, Transaction
from workflow.ledger.tables import candidates, edits
from workflow.records import Action, Candidate, CandidateState, ChangeKind, Evidence, ObjectOrigin, Risk

RELATION = "flagged_answer"
RUN = "flag"
"""Stands where other candidates name the run that proposed them."""


@dataclass(frozen=True)
class WrongAnswer:
    """An answer that somebody calls wrong, with what is known of where it came from."""

    question: str
    answer: str
    note: str
    reported_by: str = ""
    edit_id: str | None = None
    release_id: int | None = None
    trace: str = ""


def flag_answer(ledger: Ledger, wrong: WrongAnswer, *, actor: str) -> str:
    """Put an answer that is called wrong into the queue and give its id; the same one twice is one.

    Raises:
        UsageError: A field is empty or too long, or there is no such edit.
    """
    with ledger.write() as transaction:
        origin = check_wrong_answer(transaction.connection, wrong)
        candidate = _candidate(wrong, origin, at=transaction.now, actor=actor)
        try:
            name = insert_candidate(
                transaction, candidate, run_id=RUN, change_id=None, actor=actor, state=CandidateState.PENDING
            )
        except CandidateExistsError:
            return candidate.candidate_id
        transaction.execute(
            insert(wrong_answers).values(
                candidate_id=name, **wrong.__dict__, flagged_by=actor, flagged_at=transaction.now
            )
        )
        body = {"edit": wrong.edit_id, "release": wrong.release_id, "trace": wrong.trace}
        transaction.audit("answer.flagged", f"candidate:{name}", body, actor=actor)
    return name


def check_wrong_answer(connection: Connection, wrong: WrongAnswer) -> Candidate | None:
    """Check what would be flagged; give the candidate that the edit was made of, None where no edit is named.

    Raises:
        UsageError: A field is empty or too long, or there is no such edit.
    """
    for name in ("question", "note"):
        if not str(getattr(wrong, name)).strip():
            raise UsageError(f"flag: expected the {name}, got none")
    for name, text in wrong.__dict__.items():
        if isinstance(text, str) and len(text) > LONGEST_TEXT:
            raise UsageError(f"flag: {name}: expected at most {LONGEST_TEXT} characters, got {len(text)}")
    if wrong.edit_id is None:
        return None
    query = select(candidates.c.body).join(edits, edits.c.candidate_id == candidates.c.candidate_id)
    body = connection.execute(query.where(edits.c.edit_id == wrong.edit_id)).scalar()
    if body is None:
        raise UsageError(f"edit {wrong.edit_id!r}: unknown; the answer's attribution names it, or leave it out")
    return Candidate.model_validate_json(body)


def confirm_wrong_answer(transaction: Transaction, file: CaseFile, *, by: str) -> None:
    """Carry out the approval of a flagged answer: propose the withdrawal of the edit behind it, and say what came."""
    proposal = _propose(transaction, file, by=by)
    if proposal is not None:
        reason = f"confirmed: the withdrawal of {file.candidate.withdraws} is proposed as {proposal}"
    elif file.candidate.withdraws:
        reason = f"confirmed: edit {file.candidate.withdraws} is not in force any more"
    else:
        reason = "confirmed: no edit fired, the model itself says so; a source must say otherwise"
    transaction.execute(update(candidates).where(candidates.c.candidate_id == file.candidate_id).values(reason=reason))


def _propose(transaction: Transaction, file: CaseFile, *, by: str) -> str | None:
    from workflow.change_control.proposals import propose_withdrawal  # change control imports signing
    from workflow.change_control.release import read_live, release_edits

    live = read_live(transaction.connection)
    in_force = release_edits(transaction.connection, live.release_id) if live else ()
    for edit in in_force:
        if edit.edit_id == file.candidate.withdraws:
            why = f"an answer with it was called wrong and {by} confirmed it ({file.candidate_id})"
            return propose_withdrawal(transaction, edit, why=why)
    return None


def _candidate(wrong: WrongAnswer, origin: Candidate | None, *, at: str, actor: str) -> Candidate:
    evidence: tuple[Evidence, ...] = origin.evidence if origin else ()
    answered = "the base model alone" if wrong.edit_id is None else f"edit {wrong.edit_id}"
    release = "" if wrong.release_id is None else f" in release {wrong.release_id}"
    lines = [f"flagged {at} by {wrong.reported_by or actor}", f"answered with {answered}{release}"]
    if wrong.trace:
        lines.append(f"trace {wrong.trace}")
    return Candidate(
        action=Action.FLAG,
        subject=origin.subject if origin else "flagged answer",
        relation=RELATION,
        qualifiers=origin.qualifiers if origin else {},
        object_new=wrong.note.strip(),
        object_old=wrong.answer or None,
        object_old_origin=ObjectOrigin.LIVE_MEMORY if origin else ObjectOrigin.BASE_MODEL,
        question=wrong.question.strip(),
        evidence=evidence,
        change_kind=ChangeKind.FLAGGED,
        risk=Risk.HIGH,
        flags=tuple(lines),
        extractor=f"flag:{actor}",
        withdraws=wrong.edit_id,
    )
