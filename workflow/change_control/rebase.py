"""Rebase: everything in force encoded anew for another base model or checkpoint, on a copy, gated whole.

Live is left untouched whatever comes out: what is written is a shard beside the others, a report, and an audit row.
Which carrier each edit gets is measured again, and the whole memory goes through the gate against the bare new model.
A run that was killed goes on where it stopped: what was measured is on disk, edit by edit.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert

from editor_engine.edit import Carrier, Edit
from editor_engine.metrics import takes
from workflow.change_control.gate import run_gate
from workflow.change_control.gate_inputs import inputs_for
from workflow.change_control.gate_report import GateReport
from workflow.change_control.probe_sets import candidates_of
from workflow.change_control.question_sets import require_passable
from workflow.change_control.rebase_notes import Measured, Notes
from workflow.change_control.release import EngineIdentity, LiveState, ReleasedEdit, digest_of
from workflow.change_control.roles import RebaseState
from workflow.engine_seam import edit_from_json, make_trial
from workflow.errors import IllegalTransitionError
from workflow.ledger import tables
from workflow.ledger.control_tables import rebases
from workflow.records import Candidate, Record
from workflow.rehearsal_records import CarrierTrial

if TYPE_CHECKING:
    from editor_engine import EditedModel, Editor, Memory, MemoryRow
    from editor_engine.carriers import CarrierChoice
    from workflow.ledger.ledger import Ledger, Transaction
    from workflow.site import Site

Progress = Callable[[str, int, int], None]
_AT_ONCE = 8


class RebasedEdit(Record):
    """One edit in force, before and after."""

    edit_id: str
    batch_id: str
    subject: str
    relation: str
    object_new: str
    carrier_before: str
    carrier: str
    value_sha256: str
    row_sha256: str
    shadowed: bool
    """A newer edit of the same functional key answers in its place."""
    takes: bool
    """With the whole memory in place: it fires, and question and every paraphrase say the new object."""
    questions: tuple[str, ...]
    answers_before: tuple[str, ...]
    answers: tuple[str, ...]
    trials: tuple[CarrierTrial, ...]

    @property
    def carrier_changed(self) -> bool:
        """Whether it enters the model in another way."""
        return self.carrier != self.carrier_before

    @property
    def answers_changed(self) -> bool:
        """Whether a question of it is answered in other words."""
        return self.answers != self.answers_before


class RebaseReport(Record):
    """What a rebase found, and the release that it would make."""

    rebase_id: str
    dry_run: bool
    live_release_id: int
    base_model: str
    base_model_digest: str
    encoder_digest: str
    thresholds: str
    digest: str
    """Digest of the memory that such a release would name."""
    shard_path: str | None
    shard_sha256: str | None
    """None on a dry run."""
    edits: tuple[RebasedEdit, ...]
    gate: GateReport

    @property
    def no_longer_take(self) -> tuple[RebasedEdit, ...]:
        """Edits that answer now and would not."""
        return tuple(edit for edit in self.edits if not edit.takes and not edit.shadowed)

    @property
    def to_sign(self) -> tuple[RebasedEdit, ...]:
        """Edits whose carrier or answers change: what a release manager signs."""
        return tuple(edit for edit in self.edits if edit.carrier_changed or edit.answers_changed)


@dataclass(frozen=True)
class Before:
    """What is in force, read from live before the other model is loaded."""

    live: LiveState
    edits: tuple[ReleasedEdit, ...]
    bodies: Mapping[str, Edit]
    candidates: Mapping[str, Candidate]
    memory: Memory
    answers: Mapping[str, tuple[str, ...]]


def read_before(
    ledger: Ledger, live: LiveState, model: EditedModel, edits: Sequence[ReleasedEdit], *, tokens: int
) -> Before:
    """Read everything in force, and ask live each edit's questions."""
    ids = [edit.edit_id for edit in edits]
    query = select(tables.edits.c.edit_id, tables.edits.c.body).where(tables.edits.c.edit_id.in_(ids))
    with ledger.read() as connection:
        candidates = candidates_of(connection, ids)
        bodies = {edit_id: edit_from_json(body) for edit_id, body in connection.execute(query.order_by("edit_id"))}
    answers = _answers(model, _questions(bodies), tokens)
    return Before(live, tuple(edits), bodies, candidates, model.memory, answers)


