"""The options that several commands share, so that they read alike everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object (docs/json.md) instead of text.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; for scripts.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would happen and change nothing.")]
PinFd = Annotated[
    int | None, typer.Option("--pin-fd", metavar="N", help="Read the PIN from this file descriptor, one line.")
]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, in a few words; kept on record.")]
Folder = Annotated[
    Path | None,
    typer.Option(
        "--site", metavar="DIR", help="Folder of the site; else the current folder upward, else MEDREK_FLOW_HOME."
    ),
]
