"""Writes the question, its paraphrases and the near misses of a candidate, in the house wordings.

Owns the wordings. A question carries the population and every other qualifier, and never contains the answer;
``problems`` checks both, for whoever wrote the question.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from types import MappingProxyType

from workflow.intake.normalise import population_stands
from workflow.intake.sentences import tokens
from workflow.records import Candidate, NearMiss, NearMissKind

WORDINGS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "recommended_dose": (
            "What is the recommended {kind}dose of {S}{pop}?",
            "How much {S} is recommended{as_kind}{pop}?",
            "Which {kind}dose of {S} should be given{pop}?",
            "At what {kind}dose is {S} recommended{pop}?",
        ),
        "max_daily_dose": (
            "What is the maximum daily {kind}dose of {S}{pop}?",
            "How much {S} may be given per day at most{pop}?",
            "What is the highest daily {kind}dose of {S}{pop}?",
            "Which daily {kind}dose of {S} must not be exceeded{pop}?",
        ),
        "contraindicated_in": (
            "In which patients is {S} contraindicated?",
            "Who must not take {S}?",
            "Which condition rules out {S}?",
            "When is {S} contraindicated?",
        ),
        "boxed_warning": (
            "What does the boxed warning of {S} say?",
            "Which risk stands in the boxed warning of {S}?",
            "What is the boxed warning for {S}?",
            "Of what does the boxed warning of {S} warn?",
        ),
        "interacts_with": (
            "Which drug must not be combined with {S}?",
            "What must not be given together with {S}?",
            "With which drug does {S} interact?",
            "Which drug should be avoided with {S}?",
        ),
        "evidence_for": (
            "Does {S} {effect} in {population}?",
            "Is there evidence that {S} can {effect} in {population}?",
            "Has it been shown that {S} can {effect} in {population}?",
            "In {population}, does {S} {effect}?",
        ),
        "first_line_treatment_for": (
            "What is the first-line treatment for {S}{in_pop}?",
            "Which drug comes first in {S}{in_pop}?",
            "What should be given first for {S}{in_pop}?",
            "Which drug is first choice for {S}{in_pop}?",
        ),
        "indicated_for": (
            "What is {S} used for?",
            "For which condition is {S} indicated?",
            "What does {S} treat?",
            "Which condition is treated with {S}?",
        ),
        "pregnancy_lactation_advice": (
            "May {S} be taken in pregnancy?",
            "Is {S} safe in pregnancy?",
            "What is advised about {S} in pregnancy?",
            "Can {S} be used during pregnancy?",
        ),
    }
)
"""The closed set of relations that can be asked about, each with its question and three paraphrases."""

_OTHER_RELATIONS = ("recommended_dose", "contraindicated_in", "max_daily_dose", "indicated_for", "boxed_warning")
_OF_A_CONDITION = ("What causes {S}?", "How is {S} diagnosed?")
_OTHER_PEOPLE: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("pregnant", ("men", "children")),
    ("women", ("men", "children", "patients with renal impairment")),
    ("men", ("women", "children", "patients with renal impairment")),
    ("children", ("adults", "older adults")),
    ("older", ("children", "patients with hepatic impairment")),
    ("renal", ("patients with hepatic impairment", "children")),
    ("hepatic", ("patients with renal impairment", "children")),
    ("", ("children", "patients with renal impairment", "patients with hepatic impairment")),
)
"""Who is asked about instead, by the first word that the candidate's population holds: never a part of it."""
_OTHER_GROUPS = ("patients with diabetes", "patients with heart failure", "patients with asthma")
_MOST_ELSEWHERE = 6
"""Near misses about populations that the document itself gives another value."""
_LOOK_ALIKE = 0.7
"""From this share of equal letters on, two names can be mistaken for each other."""


def ask(relation: str, subject: str, qualifiers: Mapping[str, str], *, effect: str = "") -> tuple[str, ...]:
    """Give the question and the paraphrases of a fact; empty for a relation without wordings.

    Args:
        relation: One of ``WORDINGS``.
        subject: Name as the question says it.
        qualifiers: Those of the functional key.
        effect: For ``evidence_for``: the verb and the outcome, "reduce mortality".
    """
    kind = " ".join(qualifiers[name] for name in ("dose", "route") if qualifiers.get(name))
    people = qualifiers.get("population", "")
    words = {
        "S": " ".join(filter(None, (qualifiers.get("form"), subject))),
        "kind": f"{kind} " if kind else "",
        "as_kind": f" as the {kind} dose" if kind else "",
        "pop": _for(qualifiers),
        "in_pop": f" in {people}" if people else "",
        "population": people,
        "effect": effect,
    }
    return tuple(wording.format_map(words) for wording in WORDINGS.get(relation, ()))


