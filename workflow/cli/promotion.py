"""``check``, ``promote``, ``rollback``, ``stop`` and ``start``: what changes the answers that people get."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from workflow.cli.asking import ask_line, ask_yes, at_terminal
from workflow.cli.options import DryRun, Folder, Json, Reason, Yes
from workflow.cli.output import emit_json, say
from workflow.errors import UsageError

if TYPE_CHECKING:
    from workflow.change_control.rollback import RollbackPlan

commands = typer.Typer()

_Batch = Annotated[str, typer.Argument(metavar="BATCH")]


@commands.command(rich_help_panel="Change what is live")
def rollback(
    batch_id: _Batch,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="EDIT", help="Only this edit of it; may be given again.")
    ] = None,
    reason: Reason = "",
    yes: Yes = False,
    dry_run: DryRun = False,
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Undo a batch, or single edits of it, at once: no model, no network, one person."""
    from workflow.change_control.rollback import plan_rollback, roll_back
    from workflow.cli.opening import acting_user, open_ledger

    chosen = tuple(only or ())
    if not (reason.strip() or dry_run or at_terminal()):
        raise UsageError("rollback: expected --reason, got none and no terminal to ask on; pass --reason TEXT")
    with open_ledger(folder) as opened:
        with opened.ledger.read() as connection:
            plan = plan_rollback(connection, batch_id, chosen)
        if not as_json:
            _show_plan(plan)
        if not dry_run:
            reason = reason.strip() or ask_line("reason", option="--reason")
            if not yes and at_terminal() and not ask_yes(f"Roll back {len(plan.leaving)} edit(s) now?"):
                say("nothing was changed")
                return
            plan = roll_back(opened.ledger, batch_id, only=chosen, reason=reason, actor=acting_user())
    if as_json:
        emit_json("rollback", {"dry_run": dry_run, "reason": reason, "plan": asdict(plan)})
    elif dry_run:
        say("dry run: nothing was changed")
    else:
        say(f"release {plan.release_id_new} is live, check pending: medrek-flow check --live", style="bold green")


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
