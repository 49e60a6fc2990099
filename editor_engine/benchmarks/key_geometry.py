"""Where questions and keys lie: overlap of keys (Figure 2c), similarity distributions (Figure 5), maps (Figure 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import torch
from torch import Tensor

from editor_engine.benchmarks.asked import Asked
from editor_engine.benchmarks.retrievers import EngineRetriever
from editor_engine.edit import Edit
from editor_engine.near_keys import OVERLAP_COSINE


def overlap_share(keys: Tensor, *, above: float = OVERLAP_COSINE) -> float:
    """Share of keys with another key of the same memory above a cosine. Shape: [n, d_key]."""
    if len(keys) < 2:
        return 0.0
    unit = torch.nn.functional.normalize(keys, dim=1)
    crowded = 0
    for start in range(0, len(unit), 512):
        cosines = unit[start : start + 512] @ unit.T
        own = torch.arange(start, start + len(cosines))
        cosines[torch.arange(len(cosines)), own] = -1.0
        crowded += int((cosines.max(1).values > above).sum())
    return crowded / len(keys)


def mean_overlap(retriever: EngineRetriever, memories: Sequence[Sequence[Edit]]) -> float:
    """The mean of the share over memories of one size."""
    return fmean(overlap_share(retriever.keys(memory)) for memory in memories)


@dataclass(frozen=True)
class Similarity:
    """One question's products with its own key, the best key and the prototype (raw, before any other evidence)."""

    asked: Asked
    own: float | None
    best: float
    best_is_own: bool
    prototype: float

    @property
    def ratio(self) -> float | None:
        """Figure 5's x: own or (for what must stay) best to prototype, at least 1 for the latter; None at <= 0."""
        if self.prototype <= 0:
            return None
        compared = self.own if self.own is not None else max(self.best, self.prototype)
        return compared / self.prototype

    @property
    def difference(self) -> float:
        """The same as a difference, which negative scores do not break."""
        compared = self.own if self.own is not None else self.best
        return compared - self.prototype

    @property
    def case(self) -> str:
        """The paper's three cases by Eq. 12 alone: correct, wrong, or no selection."""
        if self.best <= self.prototype:
            return "none"
        if self.own is None:
            return "wrong"
        return "correct" if self.best_is_own else "wrong"


def similarities(retriever: EngineRetriever, edits: Sequence[Edit], asked: Sequence[Asked]) -> list[Similarity]:
    """Products of each question with the keys of a memory."""
    keys, queries = retriever.keys(edits), retriever.encode([one.text for one in asked])
    place = {edit.edit_id: at for at, edit in enumerate(edits)}
    floors = (queries @ retriever.encoder.prototype).tolist()
    found: list[Similarity] = []
    for start in range(0, len(asked), 512):
        products = queries[start : start + 512] @ keys.T
        for at, one in enumerate(asked[start : start + 512]):
            own = place[one.expected] if one.expected is not None else None
            best = int(products[at].argmax())
            found.append(
                Similarity(
                    one,
                    None if own is None else float(products[at, own]),
                    float(products[at, best]),
                    best == own,
                    floors[start + at],
                )
            )
    return found


def two_axes(vectors: Tensor) -> Tensor:
    """The first two principal components; the sign of each axis is fixed. Shape: [n, d] -> [n, 2]."""
    centred = (vectors - vectors.mean(0)).double()
    _, _, axes = torch.linalg.svd(centred, full_matrices=False)
    axes = axes[:2]
    flips = torch.sign(axes[torch.arange(len(axes)), axes.abs().argmax(1)])
    points: Tensor = centred @ (axes * flips[:, None]).T
    return points.float()
