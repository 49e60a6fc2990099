"""The editing benchmark's figure as PNG; matplotlib is imported here only, and needs no screen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from editor_engine.benchmarks.edit_bench import EditResults
from editor_engine.benchmarks.edit_scores import EditBlock
from editor_engine.benchmarks.retrieval_scores import Share
from editor_engine.metrics import wilson_interval

_MARKERS = "osD^vPX*<>hd"
_ASIDE = 1.06


def draw_edits(path: Path, results: EditResults) -> None:
    """What takes, what takes rephrased, and what flips, by edits in memory; one line a system."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    by_system: dict[str, list[EditBlock]] = {}
    for block in results.blocks:
        by_system.setdefault(block.system, []).append(block)
    height = 4.2 + 0.22 * len(by_system)
    figure: Any = Figure(figsize=(11, height), layout="constrained")
    FigureCanvasAgg(figure)
    panels = (
        ("takes", "edits that take on their own question, %"),
        ("takes, rephrased", "edits that take on a rephrasing, %"),
        ("flips", "answers that must stay and flip, %\n(all locality slots together)"),
    )
    sizes = sorted({block.edits or results.records for block in results.blocks})
    for axes, (name, label) in zip(figure.subplots(1, len(panels)), panels, strict=True):
        for number, (system, blocks) in enumerate(by_system.items()):
            aside = _ASIDE ** (number - (len(by_system) - 1) / 2)
            _line(
                axes,
                [(aside * (block.edits or results.records), _share(block, name)) for block in blocks],
                number,
                system,
            )
        _frame(axes, sizes, label)
        if name == "flips":
            _from_one_in_a_hundred(axes)
        else:
            axes.set_ylim(-3, 103)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, fontsize=8, loc="outside lower center", ncols=min(3, max(1, len(labels))))
    figure.savefig(path, dpi=150, metadata={"Software": None})


def _line(axes: Any, points: Sequence[tuple[float, Share]], number: int, label: str) -> None:
    """One system's shares with their bounds, a little aside of the others', so that equal ones all show."""
    shown = [(at, share) for at, share in points if share.value is not None]
    bounds = [wilson_interval(share.hits, share.n) for _, share in shown]
    y = [100 * (share.value or 0.0) for _, share in shown]
    spread = [
        [max(0.0, value - 100 * low) for value, (low, _) in zip(y, bounds, strict=True)],
        [max(0.0, 100 * high - value) for value, (_, high) in zip(y, bounds, strict=True)],
    ]
    style = {"marker": _MARKERS[number % len(_MARKERS)], "markersize": 5, "linewidth": 0.8, "capsize": 2, "alpha": 0.9}
    axes.errorbar([at for at, _ in shown], y, yerr=spread, elinewidth=0.8, label=label, **style)


def _frame(axes: Any, sizes: Sequence[int], label: str) -> None:
    from matplotlib.ticker import NullLocator

    axes.set_xscale("log")
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("edits in memory")
    axes.set_title(label, fontsize=10)
    axes.grid(alpha=0.3)


def _from_one_in_a_hundred(axes: Any) -> None:
    """An axis on which a few per cent show as well as a hundred."""
    axes.set_yscale("symlog", linthresh=1)
    ticks = [0, 0.5, 1, 2, 5, 10, 20, 50, 100]
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_ylim(-0.1, 130)


def _share(block: EditBlock, name: str) -> Share:
    """A column's share; all locality slots together for ``flips``."""
    wanted = [share for column, share in block.honest.items() if column == name or column.split()[0] == name == "flips"]
    return Share(sum(share.hits for share in wanted), sum(share.n for share in wanted))
