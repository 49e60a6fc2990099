"""Drift: the answers of live today against those on record: a changed engine is found though nothing was promoted.

A reference is what one engine answered when it was taken up: for each question of a sample what was put in front of
it and what the model said. Base weights never change, so an answer to the same question with the same thing in front
can differ only where the engine does: another base model, number format, library, or a damaged file. New releases add
to the reference; another engine takes its place only where a person made it live, or accepts it with a reason.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, insert, select

from editor_engine.edit import Answer
from editor_engine.probes import Probe
from workflow.change_control.environment import Environment, environment_of
from workflow.change_control.probe_sets import candidates_of, portfolio_probes
from workflow.change_control.question_sets import folded, read_question_sets
from workflow.change_control.release import LiveState
from workflow.ledger.control_tables import answer_references, live_checks, reference_answers
from workflow.records import Record

if TYPE_CHECKING:
    from workflow.ledger.ledger import Transaction
    from workflow.workbench import Workbench

_MOST_SHOWN = 20
_BY_PROGRAM = "initial"
"""Cause of a release that no person made: the first one, or one without edits for another engine."""


class DriftMove(Record):
    """One question whose answer, or what is put in front of it, is not what is on record."""

    question: str
    kind: str
    then: str
    now: str
    edit_then: str | None
    edit_now: str | None


class DriftReport(Record):
    """What a comparison with the answers on record found."""

    reference_id: int | None
    """None where this comparison took the first reference."""
    asked: int
    compared: int
    """The others were asked for the first time with what is in front of them now."""
    moved: int
    moves: tuple[DriftMove, ...]
    """The first of them."""
    differences: tuple[str, ...]
    """What the engine consists of now that it did not then."""
    drifted: bool

    @property
    def line(self) -> str:
        """The finding in one line."""
        changed = f"; changed since: {', '.join(self.differences)}" if self.differences else ""
        if self.drifted:
            first = f", first {self.moves[0].question!r}" if self.moves else ""
            return f"drift: {self.moved} of {self.compared} answers on record are others now{first}{changed}"
        if self.reference_id is None:
            return f"drift: none known; {self.asked} answers taken as reference"
        return f"drift: none; {self.compared} answers as on record{changed}"


@dataclass(frozen=True)
class Reference:
    """The newest reference: its number and the engine that it was taken from."""

    reference_id: int
    environment: Environment


def compare_with_record(bench: Workbench) -> DriftReport:
    """Ask the sample, compare with what is on record, and add what is new where nothing drifted."""
    probes = sample(bench)
    model, live = bench.gated_model, bench.live
    answers = model.answer([probe.question for probe in probes], max_new_tokens=bench.max_new_tokens)
    now = environment_of(model, max_new_tokens=bench.max_new_tokens)
    with bench.ledger.read() as connection:
        reference = read_reference(connection)
        known = _Known.read(connection, reference, live.digest)
    if reference is None or _was_made_live_by_a_person(live, reference, now):
        take_reference(bench, probes, answers, now, actor="medrek-flow", reason=f"release {live.release_id}")
        return _report(None, probes, (), 0, ())
    moves = tuple(
        move for probe, answer in zip(probes, answers, strict=True) if (move := known.move(probe, answer)) is not None
    )
    compared = sum(1 for probe, answer in zip(probes, answers, strict=True) if known.has(probe, answer))
    differences = reference.environment.differences(now)
    report = _report(reference, probes, moves, compared, differences, other=reference.environment.is_other_engine(now))
    if not report.drifted:
        fresh = [pair for pair in zip(probes, answers, strict=True) if not known.is_of_release(pair[0])]
        _extend(bench, reference, fresh)
    return report


def _extend(bench: Workbench, reference: Reference, fresh: Sequence[tuple[Probe, Answer]]) -> None:
    """Add what this release is asked for the first time."""
    if not fresh:
        return
    with bench.ledger.write() as transaction:
        _add(transaction, reference.reference_id, bench.live.digest, fresh)
        transaction.audit(
            "reference.extended",
            f"release:{bench.live.release_id}",
            {"reference": reference.reference_id, "answers": len(fresh)},
            actor="medrek-flow",
        )


def remember(bench: Workbench) -> None:
    """Put on record what a release that just went live answers, so that later checks have something to compare with."""
    bench.refresh()
    compare_with_record(bench)


def sample(bench: Workbench) -> tuple[Probe, ...]:
    """The questions that are compared: all pinned ones, then edits in force, then the clinical set; always the same."""
    sets = read_question_sets(bench.site)
    with bench.ledger.read() as connection:
        candidates = candidates_of(connection, list(bench.edits))
    portfolio = portfolio_probes(bench.edits.values(), candidates)
    most = bench.site.settings.gate.drift_questions
    chosen = [*sets.pinned, *_spread(portfolio, most // 2), *_spread(sets.faq, most)]
    once = {folded(probe.question): probe for probe in reversed(chosen)}
    ordered = [probe for probe in chosen if once[folded(probe.question)] is probe]
    return tuple(ordered[: max(most, len(sets.pinned))])


def _spread(probes: Iterable[Probe], most: int) -> list[Probe]:
    """A part that stays the same while the list grows: those whose text's digest comes first."""
    return sorted(probes, key=lambda probe: _question_sha256(probe.question))[:most]


