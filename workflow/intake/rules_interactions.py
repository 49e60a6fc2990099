"""Reads which drugs a sentence says interact, how (mechanism, effect, advice), how strongly, and how surely.

Works on drugs that are known by name. Drugs named in one breath ("A, B and other C") are one group; a pair is read
where a wording of interaction ties two groups, and nothing in their clause denies it, leaves it open or compares.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from workflow.intake.interaction_wordings import (
    ADVICE,
    ADVISED_NOT,
    AGENT,
    ASKS,
    CLAUSE,
    COMPARES,
    CONTRAINDICATED,
    DENIED,
    DOSE,
    EFFECT,
    ELIDED,
    GIVEN_WITH,
    HEADING_END,
    INCLUDES,
    INTERACTS,
    IS_A,
    JOIN,
    JOINT,
    MORE,
    NEXT_VERB,
    NO_DRUG,
    ON_A_DRUG,
    PAIRED,
    PAIRED_AFTER,
    PEOPLE_LEAD,
    PK,
    STRENGTHS,
    TAKING,
    UNSURE,
    VERB,
    WITH_ONLY,
)
from workflow.intake.mentions import Lexicon
from workflow.intake.normalise import population
from workflow.intake.phrases import Span, people_at
from workflow.intake.rule_facts import Fact, Place
from workflow.records import Certainty

INTERACTING = frozenset({"interacts_with", "contraindicated_with"})
"""What two drugs of a sentence can have with each other."""
_KINDS = {"int": "unspecified", "advise": "unspecified"}


@dataclass(frozen=True)
class Interaction:
    """Two drugs that a sentence says interact."""

    one: Span
    other: Span
    kind: str
    """``mechanism`` (levels, metabolism), ``effect``, ``advise``, or ``int`` where only that they interact."""
    strength: str = ""
    """Of an advice: ``avoid``, ``caution``, ``monitor`` or ``adjust``, kept apart."""
    certainty: Certainty = Certainty.DEFINITE


@dataclass(frozen=True)
class _Group:
    """Drugs named in one breath; ``start:end`` in the sentence."""

    members: tuple[Span, ...]
    start: int
    end: int


def read_interactions(sentence: str, lexicon: Lexicon) -> list[Interaction]:
    """Give the interactions that a sentence states between drugs of the lexicon, each pair of names once."""
    found: dict[tuple[str, str], Interaction] = {}
    for one in _read(sentence, lexicon):
        names = sorted((one.one.text.casefold(), one.other.text.casefold()))
        if not _one_drug(*names) and not any(NO_DRUG.fullmatch(name) for name in names):
            found.setdefault((names[0], names[1]), one)
    return list(found.values())


def interaction_facts(sentence: str, place: Place, lexicon: Lexicon) -> list[Fact]:
    """Give the interactions of a sentence as facts; nothing in a section that reports and does not advise.

    "Avoid" is what the relation says by itself; a milder advice, and an interaction that comes without one, says so
    in a qualifier, so that three strengths stay three facts.
    """
    if not place.advises:
        return []
    found = read_interactions(sentence, lexicon)
    people = _people(sentence, lexicon) if found else ""
    return [_fact(one, sentence, people) for one in found]


def _people(sentence: str, lexicon: Lexicon) -> str:
    """Give the one population that a sentence is about; patients who take a drug are no population of their own."""
    named = [
        people.text
        for lead in PEOPLE_LEAD.finditer(sentence)
        if (people := people_at(sentence, lead.end(), len(sentence))) is not None
        and population(people.text)
        and not ON_A_DRUG.search(people.text)
        and not lexicon.find(people.text)
    ]
    return named[0] if len(named) == 1 else ""


def _fact(found: Interaction, sentence: str, people: str) -> Fact:
    relation = "interacts_with"
    qualifiers: tuple[tuple[str, str], ...] = (("kind", _KINDS.get(found.kind, found.kind)),)
    if found.kind == "advise" and found.strength:
        qualifiers = (("advice", found.strength),)
    if found.strength == "avoid":
        qualifiers = ()
        relation = "contraindicated_with" if CONTRAINDICATED.search(sentence) else relation
    if people:
        qualifiers = (*qualifiers, ("population", people))
    return Fact(relation, found.one.text, found.other, qualifiers, certainty=found.certainty)


def _one_drug(name: str, other: str) -> bool:
    """Whether two spellings are one drug or a drug and its class: clonidine hydrochloride, muscle relaxant drugs."""
    own, its = (set(re.findall(r"[a-z0-9]+", one)) for one in (name, other))
    own, its = ({word.removesuffix("s") for word in words} for words in (own, its))
    return own <= its or its <= own


def _read(sentence: str, lexicon: Lexicon) -> Iterator[Interaction]:
    mentions = lexicon.find(sentence)
    if len(mentions) < 2:
        return
    for start, end in _clauses(sentence):
        groups = _groups(sentence, [span for span in mentions if start <= span.start and span.end <= end])
        if groups:
            yield from _of_clause(sentence, start, end, groups)


def _clauses(sentence: str) -> Iterator[tuple[int, int]]:
    begin = 0
    for border in CLAUSE.finditer(sentence):
        yield begin, border.start()
        begin = border.end()
    yield begin, len(sentence)


def _groups(sentence: str, mentions: Sequence[Span]) -> list[_Group]:
    groups: list[list[Span]] = []
    for span in mentions:
        if groups and JOIN.match(_without_doses(sentence[groups[-1][-1].end : span.start])):
            groups[-1].append(span)
        else:
            groups.append([span])
    return [_Group(tuple(one), one[0].start, one[-1].end) for one in groups]


def _without_doses(between: str) -> str:
    return DOSE.sub(" ", between)


def _of_clause(sentence: str, start: int, end: int, groups: Sequence[_Group]) -> Iterator[Interaction]:
    clause = sentence[start:end]
    if DENIED.search(ADVISED_NOT.sub(" ", clause)) or ASKS.search(clause):
        return
    if not (VERB.search(clause) or ADVICE.search(clause) or INTERACTS.search(clause) or EFFECT.search(clause)):
        return
    for group in groups:
        yield from _within(sentence, start, end, group, clause)
    acting: _Group | None = None
    joined: tuple[_Group, _Group] | None = None
    for at, (one, other) in enumerate(pairwise(groups)):
        between, before, after = sentence[one.end : other.start], sentence[start : one.start], sentence[other.end : end]
        tie = _tie(between, before, after, first=at == 0)
        if tie == "with":
            if joined is None and at and acting is not None and not VERB.search(between):
                yield from _between(acting, other, clause, tied=between)
            joined = (one, other)
            yield from _between(one, other, clause, tied="")
        elif tie == "verb" and joined is not None and joined[1] is one:
            yield from _between(joined[0], other, clause, tied=between)
        elif tie == "verb" and acting is not None and NEXT_VERB.match(between):
            yield from _between(acting, other, clause, tied=between)
        elif tie:
            acting = one
            yield from _between(one, other, clause, tied=between if tie == "verb" else "")
        elif (left := joined[0] if joined is not None and joined[1] is one else acting) is not None and MORE.match(
            between
        ):
            yield from _between(left, other, clause, tied="")
            acting, joined = left, (joined[0], other) if joined is not None else None


def _tie(between: str, before: str, after: str, *, first: bool) -> str:
    """Say how two groups are tied: by a verb, by being given together, or not at all."""
    if first and not before.strip() and (heading := HEADING_END.match(between)):
        return "verb" if ELIDED.match(between, heading.end()) else ""
    if COMPARES.search(between):
        return ""
    around = f"{before} | {after}"
    said = f"{around} {between}"
    if VERB.search(between) and not (IS_A.match(between) and not AGENT.search(between)):
        return "verb"
    if WITH_ONLY.match(between):
        return "with" if VERB.search(around) or ADVICE.search(said) or EFFECT.search(around) else ""
    if TAKING.search(between) and (JOINT.search(said) or ADVICE.search(said) or VERB.search(around)):
        return "taking"
    return "verb" if INCLUDES.search(between) and VERB.search(before) else ""


def _within(sentence: str, start: int, end: int, group: _Group, clause: str) -> Iterator[Interaction]:
    """Read pairs of one breath: "coadministration of A and B", "A and B given together"."""
    if len(group.members) < 2 or GIVEN_WITH.match(sentence, group.end):
        return
    before, after = sentence[start : group.start], sentence[group.end : end]
    if not (PAIRED.search(before) or (PAIRED_AFTER.match(_without_doses(after)) and not TAKING.match(after.lstrip()))):
        return
    at = next(
        (
            at
            for at, (one, other) in enumerate(pairwise(group.members), 1)
            if re.search(r"\band\b", sentence[one.end : other.start])
        ),
        None,
    )
    if at is not None:
        for one in group.members[:at]:
            for other in group.members[at:]:
                yield _interaction(one, other, clause, "")


def _between(one: _Group, other: _Group, clause: str, *, tied: str) -> Iterator[Interaction]:
    for left in one.members:
        for right in other.members:
            yield _interaction(left, right, clause, tied)


def _interaction(one: Span, other: Span, clause: str, tied: str) -> Interaction:
    kind, strength = _kind(clause, tied)
    certainty = Certainty.POSSIBLE if UNSURE.search(clause) else Certainty.DEFINITE
    return Interaction(one, other, kind, strength, certainty)


def _kind(clause: str, tied: str) -> tuple[str, str]:
    if ADVICE.search(tied or clause):
        return "advise", next((name for name, written in STRENGTHS if written.search(clause)), "")
    if PK.search(clause):
        return "mechanism", ""
    if EFFECT.search(clause) or not INTERACTS.search(clause):
        return "effect", ""
    return "int", ""
