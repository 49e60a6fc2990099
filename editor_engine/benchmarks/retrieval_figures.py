"""The retrieval benchmark's figures as PNG; matplotlib is imported here only, and needs no screen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, Final

from editor_engine.benchmarks.asked import QUESTION, REPHRASE
from editor_engine.benchmarks.retrieval import Measured, size_name

_KEY: Final = "key"
_SELECTED: Final = "the best key is above the prototype"
_NOT_SELECTED: Final = "no key is"
_GREY: Final = "#8a8a8a"
_CASES: Final = {"correct": "#2a7f3f", "wrong": "#c23b22", "none": _GREY, _SELECTED: "#3b6ea5", _NOT_SELECTED: _GREY}
_MARKERS: Final = "osD^vPX*<>hd"
_MUST_FIRE: Final = (QUESTION, REPHRASE)


def draw_figures(folder: Path, measured: Measured) -> list[Path]:
    """Draw every figure that there is data for; the paths written."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    folder.mkdir(parents=True, exist_ok=True)
    drawings = {
        "curve.png": (_curve, bool(measured.curves)),
        "margins.png": (_margins, bool(measured.margins)),
        "overlap.png": (_overlap, bool(measured.overlap)),
        "similarities.png": (_similarities, bool(measured.similar)),
        "keys.png": (_map, bool(measured.map_points)),
    }
    written: list[Path] = []
    for name, (draw, wanted) in drawings.items():
        if wanted:
            figure = Figure(figsize=(10, 5.5), layout="constrained")
            FigureCanvasAgg(figure)
            draw(figure, measured)
            figure.savefig(folder / name, dpi=150, metadata={"Software": None})
            written.append(folder / name)
    return written


def _curve(figure: Any, measured: Measured) -> None:
    """Right against false, one point a value of the limit; the limit in use is ringed."""
    axes = figure.add_subplot()
    used = {(block.retriever, block.size): block.level for block in measured.blocks if not block.variation}
    for number, ((name, size), points) in enumerate(measured.curves.items()):
        shown = [one for one in points if one.right.value is not None and one.false.value is not None]
        x = [100 * (one.false.value or 0.0) for one in shown]
        y = [100 * (one.right.value or 0.0) for one in shown]
        label = f"{name}, {size_name(size, measured.records)} in memory"
        (line,) = axes.plot(x, y, marker=_MARKERS[number % len(_MARKERS)], markersize=4, linewidth=1, label=label)
        for one, at_x, at_y in zip(shown, x, y, strict=True):
            if abs(one.level - used.get((name, size), float("nan"))) < 1e-6:
                axes.plot(at_x, at_y, "o", markersize=13, markerfacecolor="none", color=line.get_color())
    axes.set_xscale("symlog", linthresh=1)
    ticks = [0, 0.5, 1, 2, 3, 5, 10, 20, 50, 100]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xlim(-0.05, 120)
    axes.set_ylim(-3, 104)
    axes.set_xlabel("false fires on locality questions, %")
    axes.set_ylabel("right edit on rephrasings, %")
    axes.set_title("One point per value of the limit; ringed: the limit in use")
    axes.grid(alpha=0.3)
    _legend_below(figure, axes)


def _margins(figure: Any, measured: Measured) -> None:
    rows: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for kind, margin in measured.margins:
        rows[kind].append((margin, _SELECTED if margin > 0 else _NOT_SELECTED))
    axes = figure.add_subplot()
    _strips(axes, rows, line=0.0)
    axes.set_xlabel("margin: best key's product less the prototype's")
    axes.set_title("One dot a question, | the median")
    _legend_below(figure, axes)


def _similarities(figure: Any, measured: Measured) -> None:
    """Figure 5: ratios on the left; differences on the right, which negative products do not break."""
    ratios: dict[str, list[tuple[float, str]]] = defaultdict(list)
    differences: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for one in measured.similar:
        differences[one.asked.kind].append((one.difference, one.case))
        if one.ratio is not None:
            ratios[one.asked.kind].append((one.ratio, one.case))
    ratio_axes, difference_axes = figure.subplots(1, 2)
    _strips(ratio_axes, ratios, line=1.0)
    _strips(difference_axes, differences, line=0.0)
    ratio_axes.set_xlabel("product with the key / with the prototype")
    difference_axes.set_xlabel("product with the key - with the prototype")
    figure.suptitle("Own key for what must fire, best key for what must stay; colours: selection by Eq. 12 alone")
    _legend_below(figure, difference_axes)


def _strips(axes: Any, rows: Mapping[str, Sequence[tuple[float, str]]], *, line: float) -> None:
    """One row a kind of question, one dot a question, spread by seed so that equal ones show; a bar at the median."""
    random = Random("strips")
    names = list(rows)
    for case, colour in _CASES.items():
        dots = [
            (value, at + random.uniform(-0.32, 0.32))
            for at, name in enumerate(names)
            for value, found in rows[name]
            if found == case
        ]
        if dots:
            axes.scatter(*zip(*dots, strict=True), s=7, alpha=0.6, linewidths=0, color=colour, label=case)
    for at, name in enumerate(names):
        axes.plot([median(value for value, _ in rows[name])] * 2, [at - 0.4, at + 0.4], color="black", linewidth=1.6)
    axes.axvline(line, color="black", linewidth=0.8, linestyle=":")
    axes.set_yticks(range(len(names)), [f"{name}\n{len(rows[name])}" for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(axis="x", alpha=0.3)


def _overlap(figure: Any, measured: Measured) -> None:
    axes = figure.add_subplot()
    names = [size_name(size, measured.records) for size in measured.overlap]
    shares = [100 * share for share in measured.overlap.values()]
    bars = axes.bar(names, shares, width=0.5)
    axes.bar_label(bars, fmt="%.1f")
    axes.set_ylim(0, max(1.0, 1.15 * max(shares)))
    axes.set_xlabel("edits in memory")
    axes.set_ylabel("keys with another key above cosine 0.6, %")
    axes.set_title("Overlap of keys (Figure 2c)")


def _map(figure: Any, measured: Measured) -> None:
    axes = figure.add_subplot()
    by_kind: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for kind, x, y in measured.map_points:
        by_kind[kind].append((x, y))
    for number, (kind, points) in enumerate(by_kind.items()):
        axes.scatter(*zip(*points, strict=True), label=f"{kind} ({len(points)})", **_style(kind, number))
    axes.set_xlabel("first principal component")
    axes.set_ylabel("second principal component")
    axes.set_title("Keys and questions of one memory (Figure 4)")
    _legend_below(figure, axes)


def _style(kind: str, number: int) -> dict[str, object]:
    if kind == _KEY:
        return {"marker": "x", "s": 60, "linewidths": 1.2, "color": "black"}
    if kind in _MUST_FIRE:
        return {"marker": "o", "s": 16, "alpha": 0.8, "linewidths": 0}
    return {"marker": _MARKERS[number % len(_MARKERS)], "s": 14, "alpha": 0.55, "linewidths": 0}


def _legend_below(figure: Any, axes: Any) -> None:
    handles, labels = axes.get_legend_handles_labels()
    columns = min(4 if max((len(label) for label in labels), default=0) > 24 else 8, max(1, len(labels)))
    figure.legend(handles, labels, fontsize=8, loc="outside lower center", ncols=min(columns, 7), markerscale=1.6)
