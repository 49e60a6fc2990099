"""What ``check`` does in each of its ways: a batch, live, a replay, the trend, the pinned set, an accepted engine."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from workflow.cli.output import Progress, emit_json, fields, note, say, table
from workflow.errors import ExitCode

if TYPE_CHECKING:
    from workflow.change_control.gate_replay import Replay
    from workflow.change_control.gate_report import GateReport
    from workflow.change_control.live_watch import RecordedCheck
    from workflow.nightly_watch import NightlyWatch
    from workflow.site import Site


def check_batch(site: Site, batch_id: str, progress: Progress) -> GateReport:
    """Send a batch through the gate, under the lease; give what it found."""
    from workflow.batch_steps import LedgerBatchSteps
    from workflow.change_control.batches import read_batch
    from workflow.change_control.ordering import order_check
    from workflow.change_control.question_sets import require_passable
    from workflow.cli.opening import acting_user
    from workflow.graphs import advance_batch
    from workflow.ledger.lease import lease
    from workflow.night import LEASE_TTL_S, WORKER, read_gate_summary
    from workflow.records import BatchState
    from workflow.workbench import Bench

    require_passable(site)
    ledger = site.open_ledger()
    try:
        with lease(ledger, WORKER, ttl_s=LEASE_TTL_S) as held:
            with ledger.read() as connection:
                state = read_batch(connection, batch_id).state
            if state in (BatchState.HELD, BatchState.PASSED):
                order_check(ledger, batch_id, actor=acting_user())
            steps = LedgerBatchSteps(site, ledger, Bench(site), guard=held.assert_held, progress=progress)
            advance_batch(site.checkpoints_path, batch_id, steps)
            return read_gate_summary(ledger, batch_id).report
    finally:
        ledger.close()


def check_live(site: Site, *, facts: bool, progress: Progress) -> NightlyWatch:
    """Check what is live, and what it says of the facts if asked to."""
    from workflow.nightly_watch import look_at_live

    return look_at_live(site, cause="asked", ask=facts, progress=progress)


def show_watch(seen: NightlyWatch) -> None:
    """Print what a check of live found beside its gate."""
    drift = seen.recorded.check.drift
    if drift is not None:
        say(f"\n{drift.line}", style="bold red" if drift.drifted else "")
        for move in drift.moves:
            say(f"  {move.question}\n    on record: {move.then}\n    now:       {move.now}")
    if seen.facts is not None:
        say(f"\n{seen.facts.asked} fact(s) asked, {len(seen.facts.wrong)} to look at", style="bold")
        for one in seen.facts.wrong:
            say(f"  {one.words}\n    says: {one.answer}")
        for candidate_id in seen.facts.reopened:
            say(f"  {candidate_id} needed no edit and is said no more: it goes back to its rehearsal")


def show_trend(site: Site, *, as_json: bool) -> None:
    """Show the checks of what was live, oldest first; loads no model."""
    from workflow.change_control.live_watch import read_trend
    from workflow.reports.sparkline import blocks_of

    ledger = site.open_ledger()
    try:
        with ledger.read() as connection:
            trend = read_trend(connection)
    finally:
        ledger.close()
    if as_json:
        body = [{"check_id": one.check_id, "checked_at": one.checked_at, **_dump(one)} for one in trend]
        emit_json("check-trend", {"checks": body})
        return
    rows = [
        (
            one.check_id,
            one.checked_at,
            one.check.cause,
            one.check.release_id,
            one.check.verdict,
            one.check.asked,
            one.check.failed,
            "" if one.check.drift is None else one.check.drift.moved,
            f"{one.check.seconds:.1f} s",
            one.check.environment.dtype,
            one.check.environment.libraries.get("torch", ""),
        )
        for one in trend
    ]
    columns = ("check", "when", "cause", "release", "verdict", "asked", "failed", "drifted", "took", "dtype", "torch")
    table(columns, rows, empty="live was not checked yet: medrek-flow check")
    if len(trend) > 1:
        wrong = [one.check.failed + (one.check.drift.moved if one.check.drift else 0) for one in trend]
        say(f"wrong or drifted, oldest first: {blocks_of(wrong)} (at most {max(wrong)})")


def _dump(one: RecordedCheck) -> dict[str, object]:
    body: dict[str, object] = one.check.model_dump(mode="json")
    return body


def run_replay(site: Site, gate_id: str, progress: Progress) -> Replay:
    """Run a gate again from its recorded inputs."""
    from workflow.change_control.gate_replay import replay
    from workflow.workbench import Workbench

    return replay(Workbench.open(site), gate_id, progress)


def show_replay(found: Replay, *, as_json: bool) -> ExitCode:
    """Print how a gate came out again; give the exit code: 14 where something differs."""
    if as_json:
        emit_json("check-replay", {**found.model_dump(mode="json"), "is_equal": found.is_equal})
    else:
        fields(
            (
                ("gate", found.gate_id),
                ("verdict", f"{found.verdict_then} then, {found.verdict_now} now"),
                ("inputs", "the same digest" if found.same_inputs else "ANOTHER digest"),
                ("probes", f"{found.probes}, {'the same' if found.same_probes else 'NOT the same'}"),
                ("audit sample", "the same" if found.same_audit else "ANOTHER one"),
                ("came out otherwise", found.different),
                ("engine", ", ".join(found.differences) or "the same"),
            )
        )
        for move in found.moves:
            say(f"  {move.probe_id}: {move.what}")
        say("equal" if found.is_equal else "NOT equal", style="bold green" if found.is_equal else "bold red")
    return ExitCode.DONE if found.is_equal else ExitCode.HELD


def pin_question(site: Site, question: str, *, as_json: bool) -> None:
    """Add a question to the pinned safety set, with an audit row."""
    from workflow.change_control.question_sets import pin, pinned_path
    from workflow.cli.opening import acting_user

    count = pin(site, question)
    ledger = site.open_ledger()
    try:
        with ledger.write() as transaction:
            body = {"question": question, "pinned": count}
            transaction.audit("question.pinned", "site", body, actor=acting_user())
    finally:
        ledger.close()
    if as_json:
        emit_json("check-pin", {"question": question, "pinned": count, "file": str(pinned_path(site))})
    else:
        say(f"pinned: {question}")
        note(f"{count} question(s) in {pinned_path(site)}; from the next gate on, none of their answers may move")


def accept_engine(site: Site, reason: str, *, as_json: bool) -> None:
    """Take what live answers now as the measure of later checks: a person's act."""
    from workflow.change_control.drift import accept
    from workflow.change_control.live_watch import watch_live
    from workflow.cli.opening import acting_user
    from workflow.ledger.lease import lease
    from workflow.night import LEASE_TTL_S, WORKER
    from workflow.workbench import Workbench

    ledger = site.open_ledger()
    try:
        with lease(ledger, WORKER, ttl_s=LEASE_TTL_S):
            bench = Workbench.open(site)
            reference_id = accept(bench, actor=acting_user(), reason=reason)
            recorded, _ = watch_live(bench, cause="asked")
    finally:
        ledger.close()
    if as_json:
        emit_json("check-accept", {"reference_id": reference_id, "check_id": recorded.check_id, **_dump(recorded)})
    else:
        say(f"reference {reference_id}: later checks compare with what live answers now; check {recorded.check_id}:")
        say(recorded.check.drift.line if recorded.check.drift is not None else recorded.check.trouble)


def write_pages(site: Site, report: GateReport, seen: NightlyWatch | None, folder: Path) -> tuple[Path, ...]:
    """Write a gate's pages into a folder."""
    from workflow.cli.gate_pages import page_of
    from workflow.reports.gate_page import write_gate_report

    return write_gate_report(page_of(site, report, seen.recorded if seen else None), folder)


def as_body(report: GateReport, seen: NightlyWatch | None, written: tuple[Path, ...]) -> dict[str, object]:
    """The JSON object of ``check``."""
    return {
        "gate": report.model_dump(mode="json"),
        "live": _dump(seen.recorded) if seen else None,
        "facts": asdict(seen.facts) if seen and seen.facts else None,
        "files": [str(path) for path in written],
    }
