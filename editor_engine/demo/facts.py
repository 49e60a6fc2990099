"""What the demo model is taught to answer: the facts, their questions and their answers.

Owns the reading of ``facts.toml``. Imports neither torch nor transformers, so that a demo site
can take the list as probes (portfolio and FAQ) without loading a model. Teaching material, not
medical advice: the cast is invented, and no dose of a real drug is in it.
"""

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

Group = Literal["textbook", "cast"]


class Fact(NamedTuple):
    """One thing the demo model knows. A plain tuple, so that any package can take it apart."""

    subject: str
    relation: str
    qualifiers: Mapping[str, str]
    """``population``, ``effect`` or nothing."""
    question: str
    """The canonical wording."""
    paraphrases: tuple[str, ...]
    answer: str
    """What the model says, without full stop."""
    group: Group

    @property
    def questions(self) -> tuple[str, ...]:
        """The canonical wording, then the paraphrases."""
        return (self.question, *self.paraphrases)


class _CastRow(BaseModel):
    """One ``[[cast]]`` table."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    subject: str
    relation: str
    answer: str
    population: str | None = None
    effect: str | None = None

    @property
    def qualifiers(self) -> dict[str, str]:
        pairs = (("effect", self.effect), ("population", self.population))
        return {name: value for name, value in pairs if value is not None}


class _FactFile(BaseModel):
    """``facts.toml`` as a whole."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    wordings: dict[str, tuple[str, ...]]
    textbook: dict[str, dict[str, str]]
    cast: tuple[_CastRow, ...]


@cache
def _fact_file() -> _FactFile:
    raw = files(__package__).joinpath("facts.toml").read_text(encoding="utf-8")
    return _FactFile.model_validate(tomllib.loads(raw))


def relation_wordings() -> Mapping[str, tuple[str, ...]]:
    """The question templates of each relation, canonical first."""
    return MappingProxyType(_fact_file().wordings)


def word_question(template: str, subject: str, qualifiers: Mapping[str, str]) -> str:
    """Fill a question template.

    Args:
        template: one of ``relation_wordings()``.
        subject: takes the place of ``{S}``.
        qualifiers: ``population`` fills ``{pop}`` and ``{population}``, ``effect`` ``{effect}``.
    """
    population = qualifiers.get("population", "")
    return template.format(
        S=subject,
        pop=f" for {population}" if population else "",
        population=population,
        effect=qualifiers.get("effect", ""),
    )


def _fact(subject: str, relation: str, qualifiers: dict[str, str], answer: str, group: Group) -> Fact:
    first, *rest = (word_question(template, subject, qualifiers) for template in relation_wordings()[relation])
    return Fact(subject, relation, MappingProxyType(qualifiers), first, tuple(rest), answer, group)


def _read_facts() -> Iterator[Fact]:
    for subject, relations in _fact_file().textbook.items():
        for relation, answer in relations.items():
            yield _fact(subject, relation, {}, answer, "textbook")
    for row in _fact_file().cast:
        yield _fact(row.subject, row.relation, row.qualifiers, row.answer, "cast")


@cache
def demo_facts() -> tuple[Fact, ...]:
    """Every fact the demo model answers without help, textbook first, then the cast."""
    return tuple(_read_facts())


def cast_facts() -> tuple[Fact, ...]:
    """The facts of the invented drugs only."""
    return tuple(fact for fact in demo_facts() if fact.group == "cast")
