"""The nightly look at what is live, apart from the intake: the gate's checks, drift, and the questions of the facts.

Once a day, by the worker; or when somebody asks for it. Needs the model, and takes the lease that all such work takes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from workflow.change_control.gate_report import GateReport
from workflow.change_control.live_watch import DRIFT, LiveCheck, RecordedCheck, is_due, watch_live
from workflow.change_control.nightly_questions import NightlyAnswers, ask_facts
from workflow.change_control.promotion import verify_live
from workflow.change_control.question_sets import require_passable
from workflow.change_control.release import read_live
from workflow.errors import ExitCode
from workflow.ledger.lease import lease
from workflow.night import LEASE_TTL_S, WORKER
from workflow.records import GateVerdict
from workflow.site import Site
from workflow.workbench import Bench

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class NightlyWatch:
    """What one look came to."""

    recorded: RecordedCheck
    report: GateReport
    facts: NightlyAnswers | None
    """None where the facts were not asked."""

    @property
    def exit_code(self) -> ExitCode:
        """13 where an edit in force does not hold, 14 where a person has to look, else 0."""
        return exit_code_of(self.recorded.check)

    @property
    def complaint(self) -> str:
        """What is wrong, in one line; empty where nothing is."""
        return complaint_of(self.recorded)


def exit_code_of(check: LiveCheck) -> ExitCode:
    """The exit code that a check of what is live asks for."""
    return {
        str(GateVerdict.PASS): ExitCode.DONE,
        str(GateVerdict.REFUSE): ExitCode.GATE_REFUSED,
        str(GateVerdict.HOLD): ExitCode.HELD,
        DRIFT: ExitCode.HELD,
    }[check.verdict]


def complaint_of(recorded: RecordedCheck) -> str:
    """What a check found wrong, in one line with the next step; empty where it passed."""
    check = recorded.check
    where = f"check {recorded.check_id} of release {check.release_id}"
    if check.trouble:
        return f"{where}: {check.trouble}; run `medrek-flow check` again"
    if check.drift is not None and check.drift.drifted:
        return (
            f"{where}: {check.drift.line}; set the engine back that it was taken with, or accept this one with "
            "`medrek-flow check --accept REASON`"
        )
    if check.verdict == GateVerdict.REFUSE:
        return (
            f"{where}: {check.failing_edits} edit(s) in force do not hold; see `medrek-flow check`, then roll them back"
        )
    if check.verdict == GateVerdict.HOLD:
        return f"{where}: undecided; see `medrek-flow check`"
    return ""


def watch_nightly(site: Site, *, progress: Progress | None = None, bench: Bench | None = None) -> NightlyWatch | None:
    """Look at what is live if nobody did today; None where it was done, or where nothing is live yet.

    Raises:
        BusyError: another process holds the worker's lease.
        SettingsError: limits that can never be met; live fits another engine than the settings name.
        DamagedError: a shard in force is not what was staged.
    """
    ledger = site.open_ledger()
    try:
        with ledger.read() as connection:
            if read_live(connection) is None or not is_due(connection, f"{ledger.clock():%Y-%m-%d}"):
                return None
    finally:
        ledger.close()
    return look_at_live(site, cause="nightly", ask=True, progress=progress, bench=bench)


def look_at_live(
    site: Site, *, cause: str, ask: bool, progress: Progress | None = None, bench: Bench | None = None
) -> NightlyWatch:
    """Check what is live now, whatever was done before; see ``watch_nightly``.

    Args:
        cause: ``nightly`` or ``asked``.
        ask: whether the facts are asked too.
    """
    require_passable(site)
    ledger = site.open_ledger()
    try:
        with lease(ledger, WORKER, ttl_s=LEASE_TTL_S):
            verify_live(ledger, site.memory_folder)
            workbench = (bench or Bench(site))()
            recorded, report = watch_live(workbench, cause=cause, progress=progress)
            return NightlyWatch(recorded, report, ask_facts(workbench, progress) if ask else None)
    finally:
        ledger.close()