def _questions(bodies: Mapping[str, Edit]) -> dict[str, tuple[str, ...]]:
    return {edit_id: (body.question, *body.paraphrases) for edit_id, body in bodies.items()}


def _answers(model: EditedModel, asked: Mapping[str, tuple[str, ...]], tokens: int) -> dict[str, tuple[str, ...]]:
    questions = [text for texts in asked.values() for text in texts]
    said = iter([answer.text for answer in model.answer(questions, max_new_tokens=tokens)])
    return {edit_id: tuple(next(said) for _ in texts) for edit_id, texts in asked.items()}


def rebase(
    site: Site,
    ledger: Ledger,
    before: Before,
    editor: Editor,
    *,
    actor: str,
    dry_run: bool,
    progress: Progress | None = None,
) -> RebaseReport:
    """Encode everything in force for ``editor``'s model and checkpoint, gate it whole, and tell what changes.

    Args:
        before: what is in force.
        dry_run: write nothing at all; otherwise shard, report and audit row.

    Raises:
        IllegalTransitionError: live fits that model and editor already.
    """
    from editor_engine import Memory

    identity = EngineIdentity(editor.base.digest, editor.encoder.digest, editor.model().thresholds.to_json())
    if identity == before.live.identity:
        raise IllegalTransitionError(
            f"rebase: release {before.live.release_id} fits this base model and editor already; nothing to do"
        )
    rebase_id = _id_of(before.live, identity, site)
    notes = Notes(None if dry_run else site.reports_folder / f"{rebase_id}.partial.jsonl", site.memory_folder)
    measured = _measure(site, before, editor, notes, progress)
    rebased = Memory(tuple(one.row for one in measured.values()))
    name, sha256 = (None, None) if dry_run else _write(site, rebase_id, rebased.rows)
    trials = {edit_id: one.trials for edit_id, one in measured.items()}
    report = RebaseReport(
        rebase_id=rebase_id,
        dry_run=dry_run,
        live_release_id=before.live.release_id,
        base_model=editor.base.name,
        base_model_digest=identity.base_model_digest,
        encoder_digest=identity.encoder_digest,
        thresholds=identity.thresholds,
        digest=digest_of(identity, tuple(row.digest for row in rebased)),
        shard_path=name,
        shard_sha256=sha256,
        edits=_compare(before, rebased, trials, editor, site.settings.model.max_new_tokens),
        gate=_gate(site, before, rebased, editor, rebase_id, progress),
    )
    if not dry_run:
        _record(site, ledger, report, actor)
        notes.forget()
    return report


def _id_of(live: LiveState, identity: EngineIdentity, site: Site) -> str:
    allowed = ",".join(site.settings.model.carriers)
    parts = [
        str(live.release_id),
        live.digest,
        identity.base_model_digest,
        identity.encoder_digest,
        identity.thresholds,
        allowed,
    ]
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    return f"rebase-{digest[:10]}"


def _measure(
    site: Site, before: Before, editor: Editor, notes: Notes, progress: Progress | None
) -> dict[str, Measured]:
    """Each edit's row and trials; what an earlier run wrote down is taken up."""
    from editor_engine.carriers import CarrierSettings, choose_carriers

    sequences = {row.edit_id: row.sequence for row in before.memory}
    found = notes.read(editor, before.bodies, sequences)
    left = [edit.edit_id for edit in before.edits if edit.edit_id not in found]
    settings = CarrierSettings(
        allowed=tuple(Carrier(name) for name in site.settings.model.carriers),
        max_new_tokens=site.settings.model.max_new_tokens,
    )
    for start in range(0, len(left), _AT_ONCE):
        if progress is not None:
            progress("rebase", len(found), len(before.edits))
        some = left[start : start + _AT_ONCE]
        choices = choose_carriers(
            [before.bodies[edit_id] for edit_id in some],
            editor,
            near_misses={one: [near.question for near in before.candidates[one].near_misses] for one in some},
            settings=settings,
        )
        for edit_id, choice in zip(some, choices, strict=True):
            found[edit_id] = _kept(choice, sequences[edit_id])
            notes.add(found[edit_id])
    return {edit.edit_id: found[edit.edit_id] for edit in before.edits}


