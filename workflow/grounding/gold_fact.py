"""A fact as an annotation or a label gives it, with the text that it stands in."""

from __future__ import annotations

from dataclasses import dataclass, field

from connectors.notice import Section


@dataclass(frozen=True)
class GoldFact:
    """A fact as annotated, with its document."""

    group: str
    fact_id: str
    text: str = field(repr=False)
    start: int
    end: int
    subject: str
    relation: str
    said: str
    qualifiers: tuple[tuple[str, str], ...] = ()
    names: tuple[str, ...] = ()
    sections: tuple[Section, ...] = ()
    negated: bool = False
    hedged: bool = False
    narrowed: bool = False
    """The annotation names people whom it is about."""

    @property
    def quote(self) -> str:
        """The evidence as it stands."""
        return self.text[self.start : self.end]
