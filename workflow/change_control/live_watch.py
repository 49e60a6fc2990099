"""Watching what is live over time: each check's numbers kept as a trend, with what drifted since the answers on record.

Owns ``live_checks``. A check never changes what is served: it is recorded, told, and left to people.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, insert, select

from workflow.change_control.drift import DriftReport, compare_with_record
from workflow.change_control.environment import Environment, environment_of
from workflow.change_control.gate_record import keep_record, named_apart
from workflow.change_control.gate_report import GateReport
from workflow.change_control.live_check import judge_live, nothing_in_force
from workflow.change_control.release import set_check_state
from workflow.ledger import tables
from workflow.ledger.control_tables import live_checks
from workflow.records import GateVerdict, Record

if TYPE_CHECKING:
    from workflow.change_control.gate_step import Judged
    from workflow.ledger.ledger import Transaction
    from workflow.workbench import Workbench

ACTOR = "medrek-flow"
DRIFT = "drift"
"""Verdict of a check whose gate passed, while answers on record are others now."""

Progress = Callable[[str, int, int], None]


class CheckCount(Record):
    """One check of the gate in the trend."""

    name: str
    verdict: str
    asked: int
    failed: int


class LiveCheck(Record):
    """One check of what was live: what was asked, what moved, on which engine."""

    cause: str
    """``asked`` by a person, ``nightly``, or ``rollback``."""
    release_id: int
    release_digest: str
    verdict: str
    """``pass``, ``refuse``, ``hold`` or ``drift``."""
    checks: tuple[CheckCount, ...]
    failing_edits: int
    drift: DriftReport | None
    """None where the gate ended early and nothing was compared."""
    environment: Environment
    gate_id: str
    seconds: float
    trouble: str = ""

    @property
    def asked(self) -> int:
        """Questions of all checks that are questions."""
        return sum(check.asked for check in self.checks if check.name not in ("conflicts", "undo"))

    @property
    def failed(self) -> int:
        """How many of them came out wrong."""
        return sum(check.failed for check in self.checks if check.name not in ("conflicts", "undo"))


@dataclass(frozen=True)
class RecordedCheck:
    """A check as the ledger has it."""

    check_id: int
    checked_at: str
    check: LiveCheck


def watch_live(bench: Workbench, *, cause: str, progress: Progress | None = None) -> tuple[RecordedCheck, GateReport]:
    """Check what is live against the bare model and against the answers on record, and record both.

    Raises:
        SettingsError: limits that can never be met, or a question file that cannot be used.
    """
    started = time.perf_counter()
    bench.refresh()
    judged = judge_live(bench, progress)
    report = judged.report if judged is not None else nothing_in_force(bench)
    drift = None if report.trouble else compare_with_record(bench)
    with bench.ledger.write() as transaction:
        report = _keep_gate(transaction, judged, report)
        check = _check(bench, report, drift, cause, round(time.perf_counter() - started, 3))
        recorded = _keep_check(transaction, check)
    if not report.trouble:
        _set_release(bench, report)
    bench.refresh()
    return recorded, report


def _keep_gate(transaction: Transaction, judged: Judged | None, report: GateReport) -> GateReport:
    """Record the gate as those of batches are, without a batch."""
    report = named_apart(transaction.connection, report)
    if judged is not None and judged.record is not None:
        keep_record(transaction, report.gate_id, judged.record, judged.inputs)
    transaction.execute(
        insert(tables.gates).values(
            gate_id=report.gate_id,
            batch_id=None,
            release_id=report.base_release_id,
            verdict=report.verdict,
            started_at=transaction.now,
            finished_at=transaction.now,
            inputs_sha256=report.inputs_sha256,
            report=report.model_dump_json(),
        )
    )
    return report


def _check(bench: Workbench, report: GateReport, drift: DriftReport | None, cause: str, seconds: float) -> LiveCheck:
    is_clean = report.verdict is GateVerdict.PASS and not report.ejected
    verdict = str(report.verdict) if report.verdict is not GateVerdict.PASS else str(GateVerdict.REFUSE)
    if is_clean:
        verdict = DRIFT if drift is not None and drift.drifted else str(GateVerdict.PASS)
    return LiveCheck(
        cause=cause,
        release_id=bench.live.release_id,
        release_digest=bench.live.digest,
        verdict=verdict,
        checks=tuple(
            CheckCount(name=check.name, verdict=check.verdict, asked=check.asked, failed=check.failed)
            for check in report.checks
        ),
        failing_edits=len(report.ejected),
        drift=drift,
        environment=environment_of(bench.gated_model, max_new_tokens=bench.max_new_tokens),
        gate_id=report.gate_id,
        seconds=seconds,
        trouble=report.trouble,
    )


def _keep_check(transaction: Transaction, check: LiveCheck) -> RecordedCheck:
    row = transaction.execute(
        insert(live_checks).values(
            checked_at=transaction.now,
            release_id=check.release_id,
            verdict=check.verdict,
            gate_id=check.gate_id,
            seconds=check.seconds,
            body=check.model_dump_json(),
        )
    )
    key = row.inserted_primary_key
    check_id = int(key[0]) if key is not None else 0
    moved = check.drift.moved if check.drift is not None else None
    transaction.audit(
        "live.checked",
        f"release:{check.release_id}",
        {"check": check_id, "verdict": check.verdict, "gate": check.gate_id, "failed": check.failed, "drifted": moved},
        actor=ACTOR,
    )
    return RecordedCheck(check_id, transaction.now, check)


def _set_release(bench: Workbench, report: GateReport) -> None:
    passed = report.verdict is GateVerdict.PASS and not report.ejected
    set_check_state(
        bench.ledger,
        bench.live.release_id,
        "passed" if passed else "failed",
        actor=ACTOR,
        detail={"verdict": report.verdict, "failures": len(report.failures) + len(report.ejected)},
    )


def read_trend(connection: Connection, *, most: int = 60) -> tuple[RecordedCheck, ...]:
    """Read the newest checks, oldest first; their order is that in which they were made, whatever the clock said."""
    columns = live_checks.c
    query = select(columns.check_id, columns.checked_at, columns.body).order_by(columns.check_id.desc()).limit(most)
    rows = connection.execute(query).all()
    return tuple(
        RecordedCheck(row.check_id, row.checked_at, LiveCheck.model_validate_json(row.body)) for row in reversed(rows)
    )


def last_check_line(connection: Connection) -> str:
    """The newest check in one line; empty where live was not checked yet."""
    newest = read_trend(connection, most=1)
    if not newest:
        return ""
    one = newest[0]
    drift = f"; {one.check.drift.line}" if one.check.drift is not None and one.check.drift.drifted else ""
    return f"check {one.check_id} of release {one.check.release_id}, {one.checked_at}: {one.check.verdict}{drift}"


def is_due(connection: Connection, today: str) -> bool:
    """Whether no nightly check was made on this day (``2026-11-20``) yet."""
    columns = live_checks.c
    query = select(columns.body).where(columns.checked_at >= today)
    return not any(
        LiveCheck.model_validate_json(body).cause == "nightly" for body in connection.execute(query).scalars()
    )