def _kept(choice: CarrierChoice, sequence: int) -> Measured:
    return Measured(replace(choice.row, sequence=sequence), tuple(make_trial(measure) for measure in choice.measures))


def _write(site: Site, rebase_id: str, rows: Sequence[MemoryRow]) -> tuple[str, str]:
    """The shard of the whole memory, written and read back; its name and sha256."""
    from editor_engine.memory_store import write_shard

    name = f"{rebase_id}.safetensors"
    return name, write_shard(rows, site.memory_folder / name)


def _gate(
    site: Site, before: Before, rebased: Memory, editor: Editor, rebase_id: str, progress: Progress | None
) -> GateReport:
    """The whole memory against the bare model, as ``check`` judges what is live."""
    answering = [edit_id for edit_id in before.bodies if edit_id not in rebased.shadowed]
    inputs = inputs_for(
        site,
        batch_id=rebase_id,
        live_release_id=before.live.release_id,
        edits=[before.bodies[edit_id] for edit_id in answering],
        candidates={edit_id: before.candidates[edit_id] for edit_id in answering},
        sets=require_passable(site),
    )
    rows = {edit_id: rebased.row(edit_id) for edit_id in answering}
    return run_gate(inputs, editor.model(), rows, reread=lambda: rows, progress=progress)


def _compare(
    before: Before, rebased: Memory, trials: Mapping[str, tuple[CarrierTrial, ...]], editor: Editor, tokens: int
) -> tuple[RebasedEdit, ...]:
    """Ask the whole rebased memory each edit's questions."""
    answers = _answers(editor.model(rebased), _questions(before.bodies), tokens)
    return tuple(
        RebasedEdit(
            edit_id=edit.edit_id,
            batch_id=edit.batch_id,
            subject=edit.subject,
            relation=edit.relation,
            object_new=edit.object_new,
            carrier_before=before.memory.row(edit.edit_id).carrier,
            carrier=rebased.row(edit.edit_id).carrier,
            value_sha256=rebased.row(edit.edit_id).value_sha256,
            row_sha256=rebased.row(edit.edit_id).digest,
            shadowed=edit.edit_id in rebased.shadowed,
            takes=all(_takes(before.bodies[edit.edit_id], text) for text in answers[edit.edit_id]),
            questions=_questions(before.bodies)[edit.edit_id],
            answers_before=before.answers[edit.edit_id],
            answers=answers[edit.edit_id],
            trials=trials[edit.edit_id],
        )
        for edit in before.edits
    )


def _takes(edit: Edit, said: str) -> bool:
    return takes(said, edit.object_new, edit.object_old, edit.must_not_assert)


def _record(site: Site, ledger: Ledger, report: RebaseReport, actor: str) -> None:
    """The report on disk, and in the audit chain what it says and that live was left alone."""
    path = site.reports_folder / f"{report.rebase_id}.json"
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    body = report.model_dump_json(indent=2).encode()
    temporary.write_bytes(body)
    temporary.replace(path)
    with ledger.write() as transaction:
        _keep(transaction, report, body.decode(), actor)
        transaction.audit(
            "rebase.prepared",
            f"release:{report.live_release_id}",
            {
                "rebase": report.rebase_id,
                "base_model_digest": report.base_model_digest,
                "encoder_digest": report.encoder_digest,
                "digest": report.digest,
                "shard_sha256": report.shard_sha256,
                "report_sha256": hashlib.sha256(body).hexdigest(),
                "gate": report.gate.verdict,
                "edits": len(report.edits),
                "no_longer_take": [edit.edit_id for edit in report.no_longer_take],
            },
            actor=actor,
        )


def _keep(transaction: Transaction, report: RebaseReport, body: str, actor: str) -> None:
    """Keep the report for whoever promotes it; a rebase that was prepared again takes its own place."""
    values = {
        "state": RebaseState.PREPARED.value,
        "live_release_id": report.live_release_id,
        "prepared_at": transaction.now,
        "prepared_by": actor,
        "report_sha256": hashlib.sha256(body.encode()).hexdigest(),
        "report": body,
        "release_id": None,
    }
    statement = insert(rebases).values(rebase_id=report.rebase_id, **values)
    transaction.execute(statement.on_conflict_do_update(index_elements=["rebase_id"], set_=values))
