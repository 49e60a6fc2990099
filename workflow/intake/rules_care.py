"""Reads what to watch and to change: monitoring, dose adjustments, durations, lost indications, market and screening.

As everywhere in lane A only what is stated plainly; a sentence with a hedge, an exception or an open end gives nothing.
"""

from __future__ import annotations

import re

from workflow.intake import phrases
from workflow.intake.headings import population_in
from workflow.intake.phrases import EXCEPTION, OFF_TOPIC, OPEN, Span, trimmed
from workflow.intake.rule_facts import Fact, Place

_SPAN = (
    r"(?:(?:about|approximately)\s+)?(?:\d+(?:\.\d+)?(?:\s*(?:to|-|–|or)\s*\d+)?|one|two|three|four|five|six|seven|eight|ten|twelve)"
    r"[\s-]+(?:minutes?|hours?|days?|weeks?|months?|years?)"
)
_OFTEN = (
    rf"(?:every\s+(?:other\s+)?(?:{_SPAN}|day|week|month|year)|daily|weekly|monthly|quarterly|annually|yearly|periodically"
    rf"|once\s+a\s+(?:day|week|month|year)|(?:at\s+)?baseline\s+and\s+(?:every\s+{_SPAN}|periodically(?:\s+thereafter)?)"
    rf"|(?:at\s+)?\d+(?:\s*(?:,|and)\s*\d+)*\s+(?:weeks?|months?)\s+after\s+\w+|before\s+(?:starting|initiating|each)\s+[\w\s]{{3,30}}?)"
)
_TEST = (
    r"(?:(?!patients?\b|women\b|men\b|children\b|for\b|if\b|closely\b|the\s+patient|you\b|your\b|carefully\b|use\b|therapy\b)[A-Za-z][\w/-]*)"
    r"(?:\s+(?!for\b|if\b|when\b|in\b|every\b|at\b|during\b|before\b|periodically\b|daily\b|weekly\b|monthly\b|annually\b|closely\b|carefully\b|regularly\b)[\w/-]+){0,6}"
)
_MONITOR = re.compile(
    rf"(?:^|(?<=[.:;]\s)|[,;]\s+)(?:monitor|measure|check|assess|obtain|test|evaluate)\s+(?P<what>(?:the\s+)?{_TEST})\s*,?\s+(?:at\s+)?(?P<often>{_OFTEN})\b",
    re.IGNORECASE,
)
_MONITORED = re.compile(
    rf"(?:^|(?<=[.:;]\s))(?:the\s+)?(?P<what>{_TEST})\s+(?:should|must)\s+be\s+(?:monitored|measured|checked|performed|assessed|obtained|tested|evaluated|determined)"
    rf"\s+(?:at\s+)?(?P<often>{_OFTEN})\b",
    re.IGNORECASE,
)
_AMOUNT = r"(?:\d+(?:\.\d+)?\s*%|\d+\s+percent|half|one[\s-]half|one[\s-]third|one[\s-]quarter|two[\s-]thirds|50\s*%)"
_ADJUST_BY = re.compile(
    rf"\b(?P<value>(?:reduce|decrease|lower|increase|halve)\s+(?:the\s+)?(?:\w+\s+){{0,2}}?dos(?:e|age)(?:\s+of\s+[A-Za-z][\w-]*)?"
    rf"(?:\s+by\s+(?:up\s+to\s+)?{_AMOUNT})?)",
    re.IGNORECASE,
)
_ADJUSTED_BY = re.compile(
    rf"\bdos(?:e|age)\s+(?:of\s+[A-Za-z][\w-]*\s+)?(?P<value>(?:should|must)\s+be\s+(?:reduced|decreased|lowered|increased)\s+by\s+(?:up\s+to\s+)?{_AMOUNT})",
    re.IGNORECASE,
)
_ADJUSTMENT = re.compile(
    r"(?:^|(?<=[.:;]\s)|,\s+)(?:a\s+)?(?P<value>(?:no\s+)?(?:initial\s+)?dos(?:e|age|ing)\s+(?:adjustments?|reductions?|modifications?)\s+"
    r"(?:is|are)\s+(?:not\s+)?(?:needed|necessary|required|recommended|warranted))\b(?!\s*(?:to|of|from|when|if|with)\b)",
    re.IGNORECASE,
)
_DURATION = re.compile(
    rf"\b(?:recommended|usual|total)\s+(?:treatment\s+duration|duration\s+of\s+(?:treatment|therapy))(?:\s+with\s+(?P<name>[A-Za-z][\w-]*))?"
    rf"(?P<between>[^.;]{{0,60}}?)\s+(?:is|should\s+be)\s+(?P<value>{_SPAN})\b",
    re.IGNORECASE,
)
_LOST = re.compile(
    r"(?:^|(?<=[.:;]\s))(?:the\s+)?(?P<name>[A-Za-z][\w-]*(?:\s+(?!is\b|are\b)[\w-]+){0,3}?)\s+(?:is|are)\s+no\s+longer\s+"
    r"(?:indicated|approved|licensed)\s+(?:for\s+(?:the\s+treatment\s+of\s+)?|in\s+|to\s+treat\s+)(?P<value>[^.;\[(]{3,160})",
    re.IGNORECASE,
)
_OFF_MARKET = re.compile(
    r"(?:^|(?<=[.:;]\s))(?:the\s+)?(?P<name>[A-Za-z][\w-]*(?:\s+(?!has\b|have\b|is\b|was\b|were\b)[\w-]+){0,3}?)\s+"
    r"(?P<value>(?:has\s+been|have\s+been|was|is\s+being|were)\s+(?:voluntarily\s+|permanently\s+)?(?:withdrawn|removed|taken)\s+"
    r"(?:from|off)\s+the\s+(?:[\w.]+\s+){0,3}?market(?:\s+in\s+(?:the\s+)?[A-Z]\w+(?:\s+[A-Z]\w+)?)?)",
    re.IGNORECASE,
)
_LICENCE = re.compile(
    r"(?:marketing\s+authori[sz]ations?|approvals?|licen[cs]es?)\s+(?:of|for)\s+(?P<name>[A-Za-z][\w-]*(?:\s+(?!has\b|have\b|was\b|were\b)[\w-]+){0,2}?)\s+"
    r"(?P<value>(?:has|have)\s+been\s+(?:withdrawn|revoked|suspended)|(?:was|were)\s+(?:withdrawn|revoked|suspended))",
    re.IGNORECASE,
)
_BOX_GONE = re.compile(
    r"\b(?P<value>boxed\s+warning\s+(?:about\s+[^.;]{3,80}?\s+|on\s+[^.;]{3,80}?\s+|for\s+[^.;]{3,80}?\s+)?(?:has\s+been|was)\s+removed)\b",
    re.IGNORECASE,
)
_SCREEN_AGE = re.compile(
    r"\bscreening\s+for\s+(?P<what>[a-z][a-z\s-]{2,60}?)\s+(?:should\s+)?(?:begin|start|is\s+recommended\s+to\s+(?:begin|start)|begins|starts|beginning|starting)s?"
    r"\s+at\s+(?:age\s+)?(?P<value>\d{1,3}(?:\s+years?(?:\s+of\s+age)?)?)",
    re.IGNORECASE,
)
_SCREEN_OFTEN = re.compile(
    rf"\bscreening\s+for\s+(?P<what>[a-z][a-z\s-]{{2,60}}?)\s+(?:should\s+be\s+(?:repeated|done|performed)\s+|is\s+recommended\s+)?(?P<value>every\s+(?:{_SPAN}|year)|annually|biennially|once\s+a\s+year)\b",
    re.IGNORECASE,
)
_POINTERS = re.compile(r"^(?:it|this|these|the\s+drug|they|treatment|therapy|use|product|which)$", re.IGNORECASE)
_NEGATED = re.compile(r"\b(?:not|never|neither|without|cannot)\b", re.IGNORECASE)


