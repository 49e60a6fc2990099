"""``check`` and ``promote``: the gate, and what a person does with its verdict. Both load the model."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workflow.cli.asking import ask_yes, at_terminal
from workflow.cli.options import DryRun, Folder, Json, Reason, Yes
from workflow.cli.output import emit_json, note, progress_bar, say
from workflow.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from workflow.night import GateSummary, PromoteOutcome
    from workflow.site import Site

commands = typer.Typer()


@commands.command(rich_help_panel="Change what is live")
def check(
    batch_id: Annotated[str, typer.Argument(metavar="[BATCH]", help="A batch; without one, as with --live.")] = "",
    live: Annotated[bool, typer.Option("--live", help="Check what is live.")] = False,
    facts: Annotated[
        bool, typer.Option("--facts", help="Ask pending, promoted and withdrawn facts too, as every night.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="DIR", help="Write the finding there: Markdown, HTML, JSON.")
    ] = None,
    replay: Annotated[
        str, typer.Option("--replay", metavar="GATE", help="Run a gate again from its recorded inputs and compare.")
    ] = "",
    trend: Annotated[bool, typer.Option("--trend", help="Show the checks of what was live; loads no model.")] = False,
    pin: Annotated[
        str, typer.Option("--pin", metavar="QUESTION", help="Add a question whose answer must never move.")
    ] = "",
    accept: Annotated[
        str, typer.Option("--accept", metavar="REASON", help="Measure later checks by what live answers now.")
    ] = "",
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Run the gate on a batch, or on what is live, and show what it found."""
    from workflow.cli import checking
    from workflow.cli.opening import find_site, logged

    ways = {"a batch": batch_id, "--live": live, "--replay": replay, "--trend": trend, "--pin": pin, "--accept": accept}
    chosen = [name for name, given in ways.items() if given]
    if len(chosen) > 1:
        raise UsageError(f"check: expected one of a batch, {', '.join(list(ways)[1:])}, got {' and '.join(chosen)}")
    if (facts or report is not None) and chosen and chosen[0] not in ("a batch", "--live"):
        raise UsageError(f"check: --facts and --report go with a gate that is run now, got {chosen[0]}")
    site = find_site(folder)
    if trend:
        checking.show_trend(site, as_json=as_json)
    elif pin:
        checking.pin_question(site, pin, as_json=as_json)
    elif accept:
        with logged(site, "check"):
            checking.accept_engine(site, accept, as_json=as_json)
    elif replay:
        with logged(site, "check"), progress_bar() as progress:
            found = checking.run_replay(site, replay, progress)
        if code := checking.show_replay(found, as_json=as_json):
            raise typer.Exit(code)
    else:
        _run(site, batch_id, facts=facts, folder=report, as_json=as_json)


def _run(site: Site, batch_id: str, *, facts: bool, folder: Path | None, as_json: bool) -> None:
    """Run a gate now, and show it."""
    from workflow.cli import checking
    from workflow.cli.batch import show_gate
    from workflow.cli.opening import logged

    with logged(site, "check"), progress_bar() as progress:
        seen = None if batch_id else checking.check_live(site, facts=facts, progress=progress)
        found = seen.report if seen else checking.check_batch(site, batch_id, progress)
    written = checking.write_pages(site, found, seen, folder) if folder is not None else ()
    if as_json:
        emit_json("check", checking.as_body(found, seen, written))
    else:
        show_gate(found)
        if seen is not None:
            checking.show_watch(seen)
        for path in written:
            say(f"written: {path}", style="dim")
    code = {"pass": ExitCode.DONE, "hold": ExitCode.HELD, "refuse": ExitCode.GATE_REFUSED}[found.verdict]
    if seen is not None:
        code = seen.exit_code
        if seen.complaint:
            note(f"medrek-flow: {seen.complaint}")
    if code:
        raise typer.Exit(code)


