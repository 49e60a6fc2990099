"""Verdicts of a verifier by pair: a pair that was looked at once is not looked at again.

A pair's score depends on that pair alone, whatever else is in memory, so that two memories over one base share them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

from editor_engine.edit import Edit
from editor_engine.verifier import Proposal, ScoringVerifier, Verifier

MOST_PAIRS = 200_000
"""Pairs whose verdict is kept; beyond that it begins anew."""

Pair = TypeVar("Pair", bound=Hashable)
Found = TypeVar("Found")


class KnownVerdicts:
    """A verifier that remembers its verdicts; serves one caller at a time."""

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier
        self._verdicts: dict[tuple[str, Edit], bool] = {}

    def same_fact(self, pairs: Sequence[tuple[str, Edit]]) -> list[bool]:
        """See ``Verifier.same_fact``; each distinct pair is looked at once."""
        return _with_known(pairs, self._verdicts, self._verifier.same_fact)


class KnownScores(KnownVerdicts):
    """A scoring verifier that remembers its scores."""

    def __init__(self, verifier: Verifier, scoring: ScoringVerifier) -> None:
        super().__init__(verifier)
        self._scoring = scoring
        self._scores: dict[Proposal, float] = {}

    def scores(self, proposals: Sequence[Proposal]) -> list[float]:
        """See ``ScoringVerifier.scores``; each distinct proposal is looked at once."""
        return _with_known(proposals, self._scores, self._scoring.scores)


def remembering(verifier: Verifier | None) -> KnownVerdicts | None:
    """The verifier behind a memory of its verdicts; with scores where it gives scores."""
    if verifier is None:
        return None
    return KnownScores(verifier, verifier) if isinstance(verifier, ScoringVerifier) else KnownVerdicts(verifier)


def _with_known(
    pairs: Sequence[Pair], known: dict[Pair, Found], ask: Callable[[Sequence[Pair]], Sequence[Found]]
) -> list[Found]:
    new = [pair for pair in dict.fromkeys(pairs) if pair not in known]
    found = dict(zip(new, ask(new), strict=True)) if new else {}
    answers = [found[pair] if pair in found else known[pair] for pair in pairs]
    if len(known) + len(found) > MOST_PAIRS:
        known.clear()
    known.update(found)
    return answers