def read_care(sentence: str, place: Place) -> list[Fact]:
    """Give what a sentence says of monitoring, adjustments, durations, uses that ended, market and screening."""
    if not place.advises or EXCEPTION.search(sentence):
        return []
    ended = [*_ended(sentence)]
    if ended or OPEN.search(sentence) or OFF_TOPIC.search(sentence):
        return ended
    readings = (_monitoring(sentence), _adjustment(sentence, place), _duration(sentence), _screening(sentence))
    return [fact for reading in readings for fact in reading]


def _ended(sentence: str) -> list[Fact]:
    """Statements that something is over; "no longer" and "withdrawn" are their own words, not a denial."""
    facts = []
    for relation, pattern in (
        ("no_longer_indicated_for", _LOST),
        ("withdrawn_from_market", _OFF_MARKET),
        ("withdrawn_from_market", _LICENCE),
        ("boxed_warning", _BOX_GONE),
    ):
        found = pattern.search(sentence)
        if found is None or _NEGATED.search(found.group()):
            continue
        named = found.groupdict().get("name")
        subject = None if named is None or _POINTERS.match(named.strip()) else named.strip()
        facts.append(Fact(relation, subject, trimmed(sentence, *found.span("value"))))
    return facts


def _monitoring(sentence: str) -> list[Fact]:
    found = _MONITOR.search(sentence) or _MONITORED.search(sentence)
    if found is None or _NEGATED.search(sentence):
        return []
    if re.search(r"\b(?:dos(?:e|es|age)|response|patients?)$", found["what"], re.IGNORECASE):
        return []
    value = trimmed(sentence, found.start("what"), found.end("often"))
    if re.search(r"\bshould\b|\bmust\b", value.text):
        value = trimmed(sentence, *found.span())
    return [Fact("monitor_with", None, value)]


