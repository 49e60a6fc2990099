"""``bench``: the project's numbers, measured here and now; nothing is typed by hand."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from workflow.cli import (
    bench_base_model,
    bench_carriers,
    bench_chat,
    bench_edit,
    bench_engine,
    bench_extraction,
    bench_gate,
    bench_grounding,
    bench_histories,
    bench_prompts,
    bench_retrieval,
    bench_review_command,
)
from workflow.cli.options import Json
from workflow.cli.output import emit_json, note, progress_bar, say, table
from workflow.errors import ExitCode

app = typer.Typer(help="Measure the numbers that the project promises.", no_args_is_help=True)


@app.command("startup")
def startup(
    runs: Annotated[int, typer.Option("--runs", min=1, help="Runs of each command; the median counts.")] = 7,
    as_json: Json = False,
) -> None:
    """Measure how long --help and status take, and that they load no model and no screen library (else exit 1)."""
    from workflow.cli.bench_startup import measure_startup

    with progress_bar() as progress:
        timings = measure_startup(runs=runs, progress=progress)
    if as_json:
        emit_json("bench-startup", {"runs": runs, "commands": [asdict(timing) for timing in timings]})
    else:
        rows = [
            (t.command, f"{t.median_s:.3f} s", f"{t.slowest_s:.3f} s", f"< {t.limit_s} s", ", ".join(t.heavy) or "none")
            for t in timings
        ]
        table(("command", "median", "slowest", "aim", "heavy imports"), rows)
    for timing in timings:
        if timing.median_s >= timing.limit_s:
            note(f"{timing.command}: over its aim of {timing.limit_s} s here and now; look again on an idle machine")
    if any(timing.heavy for timing in timings):
        raise typer.Exit(ExitCode.FAILED)


@app.command("promotion")
def promotion(
    edits: Annotated[int, typer.Option("--edits", min=2, help="Edits in the synthetic ledger.")] = 10_000,
    as_json: Json = False,
) -> None:
    """Measure pointer and audit of promote and rollback on a ledger full of synthetic edits."""
    from workflow.cli.bench_promotion import LIMIT_S, measure_promotion

    with progress_bar() as progress:
        timing = measure_promotion(edits=edits, progress=progress)
    if as_json:
        emit_json("bench-promotion", {**asdict(timing), "limit_s": LIMIT_S})
    else:
        aim = f"< {LIMIT_S:.0f} s"
        rows = [
            (f"count the signatures of {timing.batch_edits} edits again", f"{timing.checks_s:.3f} s", "apart"),
            (f"promote {timing.batch_edits} edits: pointer, rows, audit", f"{timing.promote_s:.3f} s", aim),
            (f"roll one edit back, {edits} in force", f"{timing.rollback_one_s:.3f} s", aim),
            (f"roll {timing.batch_edits} edits back", f"{timing.rollback_s:.3f} s", aim),
        ]
        table((f"with {edits} edits in the ledger", "took", "aim"), rows)
        say(f"torch imported: {'yes' if timing.torch_imported else 'no'}")
    slowest = max(timing.promote_s, timing.rollback_one_s, timing.rollback_s)
    if slowest >= LIMIT_S:
        note(f"over the aim of {LIMIT_S} s here and now; look again on an idle machine")
    if timing.torch_imported:
        raise typer.Exit(ExitCode.FAILED)


app.command("retrieval")(bench_retrieval.retrieval)
app.command("review")(bench_review_command.review)
app.command("edit")(bench_edit.edit)
app.command("base-model")(bench_base_model.base_model)
app.command("engine")(bench_engine.engine)
app.command("gate")(bench_gate.gate)
app.command("prompts")(bench_prompts.prompts)
app.command("carriers")(bench_carriers.carriers)
app.command("chat")(bench_chat.chat)
app.command("grounding")(bench_grounding.grounding)
app.command("extraction")(bench_extraction.extraction)
app.command("histories")(bench_histories.histories)


@app.command("sources")
def sources(
    records: Annotated[int, typer.Option("--records", min=1, help="PubMed records to parse and store.")] = 5_000,
    rows: Annotated[int, typer.Option("--rows", min=100, help="Rows of the Retraction Watch table.")] = 72_000,
    changed: Annotated[int, typer.Option("--changed", min=0, help="Rows that differ in the next night's table.")] = 100,
    as_json: Json = False,
) -> None:
    """Measure how fast records are parsed and stored, and a whole table is compared with what is on record."""
    from workflow.cli.bench_sources import DIFF_MB, DIFF_S, RECORDS_PER_S, measure_sources

    with progress_bar() as progress:
        measured = measure_sources(records=records, rows=rows, changed=min(changed, rows), progress=progress)
    if as_json:
        limits = {"records_per_s": RECORDS_PER_S, "diff_s": DIFF_S, "diff_mb": DIFF_MB}
        emit_json("bench-sources", {**asdict(measured), "aims": limits})
    else:
        m = measured
        lines = [
            (f"{m.pubmed_records} PubMed records", f"{m.pubmed_per_s:.0f} a second", f">= {RECORDS_PER_S:.0f}"),
            (f"table of {m.table_rows} rows, {m.table_mb:.0f} MB: first night", f"{m.first_s:.1f} s", ""),
            (f"next night, {m.changed_rows} rows changed", f"{m.diff_s:.1f} s", f"< {DIFF_S:.0f} s"),
            ("its memory, the whole process", f"{m.diff_peak_mb:.0f} MB", f"< {DIFF_MB:.0f} MB"),
            ("the same table again", f"{m.same_file_s:.1f} s", ""),
        ]
        table(("what", "measured", "aim"), lines)
    if measured.pubmed_per_s < RECORDS_PER_S or measured.diff_s >= DIFF_S or measured.diff_peak_mb >= DIFF_MB:
        note("short of an aim here and now; look again on an idle machine")


@app.command("night")
def night(
    documents: Annotated[int, typer.Option("--documents", min=1, help="Labels in the drop folder.")] = 200,
    runs: Annotated[int, typer.Option("--runs", min=1, max=25, help="Quiet nights; the median counts.")] = 3,
    as_json: Json = False,
) -> None:
    """Measure a night that brings nothing new, and that it loads no model (else exit 1)."""
    from workflow.cli.bench_night import LIMIT_S, measure_night

    with progress_bar() as progress:
        timing = measure_night(documents=documents, runs=runs, progress=progress)
    if as_json:
        emit_json("bench-night", {**asdict(timing), "limit_s": LIMIT_S})
    else:
        rows = [
            (f"first night, {timing.documents} labels", f"{timing.first_s:.1f} s", ""),
            ("a night with nothing new, median", f"{timing.median_s:.1f} s", f"< {LIMIT_S:.0f} s"),
            ("a night with nothing new, slowest", f"{timing.slowest_s:.1f} s", ""),
            ("its processor time, median", f"{timing.cpu_s:.1f} s", ""),
        ]
        table(("night", "took", "aim"), rows)
        say(f"model libraries loaded: {', '.join(timing.loaded) or 'none'}")
    if timing.median_s >= LIMIT_S:
        note(f"over the aim of {LIMIT_S:.0f} s here and now; look again on an idle machine")
    if timing.loaded:
        raise typer.Exit(ExitCode.FAILED)
