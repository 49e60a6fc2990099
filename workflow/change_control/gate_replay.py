"""A gate run again from its recorded inputs: is the verdict the same, and each probe's triple?

Reads the release, the batch's rows and the questions as they were then; live is not looked at, and nothing is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from editor_engine.probes import Probe, ProbeKind
from workflow.change_control.environment import environment_of
from workflow.change_control.gate import run_gate_on_record
from workflow.change_control.gate_inputs import GateInputs
from workflow.change_control.gate_progress import Progress
from workflow.change_control.gate_record import GateRecord, ProbeSeen, read_record, record_of, recorded_probes
from workflow.change_control.gate_report import GateReport
from workflow.change_control.live_check import LIVE, bare
from workflow.change_control.probe_sets import candidates_of
from workflow.change_control.release import LiveState, read_release, release_edits
from workflow.engine_seam import edit_from_json
from workflow.errors import DamagedError, SettingsError
from workflow.ledger import tables
from workflow.records import Record

if TYPE_CHECKING:
    from editor_engine import EditedModel, MemoryRow
    from workflow.workbench import Workbench

_MOST_SHOWN = 20


class ReplayMove(Record):
    """One probe that came out in another way."""

    probe_id: str
    what: str
    """What differs: ``triple before``, ``triple after``, ``answer before``, ``answer after``, ``takes``."""


class Replay(Record):
    """A gate, then and again."""

    gate_id: str
    verdict_then: str
    verdict_now: str
    same_inputs: bool
    """The digest over live memory, rows, questions and limits is the recorded one."""
    probes: int
    same_probes: bool
    """The same questions in the same order."""
    same_audit: bool
    """The same sample was audited."""
    different: int
    moves: tuple[ReplayMove, ...]
    """The first of them."""
    differences: tuple[str, ...]
    """What the engine consists of now that it did not then."""
    seconds: float

    @property
    def is_equal(self) -> bool:
        """Whether verdict and every probe came out the same."""
        same = self.same_inputs and self.same_probes and self.same_audit and not self.different
        return same and self.verdict_then == self.verdict_now


@dataclass(frozen=True)
class _Then:
    """What a gate worked on."""

    record: GateRecord
    report: GateReport
    release: LiveState
    inputs: GateInputs


def replay(bench: Workbench, gate_id: str, progress: Progress | None = None) -> Replay:
    """Run a recorded gate again and compare verdict and probes.

    Raises:
        UsageError: no such gate, or none with recorded inputs.
        SettingsError: its release fits another base model, encoder or thresholds than are loaded.
        DamagedError: rows or edits that it judged are not on record any more.
    """
    with bench.ledger.read() as connection:
        then = _read(connection, gate_id)
    live, rows = _models(bench, then)
    run = run_gate_on_record(then.inputs, live, rows, reread=lambda: rows, progress=progress)
    environment = environment_of(live, max_new_tokens=then.inputs.max_new_tokens)
    now = record_of(then.inputs, run, [rows[edit.edit_id] for edit in then.inputs.edits], environment)
    moves = tuple(_moves(then.record.seen, now.seen))
    return Replay(
        gate_id=gate_id,
        verdict_then=then.report.verdict,
        verdict_now=run.report.verdict,
        same_inputs=run.report.inputs_sha256 == then.report.inputs_sha256,
        probes=now.probes,
        same_probes=now.probes_digest == then.record.probes_digest,
        same_audit=now.audited == then.record.audited,
        different=len({move.probe_id for move in moves}),
        moves=moves[:_MOST_SHOWN],
        differences=then.record.environment.differences(environment),
        seconds=run.report.seconds,
    )


def _read(connection: Connection, gate_id: str) -> _Then:
    record = read_record(connection, gate_id)
    body = connection.execute(select(tables.gates.c.report).where(tables.gates.c.gate_id == gate_id)).scalar()
    release = read_release(connection, record.release_id)
    if body is None or release is None:
        raise DamagedError(
            f"gate {gate_id}: expected its report and release on record, got none; run medrek-flow doctor"
        )
    in_force = release_edits(connection, record.release_id)
    columns = tables.edits.c
    found = connection.execute(select(columns.edit_id, columns.body).where(columns.edit_id.in_(record.edit_ids))).all()
    bodies = {row.edit_id: edit_from_json(row.body) for row in found}
    asked = tuple(edit for edit in in_force if edit.edit_id in set(record.in_force))
    inputs = GateInputs(
        batch_id=record.batch_id,
        live_release_id=record.release_id,
        edits=tuple(bodies[edit_id] for edit_id in record.edit_ids),
        candidates=candidates_of(connection, [*record.edit_ids, *record.in_force]),
        in_force=asked,
        faq=recorded_probes(connection, record.faq_digest, Probe("", "", ProbeKind.FAQ)),
        faq_limit=record.faq_limit,
        audit_share=record.audit_share,
        confidence=record.confidence,
        max_new_tokens=record.max_new_tokens,
        pinned=recorded_probes(connection, record.pinned_digest, Probe("", "", ProbeKind.SAFETY)),
        audit_most=record.audit_most,
    )
    return _Then(record, GateReport.model_validate_json(body), release, inputs)


def _models(bench: Workbench, then: _Then) -> tuple[EditedModel, Mapping[str, MemoryRow]]:
    """The memory that the gate compared with, and the rows that it judged."""
    from workflow.workbench import load_memory

    with bench.ledger.read() as connection:
        in_force = release_edits(connection, then.release.release_id)
    model = bench.gated_model.with_memory(load_memory(bench.ledger, bench.site.memory_folder, in_force))
    if model.digest != then.release.digest:
        raise SettingsError(
            f"gate on release {then.release.release_id}: expected the engine that it fits (memory digest "
            f"{then.release.digest[:12]}), got {model.digest[:12]}; set that base model and editor in medrek-flow.toml"
        )
    if then.record.batch_id == LIVE:
        return bare(model), {edit_id: model.memory.row(edit_id) for edit_id in then.record.edit_ids}
    return model, _rows(bench, then.record)


def _rows(bench: Workbench, record: GateRecord) -> Mapping[str, MemoryRow]:
    from editor_engine.memory_store import read_shard
    from workflow.change_control.batches import read_batch

    with bench.ledger.read() as connection:
        batch = read_batch(connection, record.batch_id)
    found = read_shard(bench.site.memory_folder / str(batch.shard_path), str(batch.shard_sha256))
    rows = {row.edit_id: row for row in found}
    for edit_id, row_sha256 in zip(record.edit_ids, record.row_sha256s, strict=True):
        got = rows[edit_id].digest if edit_id in rows else "none"
        if got != row_sha256:
            raise DamagedError(
                f"edit {edit_id}: expected the row {row_sha256[:12]} that was judged, got {got[:12]}; restore the "
                f"shard of batch {record.batch_id} from a backup"
            )
    return rows


def _moves(then: tuple[ProbeSeen, ...], now: tuple[ProbeSeen, ...]) -> list[ReplayMove]:
    before, after = ({seen.probe_id: seen for seen in part} for part in (then, now))
    found = []
    for probe_id in dict.fromkeys([*before, *after]):
        one, other = before.get(probe_id), after.get(probe_id)
        if one is None or other is None:
            found.append(ReplayMove(probe_id=probe_id, what="triple after"))
            continue
        found += [
            ReplayMove(probe_id=probe_id, what=what)
            for what, was, is_now in (
                ("triple before", one.live, other.live),
                ("triple after", one.staged, other.staged),
                ("answer before", one.live_sha256, other.live_sha256),
                ("answer after", one.staged_sha256, other.staged_sha256),
                ("takes", one.takes, other.takes),
            )
            if was != is_now
        ]
    return found
