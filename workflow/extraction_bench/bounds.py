"""Shares with Wilson's interval, and scores of pairs with an interval drawn over documents."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from editor_engine.metrics import wilson_interval

_DRAWS = 1000
_SEED = 20261120


@dataclass(frozen=True)
class Rate:
    """A share of counted things."""

    name: str
    hits: int
    of: int
    aim: str = ""
    """What it should be, as the notes on this project set it; empty where nothing is set."""

    @property
    def share(self) -> float | None:
        """The share; None where nothing was counted."""
        return self.hits / self.of if self.of else None

    @property
    def bounds(self) -> tuple[float, float]:
        """Wilson's interval, 95 %, two-sided."""
        return wilson_interval(self.hits, self.of)


@dataclass(frozen=True)
class Score:
    """Precision, recall and F1 of pairs, micro-averaged."""

    name: str
    right: int
    wrong: int
    missed: int
    low: float
    high: float
    """The middle 95 % of F1 over documents drawn with replacement."""

    @property
    def precision(self) -> float:
        """Share of what was said that is right; 0 where nothing was said."""
        return _share(self.right, self.wrong)

    @property
    def recall(self) -> float:
        """Share of what there is that was said; 0 where there is nothing."""
        return _share(self.right, self.missed)

    @property
    def f1(self) -> float:
        """The harmonic mean of both."""
        return _f1(self.right, self.wrong, self.missed)


@dataclass(frozen=True)
class Counts:
    """Right, wrong and missed pairs of one case."""

    document: str
    right: int
    wrong: int
    missed: int


def score(name: str, counts: Iterable[Counts], *, draws: int = _DRAWS) -> Score:
    """Add up the counts and draw the interval of F1 over their documents, always from the same seed."""
    by_document: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for one in counts:
        for at, number in enumerate((one.right, one.wrong, one.missed)):
            by_document[one.document][at] += number
    right, wrong, missed = _sums(by_document, list(by_document))
    rng = random.Random(_SEED)  # noqa: S311 - drawing documents, no secret
    documents = list(by_document)
    drawn = sorted(
        _f1(*_sums(by_document, rng.choices(documents, k=len(documents)))) for _ in range(draws if documents else 0)
    )
    low, high = (drawn[int(0.025 * len(drawn))], drawn[int(0.975 * len(drawn))]) if drawn else (0.0, 1.0)
    return Score(name, right, wrong, missed, low, high)


def _sums(by_document: Mapping[str, list[int]], documents: list[str]) -> tuple[int, int, int]:
    chosen = [by_document[document] for document in documents]
    return sum(c[0] for c in chosen), sum(c[1] for c in chosen), sum(c[2] for c in chosen)


def _share(hits: int, others: int) -> float:
    return hits / (hits + others) if hits + others else 0.0


def _f1(right: int, wrong: int, missed: int) -> float:
    return 2 * right / (2 * right + wrong + missed) if right else 0.0
