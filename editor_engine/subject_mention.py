"""Does a question name a subject, and what does it ask once the subject is masked. Free of torch.

Token-bounded and case-folded: "hydrazepam" is not in "hydrazepams" nor in "hydrazolam"; hyphens and spaces are one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

MASK = "the drug"
"""Stands for the subject in a masked question, whatever it is; measured better than "it", "X" and nothing."""

_TOKEN = re.compile(r"[^\W_]+")


@lru_cache(maxsize=65536)
def tokens_of(text: str) -> tuple[str, ...]:
    """The case-folded words and numbers of a text."""
    return tuple(match.group().casefold() for match in _TOKEN.finditer(text))


def mask_subject(question: str, names: Iterable[str], *, mask: str = MASK) -> str | None:
    """The question with every mention of the names (longest first) replaced by ``mask``; None without a mention."""
    spans = [(match.start(), match.end()) for match in _TOKEN.finditer(question)]
    words = [question[start:end].casefold() for start, end in spans]
    found: list[tuple[int, int]] = []
    taken: set[int] = set()
    for name in sorted({tokens_of(name) for name in names} - {()}, key=len, reverse=True):
        for start in range(len(words) - len(name) + 1):
            place = range(start, start + len(name))
            if tuple(words[start : start + len(name)]) == name and taken.isdisjoint(place):
                taken.update(place)
                found.append((spans[place[0]][0], spans[place[-1]][1]))
    if not found:
        return None
    masked = question
    for start, end in sorted(found, reverse=True):
        masked = masked[:start] + mask + masked[end:]
    return masked


class SubjectIndex:
    """Which rows' subjects a question names: a look-up of its word sequences, whatever the number of rows."""

    def __init__(self, names_of_rows: Mapping[int, Iterable[str]]) -> None:
        self._rows: dict[tuple[str, ...], set[int]] = {}
        for row, names in names_of_rows.items():
            for name in names:
                if words := tokens_of(name):
                    self._rows.setdefault(words, set()).add(row)
        self._longest = max(map(len, self._rows), default=0)

    def rows_named(self, question: str) -> set[int]:
        """Numbers of the rows one of whose names stands in the question."""
        words = tokens_of(question)
        named: set[int] = set()
        for start in range(len(words)):
            for end in range(start + 1, min(start + self._longest, len(words)) + 1):
                named |= self._rows.get(words[start:end], set())
        return named
