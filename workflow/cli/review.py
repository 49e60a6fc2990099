"""``review``: the screen at which a person decides, and ``affected``: what to look at first."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from workflow.cli.options import Folder, Json
from workflow.cli.output import emit_json, table
from workflow.errors import UsageError

commands = typer.Typer()


@commands.command(rich_help_panel="Every day")
def review(
    folder: Folder = None,
    signer: Annotated[
        str, typer.Option("--as", metavar="NAME", help="Act as this scripted signer; demo sites only.")
    ] = "",
) -> None:
    """Open the review screen in this terminal; it works at 80 by 24 over ssh and survives a dropped line."""
    import sys

    from workflow.cli.opening import open_desk, open_ledger

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("review: expected a terminal, got none; scripts use medrek-flow queue")
    with open_ledger(folder) as opened:
        desk = open_desk(opened, signer)
        from review_tui.app import run

        code = run(desk)
    if code:
        raise typer.Exit(code)


@commands.command(rich_help_panel="Look")
def affected(folder: Folder = None, as_json: Json = False) -> None:
    """List the proposals to withdraw what rests on something that was taken back or replaced."""
    from workflow.candidate_list import list_candidates
    from workflow.cli.opening import open_ledger
    from workflow.records import Action, CandidateState

    open_states = (
        CandidateState.PROPOSED,
        CandidateState.PENDING,
        CandidateState.AWAITING_SECOND,
        CandidateState.DEFERRED,
        CandidateState.APPROVED,
    )
    with open_ledger(folder) as opened, opened.ledger.read() as connection:
        lines = list_candidates(connection, states=open_states, action=Action.WITHDRAW, limit=10_000)
    if as_json:
        emit_json("affected", {"proposals": [asdict(line) for line in lines]})
        return
    rows = [(c.withdraws, c.question, c.object_new, "; ".join(c.flags), c.candidate_id, c.state) for c in lines]
    columns = ("edit", "question", "answer now", "why", "proposal", "state")
    table(columns, rows, empty="no edit rests on anything that was taken back or replaced")
