"""``selftest``: proof that this installation works, with the site's own model, on copies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workflow.cli.options import Folder, Json
from workflow.cli.output import progress_bar, say, table
from workflow.errors import ExitCode

commands = typer.Typer()


@commands.command(rich_help_panel="Site")
def selftest(
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE", help="Write the record there, as .md, .html and .json.")
    ] = None,
    scratch: Annotated[
        Path | None, typer.Option("--scratch", metavar="DIR", help="Where copies are made, on a disk with room.")
    ] = None,
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Prove on copies, in a few minutes, that model, memory, gate, promotion, rollback and restore work here."""
    import sys

    from workflow.cli.opening import find_site
    from workflow.identity import os_user
    from workflow.qualification.record import render_json, write_record
    from workflow.qualification.selftest import run_selftest

    site, user = find_site(folder), os_user()
    with progress_bar() as progress:
        record = run_selftest(site, actor=f"{user.full_name} ({user.user_id})", progress=progress, folder=scratch)
    written = write_record(record, report) if report else ()
    if as_json:
        sys.stdout.write(render_json(record))
    else:
        rows = [(one.number, one.title, "pass" if one.passed else "FAIL", one.detail) for one in record.checks]
        table(("", "what is to hold", "result", "seen"), rows)
        for path in written:
            say(str(path))
        words = "PASSED" if record.passed else "FAILED"
        say(f"{words}: {sum(one.passed for one in record.checks)} of {len(record.checks)} checks", style="bold")
    if not record.passed:
        raise typer.Exit(ExitCode.FAILED)
