"""``night`` and ``worker``: the run from the sources to what waits for a person, and the work between two nights."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from workflow.cli.options import DryRun, Folder, Json
from workflow.cli.output import banner, emit_json, fields, note, progress_bar, say, table
from workflow.errors import ExitCode, UsageError, WorkflowError

if TYPE_CHECKING:
    from workflow.night_plan import NightPlan
    from workflow.reports.night_report import NightReport

commands = typer.Typer()


@commands.command(rich_help_panel="Every day")
def night(
    now: Annotated[
        str, typer.Option("--now", metavar="TIME", help="The night's clock, for replays: 2026-03-09T02:00:00Z.")
    ] = "",
    since: Annotated[
        str, typer.Option("--since", metavar="DAY", help="Read the sources from this day on, whatever was read.")
    ] = "",
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="SOURCE", help="Only this source; may be given again.")
    ] = None,
    dry_run: DryRun = False,
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Pull what changed, propose facts, rehearse them, take batches as far as they go, write the report."""
    from workflow.cli.opening import find_site, known_sources, logged, read_day, read_moment
    from workflow.clock import utc_now

    site = find_site(folder)
    chosen = known_sources(site, only or ())
    moment = read_moment(now, option="--now") if now else utc_now()
    first_day = read_day(since, option="--since") if since else None
    if first_day and first_day > moment.date():
        raise UsageError(f"--since {first_day}: expected a day on or before the night's own, {moment.date()}")
    if dry_run:
        from workflow.cli.opening import open_ledger
        from workflow.night_plan import plan_night

        with open_ledger(folder) as opened, opened.ledger.read() as connection:
            _show_plan(plan_night(connection, site, now=moment, since=first_day, only=chosen), as_json=as_json)
        return
    from workflow.after_night import tell_of_failure
    from workflow.night import run_night

    with logged(site, "night"), progress_bar() as progress:
        try:
            outcome = run_night(site, now=moment, since=first_day, progress=progress, only_sources=chosen)
        except WorkflowError as error:
            for line in tell_of_failure(site, error):
                note(f"medrek-flow: {line}")
            raise
    if as_json:
        emit_json("night", outcome.report.model_dump(mode="json"))
    else:
        banner(outcome.report.warnings)
        _show(outcome.report)
        say(f"\nthe whole report: {site.reports_folder}/night-{outcome.run_id}.html", style="dim")
    if outcome.exit_code:
        for complaint in outcome.complaints:
            note(f"medrek-flow: {complaint}")
        raise typer.Exit(outcome.exit_code)


@commands.command(rich_help_panel="Site")
def worker(
    watch: Annotated[
        float, typer.Option("--watch", min=0.0, metavar="SECONDS", help="Go on for ever, looking again after so long.")
    ] = 0.0,
    once: Annotated[bool, typer.Option("--once", help="One pass and out; what it does without --watch too.")] = False,
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Rehearse what waits and take every batch as far as it goes: once, or with --watch until stopped (SIGTERM)."""
    from workflow.cli.opening import find_site, logged
    from workflow.worker import StoppedError, stopping_on_signals, watch_site, work_once

    if once and watch:
        raise UsageError("worker: expected --once or --watch SECONDS, got both")
    site = find_site(folder)
    code = ExitCode.DONE
    with stopping_on_signals() as stop, logged(site, "worker"), progress_bar() as progress:
        try:
            if watch:
                watch_site(site, every_s=watch, stop=stop, progress=progress, tell=note)
            else:
                code = work_once(site, stop=stop, progress=progress)
        except StoppedError as error:
            note(str(error))
    if as_json:
        emit_json("worker", {"exit_code": int(code), "stopped": stop.is_asked})
    elif stop.is_asked:
        say("stopped; what was done is on record")
    else:
        say("nothing is left that can be done without a person" if code is ExitCode.DONE else _words(code))
    if code:
        raise typer.Exit(code)


def _show_plan(plan: NightPlan, *, as_json: bool) -> None:
    if as_json:
        emit_json("night-plan", asdict(plan))
        return
    table(("source", "from", "to"), [(one.source, one.first, one.last) for one in plan.sources], empty="no sources")
    fields(
        (
            ("clock", plan.now),
            *((("first", f"finishes {plan.finishes_first}, which was interrupted"),) if plan.finishes_first else ()),
            ("left by earlier nights", f"{plan.waiting_changes} changes, {plan.to_rehearse} candidates to rehearse"),
            ("approved", f"{plan.approved} candidates for a batch"),
            *(("batch", f"{batch.batch_id} is {batch.state}") for batch in plan.batches),
            *(
                ("lease", f"{lease.name} is held by {lease.holder}: the night would be refused")
                for lease in plan.leases
            ),
            *(("cap", f"{name} = {value}") for name, value in plan.caps.items()),
        )
    )
    say("dry run: nothing was asked, loaded or written")


def _words(code: ExitCode) -> str:
    from workflow.reports.render import exit_words

    return f"{exit_words(code)}: medrek-flow batch list"


def _show(report: NightReport) -> None:
    rows = [
        (s.source, s.status, f"{s.window_first or ''} to {s.window_last or ''}", s.documents, s.notices_new)
        for s in report.sources
    ]
    table(("source", "status", "window", "documents", "new notices"), rows, empty="no sources")
    for source in report.sources:
        for line in source.unreadable:
            say(f"{source.source} could not read {line}", style="yellow")
    changes = ", ".join(f"{count} {kind}" for kind, count in sorted(report.changes.items()))
    if report.changes.get("baseline"):
        changes += " (a first version is what later ones are compared with; it proposes nothing by itself)"
    live = report.live
    fields(
        (
            ("night", f"{report.run_id}, clock {report.now}"),
            ("changes", f"{changes or 'none'}; {report.out_of_scope} out of scope"),
            ("candidates", _candidates(report)),
            ("affected", len(report.affected)),
            ("to review", f"{report.pending}, of them {report.awaiting_second} for a second signature"),
            *(("batch", _batch(line.batch_id, line.state, line.waiting_for)) for line in report.batches),
            ("live", f"release {live.release_id}, digest {live.digest[:12]}" if live else "no release yet"),
            ("audit head", report.audit_head),
        )
    )
    for refused in report.refused:
        say(f"refused {refused.candidate_id} ({refused.subject}, {refused.relation}): {refused.reason}", style="yellow")
    if report.pending:
        say("next: medrek-flow review", style="bold")


def _candidates(report: NightReport) -> str:
    return (
        f"{len(report.proposed)} proposed, {len(report.refused)} refused by the checks, "
        f"{len(report.no_edit_needed)} need no edit"
    )


def _batch(batch_id: str, state: str, waiting_for: str) -> str:
    return f"{batch_id} is {state}" + (f": {waiting_for}" if waiting_for else "")
