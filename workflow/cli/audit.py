"""``audit``: verify the chain of everything that was done, and hand it out."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from workflow.cli.options import Folder, Json
from workflow.cli.output import emit_json, emit_json_line, say
from workflow.errors import ExitCode

app = typer.Typer(help="The append-only record of everything that was done.", no_args_is_help=True)


@app.command("verify")
def verify(
    head: Annotated[
        str, typer.Option("--head", metavar="HASH", help="A head that you noted elsewhere; it must be in the chain.")
    ] = "",
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Walk the whole chain: a changed, missing or swapped row is found; with --head a cut tail too."""
    from workflow.cli.opening import open_ledger
    from workflow.ledger import audit

    with open_ledger(folder) as opened, opened.ledger.read() as connection:
        found = audit.verify(connection, head=head.strip().casefold() or None)
    if as_json:
        emit_json(
            "audit-verify",
            {
                "ok": found.ok,
                "length": found.length,
                "head": found.head,
                "noted_head": head or None,
                "first_bad_seq": found.first_bad_seq,
                "reason": found.reason,
            },
        )
    elif found.ok:
        say(f"{found.length} entries hold; head {found.head}", style="green")
        if not head:
            say("note this head outside the site: a chain that was rebuilt whole is only found with --head HASH")
    else:
        say(f"DAMAGED at entry {found.first_bad_seq}: {found.reason}", style="bold red")
    if not found.ok:
        raise typer.Exit(ExitCode.DAMAGED)


@app.command("export")
def export(folder: Folder = None) -> None:
    """Print the chain as JSON lines: a head line with the site's warnings, then one line an entry."""
    from sqlalchemy import select

    from workflow.cli.opening import open_ledger
    from workflow.ledger import audit, tables
    from workflow.status import standing_warnings

    with open_ledger(folder) as opened, opened.ledger.read() as connection:
        kind, profile = opened.ledger.kind(), opened.ledger.signer_profile()
        length, head = audit.head(connection)
        first = {"schema": "medrek-flow.audit-export", "version": 1, "site_name": opened.site.settings.site.name}
        first |= {"kind": kind, "signer_profile": profile}
        emit_json_line({**first, "warnings": standing_warnings(kind, profile), "length": length, "head": head})
        for row in connection.execute(select(tables.audit).order_by(tables.audit.c.seq)).mappings():
            columns = dict(row)
            emit_json_line({**columns, "body": json.loads(str(columns["body"]))})
