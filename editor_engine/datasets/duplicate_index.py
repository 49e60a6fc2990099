"""Finds the edits that the rule for near-duplicates has to compare a question with: comparing all finds no more."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Protocol

LEAST_SHARED_OF_BOTH: Final = 0.5
LEAST_MEANT_OF_BOTH: Final = 2 / 3
LEAST_RARE_OF_BOTH: Final = 0.45
"""The rule's shares (``near_duplicates``) that decide which words two questions must have in common."""

Weights = Mapping[str, float]
"""How rare words are among the questions at hand."""


class Read(Protocol):
    """A question as the rule reads it."""

    @property
    def question(self) -> str:
        """Its text."""
        ...

    @property
    def content(self) -> frozenset[str]:
        """Its words less its frame."""
        ...

    @property
    def meaning(self) -> frozenset[str]:
        """Its words less its frame, levelled."""
        ...


class EditIndex:
    """Finds the edits whose content may contain, be contained in, or share half of a question's, two thirds levelled.

    They share one of its rarer or heavier words (all but those that need not be shared), or it their rarest.
    """

    def __init__(self, edits: Sequence[Read], weights: Weights) -> None:
        self._weights = weights
        counts = Counter(word for edit in edits for word in edit.content)
        self._counts: Mapping[str, int] = counts
        self._holding: dict[str, list[int]] = defaultdict(list)
        self._led_by: dict[str, list[int]] = defaultdict(list)
        self._texts: dict[str, list[int]] = defaultdict(list)
        self._meaning: dict[str, list[int]] = defaultdict(list)
        for number, edit in enumerate(edits):
            self._texts[edit.question].append(number)
            for word in edit.content:
                self._holding[word].append(number)
            for word in edit.meaning:
                self._meaning[word].append(number)
            if edit.content:
                self._led_by[self._rarest(edit.content)].append(number)

    def _rarest(self, content: frozenset[str]) -> str:
        return min(content, key=lambda word: (self._counts.get(word, 0), word))

    def _heaviest(self, asked: Read) -> Iterator[str]:
        """Words of which an edit shares one where it shares enough by weight: without them too little is left."""
        words = sorted(asked.meaning, key=lambda word: (-self._weights.get(word, 0.0), word))
        left = every = math.fsum(self._weights.get(word, 0.0) for word in words)
        for word in words:
            if left < LEAST_RARE_OF_BOTH * every:
                return
            yield word
            left -= self._weights.get(word, 0.0)

    def candidates(self, asked: Read) -> Iterator[int]:
        """Numbers of the edits to look at, in order."""
        found = set(self._texts.get(asked.question, ()))
        rarest = sorted(asked.content, key=lambda word: (self._counts.get(word, 0), word))
        at_least_shared = math.ceil(LEAST_SHARED_OF_BOTH * len(rarest))
        for word in rarest[: len(rarest) - at_least_shared + 1]:
            found.update(self._holding.get(word, ()))
        for word in asked.content:
            found.update(self._led_by.get(word, ()))
        rarest = sorted(asked.meaning, key=lambda word: (len(self._meaning.get(word, ())), word))
        for word in rarest[: len(rarest) - math.ceil(LEAST_MEANT_OF_BOTH * len(rarest)) + 1]:
            found.update(self._meaning.get(word, ()))
        for word in self._heaviest(asked):
            found.update(self._meaning.get(word, ()))
        return iter(sorted(found))
