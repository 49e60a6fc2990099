"""The impact note of a batch: what changes for whom, in numbers that a gate run found and nobody typed.

Made in the transaction that records a gate, from that gate's report and the rehearsals that were signed; kept with the
gate's id and its own hash. Without it nothing is promoted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, insert, select

from workflow.change_control.gate_report import GateReport
from workflow.change_control.release import read_live, release_edits
from workflow.errors import DamagedError
from workflow.ledger import tables
from workflow.ledger.control_tables import impact_notes
from workflow.ledger.ledger import Transaction
from workflow.records import Candidate, GateVerdict, Record, Risk
from workflow.rehearsal_records import Rehearsal

NOT_CLAIMED = (
    "The gate asked the questions that are counted here; it cannot ask all of them. Not a medical device: whether a "
    "fact is right was decided by those who signed it."
)


class AnswerChange(Record):
    """One question whose answer changes, as it was rehearsed and signed."""

    edit_id: str
    question: str
    old: str
    new: str


class CheckNumbers(Record):
    """What one check of the gate counted."""

    name: str
    verdict: str
    asked: int
    failed: int
    bound: float | None = None
    limit: float = 0.0


class ImpactNote(Record):
    """What a batch changes, and what is known to be uncertain."""

    batch_id: str
    gate_id: str
    release_id: int
    """The live release that it was compared with."""
    drugs: tuple[str, ...]
    edits: int
    answers: tuple[AnswerChange, ...]
    checks: tuple[CheckNumbers, ...]
    near_misses_asked: int
    near_misses_moved: int
    probes: int
    questions_run: int
    supersedes: tuple[str, ...]
    """Facts in force that will not answer any more."""
    ejected: tuple[str, ...]
    risks: tuple[str, ...]
    """What is known to be uncertain, a line each."""
    not_claimed: str = NOT_CLAIMED

    @property
    def sha256(self) -> str:
        """Digest of the note as it is kept."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


def make_note(connection: Connection, report: GateReport) -> ImpactNote:
    """Write the note of a gate from its report and from what is on record of the edits that it left in."""
    candidates = _candidates(connection, report.passed_edits)
    rehearsals = _rehearsals(connection, [one.candidate_id for one in candidates.values()])
    near = [check for check in report.checks if check.name == "near_misses"]
    superseded = _superseded(connection, candidates)
    return ImpactNote(
        batch_id=report.batch_id,
        gate_id=report.gate_id,
        release_id=report.base_release_id,
        drugs=tuple(sorted({candidate.subject for candidate in candidates.values()})),
        edits=len(candidates),
        answers=tuple(
            change
            for edit_id, candidate in candidates.items()
            for change in _answers(edit_id, candidate, rehearsals.get(candidate.candidate_id))
        ),
        checks=tuple(
            CheckNumbers(
                name=check.name,
                verdict=check.verdict,
                asked=check.asked,
                failed=check.failed,
                bound=check.bound,
                limit=check.limit,
            )
            for check in report.checks
        ),
        near_misses_asked=sum(check.asked for check in near),
        near_misses_moved=sum(check.failed for check in near),
        probes=report.probes,
        questions_run=report.questions_run,
        supersedes=superseded,
        ejected=tuple(f"{out.edit_id} ({out.subject}): {out.reason}" for out in report.ejected),
        risks=_risks(candidates, rehearsals, report, superseded),
    )


def _candidates(connection: Connection, edit_ids: Sequence[str]) -> dict[str, Candidate]:
    query = (
        select(tables.edits.c.edit_id, tables.candidates.c.body)
        .join(tables.candidates, tables.candidates.c.candidate_id == tables.edits.c.candidate_id)
        .where(tables.edits.c.edit_id.in_(edit_ids))
        .order_by(tables.edits.c.edit_id)
    )
    return {edit_id: Candidate.model_validate_json(body) for edit_id, body in connection.execute(query)}


