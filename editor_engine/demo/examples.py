"""Makes what the demo model is trained and tested on: plain questions, readings and copying drills.

A *plain* example asks for a fact of ``facts``. A *reading* puts an invented fact in front, and the
answer is its object, letter by letter, also where the model knows another one. A *drill* says
invented words twice; it only teaches copying. Owns the prompt layout.
"""

import tomllib
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from random import Random
from typing import NamedTuple

from editor_engine.demo.facts import demo_facts, relation_wordings, word_question
from editor_engine.demo.free_text import FreeText, ObjectKind, Split

REPEATED_TEXT_WEIGHT = 0.1
"""Loss weight of a question that follows its fact: most of it can be copied."""


class Wording(StrEnum):
    """How the question of a reading relates to the question in its fact."""

    SAME = "same"
    PARAPHRASE = "paraphrase"
    FREE = "free"
    STATEMENT = "statement"
    UNSEEN = "unseen"


class Span(NamedTuple):
    """A piece of text and its weight in the loss."""

    text: str
    weight: float


@dataclass(frozen=True)
class Example:
    """One text for the model: what it is given, and what it shall say."""

    given: tuple[Span, ...]
    answer: str
    """With its leading space, without the end token."""

    @property
    def prompt(self) -> str:
        """What stands before the answer."""
        return "".join(span.text for span in self.given)


class Frames(NamedTuple):
    """The question and statement frames of ``wordings.toml``."""

    train: tuple[str, ...]
    unseen: tuple[str, ...]
    statements: tuple[str, ...]


@cache
def frames() -> Frames:
    """Read ``wordings.toml``."""
    raw = files(__package__).joinpath("wordings.toml").read_text(encoding="utf-8")
    return Frames(**{name: tuple(lines) for name, lines in tomllib.loads(raw).items()})


def question_prompt(question: str) -> str:
    """The layout of a plain question; the model goes on with a space and the answer."""
    return f"Question: {question}\nAnswer:"


def fact_line(fact: str) -> str:
    """The layout of a fact in front of a question.

    Args:
        fact: ``<key question> <object>.`` or a statement that ends with a full stop.
    """
    return f"Fact: {fact}\n"


def plain_example(question: str, answer: str) -> Example:
    """A question without help."""
    return Example((Span(question_prompt(question), 0.0),), f" {answer}")


def reading_example(fact: str, question: str, answer: str) -> Example:
    """A question with a fact in front."""
    asked = Span(question_prompt(question), REPEATED_TEXT_WEIGHT)
    return Example((Span(fact_line(fact), 0.0), asked), f" {answer}")


def as_typed(rng: Random, question: str) -> str:
    """The question as someone in a hurry types it: mostly unchanged."""
    shape = rng.random()
    if shape < 0.06:
        return question.removesuffix("?")
    if shape < 0.1:
        return question[:1].lower() + question[1:]
    return (question[:1].lower() + question[1:]).removesuffix("?") if shape < 0.14 else question


