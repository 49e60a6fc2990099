"""What annotated text says: cases and the facts that stand in them, whatever set they come from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from workflow.intake.sentences import tokens

Pair = tuple[str, str]
NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Item:
    """One annotated fact: ``one`` and ``other`` are its two sides as the text names them, in any order."""

    one: str
    other: str
    kind: str = ""
    """Its type, where the set has types: mechanism, effect, advise, int."""
    denied: bool = False
    """The text says that it does not hold."""
    hedged: bool = False
    """The text is not sure."""
    qualifiers: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    """What restricts it: population, dose, route, duration, condition."""
    span: tuple[int, int] | None = None
    """Where it stands in the text."""


@dataclass(frozen=True)
class Case:
    """A text with its annotations; ``sentences`` are the parts that a lane is asked about."""

    case_id: str
    document: str
    """Cases of one document are no independent observations: intervals are drawn over documents."""
    text: str = field(repr=False)
    sentences: tuple[tuple[int, int], ...]
    items: tuple[Item, ...] = ()
    names: tuple[str, ...] = ()
    """Drugs that the set names in the text: given to the rules as a vocabulary would be."""
    product: tuple[str, ...] = ()
    """Names of the document's own product, ingredient first."""
    is_empty: bool = False
    """The text states no fact of the kind that the set annotates: whatever a lane says is false."""
    counts_pairs: bool = False
    """Whether all pairs of the text are annotated, so that precision can be told."""


def pair_of(one: str, other: str) -> Pair:
    """Give an unordered pair of names."""
    first, second = sorted((" ".join(tokens(one)), " ".join(tokens(other))))
    return first, second


def whole(text: str) -> tuple[tuple[int, int], ...]:
    """Give the whole text as its only sentence."""
    return ((0, len(text)),)


def distinct(names: Iterable[str]) -> tuple[str, ...]:
    """Give names once each, in order."""
    return tuple(dict.fromkeys(name for name in names if name.strip()))
