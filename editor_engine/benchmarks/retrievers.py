"""What is measured: the engine's own decision, and the trivial ones that a sceptic names beside it.

A ``Retriever`` prepares a memory of edits and questions once (``prepare``) and then decides at any value of its one
swept limit (``level``), so that a threshold curve is made of real decisions.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol

import torch
from torch import Tensor

from editor_engine.edit import Carrier, Edit
from editor_engine.errors import EngineError
from editor_engine.memory import Memory, MemoryRow
from editor_engine.metrics import normalised
from editor_engine.prototype_decision import decision_named
from editor_engine.row_builder import edit_keys
from editor_engine.text_encoder import TextEncoder
from editor_engine.thresholds import Thresholds
from editor_engine.verifier import Proposal, ScoringVerifier, Verifier


@dataclass(frozen=True)
class Decision:
    """What one question fired, with what came closest; scores of different retrievers are not comparable."""

    edit_id: str | None
    score: float
    margin: float
    reason: str | None = None
    best_id: str | None = None


Decide = Callable[[float], list[Decision]]
"""The limit -> one decision per question, in order."""


class Retriever(Protocol):
    """A way to decide which edit a question fires."""

    @property
    def name(self) -> str:
        """How tables call it."""
        ...

    @property
    def level_name(self) -> str:
        """The limit that is swept; empty where there is none."""
        ...

    @property
    def level(self) -> float:
        """The limit in use."""
        ...

    def prepare(self, edits: Sequence[Edit], questions: Sequence[str]) -> Decide:
        """Get ready to decide for these questions over a memory of these edits."""
        ...


class EngineRetriever:
    """The decision that an editor's parts name, with the limits of a release.

    A verifier's limit is taken as calibrated for the memory at hand (``Thresholds.at``), unless a curve sets it.

    Args:
        swept: the limit of ``Thresholds`` that a curve varies; by default the one that decides most.
        verifier: the second stage; each pair is asked once, whatever the limits.
    """

    def __init__(
        self,
        encoder: TextEncoder,
        thresholds: Thresholds,
        *,
        swept: str | None = None,
        verifier: Verifier | None = None,
        name: str = "engine",
    ) -> None:
        decision = encoder.parts.decision
        swept = swept or _DECISIVE.get(decision) or ("relation" if thresholds.subject_must_be_named else "unnamed")
        numbers = [field.name for field in fields(Thresholds) if field.type in ("float", float)]
        if swept not in numbers:
            raise EngineError(f"Swept limit: expected one of {', '.join(numbers)}, got {swept}")
        self.name, self.level_name, self.thresholds = name, swept, thresholds
        self.level = float(getattr(thresholds, swept))
        self.encoder = encoder
        self._decide = decision_named(decision)
        self._prototype = encoder.prototype
        self._verifier = remembering(verifier)
        self._queries: dict[str, Tensor] = {}
        self._rows: dict[str, MemoryRow] = {}

    def prepare(self, edits: Sequence[Edit], questions: Sequence[str]) -> Decide:
        """Rows and encodings are made once per edit and text, whatever memory they stand in."""
        self._remember(edits)
        memory = Memory(tuple(self._rows[edit.edit_id] for edit in edits))
        calibrated = self.thresholds.at(len(edits)) if self._verifier else self.thresholds
        self.encode(questions)

        def decide(level: float) -> list[Decision]:
            limits = calibrated if level == self.level else with_limit(calibrated, self.level_name, level)
            firings = self._decide(
                questions, memory, limits, encode=self.encode, prototype=self._prototype, verifier=self._verifier
            )
            return [Decision(one.edit_id, one.score, one.margin, one.silence, one.best_edit_id) for one in firings]

        return decide

    def limit_at(self, edits: int) -> float:
        """The swept limit that decides over a memory of so many edits, where no other is asked for."""
        limits = self.thresholds.at(edits) if self._verifier else self.thresholds
        return float(getattr(limits, self.level_name))

    def levels(self, edits: Sequence[Edit], questions: Sequence[str], *, size: int) -> list[float]:
        """Values of the swept limit that are worth a point of the curve for memories of a size, its own among them."""
        own = self.limit_at(size)
        if self.level_name == "margin":
            margins = sorted(one.margin for one in self.prepare(edits, questions)(-math.inf))
            found = {round(margins[at * (len(margins) - 1) // 20], 4) for at in range(21)}
        elif self.level_name == "verifier":
            found = {own + step / 2 for step in range(-8, 9)}
        else:
            found = {round(0.40 + 0.05 * step, 2) for step in range(13)}
        return sorted(found | {own})

    def encode(self, texts: Sequence[str]) -> Tensor:
        """z_q of texts, each encoded once. Shape: [n, d_key]."""
        new = [text for text in dict.fromkeys(texts) if text not in self._queries]
        if new:
            self._queries.update(zip(new, self.encoder.queries(new), strict=True))
        return torch.stack([self._queries[text] for text in texts])

    def keys(self, edits: Sequence[Edit]) -> Tensor:
        """The first key of each edit. Shape: [n, d_key], fp32."""
        self._remember(edits)
        return torch.stack([self._rows[edit.edit_id].keys[0].float() for edit in edits])

    def _remember(self, edits: Sequence[Edit]) -> None:
        new = [edit for edit in edits if edit.edit_id not in self._rows or self._rows[edit.edit_id].edit != edit]
        if new:
            keys, relation_keys = edit_keys(new, self.encoder)
            for edit, key, relation_key in zip(new, keys, relation_keys, strict=True):
                self._rows[edit.edit_id] = MemoryRow(edit, Carrier.TEXT, key, relation_key, context=edit.statement)


_DECISIVE = {"prototype": "margin", "verified": "verifier"}
"""Decision -> the limit that a curve varies; the untrained decision by evidence has one for each kind of data."""


def with_limit(thresholds: Thresholds, name: str, level: float) -> Thresholds:
    """The thresholds with one limit at another value."""
    limits: dict[str, Any] = {name: level}
    return replace(thresholds, **limits)


def remembering(verifier: Verifier | None) -> Verifier | None:
    """The verifier, asked once about each pair: for several memories, limits and systems over the same edits."""
    if verifier is None:
        return None
    return _RememberedScores(verifier) if isinstance(verifier, ScoringVerifier) else _Remembered(verifier)


class _Remembered:
    """A verifier whose verdicts are kept."""

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier
        self._known: dict[tuple[str, str], bool] = {}

    def same_fact(self, pairs: Sequence[tuple[str, Edit]]) -> list[bool]:
        """One verdict per pair; a pair is known by the question's and the edit's words."""
        new = [(text, edit) for text, edit in pairs if (text, edit.sha256) not in self._known]
        if new:
            verdicts = self._verifier.same_fact(new)
            self._known.update(zip(((text, edit.sha256) for text, edit in new), verdicts, strict=True))
        return [self._known[text, edit.sha256] for text, edit in pairs]


class _RememberedScores(_Remembered):
    """A verifier that gives scores, which are kept as well; the last digits of a product, which depend on what else is
    in memory, make no new pair."""

    def __init__(self, verifier: Any) -> None:
        super().__init__(verifier)
        self._scoring: ScoringVerifier = verifier
        self._scores: dict[tuple[str, str, float], float] = {}

    def scores(self, proposals: Sequence[Proposal]) -> list[float]:
        """One score per proposal."""
        keys = [(one.question, one.edit.sha256, round(one.product, 5)) for one in proposals]
        new = [at for at, key in enumerate(keys) if key not in self._scores]
        if new:
            found = self._scoring.scores([proposals[at] for at in new])
            self._scores.update(zip((keys[at] for at in new), found, strict=True))
        return [self._scores[key] for key in keys]


class ExactMatch:
    """Fires where the question is an edit's own, less case, marks and spacing."""

    name, level_name, level = "exact match", "", 0.0

    def prepare(self, edits: Sequence[Edit], questions: Sequence[str]) -> Decide:
        """There is no limit to sweep."""
        ids = {normalised(edit.question): edit.edit_id for edit in edits}
        found = [ids.get(normalised(question)) for question in questions]
        return lambda _level: [Decision(one, float(one is not None), 0.0, None, one) for one in found]


