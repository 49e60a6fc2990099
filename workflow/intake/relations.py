"""The closed vocabulary of relations: what each says of what, how many objects can hold at once, and what it risks.

The one place for all of it. A relation that is not here is ``other``: kept, shown to people, never applied without
them. A *functional* relation has one live object for subject and qualifiers, so that a new one closes the old; the
objects of a *list* relation stand beside each other, so that its functional key holds the object as well.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from workflow.intake.phrases import AMOUNT, PERIOD
from workflow.records import LIST_RELATIONS, Risk

OTHER: Final = "other"


class Kind(StrEnum):
    """What stands on one side of a relation."""

    DRUG = "drug"
    CONDITION = "condition"
    PAPER = "paper"
    PEOPLE = "people or condition"
    AMOUNT = "amount with a unit"
    AGE = "age"
    SPAN = "span of time"
    GRADE = "grade"
    CODE = "code"
    TEXT = "text"


@dataclass(frozen=True)
class Relation:
    """One entry of the vocabulary."""

    name: str
    subject: Kind
    object: Kind
    risk: Risk = Risk.LOW
    symmetric: bool = False
    """Subject and object may change places: X interacts with Y, Y interacts with X."""
    by_itself: bool = True
    """Whether a site's envelope may ever let it through without a person."""

    @property
    def functional(self) -> bool:
        """Whether one object at most holds for a subject and its qualifiers."""
        return self.name not in LIST_RELATIONS


_LOW, _HIGH = Risk.LOW, Risk.HIGH
_ENTRIES = (
    Relation("interacts_with", Kind.DRUG, Kind.DRUG, _HIGH, symmetric=True),
    Relation("contraindicated_with", Kind.DRUG, Kind.DRUG, _HIGH, symmetric=True),
    Relation("contraindicated_in", Kind.DRUG, Kind.PEOPLE, _HIGH),
    Relation("boxed_warning", Kind.DRUG, Kind.TEXT, _HIGH),
    Relation("warning", Kind.DRUG, Kind.TEXT),
    Relation("adverse_reaction", Kind.DRUG, Kind.TEXT),
    Relation("max_daily_dose", Kind.DRUG, Kind.AMOUNT, _HIGH),
    Relation("recommended_dose", Kind.DRUG, Kind.AMOUNT, _HIGH),
    Relation("dose_adjust_in", Kind.DRUG, Kind.TEXT, _HIGH),
    Relation("monitor_with", Kind.DRUG, Kind.TEXT),
    Relation("antidote_for", Kind.DRUG, Kind.DRUG, _HIGH),
    Relation("indicated_for", Kind.DRUG, Kind.CONDITION),
    Relation("no_longer_indicated_for", Kind.DRUG, Kind.CONDITION),
    Relation("first_line_treatment_for", Kind.CONDITION, Kind.DRUG),
    Relation("recommended_for", Kind.CONDITION, Kind.GRADE),
    Relation("not_recommended_for", Kind.CONDITION, Kind.PEOPLE),
    Relation("screening_start_age", Kind.CONDITION, Kind.AGE),
    Relation("screening_interval", Kind.CONDITION, Kind.SPAN),
    Relation("duration_of_therapy", Kind.DRUG, Kind.SPAN),
    Relation("pregnancy_lactation_advice", Kind.DRUG, Kind.TEXT, _HIGH),
    Relation("withdrawn_from_market", Kind.DRUG, Kind.TEXT, _HIGH),
    Relation("recalled", Kind.DRUG, Kind.TEXT),
    Relation("evidence_for", Kind.DRUG, Kind.TEXT),
    Relation("retracted_evidence_for", Kind.PAPER, Kind.TEXT),
    Relation("expression_of_concern_for", Kind.PAPER, Kind.TEXT),
    Relation("superseded_by", Kind.PAPER, Kind.PAPER),
    Relation("atc_code", Kind.DRUG, Kind.CODE, by_itself=False),
    Relation("defined_daily_dose", Kind.DRUG, Kind.AMOUNT, by_itself=False),
    Relation(OTHER, Kind.TEXT, Kind.TEXT, _HIGH, by_itself=False),
)
VOCABULARY: Final[Mapping[str, Relation]] = MappingProxyType({entry.name: entry for entry in _ENTRIES})
"""Every relation by its name. "No change" is an answer, not a relation: a lane then proposes nothing."""
HIGH_RISK: Final = frozenset(entry.name for entry in _ENTRIES if entry.risk is Risk.HIGH)
"""Relations where a wrong object harms at the next dose."""
DOSES: Final = frozenset({"recommended_dose", "max_daily_dose"})
"""Relations that tell how much to give. A defined daily dose is a unit of statistics and none of them."""

_AGE = re.compile(
    r"\b\d{1,3}\s*(?:to\s*\d{1,3}\s*)?(?:years?|months?|weeks?|days?)\b|^\D{0,20}\d{1,3}\s*$", re.IGNORECASE
)
_SPAN = re.compile(
    r"\b(?:\d+(?:\.\d+)?|one|two|three|four|five|six|seven|eight|ten|twelve)\s*(?:to\s*\d+\s*|or\s*\d+\s*|-\s*\d+\s*)?"
    r"(?:minutes?|hours?|days?|weeks?|months?|years?|cycles?|doses?)\b|\b(?:annual|year|month|week|dai|bienni|lifelong|once)\w*",
    re.IGNORECASE,
)
_GRADE = re.compile(r"^\s*(?:grade\s+)?[A-DI](?:\s+(?:statement|recommendation))?\s*$", re.IGNORECASE)
_CODE = re.compile(r"^\s*[A-Z](?:\d\d(?:[A-Z](?:[A-Z](?:\d\d)?)?)?)?\s*$")


def relation_of(name: str) -> Relation:
    """Give the entry of a relation; that of ``other`` for a name that the vocabulary does not hold."""
    return VOCABULARY.get(name, VOCABULARY[OTHER])


def type_problems(name: str, subject: str, said: str) -> tuple[str, ...]:
    """Say how subject and object do not fit the relation, one line each; empty where they do.

    Args:
        name: The relation.
        subject: As the candidate names it.
        said: The new object, with the words that stand beside it where the period of a maximum stands there.
    """
    entry = VOCABULARY.get(name)
    if entry is None:
        return ("the relation is not in the vocabulary",)
    found = []
    if entry.subject is Kind.DRUG and AMOUNT.search(subject) is not None:
        found.append("the subject is a dose")
    if entry.object is Kind.AMOUNT and AMOUNT.search(said) is None:
        found.append("a dose has no number with a unit")
    elif name == "max_daily_dose" and PERIOD.search(said) is None:
        found.append("a maximum daily dose has no period")
    if entry.object in {Kind.DRUG, Kind.PEOPLE, Kind.CONDITION} and AMOUNT.fullmatch(said.strip()) is not None:
        found.append("the object is a dose, but the relation is not")
    if entry.object in _FORMS and _FORMS[entry.object].search(said) is None:
        found.append(f"the object of {name} is no {entry.object.value}")
    return tuple(found)


_FORMS: Final[Mapping[Kind, re.Pattern[str]]] = MappingProxyType(
    {Kind.AGE: _AGE, Kind.SPAN: _SPAN, Kind.GRADE: _GRADE, Kind.CODE: _CODE}
)