def _rehearsals(connection: Connection, candidate_ids: Sequence[str]) -> dict[str, Rehearsal]:
    columns = tables.rehearsals.c
    query = (
        select(columns.candidate_id, columns.body)
        .where(columns.candidate_id.in_(candidate_ids))
        .order_by(columns.rehearsal_id)
    )
    return {name: Rehearsal.model_validate_json(body) for name, body in connection.execute(query)}


def _answers(edit_id: str, candidate: Candidate, rehearsal: Rehearsal | None) -> list[AnswerChange]:
    if rehearsal is None or not rehearsal.outcomes:
        return [
            AnswerChange(
                edit_id=edit_id,
                question=candidate.question,
                old=candidate.object_old or "",
                new=candidate.object_new,
            )
        ]
    return [
        AnswerChange(edit_id=edit_id, question=one.question, old=one.now, new=one.would_say)
        for one in rehearsal.outcomes
        if one.now != one.would_say
    ]


def _superseded(connection: Connection, candidates: Mapping[str, Candidate]) -> tuple[str, ...]:
    live = read_live(connection)
    keys = {candidate.functional_key for candidate in candidates.values()}
    in_force = release_edits(connection, live.release_id) if live and keys else ()
    return tuple(
        f"{edit.edit_id} ({edit.subject}): {edit.question} -> {edit.object_new}"
        for edit in in_force
        if edit.functional_key in keys
    )


def _risks(
    candidates: Mapping[str, Candidate],
    rehearsals: Mapping[str, Rehearsal],
    report: GateReport,
    superseded: Sequence[str],
) -> tuple[str, ...]:
    lines = [f"{len(superseded)} fact(s) in force stop answering"] if superseded else []
    high = sorted({candidate.subject for candidate in candidates.values() if candidate.risk is Risk.HIGH})
    if high:
        lines.append(f"high risk: {', '.join(high)}")
    for edit_id, candidate in candidates.items():
        lines += [f"{edit_id} ({candidate.subject}): {flag}" for flag in candidate.flags]
        rehearsal = rehearsals.get(candidate.candidate_id)
        if rehearsal is not None and rehearsal.moves:
            lines.append(f"{edit_id} ({candidate.subject}): {len(rehearsal.moves)} near misses moved when it was alone")
        if rehearsal is None:
            lines.append(f"{edit_id} ({candidate.subject}): no rehearsal is on record")
    for check in report.checks:
        if check.verdict is not GateVerdict.PASS:
            lines.append(f"check {check.name}: {check.verdict} ({check.detail or f'{check.failed} of {check.asked}'})")
        elif check.bound is not None:
            lines.append(f"check {check.name}: at most {check.bound:.1%} of such questions move ({check.asked} asked)")
    lines += [f"check {name}: did not run" for name in report.missing]
    return tuple(lines)


def keep_note(transaction: Transaction, note: ImpactNote) -> None:
    """Keep a note with its gate; the same gate's note is kept once."""
    known = transaction.execute(select(impact_notes.c.gate_id).where(impact_notes.c.gate_id == note.gate_id)).first()
    if known is not None:
        return
    body = note.model_dump_json()
    transaction.execute(
        insert(impact_notes).values(
            gate_id=note.gate_id,
            batch_id=note.batch_id,
            made_at=transaction.now,
            sha256=hashlib.sha256(body.encode()).hexdigest(),
            body=body,
        )
    )
    transaction.audit(
        "impact.noted", f"batch:{note.batch_id}", {"gate": note.gate_id, "sha256": note.sha256}, actor="medrek-flow"
    )


def read_note(connection: Connection, gate_id: str | None) -> ImpactNote | None:
    """Read the note of a gate; None where there is none.

    Raises:
        DamagedError: its text is not what its hash says.
    """
    row = connection.execute(select(impact_notes).where(impact_notes.c.gate_id == (gate_id or ""))).first()
    if row is None:
        return None
    got = hashlib.sha256(row.body.encode()).hexdigest()
    if got != row.sha256:
        raise DamagedError(
            f"impact note of gate {gate_id}: expected sha256 {row.sha256[:12]}, got {got[:12]}; restore a backup"
        )
    return ImpactNote.model_validate_json(row.body)
