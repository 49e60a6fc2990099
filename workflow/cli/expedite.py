"""``expedite``: review, gate and promotion of one fact within the hour, marked wherever it stands."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from workflow.cli.asking import ask_line, at_terminal
from workflow.cli.options import Folder, Json, Reason, Yes
from workflow.cli.output import emit_json, fields, progress_bar, say, table
from workflow.errors import UsageError

if TYPE_CHECKING:
    from workflow.change_control.expedite import Expedited
    from workflow.night import GateSummary

commands = typer.Typer()


@commands.command(rich_help_panel="Change what is live")
def expedite(
    candidate_id: Annotated[
        str, typer.Argument(metavar="[CANDIDATE]", help="Without one, what is expedited is listed.")
    ] = "",
    reason: Reason = "",
    yes: Yes = False,
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Take one fact through rehearsal, signatures, gate and promotion within the hour; run it again after each step.

    It needs the same signatures and passes the same gate as any other; only the queue is skipped. Batch, release, audit
    chain and status say that it was expedited.
    """
    from workflow.cli.opening import acting_user, find_site, logged, open_ledger

    if not candidate_id:
        with open_ledger(folder) as opened:
            from workflow.change_control.acts import list_expedited

            _list(list_expedited(opened.ledger), as_json=as_json)
        return
    from workflow.cli.check import ask_promotion
    from workflow.expediting import expedite_now

    site = find_site(folder)
    why = reason.strip() or _reason_on_record(folder, candidate_id) or ask_line("reason", option="--reason")
    if not yes and (as_json or not at_terminal()):
        raise UsageError("expedite: expected a terminal to ask on, got none (or --json); pass --yes to answer it")
    with logged(site, "expedite"), progress_bar() as progress:

        def confirm(summary: GateSummary) -> bool:
            progress.pause()
            return yes or ask_promotion(summary)

        outcome = expedite_now(site, candidate_id, actor=acting_user(), reason=why, confirm=confirm, progress=progress)
    release_id = outcome.promotion.release_id if outcome.promotion else None
    if as_json:
        emit_json("expedite", {"expedited": asdict(outcome.standing), "release_id": release_id})
    else:
        _show(outcome.standing, release_id)
    if outcome.exit_code:
        raise typer.Exit(outcome.exit_code)


def _reason_on_record(folder: object, candidate_id: str) -> str:
    """The reason of whoever asked first: the command is run again after each signature."""
    from pathlib import Path

    from workflow.change_control.acts import list_expedited
    from workflow.cli.opening import open_ledger

    with open_ledger(folder if isinstance(folder, Path) else None) as opened:
        return next((one.reason for one in list_expedited(opened.ledger) if one.candidate_id == candidate_id), "")


def _list(standing: tuple[Expedited, ...], *, as_json: bool) -> None:
    if as_json:
        emit_json("expedited", {"expedited": [asdict(one) for one in standing]})
        return
    rows = [
        (
            one.candidate_id,
            one.question,
            one.object_new,
            f"{one.due_at}{' OVERDUE' if one.overdue else ''}",
            one.state,
            one.next_step or "done",
        )
        for one in standing
    ]
    table(("candidate", "question", "answer", "due", "state", "next"), rows, empty="nothing is expedited")


def _show(one: Expedited, release_id: int | None) -> None:
    fields(
        (
            ("EXPEDITED", f"{one.candidate_id}: {one.question} -> {one.object_new}"),
            ("asked", f"{one.asked_at} by {one.asked_by}: {one.reason}"),
            ("due", f"{one.due_at}{': OVERDUE' if one.overdue else ''}"),
            ("state", one.state.replace("_", " ")),
        )
    )
    if release_id is not None:
        say(f"release {release_id} is live (batch {one.batch_id}, expedited)", style="bold green")
    elif one.next_step:
        say(f"next: {one.next_step}", style="bold yellow")
