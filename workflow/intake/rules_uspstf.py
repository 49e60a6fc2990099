"""Reads graded recommendations as a table: what is recommended to whom with which grade, how often, from which age on.

The Task Force's file gives each recommendation a section of its own with the grade in front. The quote reaches from the
grade to the end of the recommendation, so that both stand in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from connectors.notice import Section
from workflow.intake.extractor import ChangedSentence, NoticeText
from workflow.intake.normalise import population
from workflow.intake.sentences import tokens
from workflow.records import Candidate, ChangeKind, Evidence, ObjectOrigin, Risk

GRADED = "uspstf_grade_"
"""How the code of a graded section begins."""
_RECOMMENDATION = re.compile(
    r"Grade:\s+(?P<grade>[A-DI])\b.*?(?P<said>The\s+USPSTF\s+(?:recommends?|concludes?)\b.*?(?<!\be\.g)(?<!\bie)\.)(?=\s|$)",
    re.DOTALL,
)
_SERVICE = re.compile(
    r"\b(?P<service>(?:screening|counseling|behavioral\s+counseling|preventive\s+medication|chemoprevention|supplementation|testing)\s+"
    r"(?:for|with|to\s+prevent|about|on)\s+(?:the\s+)?(?P<what>[a-z][\w'/-]*(?:\s+(?!in\b|for\b|every\b|among\b|with\b|by\b|to\b|at\b|of\b|using\b|during\b|and\b|who\b|aged\b|begin)[\w'/-]+){0,4}))",
    re.IGNORECASE,
)
_PEOPLE = re.compile(
    r"\bin\s+(?P<people>(?:all\s+|asymptomatic\s+|pregnant\s+|sexually\s+active\s+|postmenopausal\s+|average-risk\s+|younger\s+|older\s+)*"
    r"(?:adults|women|men|adolescents|children|persons|people|infants|newborns)\b(?:\s+(?!every\b|with\s+cervical|for\b|is\b)[^,.;()]{1,80}?)?)(?=\s*(?:[,.;(]|$)|\s+(?:for|is|the\s+USPSTF|every)\b)",
    re.IGNORECASE,
)
_INTERVAL = re.compile(
    r"(?:\bevery\s+(?:\d+(?:\s+to\s+\d+)?\s+)?years?\b|\bannual(?:ly)?\b|\bbiennial(?:ly)?\b)(?:\s+with\s+[\w\s-]{3,60}?(?=\s+in\b|[,.;(]))?",
    re.IGNORECASE,
)
"""How often, with the test where one is named: an interval of one test is none of another."""
_FROM_AGE = re.compile(
    r"\baged?\s+(?P<age>\d{1,3})\s*(?:years?)?(?:\s*(?:to|through|-|–|or|and)\s*(?:\d{1,3}|older|above|over))",
    re.IGNORECASE,
)
_FOR = frozenset({"A", "B"})


@dataclass(frozen=True)
class Recommendation:
    """One graded recommendation; ``start:end`` is its quote in the document's text."""

    section: Section
    grade: str
    service: str
    what: str
    people: str
    interval: str
    from_age: int | None
    quote: str
    start: int
    end: int

    @property
    def key(self) -> tuple[str, str]:
        """What is recommended, to whom."""
        return " ".join(tokens(self.service)), population(self.people)


def is_graded(change: ChangedSentence) -> bool:
    """Say whether a change stands in a graded recommendation."""
    section = change.notice.section_at(change.start or 0)
    return change.start is not None and section is not None and section.code.startswith(GRADED)


def read_recommendations(notice: NoticeText) -> list[Recommendation]:
    """Give the graded recommendations of a notice, those whose service and people are stated in the usual words."""
    return [found for section in notice.sections if (found := _recommendation(notice, section)) is not None]