@commands.command(rich_help_panel="Change what is live")
def promote(
    batch_id: Annotated[str, typer.Argument(metavar="[BATCH]", help="A batch; without one, what is signed.")] = "",
    reason: Reason = "",
    yes: Yes = False,
    dry_run: DryRun = False,
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Batch what is signed (or take BATCH), gate it, show it, ask once, and make it live."""
    from workflow.cli.opening import acting_user, find_site, logged

    if not (yes or dry_run) and (as_json or not at_terminal()):
        raise UsageError("promote: expected a terminal to ask on, got none (or --json); pass --yes to answer it")
    site = find_site(folder)
    if dry_run:
        _show_dry_run(site, batch_id, as_json=as_json)
        return
    from workflow.night import promote as promote_now

    with logged(site, "promote"), progress_bar() as progress:

        def confirm(summary: GateSummary) -> bool:
            progress.pause()
            return yes or ask_promotion(summary)

        outcome = promote_now(
            site, batch_id or None, actor=acting_user(), reason=reason, confirm=confirm, progress=progress
        )
    if as_json:
        emit_json("promote", _as_json(outcome))
    else:
        _show(outcome, gate_shown=not yes and outcome.exit_code is ExitCode.DONE)
    if outcome.exit_code:
        raise typer.Exit(outcome.exit_code)


def ask_promotion(summary: GateSummary) -> bool:
    """Show gate, impact note and edits of a batch, and ask once."""
    from workflow.cli.batch import show_batch_edits, show_gate, show_note

    show_gate(summary.report)
    show_note(summary.note)
    show_batch_edits(summary.batch.standing)
    count = len(summary.batch.standing)
    return ask_yes(f"Promote batch {summary.batch.batch_id} with {count} edit(s) now?")


def _show_dry_run(site: Site, batch_id: str, *, as_json: bool) -> None:
    """Show what a promotion would take up; the gate's verdict needs the model and is what ``check`` is for."""
    from workflow.change_control.batch_states import UNPROMOTED
    from workflow.change_control.batches import approved_candidates, list_batches, read_batch

    ledger = site.open_ledger()
    with ledger.read() as connection:
        waiting = [batch for batch in list_batches(connection) if batch.state in UNPROMOTED]
        chosen = read_batch(connection, batch_id) if batch_id else next(iter(waiting), None)
        approved = [candidate.candidate_id for candidate in approved_candidates(connection)]
    ledger.close()
    if as_json:
        body = {"dry_run": True, "batch": asdict(chosen) if chosen else None, "approved": approved}
        emit_json("promote", body)
    elif chosen is not None:
        say(f"would gate and promote batch {chosen.batch_id} ({chosen.state}): {len(chosen.standing)} edit(s)")
    else:
        say(f"would make, gate and promote a batch of: {', '.join(approved) or 'nothing is approved'}")


def _show(outcome: PromoteOutcome, *, gate_shown: bool) -> None:
    from workflow.cli.batch import show_gate

    for gone in outcome.withdrawn:
        released = f"release {gone.release_id}" if gone.release_id is not None else "it was not in force any more"
        say(f"withdrawn: edit {gone.edit_id} ({released})")
    if outcome.batch_id is None:
        say("nothing is approved and in no batch yet; see medrek-flow queue list")
        for lost in outcome.lost:
            say(f"signed, and not live: {lost.line}", style="yellow")
        for stuck in outcome.refused:
            say(f"batch {stuck.batch_id}: {stuck.why}: {stuck.to_do}", style="yellow")
        return
    if outcome.report is not None and not gate_shown:
        show_gate(outcome.report)
    if outcome.release_id is not None:
        say(f"release {outcome.release_id} is live (batch {outcome.batch_id})", style="bold green")
    elif outcome.exit_code is ExitCode.DONE:
        say(f"batch {outcome.batch_id} passed and waits; nothing was promoted")
    else:
        say(
            f"batch {outcome.batch_id} is not promoted; see medrek-flow batch show {outcome.batch_id}", style="bold red"
        )


def _as_json(outcome: PromoteOutcome) -> dict[str, object]:
    return {
        "batch_id": outcome.batch_id,
        "release_id": outcome.release_id,
        "verdict": outcome.report.verdict if outcome.report else None,
        "ejected": [gone.model_dump(mode="json") for gone in outcome.report.ejected] if outcome.report else [],
        "withdrawn": [asdict(gone) for gone in outcome.withdrawn],
        "lost_signatures": [asdict(one) for one in outcome.lost],
        "refused_batches": [asdict(one) for one in outcome.refused],
        "exit_code": int(outcome.exit_code),
    }