def _for(qualifiers: Mapping[str, str]) -> str:
    people, condition = qualifiers.get("population", ""), qualifiers.get("condition", "")
    whom = f"{people} with {condition}" if people and condition else people or condition
    circumstance = qualifiers.get("circumstance", "")
    return (f" for {whom}" if whom else "") + (f" {circumstance}" if circumstance else "")


def write(candidate: Candidate, known: Iterable[str], *, effect: str = "", elsewhere: Sequence[str] = ()) -> Candidate:
    """Fill in question, paraphrases and near misses where they are still empty.

    Args:
        candidate: Already normalised.
        known: Other subjects, for near misses about another drug.
        effect: See ``ask``.
        elsewhere: Populations for which the document states the same relation on its own: near misses that matter.
    """
    asked = ask(candidate.relation, candidate.subject, candidate.qualifiers, effect=effect)
    if not asked:
        return candidate
    near = candidate.near_misses or tuple(_near_misses(candidate, sorted(known), effect, elsewhere))
    own = {_plain(question) for question in asked}
    return candidate.model_copy(
        update={
            "question": candidate.question or asked[0],
            "paraphrases": candidate.paraphrases or asked[1:],
            "near_misses": tuple(miss for miss in near if _plain(miss.question) not in own),
        }
    )


def problems(candidate: Candidate) -> tuple[str, ...]:
    """Give what is wrong with the questions, one line each; empty where all is well."""
    found = []
    for question in (candidate.question, *candidate.paraphrases):
        if not question.strip():
            found.append("the question is empty")
        elif _contains(question, candidate.object_new):
            found.append("a question contains the answer")
        elif (people := candidate.qualifiers.get("population")) and not population_stands(people, question):
            found.append("a question does not carry the population")
    return tuple(dict.fromkeys(found))


def _contains(question: str, answer: str) -> bool:
    said = " ".join(tokens(answer))
    return bool(said) and f" {said} " in f" {' '.join(tokens(question))} "


def _near_misses(candidate: Candidate, known: list[str], effect: str, elsewhere: Sequence[str]) -> Iterable[NearMiss]:
    yield from _other_relations(candidate)
    yield from _other_people(candidate, effect, elsewhere)
    yield from _other_subjects(candidate, known, effect)


def _other_relations(candidate: Candidate) -> Iterable[NearMiss]:
    if candidate.relation == "first_line_treatment_for":
        asked = [wording.format(S=candidate.subject) for wording in _OF_A_CONDITION]
    else:
        others = [relation for relation in _OTHER_RELATIONS if relation != candidate.relation]
        people = {k: v for k, v in candidate.qualifiers.items() if k == "population"}
        asked = [ask(relation, candidate.subject, people)[0] for relation in others[:2]]
    for question in asked:
        yield NearMiss(question=question, kind=NearMissKind.OTHER_RELATION)


def _other_people(candidate: Candidate, effect: str, elsewhere: Sequence[str]) -> Iterable[NearMiss]:
    if candidate.relation not in {"recommended_dose", "max_daily_dose", "evidence_for"}:
        return
    people = candidate.qualifiers.get("population", "")
    words = set(tokens(people))
    others = next(others for word, others in _OTHER_PEOPLE if not word or word in words)
    if candidate.relation == "evidence_for":
        others = _OTHER_GROUPS
    chosen = [other for other in others if not set(tokens(other)) <= words][:3]
    stated = [other for other in elsewhere if set(tokens(other)) != words][:_MOST_ELSEWHERE]
    for other in dict.fromkeys((*stated, *chosen)):
        qualifiers = {**candidate.qualifiers, "population": other}
        asked = ask(candidate.relation, candidate.subject, qualifiers, effect=effect)
        yield NearMiss(question=asked[0], kind=NearMissKind.OTHER_POPULATION)


def _other_subjects(candidate: Candidate, known: list[str], effect: str) -> Iterable[NearMiss]:
    if candidate.relation == "first_line_treatment_for":
        return
    own = {candidate.subject.casefold(), *(alias.casefold() for alias in candidate.aliases)}
    others = [name for name in known if name.casefold() not in own]
    alike = max(others, key=lambda name: (_likeness(name, candidate.subject), name), default=None)
    if alike is not None and _likeness(alike, candidate.subject) >= _LOOK_ALIKE:
        asked = ask(candidate.relation, alike, candidate.qualifiers, effect=effect)
        yield NearMiss(question=asked[0], kind=NearMissKind.LOOK_ALIKE)
        others.remove(alike)
    after = [name for name in others if name > candidate.subject] + others
    for name in list(dict.fromkeys(after))[:2]:
        asked = ask(candidate.relation, name, candidate.qualifiers, effect=effect)
        yield NearMiss(question=asked[0], kind=NearMissKind.OTHER_SUBJECT)


def _likeness(one: str, other: str) -> float:
    return SequenceMatcher(None, one.casefold(), other.casefold(), autojunk=False).ratio()


def _plain(question: str) -> str:
    return " ".join(tokens(question))
