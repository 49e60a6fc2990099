"""``bench edit``: what the base model says with edits in force, at several numbers of edits, for several editors."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from workflow.cli.bench_results import require_results_folder, results_kept, seconds_told
from workflow.cli.bench_retrieval import sizes_in
from workflow.cli.options import Json
from workflow.cli.output import emit_json, note, progress_bar, say


def edit(
    data: Annotated[Path, typer.Option("--data", metavar="FILE", help="A MedCF, MedVersa or synthetic file.")],
    base: Annotated[str, typer.Option("--base", metavar="MODEL", help="Folder or hub id of a causal LM.")],
    edits: Annotated[str, typer.Option("--edits", help="Edits in memory, comma-separated; all for a whole file.")] = (
        "1,10,50,100"
    ),
    editor: Annotated[
        list[Path] | None, typer.Option("--editor", metavar="FOLDER", help="A trained editor; repeatable.")
    ] = None,
    carriers: Annotated[str, typer.Option("--carriers", help="text, soft, refined, chosen; comma-separated.")] = "text",
    duplicates: Annotated[
        Path | None, typer.Option("--duplicates", metavar="FILE", help="Questions to set apart; else by the rule.")
    ] = None,
    calibrate: Annotated[
        Path | None, typer.Option("--calibrate", metavar="FILE", help="Choose TF-IDF's limit on this file.")
    ] = None,
    limit: Annotated[int | None, typer.Option("--records", min=1, help="Only the first so many records.")] = None,
    device: Annotated[str, typer.Option("--device", help="Where the base model runs.")] = "cpu",
    dtype: Annotated[str | None, typer.Option("--dtype", help="bfloat16, float16 or float32.")] = None,
    longest: Annotated[int, typer.Option("--max-new-tokens", min=1, help="Longest free answer.")] = 32,
    seed: Annotated[int, typer.Option("--seed", help="For the memories.")] = 0,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Tables, figure and raw results.")] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in --out, or add editors and sizes to it.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Measure edits by free generation and by the paper's columns, beside trivial systems and the paper's numbers.

    Each editor with each carrier; then TF-IDF + text, exact match + text, and the fact always in the context.
    Definitions: docs/benchmarks.md.
    """
    from editor_engine.benchmarks.edit_bench import measure_edits
    from editor_engine.benchmarks.edit_files import ANSWERS, edits_json, edits_markdown, write_edit_results
    from editor_engine.benchmarks.edit_setup import load_edit_setup
    from editor_engine.benchmarks.kept_values import KeptValues

    sizes = sizes_in("--edits", edits)
    require_results_folder(out, resume=resume)
    began = time.perf_counter()
    with progress_bar() as progress:
        setup = load_edit_setup(
            data,
            base,
            editors=editor or [],
            carriers=list(dict.fromkeys(part.strip() for part in carriers.split(","))),
            duplicates=duplicates,
            calibrate=calibrate,
            limit=limit,
            device=device,
            dtype=dtype,
            max_new_tokens=longest,
            tell=progress,
        )
        members = {system.name: system.identity for system in setup.systems}
        with results_kept(out, {**setup.settings, "seed": str(seed)}, members, resume=resume) as journal:
            if out is not None:
                setup.book.keep_in(out / ANSWERS, resume=resume)
            results = measure_edits(
                setup.records,
                setup.systems,
                setup.book,
                setup.duplicates,
                sizes=sizes,
                seed=seed,
                journal=journal,
                values=KeptValues(out, resume=resume),
                tell=progress,
            )
    facts = {**setup.facts, "seed": seed, **seconds_told(began, journal)}
    written = write_edit_results(out, results, facts) if out else []
    if as_json:
        emit_json("bench-edit", edits_json(results, facts))
    else:
        say(edits_markdown(results, facts).rstrip())
    for path in written:
        note(f"wrote {path}")