class TfIdf:
    """Fires the edit whose question shares most weighted words with what is asked, above a limit.

    Weights: (1 + log count) * (log((1 + n) / (1 + n_with)) + 1), counted over ``corpus``; cosine.
    """

    name, level_name = "TF-IDF", "cosine"

    def __init__(self, corpus: Sequence[str], level: float = 0.5) -> None:
        self.level, self._size = level, len(corpus)
        self._with = Counter(term for text in corpus for term in _terms(text))

    def at(self, level: float) -> TfIdf:
        """The same with another limit."""
        other = copy(self)
        other.level = level
        return other

    def prepare(self, edits: Sequence[Edit], questions: Sequence[str]) -> Decide:
        """All cosines at once; a limit then only cuts."""
        if not edits:
            return lambda level: [Decision(None, 0.0, -level) for _ in questions]
        counts = [_terms(edit.question) for edit in edits]
        asked = [_terms(text) for text in questions]
        place = {term: at for at, term in enumerate(sorted({term for one in counts for term in one}))}
        best: list[tuple[float, int]] = []
        keys = self._vectors(counts, place)
        for start in range(0, len(asked), 256):
            top = (self._vectors(asked[start : start + 256], place) @ keys.T).max(1)
            best += list(zip(top.values.tolist(), top.indices.tolist(), strict=True))
        ids = [edit.edit_id for edit in edits]
        return lambda level: [
            Decision(ids[at] if score >= level else None, score, score - level, None, ids[at]) for score, at in best
        ]

    def _vectors(self, counts: Sequence[Counter[str]], place: dict[str, int]) -> Tensor:
        """Vectors of length 1 before terms that no edit in memory has are left out. Shape: [n, terms]."""
        rows = torch.zeros(len(counts), len(place))
        for at, one in enumerate(counts):
            weights = {term: (1 + math.log(n)) * self._weight(term) for term, n in one.items()}
            length = math.sqrt(sum(weight * weight for weight in weights.values())) or 1.0
            for term, weight in weights.items():
                if term in place:
                    rows[at, place[term]] = weight / length
        return rows

    def _weight(self, term: str) -> float:
        return math.log((1 + self._size) / (1 + self._with[term])) + 1


def _terms(text: str) -> Counter[str]:
    return Counter(normalised(text))
