"""``rebase``: what is in force, encoded anew for another base model or checkpoint, on a copy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from workflow.cli.options import DryRun, Folder, Json, PinFd, Reason
from workflow.cli.output import emit_json, fields, note, progress_bar, say, table
from workflow.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from workflow.change_control.rebase import RebasedEdit, RebaseReport

commands = typer.Typer()


@commands.command(rich_help_panel="Change what is live")
def rebase(
    model: Annotated[
        str | None, typer.Option("--model", metavar="NAME", help="The other base model, as model.base names it.")
    ] = None,
    editor: Annotated[
        str | None, typer.Option("--editor", metavar="DIR", help="The other checkpoint, as editor.checkpoint names it.")
    ] = None,
    limits_for: Annotated[
        int | None,
        typer.Option("--limits-for", metavar="EDITS", min=0, help="Limits for so many edits, as editor.limits_for."),
    ] = None,
    promote: Annotated[
        str,
        typer.Option("--promote", metavar="REBASE", help="Sign a prepared one with your PIN and make it live."),
    ] = "",
    prepared: Annotated[bool, typer.Option("--list", help="List what was prepared.")] = False,
    reason: Reason = "",
    pin_fd: PinFd = None,
    signer: Annotated[str, typer.Option("--as", metavar="NAME", help="A scripted signer; demo sites only.")] = "",
    dry_run: DryRun = False,
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Encode everything in force for another base model or editor, gate it whole, and report; live stays as it is.

    Writes a shard, a report and an audit row, or nothing with --dry-run. With --promote a release manager signs the
    list of changed carriers and answers, and the prepared memory goes live: name its model in medrek-flow.toml then.
    """
    if promote or prepared:
        from workflow.cli.rebase_promotion import list_prepared, promote_prepared

        if promote:
            promote_prepared(
                promote, reason, signer=signer, pin_fd=pin_fd, folder=folder, dry_run=dry_run, as_json=as_json
            )
        else:
            list_prepared(folder, as_json=as_json)
        return
    from workflow.cli.opening import acting_user, find_site, logged
    from workflow.rebasing import rebase_now

    if model is None and editor is None and limits_for is None:
        raise UsageError("rebase: expected --model, --editor or --limits-for, got none of them")
    site = find_site(folder)
    with logged(site, "rebase"), progress_bar() as progress:
        report = rebase_now(
            site,
            model=model,
            checkpoint=editor,
            limits_for=limits_for,
            actor=acting_user(),
            dry_run=dry_run,
            progress=progress,
        )
    if as_json:
        emit_json("rebase", _body(report))
    else:
        show_report(report)
    code = {"pass": ExitCode.DONE, "hold": ExitCode.HELD, "refuse": ExitCode.GATE_REFUSED}[report.gate.verdict]
    code = ExitCode.GATE_REFUSED if report.no_longer_take or report.gate.ejected else code
    if code:
        raise typer.Exit(code)


def _body(report: RebaseReport) -> dict[str, object]:
    return {
        **report.model_dump(mode="json"),
        "no_longer_take": [edit.edit_id for edit in report.no_longer_take],
        "to_sign": [edit.edit_id for edit in report.to_sign],
        "promoted": False,
    }


def show_report(report: RebaseReport) -> None:
    """Print what a rebase found: every carrier and answer that changes, and its gate."""
    from workflow.cli.batch import show_gate

    fields(
        (
            ("rebase", f"{report.rebase_id}{' (dry run: nothing was written)' if report.dry_run else ''}"),
            ("for", f"{report.base_model} {report.base_model_digest[:12]}, encoder {report.encoder_digest[:12]}"),
            ("edits in force", len(report.edits)),
            ("would be", f"memory {report.digest[:12]}; live is still release {report.live_release_id}"),
            ("shard", f"{report.shard_path} sha256 {str(report.shard_sha256)[:12]}" if report.shard_path else "none"),
        )
    )
    table(("edit", "subject", "carrier", "takes", "answers"), [_row(edit) for edit in report.edits])
    for edit in report.no_longer_take:
        say(f"no longer takes: {edit.edit_id} ({edit.subject}): {edit.object_new}", style="bold red")
        for question, answer in zip(edit.questions, edit.answers, strict=True):
            say(f"  {question}\n    would say: {answer}")
    show_gate(report.gate)
    note(
        f"live is still release {report.live_release_id}: medrek-flow rebase --promote {report.rebase_id}; "
        "then name the other model or editor in medrek-flow.toml"
    )


def _row(edit: RebasedEdit) -> tuple[str, ...]:
    carrier = f"{edit.carrier_before} -> {edit.carrier}" if edit.carrier_changed else edit.carrier
    taken = "shadowed" if edit.shadowed else "yes" if edit.takes else "NO"
    changed = sum(one != other for one, other in zip(edit.answers_before, edit.answers, strict=True))
    return edit.edit_id, edit.subject, carrier, taken, f"{changed} of {len(edit.answers)} differ" if changed else "same"
