"""``rebase --list`` and ``--promote``: what was prepared, and making it live with a release manager's signature."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from workflow.cli.asking import ask_line
from workflow.cli.output import emit_json, note, say, table
from workflow.errors import IllegalTransitionError, UsageError

if TYPE_CHECKING:
    from workflow.change_control.rebase_promotion import PreparedRebase


def list_prepared(folder: Path | None, *, as_json: bool) -> None:
    """List every rebase that was prepared, and why it cannot go live, where it cannot."""
    from workflow.change_control.rebase_promotion import list_rebases, refusals
    from workflow.cli.opening import open_ledger

    with open_ledger(folder) as opened, opened.ledger.read() as connection:
        found = [(one, refusals(connection, one)) for one in list_rebases(connection)]
    if as_json:
        emit_json("rebase-list", {"rebases": [_body(one, lines) for one, lines in found]})
        return
    rows = [
        (
            one.rebase_id,
            one.state,
            one.prepared_at,
            f"{one.report.base_model} {one.report.base_model_digest[:12]}",
            len(one.report.edits),
            len(one.report.to_sign),
            "; ".join(lines) or "nothing",
        )
        for one, lines in found
    ]
    columns = ("rebase", "state", "prepared", "for", "edits", "to sign", "stands in its way")
    table(columns, rows, empty="no rebase was prepared; see medrek-flow rebase --help")


def promote_prepared(
    rebase_id: str,
    reason: str,
    *,
    signer: str,
    pin_fd: int | None,
    folder: Path | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Show a prepared rebase, have it signed with a PIN, and make it live."""
    from workflow.change_control.rebase_promotion import promote_rebase, read_rebase, refusals
    from workflow.cli.opening import acting_user, open_ledger
    from workflow.cli.rebase import show_report
    from workflow.identity import find_reviewer, read_pin

    with open_ledger(folder) as opened:
        with opened.ledger.read() as connection:
            prepared = read_rebase(connection, rebase_id)
            lines = refusals(connection, prepared)
        if not as_json:
            show_report(prepared.report)
        if dry_run:
            say("; ".join(lines) or "dry run: it can go live; nothing was changed")
            return
        if lines:
            raise IllegalTransitionError(f"rebase {rebase_id}: {'; '.join(lines)}")
        person = find_reviewer(opened.ledger, signer or acting_user())
        if signer and not person.scripted:
            raise UsageError(f"--as {signer}: expected a scripted signer of a demo site, got a person")
        why = reason.strip() or ask_line("reason", option="--reason")
        pin = "" if person.scripted else read_pin(pin_fd=pin_fd, prompt=f"PIN of {person.name}: ")
        release_id = promote_rebase(
            opened.ledger, opened.site.memory_folder, rebase_id, account=person.reviewer_id, pin=pin, reason=why
        )
    if as_json:
        emit_json("rebase-promote", {"rebase_id": rebase_id, "release_id": release_id})
        return
    say(f"release {release_id} is live", style="bold green")
    note(f"name {prepared.report.base_model} and its editor in medrek-flow.toml now: nothing else fits this release")


def _body(one: PreparedRebase, lines: tuple[str, ...]) -> dict[str, object]:
    return {
        "rebase_id": one.rebase_id,
        "state": one.state,
        "prepared_at": one.prepared_at,
        "prepared_by": one.prepared_by,
        "release_id": one.release_id,
        "live_release_id": one.report.live_release_id,
        "base_model_digest": one.report.base_model_digest,
        "to_sign": [edit.edit_id for edit in one.report.to_sign],
        "refusals": list(lines),
    }
