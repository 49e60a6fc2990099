"""A small line of numbers over time: as coordinates for SVG, and as characters for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_WIDTH, _HEIGHT, _EDGE = 420.0, 60.0, 6.0
_BLOCKS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class Dot:
    """One number, what it belongs to, and whether it is one to look at."""

    value: float
    label: str
    is_bad: bool


@dataclass(frozen=True)
class Placed:
    """A dot with its place. Units: of the drawing, y grows downward."""

    x: float
    y: float
    dot: Dot


@dataclass(frozen=True)
class Sparkline:
    """Placed dots and the line through them."""

    dots: tuple[Placed, ...]
    points: str
    highest: float
    width: float = _WIDTH
    height: float = _HEIGHT


def sparkline_of(dots: Sequence[Dot]) -> Sparkline:
    """Place dots from left to right; the lowest line is 0, the highest number is the top."""
    highest = max((dot.value for dot in dots), default=0.0)
    step = (_WIDTH - 2 * _EDGE) / max(1, len(dots) - 1)
    room = _HEIGHT - 2 * _EDGE
    placed = tuple(
        Placed(round(_EDGE + step * n, 1), round(_HEIGHT - _EDGE - room * dot.value / (highest or 1.0), 1), dot)
        for n, dot in enumerate(dots)
    )
    return Sparkline(placed, " ".join(f"{one.x},{one.y}" for one in placed), highest)


def blocks_of(values: Sequence[float]) -> str:
    """The numbers as a row of block characters; 0 is the lowest block, and nothing else is."""
    highest = max(values, default=0.0)
    if highest <= 0:
        return _BLOCKS[0] * len(values)
    top = len(_BLOCKS) - 1
    return "".join(_BLOCKS[0] if value <= 0 else _BLOCKS[max(1, round(top * value / highest))] for value in values)
