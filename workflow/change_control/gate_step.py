"""One gate over site and ledger: inputs gathered, judged with a heartbeat, and made ready to be recorded.

What ends a gate before its verdict (a lost GPU, a base model's server that is gone, memory that ran out) holds the
batch with one line; live is not touched by any of it. Damage of a shard is no such case: it is raised.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from editor_engine.edit import Edit
from editor_engine.errors import EngineError, MemoryDamagedError
from workflow.change_control.drift import standing_drift
from workflow.change_control.environment import environment_of
from workflow.change_control.gate import interrupted, run_gate_on_record
from workflow.change_control.gate_inputs import GateInputs, inputs_for
from workflow.change_control.gate_progress import Progress, heartbeat
from workflow.change_control.gate_record import GateRecord, keep_record, named_apart, record_of
from workflow.change_control.gate_report import GateReport
from workflow.change_control.probe_sets import candidates_of
from workflow.change_control.question_sets import require_passable
from workflow.change_control.release import release_edits

if TYPE_CHECKING:
    from editor_engine import EditedModel, MemoryRow
    from workflow.ledger.ledger import Transaction
    from workflow.workbench import Workbench

_LONGEST = 160
_log = logging.getLogger(__name__)

Rows = Mapping[str, "MemoryRow"]


@dataclass(frozen=True)
class Judged:
    """A gate's report, and what is stored beside it; no record where it was interrupted."""

    report: GateReport
    inputs: GateInputs
    record: GateRecord | None

    def keep(self, transaction: Transaction) -> GateReport:
        """Store the record under an id of its own, and give the report that names it."""
        report = named_apart(transaction.connection, self.report)
        if self.record is not None:
            keep_record(transaction, report.gate_id, self.record, self.inputs)
        return report


def judge_batch(
    bench: Workbench,
    batch_id: str,
    edits: Sequence[Edit],
    read_rows: Callable[[], Rows],
    progress: Progress | None = None,
) -> Judged:
    """Judge a staged batch against what is live now.

    Args:
        edits: the batch's edits that were not ejected.
        read_rows: reads the batch's rows from its shard, verified.

    Raises:
        SettingsError: limits that can never be met, or a question file that cannot be used.
        MemoryDamagedError: the shard is not what was staged.
    """
    sets = require_passable(bench.site)
    bench.refresh()
    with bench.ledger.read() as connection:
        in_force = release_edits(connection, bench.live.release_id)
        ids = [edit.edit_id for edit in edits] + [edit.edit_id for edit in in_force]
        inputs = inputs_for(
            bench.site,
            batch_id=batch_id,
            live_release_id=bench.live.release_id,
            edits=edits,
            candidates=candidates_of(connection, ids),
            in_force=in_force,
            sets=sets,
        )
        drifted = _drift_before(connection, bench)
    return judge(bench, inputs, bench.gated_model, read_rows, f"batch:{batch_id}", progress, hold=drifted)


def _drift_before(connection: Connection, bench: Workbench) -> str:
    drift = standing_drift(connection)
    if drift is None:
        return ""
    return (
        f"what is live drifted ({drift}); a batch judged on it would prove nothing: mend it, or accept it with "
        f"`medrek-flow check --accept REASON`; release {bench.live.release_id} stays live"
    )


def judge(
    bench: Workbench,
    inputs: GateInputs,
    live: EditedModel,
    read_rows: Callable[[], Rows],
    subject: str,
    progress: Progress | None,
    *,
    hold: str = "",
) -> Judged:
    """Run a gate with a heartbeat; what ends it early is a hold.

    Args:
        hold: why it is held without being run; empty runs it.
    """
    rows = read_rows()
    if hold:
        return Judged(interrupted(inputs, live, rows, hold), inputs, None)
    try:
        with heartbeat(bench.ledger, subject, progress) as beat:
            run = run_gate_on_record(inputs, live, rows, reread=read_rows, progress=beat)
    except MemoryDamagedError:
        raise
    except (EngineError, RuntimeError, MemoryError, OSError) as error:
        _log.error("gate interrupted", extra={"data": {"subject": subject, "error": type(error).__name__}})
        why = f"the gate ended before its verdict: {_said(error)}; release {inputs.live_release_id} stays live"
        return Judged(interrupted(inputs, live, rows, why), inputs, None)
    environment = environment_of(live, max_new_tokens=inputs.max_new_tokens)
    record = record_of(inputs, run, [rows[edit.edit_id] for edit in inputs.edits], environment)
    return Judged(run.report, inputs, record)


def _said(error: BaseException) -> str:
    """An error in one line of bounded length; torch says what happened in its first line."""
    lines = str(error).strip().splitlines()
    first = " ".join(lines[0].split()) if lines else ""
    return f"{type(error).__name__}: {first[:_LONGEST]}" if first else type(error).__name__
