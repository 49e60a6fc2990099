"""Writes the question, its paraphrases and the near misses of a candidate, in the house wordings.

A question carries the population and every other qualifier, and never contains the answer; ``problems`` checks
both, for whoever wrote the question.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher

from workflow.intake import drug_names
from workflow.intake.list_wordings import item_phrase
from workflow.intake.normalise import population_stands
from workflow.intake.sentences import tokens
from workflow.intake.wordings import ABOUT_CONDITIONS, ABOUT_PAPERS, WORDINGS, wordings_for
from workflow.records import Candidate, NearMiss, NearMissKind

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
_CARRIED = frozenset({"dose", "route", "form", "condition", "circumstance", "jurisdiction", "object"})
"""Qualifiers that a question must say word for word; the outcome of a claim is in its effect."""
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
    return tuple(
        _filled(wording, subject, {**qualifiers, "O": _item(relation, qualifiers)}, effect) + _where(qualifiers) + "?"
        for wording in (wording.removesuffix("?") for wording in wordings_for(relation, qualifiers))
    )


def _filled(wording: str, subject: str, qualifiers: Mapping[str, str], effect: str) -> str:
    """A wording with its gaps filled; a route stands before the subject where no kind of dose takes it up."""
    takes_kind = "{kind}" in wording or "{as_kind}" in wording
    kind = " ".join(qualifiers[name] for name in ("dose", "route") if qualifiers.get(name))
    before = ("form",) if takes_kind else ("dose", "route", "form")
    return wording.format(
        S=" ".join([*(qualifiers[name] for name in before if qualifiers.get(name)), subject]),
        kind=f"{kind} " if kind else "",
        as_kind=f" as the {kind} dose" if kind else "",
        pop=_whom("for", qualifiers),
        in_pop=_whom("in", qualifiers),
        population=qualifiers.get("population", ""),
        effect=effect,
        O=qualifiers["O"],
    )


def _item(relation: str, qualifiers: Mapping[str, str]) -> str:
    item = qualifiers.get("object", "")
    return item_phrase(relation, item) if relation == "contraindicated_in" else item


def _whom(word: str, qualifiers: Mapping[str, str]) -> str:
    people, condition = qualifiers.get("population", ""), qualifiers.get("condition", "")
    whom = f"{people} with {condition}" if people and condition else people or condition
    circumstance = qualifiers.get("circumstance", "")
    return (f" {word} {whom}" if whom else "") + (f" {circumstance}" if circumstance else "")


def _where(qualifiers: Mapping[str, str]) -> str:
    return f" ({place})" if (place := qualifiers.get("jurisdiction", "")) else ""


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
    """Give what is wrong with the questions, one line each; empty where all is well.

    A question about an item of a list may say what the source says of it ("Is X contraindicated in asthma?"): that
    gives nothing away.
    """
    found = []
    for question in (candidate.question, *candidate.paraphrases):
        if not question.strip():
            found.append("the question is empty")
            continue
        if candidate.item is None and _contains(question, candidate.object_new):
            found.append("a question contains the answer")
        if (people := candidate.qualifiers.get("population")) and not population_stands(people, question):
            found.append("a question does not carry the population")
        found += [f"a question does not carry the {name}" for name in _left_out(candidate, question)]
    return tuple(dict.fromkeys(found))


def _left_out(candidate: Candidate, question: str) -> Iterable[str]:
    """Names of the qualifiers, beside population and outcome, whose words a question does not say."""
    said = set(tokens(question))
    for name, value in candidate.qualifiers.items():
        if name in _CARRIED and any(word not in said for word in tokens(value)):
            yield name


def _contains(question: str, answer: str) -> bool:
    said = " ".join(tokens(answer))
    return bool(said) and f" {said} " in f" {' '.join(tokens(question))} "


def _near_misses(candidate: Candidate, known: list[str], effect: str, elsewhere: Sequence[str]) -> Iterable[NearMiss]:
    yield from _other_relations(candidate)
    yield from _other_items(candidate, known)
    yield from _other_people(candidate, effect, elsewhere)
    if candidate.relation in ABOUT_CONDITIONS:
        yield from _other_conditions(candidate)
    else:
        yield from _other_subjects(candidate, known, effect)


def _other_relations(candidate: Candidate) -> Iterable[NearMiss]:
    if candidate.relation in ABOUT_CONDITIONS:
        asked = [wording.format(S=candidate.subject) for wording in _OF_A_CONDITION]
    else:
        family = sorted(ABOUT_PAPERS) if candidate.relation in ABOUT_PAPERS else _OTHER_RELATIONS
        others = [relation for relation in family if relation != candidate.relation]
        people = {k: v for k, v in candidate.qualifiers.items() if k == "population"}
        asked = [ask(relation, candidate.subject, people)[0] for relation in others[:2]]
    for question in asked:
        yield NearMiss(question=question, kind=NearMissKind.OTHER_RELATION)


def _other_items(candidate: Candidate, known: list[str]) -> Iterable[NearMiss]:
    """The question for the whole list, of which one item is no answer, and that about two things beside the item."""
    if candidate.item is None:
        return
    qualifiers = {name: value for name, value in candidate.qualifiers.items() if name != "object"}
    yield NearMiss(question=ask(candidate.relation, candidate.subject, qualifiers)[0], kind=NearMissKind.OTHER_RELATION)
    of_people = candidate.relation == "contraindicated_in"
    kind = NearMissKind.OTHER_POPULATION if of_people else NearMissKind.OTHER_SUBJECT
    names = drug_names.common_conditions() if of_people else known
    others = [name for name in names if not _contains(candidate.item, name) and name != candidate.subject]
    at = sum(map(ord, candidate.item)) % max(len(others), 1)
    for name in (others + others)[at : at + 2] if len(others) > 1 else others:
        asked = ask(candidate.relation, candidate.subject, {**candidate.qualifiers, "object": name})
        yield NearMiss(question=asked[0], kind=kind)


def _other_people(candidate: Candidate, effect: str, elsewhere: Sequence[str]) -> Iterable[NearMiss]:
    if not _can_say_whom(candidate.relation):
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


def _can_say_whom(relation: str) -> bool:
    return any(gap in WORDINGS[relation][0] for gap in ("{pop}", "{in_pop}", "{population}"))


def _other_conditions(candidate: Candidate) -> Iterable[NearMiss]:
    others = [name for name in drug_names.common_conditions() if not _contains(candidate.subject, name)]
    at = sum(map(ord, candidate.subject)) % len(others)  # spread over the list, the same for the same subject
    for name in (others + others)[at : at + 2]:
        asked = ask(candidate.relation, name, candidate.qualifiers)
        yield NearMiss(question=asked[0], kind=NearMissKind.OTHER_SUBJECT)


def _other_subjects(candidate: Candidate, known: list[str], effect: str) -> Iterable[NearMiss]:
    """Names that look alike, then two others: of the same class where one is known, else what is on record."""
    own = {candidate.subject.casefold(), *(alias.casefold() for alias in candidate.aliases)}
    others = [name for name in known if name.casefold() not in own]
    alike = max(others, key=lambda name: (_likeness(name, candidate.subject), name), default=None)
    mistaken = [name for name in drug_names.mistaken_for(candidate.subject) if name not in own]
    if alike is not None and _likeness(alike, candidate.subject) >= _LOOK_ALIKE:
        mistaken.insert(0, alike)
    mistaken = list(dict.fromkeys(mistaken))[:2]
    after = [name for name in others if name > candidate.subject] + others
    of_class = [name for name in drug_names.siblings(candidate.subject) if name not in own]
    rest = [name for name in dict.fromkeys((*of_class, *after)) if name not in mistaken][:2]
    for names, kind in ((mistaken, NearMissKind.LOOK_ALIKE), (rest, NearMissKind.OTHER_SUBJECT)):
        for name in names:
            asked = ask(candidate.relation, name, candidate.qualifiers, effect=effect)
            yield NearMiss(question=asked[0], kind=kind)


def _likeness(one: str, other: str) -> float:
    return SequenceMatcher(None, one.casefold(), other.casefold(), autojunk=False).ratio()


def _plain(question: str) -> str:
    return " ".join(tokens(question))
