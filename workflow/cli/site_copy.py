"""``backup`` and ``restore``: a whole site into one file, and back."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from workflow.cli.options import Folder, Json
from workflow.cli.output import banner, emit_json, fields, progress_bar, say

commands = typer.Typer()


@commands.command(rich_help_panel="Site")
def backup(
    target: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="The new file, .tar or .tar.gz; or a folder for one named by its time."),
    ],
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Save everything of record into one file, consistent, while the site goes on."""
    from workflow.cli.opening import acting_user, open_ledger
    from workflow.site_backup import write_backup

    with open_ledger(folder) as opened, progress_bar() as progress:
        written = write_backup(opened.site, opened.ledger, target, actor=acting_user(), progress=progress)
    if as_json:
        emit_json("backup", asdict(written))
        return
    fields(
        (
            ("backup", f"{written.path} ({written.bytes / 1e6:.1f} MB, {written.files} files)"),
            ("sha256", written.sha256),
            ("audit head", f"{written.audit_head} ({written.audit_length} entries)"),
            *(("left out", name) for name in written.left_out),
        )
    )
    say("it holds hashes of PINs and all evidence: keep it as closed as the site; rehearse medrek-flow restore")


@commands.command(rich_help_panel="Site")
def restore(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="A backup.")],
    target: Annotated[Path, typer.Argument(metavar="DIR", help="The site's folder: new or empty.")],
    as_json: Json = False,
) -> None:
    """Make a site of a backup, with the audit head that it was saved with; a changed or cut backup makes none."""
    from workflow.anchors import anchor_warning
    from workflow.clock import utc_now
    from workflow.site import Site
    from workflow.site_restore import restore_backup

    with progress_bar() as progress:
        restored = restore_backup(source, target, progress=progress)
    if not restored.needs_upgrade:
        site = Site(restored.root)
        ledger = site.open_ledger()
        try:
            with ledger.read() as connection:
                warning = anchor_warning(connection, site.settings.audit.anchor, utc_now())
        finally:
            ledger.close()
    else:
        warning = "the ledger's schema is older than this program: run medrek-flow upgrade in the restored site"
    if as_json:
        emit_json("restore", {**asdict(restored), "warning": warning})
        return
    fields(
        (
            ("site", f"{restored.root} ({restored.files} files, saved {restored.saved_at})"),
            ("audit head", f"{restored.audit_head} ({restored.audit_length} entries), as it was saved"),
            *(("not in the backup", name) for name in restored.left_out),
        )
    )
    banner((warning,) if warning else ())
    say("next: medrek-flow doctor --repair there (it builds the key index anew)")