def take_reference(
    bench: Workbench,
    probes: Sequence[Probe],
    answers: Sequence[Answer],
    environment: Environment,
    *,
    actor: str,
    reason: str,
) -> int:
    """Write a new reference, in force from now on, with its audit row; return its number."""
    with bench.ledger.write() as transaction:
        row = transaction.execute(
            insert(answer_references).values(
                taken_at=transaction.now,
                release_id=bench.live.release_id,
                environment=environment.model_dump_json(),
                actor=actor,
                reason=reason,
            )
        )
        key = row.inserted_primary_key
        reference_id = int(key[0]) if key is not None else 0
        _add(transaction, reference_id, bench.live.digest, list(zip(probes, answers, strict=True)))
        transaction.audit(
            "reference.taken",
            f"release:{bench.live.release_id}",
            {
                "reference": reference_id,
                "answers": len(probes),
                "base_model_digest": environment.base_model_digest,
                "dtype": environment.dtype,
                "libraries": environment.libraries,
                "reason": reason,
            },
            actor=actor,
        )
    return reference_id


def accept(bench: Workbench, *, actor: str, reason: str) -> int:
    """Take what live answers now as the measure of later answers: a person's act, with a reason."""
    probes = sample(bench)
    answers = bench.gated_model.answer([probe.question for probe in probes], max_new_tokens=bench.max_new_tokens)
    now = environment_of(bench.gated_model, max_new_tokens=bench.max_new_tokens)
    return take_reference(bench, probes, answers, now, actor=actor, reason=reason)


def read_reference(connection: Connection) -> Reference | None:
    """Read the newest reference; None before the first."""
    columns = answer_references.c
    query = select(columns.reference_id, columns.environment).order_by(columns.reference_id.desc()).limit(1)
    row = connection.execute(query).first()
    return None if row is None else Reference(row.reference_id, Environment.model_validate_json(row.environment))


def standing_drift(connection: Connection) -> str | None:
    """The newest check's line where it found drift; None where it did not, or where none was run."""
    columns = live_checks.c
    query = select(columns.check_id, columns.checked_at, columns.body).order_by(columns.check_id.desc()).limit(1)
    row = connection.execute(query).first()
    body = json.loads(row.body) if row is not None else {}
    drift = body.get("drift")
    if row is None or not drift or not drift["drifted"]:
        return None
    return f"check {row.check_id} of {row.checked_at}: {DriftReport.model_validate(drift).line}"


def _was_made_live_by_a_person(live: LiveState, reference: Reference, now: Environment) -> bool:
    """Whether a release that people made live (a promotion, a rebase) brought this other engine with it."""
    then = reference.environment
    brought = (live.base_model_digest, live.encoder_digest, live.thresholds)
    is_lives = brought == (now.base_model_digest, now.encoder_digest, now.thresholds)
    is_new = brought != (then.base_model_digest, then.encoder_digest, then.thresholds)
    return is_lives and is_new and live.cause != _BY_PROGRAM and then.dtype == now.dtype


def _report(
    reference: Reference | None,
    probes: Sequence[Probe],
    moves: Sequence[DriftMove],
    compared: int,
    differences: tuple[str, ...],
    *,
    other: bool = False,
) -> DriftReport:
    return DriftReport(
        reference_id=reference.reference_id if reference else None,
        asked=len(probes),
        compared=compared,
        moved=len(moves),
        moves=tuple(moves[:_MOST_SHOWN]),
        differences=differences,
        drifted=bool(moves) or other,
    )


@dataclass(frozen=True)
class _Known:
    """What is on record: for this release by question, for the reference by question and what is in front of it."""

    of_release: dict[str, tuple[str, str, str | None]]
    of_triple: dict[tuple[str, str], str]

    @classmethod
    def read(cls, connection: Connection, reference: Reference | None, release_digest: str) -> _Known:
        if reference is None:
            return cls({}, {})
        columns = reference_answers.c
        rows = connection.execute(
            select(reference_answers).where(columns.reference_id == reference.reference_id).order_by(columns.taken_at)
        ).all()
        return cls(
            {
                row.question_sha256: (row.triple_sha256, row.answer, row.edit_id)
                for row in rows
                if row.release_digest == release_digest
            },
            {(row.question_sha256, row.triple_sha256): row.answer for row in rows},
        )

    def is_of_release(self, probe: Probe) -> bool:
        return _question_sha256(probe.question) in self.of_release

    def has(self, probe: Probe, answer: Answer) -> bool:
        return self.is_of_release(probe) or _key(answer) in self.of_triple

    def move(self, probe: Probe, answer: Answer) -> DriftMove | None:
        """The move of a question, if it moved."""
        question, triple = _key(answer)
        then = self.of_release.get(question)
        if then is None:
            before = self.of_triple.get((question, triple))
            if before is None or before == answer.text:
                return None
            then = (triple, before, answer.firing.edit_id)
        if then[:2] == (triple, answer.text):
            return None
        return DriftMove(
            question=probe.question,
            kind=probe.kind,
            then=then[1],
            now=answer.text,
            edit_then=then[2],
            edit_now=answer.firing.edit_id,
        )


def _key(answer: Answer) -> tuple[str, str]:
    triple = json.dumps(answer.firing.triple)
    return _question_sha256(answer.question), hashlib.sha256(triple.encode()).hexdigest()


def _question_sha256(question: str) -> str:
    return hashlib.sha256(question.encode()).hexdigest()


def _add(
    transaction: Transaction, reference_id: int, release_digest: str, pairs: Sequence[tuple[Probe, Answer]]
) -> None:
    rows = {}
    for probe, answer in pairs:
        question, triple = _key(answer)
        rows[question] = {
            "reference_id": reference_id,
            "release_digest": release_digest,
            "question_sha256": question,
            "kind": str(probe.kind),
            "question": probe.question,
            "edit_id": answer.firing.edit_id,
            "triple_sha256": triple,
            "answer": answer.text,
            "taken_at": transaction.now,
        }
    if rows:
        transaction.execute(insert(reference_answers), list(rows.values()))
