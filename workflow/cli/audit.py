"""``audit``: verify the chain of everything that was done, anchor its head outside the site, and hand it out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workflow.cli.options import DryRun, Folder, Json, Reason
from workflow.cli.output import banner, emit_json, emit_json_line, note, progress_bar, say
from workflow.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from workflow.cli.opening import Opened
    from workflow.ledger.audit import Verification

app = typer.Typer(help="The append-only record of everything that was done.", no_args_is_help=True)


@app.command("verify")
def verify(
    head: Annotated[
        str, typer.Option("--head", metavar="HASH", help="A head that you noted elsewhere; it must be in the chain.")
    ] = "",
    anchors: Annotated[
        Path | None,
        typer.Option(
            "--anchor", metavar="FILE", help="A file, log or mail with anchor lines; each must be in the chain."
        ),
    ] = None,
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Walk the whole chain and compare the record with it: an edit, a cut, a swap; with an anchor an old backup too."""
    from workflow.anchors import lost_anchors, lost_words, read_anchors
    from workflow.cli.opening import open_ledger
    from workflow.ledger import audit
    from workflow.ledger.record_check import record_defects

    with open_ledger(folder) as opened, opened.ledger.read() as connection:
        found = audit.verify(connection, head=head.strip().casefold() or None)
        source = anchors or _anchor_file(opened)
        noted = read_anchors(source) if source else ()
        lost = lost_anchors(connection, noted) if found.ok else ()
        defects = [*record_defects(connection)] if found.ok else [found.reason]
        defects += [lost_words(connection, lost)] if lost else []
    ok = found.ok and not defects
    if as_json:
        emit_json(
            "audit-verify",
            {
                "ok": ok,
                "length": found.length,
                "head": found.head,
                "noted_head": head or None,
                "first_bad_seq": found.first_bad_seq,
                "reason": defects[0] if defects else "",
                "defects": defects,
                "anchors": len(noted),
                "anchors_lost": len(lost),
            },
        )
    else:
        _show(found, defects, anchors=len(noted), has_head=bool(head))
    if not ok:
        raise typer.Exit(ExitCode.DAMAGED)


def _show(found: Verification, defects: list[str], *, anchors: int, has_head: bool) -> None:
    if found.ok:
        say(f"{found.length} entries hold; head {found.head}", style="red" if defects else "green")
    else:
        say(f"DAMAGED at entry {found.first_bad_seq}: {found.reason}", style="bold red")
    for line in defects if found.ok else ():
        say(f"DAMAGED: {line}", style="bold red")
    if defects:
        return
    say("decisions, releases and the live pointer are what the chain says", style="green")
    if anchors:
        say(f"{anchors} anchor(s) read, none is missing in the chain", style="green")
    elif not has_head:
        say("note this head outside the site: a chain that was rebuilt is only found with an anchor or --head HASH")


def _anchor_file(opened: Opened) -> Path | None:
    named = opened.site.settings.audit.anchor.file
    return Path(named) if named and Path(named).exists() else None


@app.command("anchor")
def anchor(dry_run: DryRun = False, folder: Folder = None, as_json: Json = False) -> None:
    """Note the head of the chain everywhere that [audit.anchor] names; with --dry-run print the line only."""
    from workflow.anchoring import anchor_now, is_anchored_somewhere
    from workflow.anchors import present_anchor
    from workflow.cli.opening import acting_user, open_ledger
    from workflow.clock import utc_text

    with open_ledger(folder) as opened:
        if dry_run:
            with opened.ledger.read() as connection:
                line = present_anchor(connection, at=utc_text(opened.ledger.clock())).line
            if as_json:
                emit_json("audit-anchor", {"dry_run": True, "line": line, "places": [], "problems": []})
            else:
                say(line)
            return
        if not is_anchored_somewhere(opened.site):
            raise UsageError(
                "audit anchor: expected a place in [audit.anchor] (file, syslog or mail), got none; "
                "set one, or keep the line of audit anchor --dry-run elsewhere"
            )
        done = anchor_now(opened.site, opened.ledger, actor=acting_user())
    if as_json:
        body = {"dry_run": False, "line": done.anchor.line, "places": done.places, "problems": done.problems}
        emit_json("audit-anchor", body)
    else:
        say(done.anchor.line)
        say(f"noted in: {', '.join(done.places) or 'nothing'}")
    for problem in done.problems:
        note(f"medrek-flow: {problem}")
    if done.problems:
        raise typer.Exit(ExitCode.HELD if not done.places else ExitCode.FAILED)


