"""``batch``: look at batches, and make one of what is approved."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workflow.cli.options import DryRun, Folder, Json, Reason
from workflow.cli.output import emit_json, fields, note, say, table
from workflow.errors import IllegalTransitionError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workflow.change_control.batches import BatchEdit, BatchRow
    from workflow.change_control.gate_report import GateReport
    from workflow.change_control.impact_note import ImpactNote

app = typer.Typer(help="Edits that are staged, gated, promoted and rolled back together.", no_args_is_help=True)


@app.command("list")
def list_all(folder: Folder = None, as_json: Json = False) -> None:
    """List the batches, oldest first."""
    from workflow.change_control.batches import list_batches
    from workflow.cli.opening import open_ledger

    with open_ledger(folder) as opened, opened.ledger.read() as connection:
        batches = list_batches(connection)
    if as_json:
        emit_json("batch-list", {"batches": [{**asdict(b), "standing_word": b.standing_word} for b in batches]})
        return
    rows = [
        (
            b.batch_id,
            b.standing_word,
            f"{len(b.standing)} of {len(b.edits)}",
            b.created_at,
            b.release_id,
            f"EXPEDITED: {b.note}" if b.expedited else b.note,
            b.hold_reason,
        )
        for b in batches
    ]
    columns = ("batch", "state", "edits", "made", "release", "note", "stands still because")
    table(columns, rows, empty="no batches yet")


@app.command("show")
def show(
    batch_id: Annotated[str, typer.Argument(metavar="BATCH")], folder: Folder = None, as_json: Json = False
) -> None:
    """Show one batch: its edits, and what the gate said."""
    from workflow.change_control.acts import show_batch
    from workflow.cli.opening import open_ledger

    with open_ledger(folder) as opened:
        view = show_batch(opened.ledger, batch_id)
    gate, impact = view.gate, view.note
    if as_json:
        body = {
            "batch": {**asdict(view.batch), "standing_word": view.batch.standing_word},
            "gate": gate.model_dump(mode="json") if gate else None,
            "impact_note": impact.model_dump(mode="json") if impact else None,
            "signatures": [asdict(act) for act in view.signed],
        }
        emit_json("batch", body)
        return
    _show_batch(view.batch)
    for act in view.signed:
        say(f"{act.signed_at} {act.signer_name} ({act.roles}): {act.meaning}; reason: {act.reason}", style="dim")
    if gate is None:
        say("\nthe gate has not run", style="dim")
    else:
        show_gate(gate)
        show_note(impact)


@app.command("create")
def create(
    candidates: Annotated[list[str] | None, typer.Argument(metavar="[CANDIDATE]...")] = None,
    named: Annotated[
        list[str] | None, typer.Option("--candidate", metavar="CANDIDATE", help="One of them; may be given again.")
    ] = None,
    note_text: Annotated[str, typer.Option("--note", help="Why these belong together; kept with the batch.")] = "",
    folder: Folder = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Make a batch by hand of the approved candidates, signed: of all, or of those named."""
    from workflow.change_control.acts import preview_batch, submit_batch
    from workflow.cli.opening import acting_user, open_ledger

    wanted = tuple(dict.fromkeys([*(candidates or ()), *(named or ())]))
    with open_ledger(folder) as opened:
        chosen = [one.candidate_id for one in preview_batch(opened.ledger, wanted)]
        batch_id = None
        if not dry_run:
            account = acting_user()
            batch_id = submit_batch(opened.ledger, account=account, note=note_text, candidate_ids=wanted)
    if as_json:
        emit_json("batch-create", {"batch_id": batch_id, "dry_run": dry_run, "candidates": chosen})
    elif dry_run:
        say(f"would make a batch of {len(chosen)} candidate(s): {', '.join(chosen) or 'none is approved'}")
    elif batch_id is None:
        note("nothing is approved and in no batch yet; see medrek-flow queue list")
    else:
        say(f"batch {batch_id} made; next: medrek-flow check {batch_id}")