class ReadingDesk:
    """Makes readings and drills from one side of the line between training and evaluation.

    Args:
        rng: the only source of chance.
        split: the side from which subjects, objects and free wordings come.
    """

    def __init__(self, rng: Random, split: Split) -> None:
        self._rng = rng
        self._text = FreeText(rng, split)
        self._known = demo_facts()
        self._relations = tuple(relation_wordings().values())

    def reading(self, kind: ObjectKind, wording: Wording) -> Example:
        """A fact with an invented object, and a question about it."""
        spoken = self._text.object(kind)
        if wording is Wording.STATEMENT:
            fact, question = self._statement(spoken)
            return reading_example(fact, question, spoken)
        key, question = self._questions(wording)
        return reading_example(f"{key} {spoken}.", question, spoken)

    def drill(self) -> Example:
        """Invented words, or a stutter, said twice."""
        if self._rng.random() < 0.4:
            spoken = f" {self._text.stutter()}"
            return Example((Span(f"{spoken}\n", 0.0),), spoken)
        kinds = self._rng.choices(tuple(ObjectKind), k=self._rng.randint(1, 3))
        spoken = " " + " ".join(self._text.object(kind) for kind in kinds)
        return Example((Span(f"{spoken}\n", 0.0),), spoken)

    def _questions(self, wording: Wording) -> tuple[str, str]:
        if wording is Wording.FREE:
            return self._free_pair(frames().train)
        templates, subject, qualifiers = self._asked_relation()
        key = word_question(templates[0], subject, qualifiers)
        if wording is Wording.SAME:
            return key, key
        if wording is Wording.UNSEEN:
            return key, self._fill(self._rng.choice(frames().unseen), subject, qualifiers)
        first, second = self._rng.sample(templates, 2)
        return word_question(first, subject, qualifiers), word_question(second, subject, qualifiers)

    def _asked_relation(self) -> tuple[tuple[str, ...], str, dict[str, str]]:
        """Templates, subject and qualifiers: of a known fact now and then, else invented."""
        if self._rng.random() < 0.3:
            fact = self._rng.choice(self._known)
            return relation_wordings()[fact.relation], fact.subject, dict(fact.qualifiers)
        templates = self._rng.choice(self._relations)
        return templates, self._text.subject(), self._qualifiers(templates)

    def _qualifiers(self, templates: tuple[str, ...]) -> dict[str, str]:
        if "{effect}" in templates[0]:
            return {"effect": self._text.effect(), "population": self._text.population()}
        if "{pop}" in templates[0] and self._rng.random() < 0.5:
            return {"population": self._text.population()}
        return {}

    def _free_pair(self, wordings: tuple[str, ...]) -> tuple[str, str]:
        subject = self._text.subject()
        qualifiers = self._free_qualifiers()
        pool = wordings + tuple(template for group in self._relations for template in group)
        first, second = (self._fill(self._rng.choice(pool), subject, qualifiers) for _ in range(2))
        return first, first if self._rng.random() < 0.2 else second

    def _statement(self, spoken: str) -> tuple[str, str]:
        subject, qualifiers = self._text.subject(), self._free_qualifiers()
        template = self._rng.choice(frames().statements).replace("{O}", "\0")
        fact = self._fill(template, subject, qualifiers).replace("\0", spoken)
        pool = self._rng.choice((*self._relations, frames().train))
        return fact, self._fill(self._rng.choice(pool), subject, qualifiers)

    def _free_qualifiers(self) -> dict[str, str]:
        qualifiers = {"effect": self._text.effect()}
        if self._rng.random() < 0.4:
            qualifiers["population"] = self._text.population()
        return qualifiers

    def _fill(self, template: str, subject: str, qualifiers: dict[str, str]) -> str:
        named = template.replace("{x}", self._text.noun_phrase())
        if "{effect}" in named and "effect" not in qualifiers:
            qualifiers = {**qualifiers, "effect": self._text.effect()}
        if "{population}" in named and "population" not in qualifiers:
            qualifiers = {**qualifiers, "population": self._text.population()}
        return word_question(named, subject, qualifiers)


_WORDING_SHARES = {Wording.SAME: 25, Wording.PARAPHRASE: 30, Wording.FREE: 30, Wording.STATEMENT: 15}
_KIND_SHARES = dict.fromkeys(ObjectKind, 1) | {
    ObjectKind.SENTENCE: 3,
    ObjectKind.DOSE: 2,
    ObjectKind.NAME: 2,
}


class TrainingMix:
    """Draws training examples: plain questions, readings and drills in given shares.

    Args:
        rng: the only source of chance.
        drill_share: share of copying drills.
        plain_share: share of plain questions among the rest.
    """

    def __init__(self, rng: Random, *, drill_share: float, plain_share: float) -> None:
        self._rng = rng
        self._desk = ReadingDesk(rng, Split.TRAIN)
        self._plain = tuple((q, fact.answer) for fact in demo_facts() for q in fact.questions)
        self._drill_share = drill_share
        self._plain_share = plain_share

    def draw(self) -> Example:
        """The next example."""
        if self._rng.random() < self._drill_share:
            return self._desk.drill()
        if self._rng.random() < self._plain_share:
            question, answer = self._rng.choice(self._plain)
            return plain_example(as_typed(self._rng, question), answer)
        (kind,) = self._rng.choices(tuple(_KIND_SHARES), tuple(_KIND_SHARES.values()))
        (wording,) = self._rng.choices(tuple(_WORDING_SHARES), tuple(_WORDING_SHARES.values()))
        return self._desk.reading(kind, wording)
