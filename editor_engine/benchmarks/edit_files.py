"""What the editing benchmark leaves behind: tables as Markdown, CSV and LaTeX, figures; raw results are the journal's.

Owns the file names in the result folder: ``report.md``, ``table.csv``, ``table.tex``, ``edits.png``, ``answers.jsonl``.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from editor_engine.benchmarks.edit_bench import EditResults
from editor_engine.benchmarks.edit_latex import edits_latex
from editor_engine.benchmarks.edit_scores import EditBlock
from editor_engine.benchmarks.paper_numbers import SOURCE, number_text, paper_rows_beside
from editor_engine.benchmarks.retrieval import size_name
from editor_engine.datasets.published import write_text

ANSWERS = "answers.jsonl"
DIFFERS = (
    "What differs from the paper's: base model, encoder and training; means are over questions, not over chunks; "
    "fluency is that of the question with its free greedy answer under the edit; the time of an edit is ours for all "
    "edits at once, the paper's for one. Table 9 is MedCF as published, its repeated prompts included; MEND's MedVersa "
    "numbers at 50 and 100 edits in Table 3 are left out, for the text at hand has them garbled."
)


def write_edit_results(folder: Path, results: EditResults, facts: Mapping[str, object]) -> list[Path]:
    """Write tables and the figure; the paths written, in order."""
    from editor_engine.benchmarks.edit_figures import draw_edits

    texts = {
        "report.md": edits_markdown(results, facts),
        "table.csv": _csv(results),
        "table.tex": edits_latex(results, facts),
    }
    for name, text in texts.items():
        write_text(folder / name, text)
    draw_edits(folder / "edits.png", results)
    return [*(folder / name for name in texts), folder / "edits.png"]


def edits_json(results: EditResults, facts: Mapping[str, object]) -> dict[str, object]:
    """The tables as JSON values, the paper's apart."""
    theirs = [asdict(row) for row in paper_rows_beside(results.columns)]
    return {
        **facts,
        "blocks": [block.to_json() for block in results.blocks],
        "paper": {"source": SOURCE, "differs": DIFFERS, "rows": theirs},
    }


def edits_markdown(results: EditResults, facts: Mapping[str, object]) -> str:
    """The report to read."""
    lines = ["# Editing", "", *(f"- {name}: {value}" for name, value in facts.items()), ""]
    lines += ["## Free generation", "", "Per cent with 95 % bounds (Wilson); questions that ask for another edit in"]
    lines += ["memory are set apart. `takes`: the new object is said and the old one is not. `flips`: the answer to a"]
    lines += ["question that must stay is another one. `gone with the edit`: taken out alone, its object is not said."]
    lines += ["`no value`: edits that are in no memory, since no value of this carrier was found for them.", ""]
    lines += [*_markdown(_honest_rows(results)), "", "## The paper's columns", ""]
    lines += ["Teacher-forced token accuracy (Eff, Gen), agreement with the unedited model (locality), Eq. 13 (Avg);"]
    lines += ["nothing is set apart."]
    columns = results.columns
    rows = [["system", "edits", *columns]]
    rows += [[b.system, size_name(b.edits, results.records), *_numbers(b.paper, columns)] for b in results.blocks]
    lines += ["", *_markdown(rows), "", f"## The paper's own numbers ({SOURCE})", ""]
    lines += [f"Printed there, not measured here. {DIFFERS}", ""]
    theirs = paper_rows_beside(columns)
    rows = [["method (paper)", "table", "model", "data", "edits", *columns]]
    rows += [
        [one.method, str(one.table), one.model, one.data, str(one.edits), *_numbers(one.numbers, columns)]
        for one in theirs
    ]
    none = ["The paper has no numbers on data with these locality slots."]
    return "\n".join([*lines, *(_markdown(rows) if theirs else none)]) + "\n"


def _honest_rows(results: EditResults) -> list[list[str]]:
    honest = list(results.blocks[0].honest) if results.blocks else []
    rows = [["system", "edits", *honest, "ms an edit", "refining, ms an edit", "no value"]]
    return rows + [
        [
            block.system,
            size_name(block.edits, results.records),
            *(str(block.honest[name]) for name in honest),
            f"{1000 * block.edit_s:.1f}",
            f"{1000 * block.apart_s:.0f}" if block.apart_s >= 0.001 else "-",
            str(block.without_value),
        ]
        for block in results.blocks
    ]


def _numbers(numbers: Mapping[str, float], columns: Sequence[str]) -> list[str]:
    return [number_text(name, numbers.get(name)) for name in columns]


def _markdown(rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows]
    return [lines[0], f"|{'---|' * len(rows[0])}", *lines[1:]]


def _csv(results: EditResults) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["source", "system", "model", "data", "edits", "column", "value", "hits", "n", "low", "high"])
    for block in results.blocks:
        writer.writerows(_csv_rows(block, size_name(block.edits, results.records)))
    for row in paper_rows_beside(results.columns):
        source = f"paper, Table {row.table}"
        for name, value in row.numbers.items():
            writer.writerow([source, row.method, row.model, row.data, row.edits, name, value, "", "", "", ""])
    return text.getvalue()


def _csv_rows(block: EditBlock, size: str) -> list[list[object]]:
    start = ["measured", block.system, "", "", size]
    rows: list[list[object]] = [[*start, name, f"{value:.6g}", "", "", "", ""] for name, value in block.paper.items()]
    rows.append([*start, "s an edit, refining or choosing", f"{block.apart_s:.6g}", "", "", "", ""])
    rows.append([*start, "edits without a value", block.without_value, "", "", "", ""])
    for name, share in block.honest.items():
        found = share.to_json()
        rows.append([*start, name, found["share"], share.hits, share.n, found["low"], found["high"]])
    return rows