@app.command("cancel")
def cancel(
    batch_id: Annotated[str, typer.Argument(metavar="BATCH")],
    reason: Reason = "",
    folder: Folder = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """End a batch that is not live, or that its gate refused whole; its candidates are approved again.

    Their signatures stand, unless something came since that the signers could not know.
    """
    from workflow.change_control.acts import cancel_batch, show_batch
    from workflow.cli.asking import ask_line
    from workflow.cli.opening import acting_user, open_ledger

    with open_ledger(folder) as opened:
        edits = [edit.edit_id for edit in show_batch(opened.ledger, batch_id).batch.standing]
        sent_back: tuple[tuple[str, str], ...] = ()
        if not dry_run:
            why = reason.strip() or ask_line("reason", option="--reason")
            done = cancel_batch(opened.ledger, batch_id, reason=why, account=acting_user())
            edits, sent_back = list(done.edits), done.sent_back
    if as_json:
        back = [{"candidate_id": name, "why": why} for name, why in sent_back]
        emit_json("batch-cancel", {"batch_id": batch_id, "dry_run": dry_run, "edits": edits, "sent_back": back})
        return
    said = "would be" if dry_run else "is"
    say(f"batch {batch_id} {said} cancelled; {len(edits) - len(sent_back)} candidate(s) are approved again")
    for name, why in sent_back:
        say(f"{name} is back in the queue: {why}", style="yellow")


@app.command("report")
def report(
    batch_id: Annotated[str, typer.Argument(metavar="BATCH")],
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Write all three files there.")] = None,
    html: Annotated[bool, typer.Option("--html", help="Print the HTML page instead of Markdown.")] = False,
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Print what the gate said of a batch as a page: Markdown, HTML with figures, or JSON."""
    from workflow.change_control.batches import read_batch
    from workflow.cli.gate_pages import page_of
    from workflow.cli.opening import open_ledger, read_gate_report
    from workflow.reports import gate_page

    if html and as_json:
        raise UsageError("batch report: expected --html or --json, got both")
    with open_ledger(folder) as opened, opened.ledger.read() as connection:
        gate = read_gate_report(connection, read_batch(connection, batch_id).gate_id)
    if gate is None:
        raise IllegalTransitionError(f"batch {batch_id}: the gate has not run; run medrek-flow check {batch_id}")
    page = page_of(opened.site, gate)
    if out is not None:
        for path in gate_page.write_gate_report(page, out):
            say(str(path))
    else:
        render = gate_page.render_gate_html if html else gate_page.render_gate_markdown
        sys.stdout.write(gate_page.render_gate_json(page) if as_json else render(page))


def _show_batch(batch: BatchRow) -> None:
    fields(
        (
            ("batch", batch.batch_id),
            ("state", batch.standing_word),
            *((("because", batch.hold_reason),) if batch.hold_reason else ()),
            *((("EXPEDITED", "reviewed, gated and promoted out of turn"),) if batch.expedited else ()),
            ("made", f"{batch.created_at} by {batch.created_by}"),
            ("note", batch.note or "none"),
            ("gated against", "nothing yet" if batch.base_release_id is None else f"release {batch.base_release_id}"),
            ("release", "none" if batch.release_id is None else batch.release_id),
            ("shard", f"{batch.shard_path} sha256 {batch.shard_sha256}" if batch.shard_path else "not staged"),
        )
    )
    show_batch_edits(batch.edits)


def show_batch_edits(edits: Sequence[BatchEdit]) -> None:
    """Print a batch's edits: what is asked, and what the model is to say."""
    rows = [(e.edit_id, e.candidate_id, e.question, e.object_new, e.state.replace("_", " "), e.reason) for e in edits]
    table(("edit", "candidate", "question", "answer", "state", "reason"), rows, empty="no edits")


def show_gate(gate: GateReport) -> None:
    """Print what the gate found: its checks, what it took out, and every answer that came out wrong."""
    say(
        f"\ngate {gate.gate_id}: {gate.verdict.upper()}, compared with release {gate.base_release_id}, "
        f"{gate.probes} probes screened, {gate.questions_run} questions run, {gate.seconds:.1f} s",
        style="bold",
    )
    if gate.trouble:
        say(gate.trouble, style="bold red")
        return
    if not gate.checks and gate.verdict == "pass":
        say("no edit is in force: the bare base model answers everything, so there is nothing to check")
        return
    rows = [(str(check.name), str(check.verdict), check.asked, check.failed, check.detail) for check in gate.checks]
    rows += [(str(name), "missing", 0, 0, "did not run: counts as not passed") for name in gate.missing]
    table(("check", "verdict", "asked", "failed", "detail"), rows)
    for gone in gate.ejected:
        say(f"ejected {gone.edit_id} ({gone.subject}, {gone.relation}): {gone.reason}", style="bold red")
    for failure in (*gate.failures, *(failure for gone in gate.ejected for failure in gone.failures)):
        say(f"  {failure.check}: {failure.question}")
        say(f"    now:       {failure.live_answer or '(not asked)'}\n    would say: {failure.staged_answer}")


def show_note(impact: ImpactNote | None) -> None:
    """Print the impact note: what changes for whom, and what is known to be uncertain."""
    if impact is None:
        return
    say(f"\nimpact note of gate {impact.gate_id}", style="bold")
    fields(
        (
            ("drugs", ", ".join(impact.drugs) or "none"),
            ("near misses", f"{impact.near_misses_moved} of {impact.near_misses_asked} moved"),
            ("supersedes", "; ".join(impact.supersedes) or "nothing in force"),
        )
    )
    rows = [(one.question, one.old, one.new) for one in impact.answers]
    table(("question", "says now", "will say"), rows, empty="no answer changes")
    for line in impact.risks:
        say(f"known risk: {line}", style="yellow")
    say(impact.not_claimed, style="dim")
