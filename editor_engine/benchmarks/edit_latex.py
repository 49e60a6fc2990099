"""The editing benchmark's tables as LaTeX: what free generation says, and the paper's columns with the paper's own.

The text needs the package booktabs, and stands in a document as it is (``\\input{table}``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from editor_engine.benchmarks.edit_bench import EditResults
from editor_engine.benchmarks.paper_numbers import SOURCE, number_text, paper_rows_beside
from editor_engine.benchmarks.retrieval import size_name

_ESCAPES: Final = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    **{mark: f"\\{mark}" for mark in "&%$#_{}"},
}


def edits_latex(results: EditResults, facts: Mapping[str, object]) -> str:
    """Two tabulars: free generation with its bounds; the paper's columns, the paper's own numbers below a rule."""
    head = [
        "% needs \\usepackage{booktabs}",
        *(f"% {name}: {value}".replace("\n", " ") for name, value in facts.items()),
    ]
    return "\n".join([*head, "", *_honest(results), "", *_paper(results, str(facts.get("data", "")))]) + "\n"


def _honest(results: EditResults) -> list[str]:
    names = list(results.blocks[0].honest) if results.blocks else []
    rows = [
        [
            block.system,
            size_name(block.edits, results.records),
            *(str(block.honest[name]).replace("-", "--") for name in names),
        ]
        for block in results.blocks
    ]
    lines = ["% free generation: per cent with 95 % bounds (Wilson), near-duplicates set apart"]
    return [*lines, *_tabular("lr" + "r" * len(names), ["system", "edits", *names], [rows])]


def _paper(results: EditResults, data: str) -> list[str]:
    columns = results.columns
    ours = [
        [block.system, "this base", data, size_name(block.edits, results.records), *_numbers(block.paper, columns)]
        for block in results.blocks
    ]
    theirs = [
        [f"{row.method} (paper)", row.model, row.data, str(row.edits), *_numbers(row.numbers, columns)]
        for row in paper_rows_beside(columns)
    ]
    lines = [f"% the paper's columns; below the middle rule its own numbers: {SOURCE}"]
    head = ["system", "model", "data", "edits", *columns]
    return [*lines, *_tabular("lllr" + "r" * len(columns), head, [ours, theirs])]


def _tabular(layout: str, head: Sequence[str], groups: Sequence[Sequence[Sequence[str]]]) -> list[str]:
    lines = [f"\\begin{{tabular}}{{{layout}}}", "\\toprule", _row(head)]
    for rows in groups:
        if rows:
            lines += ["\\midrule", *(_row(row) for row in rows)]
    return [*lines, "\\bottomrule", "\\end{tabular}"]


def _numbers(numbers: Mapping[str, float], columns: Sequence[str]) -> list[str]:
    return [number_text(name, numbers.get(name)) for name in columns]


def _row(cells: Sequence[str]) -> str:
    return " & ".join(_escaped(cell) for cell in cells) + " \\\\"


def _escaped(text: str) -> str:
    return "".join(_ESCAPES.get(mark, mark) for mark in text)
