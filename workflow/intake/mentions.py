"""Finds the drugs that a text names, out of a list of names; longest name first, no guessing.

Owns nothing about drugs: which names there are comes from labels on record and the site's vocabulary.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from workflow.intake.phrases import Span

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_LONGEST_WORDS = 8


@dataclass(frozen=True, eq=False)
class Lexicon:
    """Names by their first word, as sequences of case-folded words; compared by identity, since it may be large."""

    by_first: dict[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, names: Iterable[str]) -> Lexicon:
        """Build it from names; those without a letter, and those of more than eight words, are left out."""
        found: dict[str, dict[tuple[str, ...], None]] = {}
        for name in names:
            words = tuple(match.group().casefold() for match in _WORD.finditer(name))
            if 0 < len(words) <= _LONGEST_WORDS and any(c.isalpha() for c in name) and len(name.strip()) > 1:
                found.setdefault(words[0], {})[words] = None
        return cls({first: tuple(sorted(several, key=len, reverse=True)) for first, several in found.items()})

    def find(self, text: str) -> list[Span]:
        """Give the names that stand in a text, in order, none inside another."""
        if not self.by_first:
            return []
        words = [(match.group().casefold(), match.start(), match.end()) for match in _WORD.finditer(text)]
        found, at = [], 0
        while at < len(words):
            length = self._length_at(words, at)
            if length:
                start, end = words[at][1], words[at + length - 1][2]
                found.append(Span(text[start:end], start, end))
            at += length or 1
        return found

    def _length_at(self, words: Sequence[tuple[str, int, int]], at: int) -> int:
        first = words[at][0]
        known = self.by_first.get(first) or (self.by_first.get(first[:-1]) if first.endswith("s") else None) or ()
        for name in known:
            piece = words[at : at + len(name)]
            if len(piece) == len(name) and all(_same(said[0], word) for said, word in zip(piece, name, strict=True)):
                return len(name)
        return 0


def _same(said: str, word: str) -> bool:
    return said == word or (said.endswith("s") and said[:-1] == word)


NO_NAMES = Lexicon()
"""A lexicon of nothing: no drug is then known by name alone."""