def _adjustment(sentence: str, place: Place) -> list[Fact]:
    found = _ADJUSTMENT.search(sentence) or _ADJUSTED_BY.search(sentence) or _ADJUST_BY.search(sentence)
    if found is None or re.match(r"\s+to\s", sentence[found.end() :]):
        return []
    by_amount = re.search(r"\bby\b|\bhalve\b|adjustment|reduction|modification", found["value"], re.IGNORECASE)
    people = _people_beside(sentence, found.start(), found.end()) or population_in(place)
    if not by_amount or not people or len(list(_ADJUST_BY.finditer(sentence))) > 1:
        return []
    return [Fact("dose_adjust_in", None, trimmed(sentence, *found.span("value")), (("population", people),))]


def _people_beside(sentence: str, start: int, end: int) -> str:
    """The population directly after the statement, or the one that the sentence begins with."""
    after = phrases.population_after(sentence, end, len(sentence))
    if after is not None:
        return after.text
    lead = re.match(r"\s*(?:in|for)\s+", sentence, re.IGNORECASE)
    before: Span | None = phrases.people_at(sentence, lead.end(), start) if lead else None
    if before is None or sentence[before.end : start].strip(" ,"):
        return ""
    return before.text


def _duration(sentence: str) -> list[Fact]:
    found = _DURATION.search(sentence)
    if found is None or _NEGATED.search(sentence):
        return []
    qualifiers: tuple[tuple[str, str], ...] = ()
    if found["between"].strip():
        people = phrases.population_after(found["between"], 0, len(found["between"]))
        if people is None or found["between"][people.end :].strip(" ,"):
            return []
        qualifiers = (("population", people.text),)
    return [Fact("duration_of_therapy", found["name"], trimmed(sentence, *found.span("value")), qualifiers)]


def _screening(sentence: str) -> list[Fact]:
    if _NEGATED.search(sentence) or re.search(r"\bagainst\b", sentence, re.IGNORECASE):
        return []
    facts = []
    for relation, pattern in (("screening_start_age", _SCREEN_AGE), ("screening_interval", _SCREEN_OFTEN)):
        found = list(pattern.finditer(sentence))
        if len(found) != 1:
            continue
        people = phrases.population_after(sentence, found[0].end(), len(sentence))
        qualifiers = (("population", people.text),) if people is not None else ()
        value = trimmed(sentence, *found[0].span("value"))
        facts.append(Fact(relation, " ".join(found[0]["what"].split()), value, qualifiers))
    return facts