def read_graded(change: ChangedSentence, extractor: str) -> Iterator[Candidate]:
    """Give what a changed recommendation says that the previous version did not: grade, interval, first age."""
    now = read_recommendations(change.notice)
    before = read_recommendations(change.previous) if change.previous is not None else []
    own = next((one for one in now if one.section.start <= (change.start or 0) < one.section.end), None)
    if own is None:
        return
    was = next((one for one in before if one.key == own.key), None)
    for relation, subject, said, old, evidence in _rows(own, was, now, before):
        if old != said:
            yield _candidate(change, own, relation, subject, said, (old, evidence), extractor)


def _rows(
    own: Recommendation, was: Recommendation | None, now: list[Recommendation], before: list[Recommendation]
) -> Iterator[tuple[str, str, str, str, Recommendation | None]]:
    """The cells of the table: relation, subject, what it says now, what it said, and where it said so."""
    yield "recommended_for", own.service, f"Grade {own.grade}", f"Grade {was.grade}" if was else "", was
    if own.interval and own.grade in _FOR:
        yield "screening_interval", own.what, own.interval, was.interval if was else "", was
    first, earlier = _first_age(own, now), _first_age(own, before)
    if first is own and own.from_age is not None:
        said_before = f"aged {earlier.from_age}" if earlier else ""
        yield "screening_start_age", own.what, f"aged {own.from_age}", said_before, earlier


def _first_age(own: Recommendation, among: list[Recommendation]) -> Recommendation | None:
    """The recommendation for the same service that begins at the lowest age, where it is recommended at all."""
    rivals = [one for one in among if one.what.casefold() == own.what.casefold() and one.grade in _FOR and one.from_age]
    return min(rivals, key=lambda one: one.from_age or 0, default=None)


def _recommendation(notice: NoticeText, section: Section) -> Recommendation | None:
    if not section.code.startswith(GRADED):
        return None
    body = notice.text[section.start : section.end]
    found = _RECOMMENDATION.search(body)
    service = _SERVICE.search(found["said"]) if found else None
    people = _PEOPLE.search(found["said"]) if found else None
    if found is None or service is None or people is None:
        return None
    intervals = {" ".join(match.group().split()) for match in _INTERVAL.finditer(found["said"])}
    ages = [int(match["age"]) for match in _FROM_AGE.finditer(people["people"])]
    start = section.start + found.start()
    end = section.start + found.end()
    return Recommendation(
        section=section,
        grade=found["grade"],
        service=" ".join(service["service"].split()),
        what=" ".join(service["what"].split()),
        people=" ".join(people["people"].split()),
        interval=next(iter(intervals)) if len(intervals) == 1 else "",
        from_age=ages[0] if len(ages) == 1 and service["service"].casefold().startswith("screening") else None,
        quote=notice.text[start:end],
        start=start,
        end=end,
    )


def _candidate(
    change: ChangedSentence,
    own: Recommendation,
    relation: str,
    subject: str,
    said: str,
    replaced: tuple[str, Recommendation | None],
    extractor: str,
) -> Candidate:
    old, where = replaced
    evidence = [_evidence(change.notice, own, "claim")]
    if old and where is not None and change.previous is not None:
        evidence.append(_evidence(change.previous, where, "previous"))
    qualifiers = {"population": own.people} if relation != "screening_start_age" else {}
    return Candidate(
        subject=subject,
        relation=relation,
        qualifiers=qualifiers,
        object_new=said,
        object_old=old or None,
        object_old_origin=ObjectOrigin.PREVIOUS_VERSION if old else ObjectOrigin.UNKNOWN,
        question="",
        evidence=tuple(evidence),
        change_kind=change.kind if not old else ChangeKind.REVISED,
        risk=Risk.LOW,
        extractor=extractor,
    )


def _evidence(notice: NoticeText, one: Recommendation, role: str) -> Evidence:
    return Evidence(
        document_id=notice.document_id,
        notice_id=notice.notice_id,
        role=role,
        quote=one.quote,
        start=one.start,
        end=one.end,
        section=one.section.title,
    )
