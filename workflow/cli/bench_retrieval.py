"""``bench retrieval``: which edits questions fire, at several sizes of memory."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from workflow.cli.bench_results import require_results_folder, results_kept, seconds_told
from workflow.cli.options import Json
from workflow.cli.output import emit_json, note, progress_bar, say
from workflow.errors import UsageError


def retrieval(
    data: Annotated[Path, typer.Option("--data", metavar="FILE", help="A MedCF, MedVersa or synthetic file.")],
    memory: Annotated[str, typer.Option("--memory", help="Edits in memory, comma-separated; all for a whole file.")] = (
        "1,10,100,all"
    ),
    editor: Annotated[
        list[Path] | None,
        typer.Option(
            "--editor", metavar="FOLDER", help="A trained editor, the first one looked at closely; repeatable."
        ),
    ] = None,
    duplicates: Annotated[
        Path | None, typer.Option("--duplicates", metavar="FILE", help="Questions to set apart; else by the rule.")
    ] = None,
    calibrate: Annotated[
        Path | None, typer.Option("--calibrate", metavar="FILE", help="Choose TF-IDF's limit on this file.")
    ] = None,
    aliases: Annotated[
        Path | None, typer.Option("--aliases", metavar="FILE", help="Brand and generic names (JSON, CSV or TSV).")
    ] = None,
    sweep: Annotated[
        str | None, typer.Option("--sweep", metavar="LIMIT", help="The limit that the threshold curve varies.")
    ] = None,
    curve: Annotated[str, typer.Option("--curve", help="Sizes to draw curves for, as --memory; none for none.")] = (
        "100,all"
    ),
    robustness: Annotated[
        bool, typer.Option("--robustness/--no-robustness", help="Also ask otherwise: reworded, misspelt, two turns.")
    ] = True,
    varied: Annotated[
        int, typer.Option("--robustness-records", min=1, help="Records asked otherwise; the memory stays whole.")
    ] = 300,
    limit: Annotated[int | None, typer.Option("--records", min=1, help="Only the first so many records.")] = None,
    threads: Annotated[int, typer.Option("--threads", min=1, help="Threads for the encoder.")] = 1,
    seed: Annotated[int, typer.Option("--seed", help="For the memories and the variations.")] = 0,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Tables, figures and raw results.")] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in --out, or add editors and sizes to it.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Measure right, wrong and missed edits, and false fires on what must stay, with 95 % bounds. Needs no LM.

    Beside the engine's decision: TF-IDF with a limit, and exact match. Definitions: docs/benchmarks.md.
    """
    from editor_engine.benchmarks.retrieval import Plan, measure
    from editor_engine.benchmarks.retrieval_files import to_json, to_markdown, write_results
    from editor_engine.benchmarks.retrieval_setup import load_setup
    from editor_engine.benchmarks.retrievers import ExactMatch, TfIdf
    from editor_engine.benchmarks.robustness import read_aliases, variations
    from editor_engine.weights_digest import file_sha256

    plan = Plan(
        sizes=sizes_in("--memory", memory),
        curve_sizes=() if curve == "none" else sizes_in("--curve", curve),
        variations=variations(read_aliases(aliases) if aliases else None) if robustness else (),
        variation_records=varied,
        seed=seed,
    )
    require_results_folder(out, resume=resume)
    setup = load_setup(
        data,
        editors=editor or [],
        duplicates=duplicates,
        calibrate=calibrate,
        swept=sweep,
        limit=limit,
        threads=threads,
    )
    began = time.perf_counter()
    settings = {
        **setup.settings,
        "aliases": file_sha256(aliases) if aliases else "",
        "seed": str(seed),
    }
    with progress_bar() as progress, results_kept(out, settings, setup.members, resume=resume) as journal:
        measured = measure(
            setup.records,
            setup.engine,
            setup.duplicates,
            plan,
            calibration=setup.calibration,
            beside=(*setup.others, TfIdf([record.question for record in setup.records]), ExactMatch()),
            journal=journal,
            progress=progress,
        )
    facts = {**setup.facts, "seed": seed, **seconds_told(began, journal)}
    written = write_results(out, measured, facts) if out else []
    if as_json:
        emit_json("bench-retrieval", to_json(measured, facts))
    else:
        say(to_markdown(measured, facts).rstrip())
    for path in written:
        note(f"wrote {path}")


def sizes_in(option: str, text: str) -> tuple[int | None, ...]:
    """Sizes of memory as an option gives them; None for a whole file.

    Raises:
        UsageError: something else than numbers above 0 and all.
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(part == "all" or (part.isdecimal() and int(part) > 0) for part in parts):
        raise UsageError(f"{option}: expected numbers above 0, or all, with commas between, got {text}")
    return tuple(None if part == "all" else int(part) for part in parts)
