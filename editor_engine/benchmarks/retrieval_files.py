"""What the retrieval benchmark leaves behind: tables as Markdown and CSV, figures as PNG, raw results as JSONL.

Owns the file names in the result folder: ``report.md``, ``table.csv``, ``curve.csv``, ``similarities.csv``,
``overlap.csv``, ``raw.jsonl`` and the figures of ``retrieval_figures``.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

from editor_engine.benchmarks.retrieval import MAP_SIZE, Block, Measured, size_name
from editor_engine.benchmarks.retrieval_scores import Line, Scored
from editor_engine.datasets.published import write_text
from editor_engine.near_keys import OVERLAP_COSINE


class RawResults:
    """Every question's outcome as one JSON line, written while the run goes on; under its name once it is whole."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "raw.jsonl"
        self._draft = folder / "raw.jsonl.part"
        self._file = self._draft.open("w", encoding="utf-8")

    def __enter__(self) -> RawResults:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        self._file.close()
        if kind is None:
            self._draft.replace(self._path)

    def __call__(self, retriever: str, memory: int, variation: str, one: Scored) -> None:
        """Write one outcome."""
        body = {
            "retriever": retriever,
            "memory": memory,
            "variation": variation or None,
            "record_id": one.asked.record_id,
            "kind": one.asked.kind,
            "turn_before": one.asked.before,
            "question": one.asked.text,
            "expected": one.asked.expected,
            "fired": one.decision.edit_id,
            "best": one.decision.best_id,
            "outcome": one.outcome,
            "set_apart": one.asked.apart,
            "score": round(one.decision.score, 6),
            "margin": round(one.decision.margin, 6),
            "silence": one.decision.reason,
        }
        self._file.write(json.dumps(body, ensure_ascii=False) + "\n")


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
        "key_overlap": {size_name(size, measured.records): share for size, share in measured.overlap.items()},
        "selection_by_equation_12": _selection(measured),
    }


def to_markdown(measured: Measured, facts: Mapping[str, object]) -> str:
    """The report to read."""
    lines = ["# Retrieval", "", *(f"- {name}: {value}" for name, value in facts.items()), ""]
    lines += ["Shares in per cent with 95 % bounds (Wilson). `apart`: questions that ask for another edit in memory."]
    plain = [block for block in measured.blocks if not block.variation]
    lines += ["", "## As published", "", *_markdown(plain, measured)]
    varied = [block for block in measured.blocks if block.variation]
    if varied:
        lines += ["", "## Asked otherwise", "", *_markdown(varied, measured)]
    lines += ["", f"## Keys with another key above cosine {OVERLAP_COSINE} (Figure 2c)", "", "| memory | % of keys |"]
    lines += ["|---|---|", *(f"| {name} | {100 * float(share):.2f} |" for name, share in _overlap_rows(measured)[1:])]
    lines += ["", f"## Selection by Equation 12 alone, memories of {min(MAP_SIZE, measured.records)} (Figure 5c)", ""]
    lines += ["| question | correct | wrong | none |", "|---|---|---|---|"]
    lines += [f"| {kind} | {n['correct']} | {n['wrong']} | {n['none']} |" for kind, n in _selection(measured).items()]
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
