"""Names with their ids from files that a site has: RxNorm's RXNCONSO.RRF, MeSH descriptors, or a simple table.

Owns which names mean one concept, as those files say. A name that means two concepts means none; a name that no file
holds is told as such and never guessed. Nothing is downloaded, and nothing of a file is kept but names and ids.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from workflow.intake.mentions import Lexicon

LONGEST_NAME = 100
"""Characters; longer strings in such files describe packs and mixtures, and name nothing that a text would."""


@dataclass(frozen=True)
class Concept:
    """One ingredient or condition with its names, the preferred one first."""

    identifier: str
    """System and code: ``RxNorm:161``, ``MeSH:D006973``; empty for a name without one."""
    names: tuple[str, ...]

    @property
    def name(self) -> str:
        """The preferred name, in lower case."""
        return folded(self.names[0])


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """Concepts by every spelling of theirs."""

    concepts: Mapping[str, Concept] = field(default_factory=dict, repr=False)
    """By name, folded; a name of two concepts is left out."""

    @classmethod
    def of(cls, concepts: Iterable[Concept]) -> Vocabulary:
        """Put concepts together."""
        meanings: dict[str, list[Concept]] = defaultdict(list)
        preferred: dict[str, list[Concept]] = defaultdict(list)
        for concept in concepts:
            preferred[concept.name].append(concept)
            for name in dict.fromkeys(folded(name) for name in concept.names):
                meanings[name].append(concept)
        found = {name: several[0] for name, several in meanings.items() if _is_one(several)}
        found |= {name: several[0] for name, several in preferred.items() if _is_one(several)}
        return cls(found)

    def find(self, name: str) -> Concept | None:
        """Give the concept that a name means, or None where it means none or several."""
        return self.concepts.get(folded(name))

    @property
    def is_empty(self) -> bool:
        """Whether there is no name at all."""
        return not self.concepts

    @cached_property
    def lexicon(self) -> Lexicon:
        """Its names, to be found in texts."""
        return Lexicon.of(name for name in self.concepts if len(name) > 2)

    @property
    def size(self) -> int:
        """How many concepts there are."""
        return len({concept.identifier or concept.name for concept in self.concepts.values()})


def folded(name: str) -> str:
    """Give a name in lower case with single blanks."""
    return " ".join(name.casefold().split())


def _is_one(concepts: list[Concept]) -> bool:
    return len({concept.identifier or concept.name for concept in concepts}) == 1


NO_VOCABULARY = Vocabulary()
"""No file was given: then no name is missing from one either."""


@dataclass(frozen=True, eq=False)
class SiteVocabulary:
    """What a site's files name: drugs, and conditions."""

    drugs: Vocabulary = NO_VOCABULARY
    conditions: Vocabulary = NO_VOCABULARY


NO_FILES = SiteVocabulary()
"""A site without vocabulary files."""
