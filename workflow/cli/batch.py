"""``batch``: look at batches, and make one of what is approved."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workflow.cli.options import DryRun, Folder, Json
from workflow.cli.output import emit_json, fields, note, say, table
from workflow.errors import IllegalTransitionError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workflow.change_control.batches import BatchEdit, BatchRow
    from workflow.change_control.gate_report import GateReport

app = typer.Typer(help="Edits that are staged, gated, promoted and rolled back together.", no_args_is_help=True)


@app.command("list")
def list_all(folder: Folder = None, as_json: Json = False) -> None:
    """List the batches, oldest first."""
    from workflow.change_control.batches import list_batches
    from workflow.cli.opening import open_ledger

    with open_ledger(folder) as opened, opened.ledger.read() as connection:
        batches = list_batches(connection)
    if as_json:
        emit_json("batch-list", {"batches": [asdict(batch) for batch in batches]})
        return
    rows = [
        (b.batch_id, b.state, f"{len(b.standing)} of {len(b.edits)}", b.created_at, b.release_id, b.note)
        for b in batches
    ]
    table(("batch", "state", "edits", "made", "release", "note"), rows, empty="no batches yet")


@app.command("show")
def show(
    batch_id: Annotated[str, typer.Argument(metavar="BATCH")], folder: Folder = None, as_json: Json = False
) -> None:
    """Show one batch: its edits, and what the gate said."""
    from workflow.change_control.batches import read_batch
    from workflow.cli.opening import open_ledger, read_gate_report

    with open_ledger(folder) as opened, opened.ledger.read() as connection:
        batch = read_batch(connection, batch_id)
        gate = read_gate_report(connection, batch.gate_id)
    if as_json:
        emit_json("batch", {"batch": asdict(batch), "gate": gate.model_dump(mode="json") if gate else None})
        return
    _show_batch(batch)
    if gate is None:
        say("\nthe gate has not run", style="dim")
    else:
        show_gate(gate)


@app.command("create")
def create(
    candidates: Annotated[list[str] | None, typer.Argument(metavar="[CANDIDATE]...")] = None,
    note_text: Annotated[str, typer.Option("--note", help="A few words kept with the batch.")] = "",
    folder: Folder = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Make a batch of the approved candidates: of all, or of those named."""
    from workflow.change_control.batches import approved_candidates, create_batch
    from workflow.cli.opening import acting_user, open_ledger

    with open_ledger(folder) as opened:
        if dry_run:
            with opened.ledger.read() as connection:
                approved = [c.candidate_id for c in approved_candidates(connection)]
            chosen = [name for name in approved if not candidates or name in candidates]
            batch_id = None
        else:
            chosen = list(candidates or ())
            batch_id = create_batch(
                opened.ledger, actor=acting_user(), note=note_text, candidate_ids=tuple(candidates or ())
            )
    if as_json:
        emit_json("batch-create", {"batch_id": batch_id, "dry_run": dry_run, "candidates": chosen})
    elif dry_run:
        say(f"would make a batch of {len(chosen)} candidate(s): {', '.join(chosen) or 'none is approved'}")
    elif batch_id is None:
        note("nothing is approved and in no batch yet; see medrek-flow queue list")
    else:
        say(f"batch {batch_id} made; next: medrek-flow check {batch_id}")


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
            ("state", batch.state),
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
