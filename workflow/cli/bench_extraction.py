"""``bench extraction``: an extraction lane against annotated text, with the numbers that a pharmacist feels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workflow.cli.options import Folder, Json
from workflow.cli.output import emit_json, note, progress_bar, say, table
from workflow.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from workflow.extraction_bench.run import Ran
    from workflow.intake.extractor import Extractor

_FORMATS = "ddi, tdic, tac, phee, evidence-inference, atc or labels"


def extraction(
    data: Annotated[Path, typer.Option("--data", metavar="PATH", help="File or folder of the set.")],
    form: Annotated[str, typer.Option("--format", metavar="NAME", help=f"Of the set: {_FORMATS}.")],
    backend: Annotated[
        str, typer.Option("--backend", help="rules, or a back end of the site's settings, such as openai.")
    ] = "rules",
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Only the first so many cases.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write report and every fact there as well.")
    ] = None,
    site: Folder = None,
    as_json: Json = False,
) -> None:
    """Measure what a lane finds, makes up, turns round and leaves out, before and after the wall.

    Drugs that the set names in a sentence are known to the rules there, as a vocabulary file would make them known.
    Exit code 1 where the ATC differ is not exact, or an unchanged label gives a fact.
    """
    if form == "atc":
        _atc(data, as_json=as_json)
        return
    from workflow.cli.bench_lanes import open_lane

    with open_lane(backend, site) as lane:
        if form == "labels":
            _labels(data, lane, as_json=as_json)
        else:
            _sentences(data, form, lane, limit=limit, out=out, as_json=as_json)


def _sentences(data: Path, form: str, lane: Extractor, *, limit: int | None, out: Path | None, as_json: bool) -> None:
    from workflow.extraction_bench.readers import read_cases
    from workflow.extraction_bench.report import as_markdown, as_object
    from workflow.extraction_bench.run import run_lane

    with progress_bar() as progress:
        ran = run_lane(lane, read_cases(form, data), limit=limit, out=out, tell=progress)
    facts: dict[str, object] = {"format": form, "backend": lane.name, "data": data.name}
    if out is not None:
        (out / "report.md").write_text(as_markdown(ran, facts), encoding="utf-8")
        (out / "report.json").write_text(json.dumps(as_object(ran, facts), indent=2) + "\n", encoding="utf-8")
        note(f"wrote {out / 'report.md'}, report.json and facts.jsonl")
    if as_json:
        emit_json("bench-extraction", as_object(ran, facts))
    else:
        _show(ran, form, lane.name)


def _show(ran: Ran, form: str, name: str) -> None:
    from workflow.extraction_bench.report import rate_rows, score_rows

    tally = ran.tally
    say(f"{form}, {name}: {tally.cases} cases of {ran.documents} documents, {ran.cases_per_minute:.0f} a minute")
    if tally.scores:
        table(("score", "precision", "recall", "F1 (95 %, by document)", "counts"), score_rows(tally.scores))
    table(("share", "count", "share (95 %, Wilson)", "aim"), rate_rows(tally.rates))
    load = "-" if tally.reviewer_load is None else f"{tally.reviewer_load:.2f}"
    say(f"{tally.standing} facts shown, {tally.attention} of them for attention; shown for each right one: {load}")
    if tally.refused:
        table(("refused because", "times"), tally.refused.most_common(10))


def _atc(data: Path, *, as_json: bool) -> None:
    from workflow.extraction_bench.atc import measure_atc

    if not data.is_dir():
        raise UsageError(f"--data {data}: expected a folder with tables and changes.jsonl, got none")
    result = measure_atc(data)
    if as_json:
        body = {"snapshots": result.snapshots, "events": result.events, "listed": result.listed, "exact": result.exact}
        emit_json("bench-extraction", {"format": "atc", **body, "missing": result.missing, "extra": result.extra})
    else:
        say(f"{result.snapshots} tables: {result.events} events, {result.listed} listed")
        say("exact" if result.exact else f"{len(result.missing)} missing, {len(result.extra)} that are not listed")
        table(
            ("missing", "not listed"),
            list(zip(result.missing[:5], result.extra[:5], strict=False)),
            empty="no row differs",
        )
    if not result.exact:
        raise typer.Exit(ExitCode.FAILED)


def _labels(data: Path, lane: Extractor, *, as_json: bool) -> None:
    from workflow.extraction_bench.labels import measure_labels
    from workflow.extraction_bench.report import rate_object, rate_rows

    result = measure_labels(data, lane)
    speed = round(result.documents_per_minute, 1)
    of_one_core = round(result.documents_per_processor_minute, 1)
    if as_json:
        counts = {"labels": result.labels, "sentences": result.sentences, "facts": result.facts}
        rates = [rate_object(one) for one in result.rates]
        emit_json(
            "bench-extraction",
            {
                "format": "labels",
                "backend": lane.name,
                **counts,
                "rates": rates,
                "documents_per_minute": speed,
                "documents_per_processor_minute": of_one_core,
            },
        )
    else:
        table(("share", "count", "share (95 %, Wilson)", "aim"), rate_rows(result.rates))
        say(
            f"{result.labels} whole labels, {result.sentences} sentences, all as if new: {result.facts} facts, "
            f"{speed:.0f} labels a minute by the clock, {of_one_core:.0f} in a minute of one core"
        )
    if any(rate.hits for rate in result.rates):
        raise typer.Exit(ExitCode.FAILED)
