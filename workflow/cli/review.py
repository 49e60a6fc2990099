"""``review``: the screen at which a person decides."""

from __future__ import annotations

from typing import Annotated

import typer

from workflow.cli.options import Folder
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
