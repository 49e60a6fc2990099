"""``night`` and ``worker``: the run from the sources to what waits for a person, and the work between two nights."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from workflow.cli.options import Folder, Json
from workflow.cli.output import banner, emit_json, fields, note, progress_bar, say, table
from workflow.errors import BusyError, ExitCode, UsageError, worst

if TYPE_CHECKING:
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
    from workflow.night import run_night

    with logged(site, "night"), progress_bar() as progress:
        outcome = run_night(site, now=moment, since=first_day, progress=progress, only_sources=chosen)
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
        float, typer.Option("--watch", metavar="SECONDS", help="Go on for ever, looking again after so long.")
    ] = 0.0,
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Rehearse what waits and take every batch as far as it goes: once, or with --watch until stopped."""
    from workflow.cli.opening import find_site, logged
    from workflow.night import advance_batches

    site = find_site(folder)
    while True:
        code = ExitCode.DONE
        try:
            with logged(site, "worker"), progress_bar() as progress:
                code = worst(advance_batches(site, progress=progress))
        except BusyError as error:
            if not watch:
                raise
            note(str(error))
        if not watch:
            break
        time.sleep(watch)
    if as_json:
        emit_json("worker", {"exit_code": int(code)})
    else:
        say("nothing is left that can be done without a person" if code is ExitCode.DONE else _words(code))
    if code:
        raise typer.Exit(code)


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
