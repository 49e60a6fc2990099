"""``affected``: facts whose sources were taken back, replaced or ran out, each with its severity and deadline."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from workflow.cli.options import Folder, Json, Reason
from workflow.cli.output import emit_json, fields, say, table
from workflow.errors import UsageError

if TYPE_CHECKING:
    from workflow.change_control.affected_list import AffectedItem

app = typer.Typer(help="Facts whose sources were taken back, replaced, or ran out.")

_All = Annotated[bool, typer.Option("--all", help="What was decided already, too.")]


@app.callback(invoke_without_command=True)
def bare(context: typer.Context, folder: Folder = None, as_json: Json = False) -> None:
    """List what is affected and waits for a decision."""
    if context.invoked_subcommand is None:
        _list(everything=False, folder=folder, as_json=as_json)


@app.command("list")
def list_all(everything: _All = False, folder: Folder = None, as_json: Json = False) -> None:
    """List what is affected: the most severe first, then what is due first."""
    _list(everything=everything, folder=folder, as_json=as_json)


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A proposal, or the edit that is affected.")],
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Show one affected fact: what happened to its source, its identifiers, and the command that decides it."""
    from workflow.change_control.acts import show_affected
    from workflow.cli.opening import open_ledger

    with open_ledger(folder) as opened:
        item = show_affected(opened.ledger, opened.site.settings.affected, name)
    if as_json:
        emit_json("affected-item", {"item": asdict(item)})
    else:
        _show(item)


@app.command("expire")
def expire(
    edit_id: Annotated[str, typer.Argument(metavar="EDIT")],
    until: Annotated[
        str, typer.Option("--until", metavar="DAY", help="The last day on which it may stay: 2027-03-01.")
    ],
    reason: Reason = "",
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Give a fact a last day, after which its withdrawal is proposed unless somebody looks at it again."""
    from workflow.change_control.expiries import set_expiry
    from workflow.cli.opening import acting_user, open_ledger, read_day

    day = read_day(until, option="--until")
    if not reason.strip():
        raise UsageError("affected expire: expected --reason, got none; pass --reason TEXT")
    with open_ledger(folder) as opened:
        set_expiry(opened.ledger, edit_id, until=day, why=reason, account=acting_user())
    if as_json:
        emit_json("affected-expire", {"edit_id": edit_id, "valid_until": day.isoformat()})
    else:
        say(f"edit {edit_id} is valid until {day}")


def _list(*, everything: bool, folder: object, as_json: bool) -> None:
    from pathlib import Path

    from workflow.change_control.acts import list_affected
    from workflow.cli.opening import open_ledger

    with open_ledger(folder if isinstance(folder, Path) else None) as opened:
        items = list_affected(opened.ledger, opened.site.settings.affected, everything=everything)
    if as_json:
        emit_json("affected", {"items": [asdict(item) for item in items]}, version=2)
        return
    rows = [
        (
            item.severity,
            f"{item.deadline}{' OVERDUE' if item.overdue else ''}",
            item.edit_id or "-",
            "yes" if item.in_force else "no",
            item.question,
            item.object_new,
            item.why,
            item.proposal_id,
            item.state,
        )
        for item in items
    ]
    columns = ("severity", "decide by", "edit", "live", "question", "answer", "why", "proposal", "state")
    table(columns, rows, empty="no fact rests on anything that was taken back, replaced or ran out")


def _show(item: AffectedItem) -> None:
    fields(
        (
            ("proposal", f"{item.proposal_id} ({item.state.replace('_', ' ')}), made {item.proposed_at}"),
            ("proposes", "to withdraw it" if item.action == "withdraw" else "the way back, as a new edit"),
            (
                "severity",
                f"{item.severity} ({item.kind}); decide by {item.deadline}{': OVERDUE' if item.overdue else ''}",
            ),
            ("why", item.why),
            ("edit", f"{item.edit_id or '-'}{', in force' if item.in_force else ', not in force'}"),
            ("question", item.question),
            ("answer", item.object_new),
            ("rests on", ", ".join(item.identifiers) or "no identifier on record"),
        )
    )
    say(f"decide: medrek-flow queue decide {item.proposal_id} --verdict approve")
    if item.in_force and item.batch_id:
        say(f"at once:  medrek-flow rollback {item.batch_id} --only {item.edit_id} --reason TEXT")
