"""``check``, ``promote``, ``rollback``, ``stop`` and ``start``: what changes the answers that people get."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from workflow.cli.asking import ask_line, ask_yes, at_terminal
from workflow.cli.options import DryRun, Folder, Json, Reason, Yes
from workflow.cli.output import emit_json, say, table
from workflow.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from workflow.change_control.rollback import RollbackPlan
    from workflow.change_control.undo_rollback import UndoPlan

commands = typer.Typer()


@commands.command(rich_help_panel="Change what is live")
def rollback(
    batch_id: Annotated[str, typer.Argument(metavar="[BATCH]", help="The batch to undo.")] = "",
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="EDIT", help="Only this edit of it; may be given again.")
    ] = None,
    find: Annotated[
        str,
        typer.Option("--find", metavar="TEXT", help="Find batch and edit from a drug or an answer; changes nothing."),
    ] = "",
    undo: Annotated[
        int | None, typer.Option("--undo", metavar="RELEASE", min=0, help="Undo the rollback that made this release.")
    ] = None,
    reason: Reason = "",
    yes: Yes = False,
    dry_run: DryRun = False,
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Undo a batch, or single edits of it, at once: no model, no network, one person. Shows its effect first."""
    asked = [bool(batch_id), bool(find), undo is not None]
    if sum(asked) != 1:
        raise UsageError(f"rollback: expected one of BATCH, --find TEXT and --undo RELEASE, got {sum(asked)}")
    if find:
        _find(find, folder, as_json=as_json)
        return
    if not (reason.strip() or dry_run or at_terminal()):
        raise UsageError("rollback: expected --reason, got none and no terminal to ask on; pass --reason TEXT")
    if undo is not None:
        _undo(undo, reason, folder, yes=yes, dry_run=dry_run, as_json=as_json)
    else:
        _roll_back(batch_id, tuple(only or ()), reason, folder, yes=yes, dry_run=dry_run, as_json=as_json)


def _roll_back(
    batch_id: str,
    chosen: tuple[str, ...],
    reason: str,
    folder: Path | None,
    *,
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    from workflow.change_control.acts import do_rollback, preview_rollback
    from workflow.cli.opening import acting_user, open_ledger

    with open_ledger(folder) as opened:
        plan = preview_rollback(opened.ledger, batch_id, chosen)
        if not as_json:
            _show_plan(plan)
        if not dry_run:
            reason = reason.strip() or ask_line("reason", option="--reason")
            if not yes and at_terminal() and not ask_yes(f"Roll back {len(plan.leaving)} edit(s) now?"):
                say("nothing was changed")
                return
            plan = do_rollback(opened.ledger, batch_id, only=chosen, reason=reason, account=acting_user())
    _tell("rollback", plan, plan.release_id_new, reason, dry_run=dry_run, as_json=as_json)


def _undo(release_id: int, reason: str, folder: Path | None, *, yes: bool, dry_run: bool, as_json: bool) -> None:
    from workflow.change_control.acts import do_undo, preview_undo
    from workflow.cli.live import show_edits
    from workflow.cli.opening import acting_user, open_ledger

    with open_ledger(folder) as opened:
        plan = preview_undo(opened.ledger, release_id)
        if not as_json:
            say(f"coming back into force ({len(plan.coming)}); release {plan.release_id} is live now:", style="bold")
            show_edits(plan.coming)
            for words, edits in (
                ("will not answer, a newer fact does", plan.hidden),
                ("stops answering", plan.replaced),
            ):
                for edit in edits:
                    say(f"{words}: {edit.edit_id} ({edit.question} -> {edit.object_new})", style="bold yellow")
        if not dry_run:
            reason = reason.strip() or ask_line("reason", option="--reason")
            if not yes and at_terminal() and not ask_yes(f"Bring {len(plan.coming)} edit(s) back now?"):
                say("nothing was changed")
                return
            plan = do_undo(opened.ledger, release_id, reason=reason, account=acting_user())
    _tell("rollback-undo", plan, plan.release_id_new, reason, dry_run=dry_run, as_json=as_json)


def _tell(
    schema: str,
    plan: RollbackPlan | UndoPlan,
    release_id: int | None,
    reason: str,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    if as_json:
        emit_json(schema, {"dry_run": dry_run, "reason": reason, "plan": asdict(plan)})
    elif dry_run:
        say("dry run: nothing was changed")
    else:
        say(f"release {release_id} is live, check pending: medrek-flow check --live", style="bold green")


def _find(text: str, folder: Path | None, *, as_json: bool) -> None:
    from workflow.change_control.acts import find_edits
    from workflow.cli.opening import open_ledger

    with open_ledger(folder) as opened:
        found = find_edits(opened.ledger, text)
    if as_json:
        emit_json("rollback-find", {"edits": [{**asdict(one), "command": one.command} for one in found]})
        return
    rows = [
        (one.batch_id, one.edit_id, "live" if one.in_force else one.state, one.question, one.answer or one.object_new)
        for one in found
    ]
    table(("batch", "edit", "state", "question", "answer"), rows, empty="no edit has these words in fact or answer")
    for one in found:
        if one.in_force:
            say(f"take it out: {one.command} --reason TEXT")


@commands.command(rich_help_panel="Change what is live")
def stop(reason: Reason = "", folder: Folder = None, as_json: Json = False) -> None:
    """Serve the bare base model from now on; the live release stays where it is."""
    from workflow.change_control.serving import stop as stop_serving
    from workflow.cli.opening import acting_user, open_ledger

    reason = reason.strip() or ask_line("reason", option="--reason")
    with open_ledger(folder) as opened:
        stop_serving(opened.ledger, reason=reason, actor=acting_user())
    _tell_serving(as_json=as_json, stopped=True)


@commands.command(rich_help_panel="Change what is live")
def start(reason: Reason = "", folder: Folder = None, as_json: Json = False) -> None:
    """Serve the live release again."""
    from workflow.change_control.serving import start as start_serving
    from workflow.cli.opening import acting_user, open_ledger

    with open_ledger(folder) as opened:
        start_serving(opened.ledger, reason=reason, actor=acting_user())
    _tell_serving(as_json=as_json, stopped=False)


def _tell_serving(*, as_json: bool, stopped: bool) -> None:
    if as_json:
        emit_json("serving", {"stopped": stopped})
    else:
        say("stopped: the bare base model is served until medrek-flow start" if stopped else "started: live is served")


def _show_plan(plan: RollbackPlan) -> None:
    from workflow.cli.live import show_edits

    say(f"leaving force ({len(plan.leaving)}); release {plan.release_id} is live now:", style="bold")
    show_edits(plan.leaving)
    if plan.shadowed:
        say(f"older facts that will answer again ({len(plan.shadowed)}); they are sent to review:", style="bold yellow")
        show_edits(plan.shadowed)
    else:
        say("no older fact answers again")
    say(f"staying in force: {len(plan.staying)} edit(s); new digest {plan.digest_new}")