@app.command("accept")
def accept(reason: Reason = "", folder: Folder = None, as_json: Json = False) -> None:
    """Go on from a ledger that is older than its anchor: what was lost stands in the chain from then on, by name."""
    from workflow.anchors import accept_lost, lost_anchors, lost_words, read_anchors
    from workflow.cli.opening import acting_user, open_ledger

    if not reason.strip():
        raise UsageError('audit accept: expected a reason, got none; add --reason "..."')
    with open_ledger(folder) as opened:
        source = _anchor_file(opened)
        with opened.ledger.read() as connection:
            lost = lost_anchors(connection, read_anchors(source)) if source else ()
            words = lost_words(connection, lost) if lost else ""
        if not lost:
            raise UsageError("audit accept: expected anchors that the chain does not hold, got none; nothing to accept")
        accept_lost(opened.ledger, lost, reason=reason.strip(), actor=acting_user())
    if as_json:
        emit_json("audit-accept", {"anchors": len(lost), "reason": reason.strip()})
    else:
        note(words)
        say(f"accepted and on record: {len(lost)} anchor(s) that this chain does not hold; anchor it anew")


@app.command("export")
def export(
    target: Annotated[
        Path | None,
        typer.Argument(metavar="DIR", help="Folder of the bundle; it must not be there. Without it: JSON lines."),
    ] = None,
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Write a bundle for inspection that one short script checks without this program; or print the chain."""
    from workflow.cli.opening import acting_user, open_ledger

    with open_ledger(folder) as opened:
        if target is None:
            _print_chain(opened)
            return
        from workflow.audit_bundle.write import write_bundle

        with progress_bar() as progress:
            written = write_bundle(opened.site, opened.ledger, target, actor=acting_user(), progress=progress)
    if as_json:
        emit_json(
            "audit-bundle",
            {"folder": str(written.folder), "manifest_sha256": written.manifest_sha256, "files": written.files},
        )
    else:
        banner(written.warnings)
        say(f"{written.files} files in {written.folder}; sha256 of manifest.json: {written.manifest_sha256}")
        say(f"to check it anywhere: python3 -I -S {written.folder}/verify_bundle.py")


def _print_chain(opened: Opened) -> None:
    """Print the chain as JSON lines: a head line with the site's warnings, then one line an entry."""
    from sqlalchemy import select

    from workflow.anchors import anchor_warning
    from workflow.clock import utc_now
    from workflow.ledger import audit, tables
    from workflow.status import standing_warnings

    with opened.ledger.read() as connection:
        kind, profile = opened.ledger.kind(), opened.ledger.signer_profile()
        length, head = audit.head(connection)
        anchor_line = anchor_warning(connection, opened.site.settings.audit.anchor, utc_now())
        first = {"schema": "medrek-flow.audit-export", "version": 1, "site_name": opened.site.settings.site.name}
        first |= {"kind": kind, "signer_profile": profile}
        warnings = standing_warnings(kind, profile, anchor_line)
        emit_json_line({**first, "warnings": warnings, "length": length, "head": head})
        for row in connection.execute(select(tables.audit).order_by(tables.audit.c.seq)).mappings():
            columns = dict(row)
            emit_json_line({**columns, "body": json.loads(str(columns["body"]))})
