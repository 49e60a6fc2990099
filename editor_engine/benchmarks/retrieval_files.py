"""What the retrieval benchmark leaves behind: tables as Markdown and CSV, figures as PNG; the journal has the raw.

Owns the file names in the result folder: ``report.md``, ``table.csv``, ``curve.csv``, ``similarities.csv``,
``overlap.csv`` and the figures of ``retrieval_figures``.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import quantiles
from typing import Final

from editor_engine.benchmarks.retrieval import MAP_SIZE, Block, Measured, size_name
from editor_engine.benchmarks.retrieval_scores import Line, right_within
from editor_engine.datasets.published import write_text
from editor_engine.near_keys import OVERLAP_COSINE

_MOST_FALSE: Final = (0.01, 0.02, 0.03, 0.05)
_SPREAD: Final = {"5 %": 4, "25 %": 24, "median": 49, "75 %": 74, "95 %": 94}
"""Names of quantiles, and their places among the 99 hundredths."""


def write_results(folder: Path, measured: Measured, facts: Mapping[str, object]) -> list[Path]:
    """Write tables and figures; the paths written, in order.

    Args:
        facts: what the report names above its tables (file, encoder, seed, ...).
    """
    from editor_engine.benchmarks.retrieval_figures import draw_figures

    texts = {
        "report.md": to_markdown(measured, facts),
        "table.csv": _csv(_table_rows(measured)),
        "curve.csv": _csv(_curve_rows(measured)),
        "overlap.csv": _csv(_overlap_rows(measured)),
        "similarities.csv": _csv(_similarity_rows(measured)),
    }
    for name, text in texts.items():
        write_text(folder / name, text)
    return [*(folder / name for name in texts), *draw_figures(folder, measured)]


def to_json(measured: Measured, facts: Mapping[str, object]) -> dict[str, object]:
    """The tables as JSON values."""
    return {
        **facts,
        "blocks": [
            {
                "retriever": block.retriever,
                "memory": block.size if block.size is not None else measured.records,
                "variation": block.variation or None,
                "level": block.level,
                "lines": [line.to_json() for line in block.lines],
            }
            for block in measured.blocks
        ],
        "curves": [
            {
                "retriever": name,
                "memory": size if size is not None else measured.records,
                "points": [
                    {
                        "level": at.level,
                        "right": at.right.to_json(),
                        "wrong": at.wrong.to_json(),
                        "false": at.false.to_json(),
                    }
                    for at in points
                ],
            }
            for (name, size), points in measured.curves.items()
        ],
        "margins": _spreads(measured.margins),
        "similarity_differences": _spreads([(one.asked.kind, one.difference) for one in measured.similar]),
        "similarity_ratios": _spreads(
            [(one.asked.kind, one.ratio) for one in measured.similar if one.ratio is not None]
        ),
        "key_overlap": {size_name(size, measured.records): share for size, share in measured.overlap.items()},
        "selection_by_equation_12": _selection(measured),
    }


def to_markdown(measured: Measured, facts: Mapping[str, object]) -> str:
    """The report to read."""
    lines = ["# Retrieval", "", *(f"- {name}: {value}" for name, value in facts.items()), ""]
    lines += ["Shares in per cent with 95 % bounds (Wilson). `apart`: questions that ask for another edit in memory."]
    plain = [block for block in measured.blocks if not block.variation]
    lines += ["", "## As published", "", *_markdown(plain, measured)]
    every = [block for block in measured.blocks if block.variation]
    varied = [block for block in every if block.lines]
    if every:
        without = [block.variation for block in every if not block.lines]
        lines += ["", "## Asked otherwise", "", *(_markdown(varied, measured) if varied else [])]
        if without:
            lines += ["", f"Not applicable to this data, which names no subject that could vary: {'; '.join(without)}."]
    if measured.curves:
        lines += ["", "## Threshold curve: right on rephrasings within so many false fires", ""]
        lines += [
            "Over all locality slots, near-duplicates set apart; in brackets the limit. Chosen on this very file.",
            "",
        ]
        lines += _within(measured)
    lines += _spread_table("## Margins: best key's product less the prototype's, largest memory", measured.margins)
    lines += ["", f"## Keys with another key above cosine {OVERLAP_COSINE} (Figure 2c)", "", "| memory | % of keys |"]
    lines += ["|---|---|", *(f"| {name} | {100 * float(share):.2f} |" for name, share in _overlap_rows(measured)[1:])]
    lines += ["", f"## Selection by Equation 12 alone, memories of {min(MAP_SIZE, measured.records)} (Figure 5c)", ""]
    lines += ["| question | correct | wrong | none |", "|---|---|---|---|"]
    lines += [f"| {kind} | {n['correct']} | {n['wrong']} | {n['none']} |" for kind, n in _selection(measured).items()]
    differences = [(one.asked.kind, one.difference) for one in measured.similar]
    ratios = [(one.asked.kind, one.ratio) for one in measured.similar if one.ratio is not None]
    lines += _spread_table("## Similarity to the key less that to the prototype", differences)
    lines += _spread_table("## Similarity to the key over that to the prototype (Figure 5)", ratios)
    broken = sum(one.ratio is None for one in measured.similar)
    lines += ["", f"Ratios to the prototype are undefined for {broken} of {len(measured.similar)} questions (<= 0)."]
    return "\n".join(lines) + "\n"


def _markdown(blocks: Sequence[Block], measured: Measured) -> list[str]:
    """One row a block: what must fire on the left, false fires of each locality slot on the right."""
    slots = list(dict.fromkeys(line.kind for block in blocks for line in block.lines if not line.fires))
    apart = any(line.apart for block in blocks for line in block.lines)
    head = ["retriever", "memory", "own question", "rephrased: right", "wrong", "missed", *_false(slots)]
    counted = ["retriever", "memory", "questions apart", "rephrased: right", *_false(slots)]
    rows, whole = [head, ["---"] * len(head)], [counted, ["---"] * len(counted)]
    for block in blocks:
        lines = {line.kind: line for line in block.lines}
        name = f"{block.retriever} ({block.variation})" if block.variation else block.retriever
        start = [name, size_name(block.size, measured.records)]
        right = [_share(lines, "rephrase", what) for what in ("right", "wrong", "missed")]
        rows.append([*start, _share(lines, "question", "right"), *right, *(_share(lines, s, "false") for s in slots)])
        right = [str(sum(line.apart for line in block.lines)), _share(lines, "rephrase", "right_with_apart")]
        whole.append([*start, *right, *(_share(lines, slot, "false_with_apart") for slot in slots)])
    drawn = [f"| {' | '.join(row)} |" for row in rows]
    if apart:
        drawn += ["", "The same with the questions set apart counted in:", ""]
        drawn += [f"| {' | '.join(row)} |" for row in whole]
    return drawn


def _within(measured: Measured) -> list[str]:
    rows = [["retriever", "memory", *(f"{100 * most:g} % false" for most in _MOST_FALSE)]]
    rows.append(["---"] * len(rows[0]))
    for (name, size), points in measured.curves.items():
        found = [right_within(points, most) for most in _MOST_FALSE]
        cells = [f"{at.right} [{at.level:g}]" if at else "-" for at in found]
        rows.append([name, size_name(size, measured.records), *cells])
    return [f"| {' | '.join(row)} |" for row in rows]


def _spreads(values: Iterable[tuple[str, float]]) -> dict[str, dict[str, float]]:
    """Quantiles by kind of question; a kind with one value has it everywhere."""
    by_kind: dict[str, list[float]] = {}
    for kind, value in values:
        by_kind.setdefault(kind, []).append(value)
    found: dict[str, dict[str, float]] = {}
    for kind, every in by_kind.items():
        hundredths = quantiles(every, n=100, method="inclusive") if len(every) > 1 else every * 99
        found[kind] = {name: hundredths[at] for name, at in _SPREAD.items()}
    return found


def _spread_table(title: str, values: Iterable[tuple[str, float]]) -> list[str]:
    spreads = _spreads(values)
    if not spreads:
        return []
    lines = ["", title, "", f"| question | {' | '.join(_SPREAD)} |", f"|---|{'---|' * len(_SPREAD)}"]
    return lines + [
        f"| {kind} | {' | '.join(f'{value:.3f}' for value in found.values())} |" for kind, found in spreads.items()
    ]


def _false(slots: Sequence[str]) -> list[str]:
    return [f"false {slot}" for slot in slots]


def _share(lines: Mapping[str, Line], kind: str, what: str) -> str:
    return str(getattr(lines[kind], what)) if kind in lines else "-"


def _table_rows(measured: Measured) -> list[list[object]]:
    rows: list[list[object]] = [
        ["retriever", "memory", "variation", "limit", "kind", "outcome", "hits", "n", "share", "low", "high"]
    ]
    for block in measured.blocks:
        start = [block.retriever, size_name(block.size, measured.records), block.variation, block.level]
        for line in block.lines:
            for outcome, share in line.to_json().items():
                if isinstance(share, dict):
                    rows.append([*start, line.kind, outcome, *share.values()])
    return rows


def _curve_rows(measured: Measured) -> list[list[object]]:
    rows: list[list[object]] = [
        ["retriever", "memory", "limit", "right", "wrong", "false", "n_rephrased", "n_locality"]
    ]
    for (name, size), points in measured.curves.items():
        for at in points:
            values = [at.level, at.right.value, at.wrong.value, at.false.value, at.right.n, at.false.n]
            rows.append([name, size_name(size, measured.records), *values])
    return rows


def _overlap_rows(measured: Measured) -> list[list[str]]:
    found = [[size_name(size, measured.records), f"{share:.6f}"] for size, share in measured.overlap.items()]
    return [["memory", "share_of_keys"], *found]


def _similarity_rows(measured: Measured) -> list[list[object]]:
    rows: list[list[object]] = [["record_id", "kind", "own", "best", "prototype", "ratio", "difference", "case"]]
    for one in measured.similar:
        values = [one.own, one.best, one.prototype, one.ratio, one.difference, one.case]
        rows.append([one.asked.record_id, one.asked.kind, *values])
    return rows


def _selection(measured: Measured) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for one in measured.similar:
        counts.setdefault(one.asked.kind, {"correct": 0, "wrong": 0, "none": 0})[one.case] += 1
    return counts


def _csv(rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
