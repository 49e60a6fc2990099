"""Reads doses: ``recommended_dose`` and ``max_daily_dose``, with whom, when and in which form they hold.

Precision before recall: what stands between the words "dose" and the number must be understood whole (a drug, a
population, a condition, a circumstance), else the sentence gives nothing and is left to the other lane.
"""

from __future__ import annotations

import re
from dataclasses import replace

from workflow.intake import phrases
from workflow.intake.dose_terms import Terms, people_of, read_before, read_middle, subject_named, terms_of
from workflow.intake.dose_wordings import (
    ADJUST,
    ADMINISTER,
    CHANGED,
    CIRCUMSTANCE_AFTER,
    CONDITION_AFTER,
    CONTINUES,
    DOSE_SECTION,
    GIVEN,
    HEAD,
    LINK,
    LISTED,
    MAX_CUE,
    NAMES,
    NEXT,
    OFTEN,
    ORDERED_AFTER,
    REGIMEN,
    RELEASE,
    ROUTES,
)
from workflow.intake.phrases import EXCEPTION, OFF_TOPIC, OPEN, PERIOD, VALUE, Span, trimmed
from workflow.intake.rule_facts import Fact, Place

_ENDS = ("", ",", ".", ";")


def read_doses(sentence: str, place: Place) -> list[Fact]:
    """Give the doses that a sentence recommends or limits; nothing where any part of it is not understood."""
    if not place.advises or OFF_TOPIC.search(sentence) or OPEN.search(sentence):
        return []
    values = list(VALUE.finditer(sentence))
    facts: list[Fact] = []
    boundary, at, carried = 0, 0, ""
    while at < len(values):
        terms = _terms(sentence, boundary, values[at], place)
        if terms is None:
            at += 1
            continue
        carried = carried or (terms.population if boundary == 0 else "")
        if not terms.population:
            terms = replace(terms, population=carried)
        group = _Group(sentence, values, at, terms, place)
        facts.extend(group.facts())
        boundary, at = group.end, group.next_value
    return facts


class _Group:
    """One value and those that follow it in the same breath ("5 mg for women and 10 mg for men")."""

    def __init__(self, sentence: str, values: list[re.Match[str]], at: int, terms: Terms, place: Place) -> None:
        self._sentence = sentence
        self._values = values
        self._terms = terms
        self._place = place
        self._items: list[tuple[Span, str]] = []
        self._old: str | None = None
        self.next_value = at
        self.end = values[at].end()
        self._read(at)

    def facts(self) -> list[Fact]:
        """The facts of the group, or none if what follows takes them back or cannot be said."""
        rest = re.split(r";|\.\s", self._sentence[self.end :], maxsplit=1)[0]
        if EXCEPTION.search(rest) or REGIMEN.search(rest) or "|" in rest.strip(" |"):
            return []
        terms = self._with_rest(rest)
        if terms is None or (len(self._items) > 1 and not all(people or terms.population for _, people in self._items)):
            return []
        return [fact for value, people in self._items if (fact := self._fact(value, people, terms)) is not None]

    def _read(self, at: int) -> None:
        value = self._first(at)
        people = self._people(value.end)
        while (following := self._following()) is not None:
            between = self._sentence[self.end : following.start()]
            after = phrases.population_after(self._sentence, following.end(), len(self._sentence))
            if not people and after is None and CONTINUES.fullmatch(between):
                value = trimmed(self._sentence, value.start, following.end())
                self._take(following.end())
                people = self._people(value.end)
                continue
            before = _people_between(between)
            if before is None and (after is None or not NEXT.fullmatch(between)):
                break
            self._items.append((value, people))
            value = trimmed(self._sentence, following.start(), following.end())
            self._take(following.end())
            people = before or self._people(value.end)
        self._items.append((value, people))

    def _first(self, at: int) -> Span:
        """The first value; of "lowered from 10 mg to 5 mg" the second, with the first as the old one."""
        match = self._values[at]
        self.next_value = at
        self._take(match.end())
        changed = re.compile(rf"{CHANGED}\s*$", re.IGNORECASE).search(self._sentence, 0, match.start())
        moved = re.fullmatch(r"from\s+(?P<old>.+?)\s+to\s+(?P<new>.+)", match.group(), re.IGNORECASE | re.DOTALL)
        if changed and moved:
            self._old = moved["old"]
            return trimmed(self._sentence, match.start() + moved.start("new"), match.end())
        is_old = changed is not None and match.group().casefold().startswith("from ")
        from_there = re.compile(rf"{CHANGED}\s+from\s+$", re.IGNORECASE).search(self._sentence, 0, match.start())
        is_old = is_old or from_there is not None
        following = self._following()
        if is_old and following and self._sentence[match.end() : following.start()].strip().casefold() == "to":
            self._old = re.sub(r"^from\s+", "", match.group(), flags=re.IGNORECASE)
            self._take(following.end())
            return trimmed(self._sentence, following.start(), following.end())
        return trimmed(self._sentence, match.start(), match.end())

    def _following(self) -> re.Match[str] | None:
        return self._values[self.next_value] if self.next_value < len(self._values) else None

    def _take(self, end: int) -> None:
        self.end = end
        self.next_value += 1

    def _people(self, at: int) -> str:
        found = phrases.population_after(self._sentence, at, len(self._sentence))
        found = found or phrases.population_in_brackets(self._sentence, at)
        if found is None:
            return ""
        self.end = found.end
        while (following := self._following()) is not None and following.start() < self.end:
            self.next_value += 1  # a number inside the population: "(CrCl < 30 mL/min)"
        return found.text

    def _with_rest(self, rest: str) -> Terms | None:
        """Read what ties the value to a condition or a circumstance directly after it."""
        terms = self._terms
        if (aim := CONDITION_AFTER.match(rest)) is not None and not terms.condition:
            release = RELEASE.search(aim["condition"])
            said = {"form": f"{release[1].casefold()}-release"} if release else {"condition": aim["condition"].strip()}
            terms = replace(terms, **said)
            rest = rest[aim.end() :]
        if (tied := CIRCUMSTANCE_AFTER.match(rest)) is not None:
            if len(self._items) > 1 or terms.circumstance or rest[tied.end() :].strip()[:1] not in _ENDS:
                return None
            terms = replace(terms, circumstance=tied["circumstance"].strip(" ,."))
        return terms

    def _fact(self, value: Span, people: str, terms: Terms) -> Fact | None:
        terms = replace(terms, population=people or terms.population or people_of(self._place))
        if terms.needs_terms and not (terms.population or terms.circumstance or terms.condition):
            return None
        daily = terms.daily or PERIOD.search(value.text) is not None
        if terms.needs_times and not (daily or OFTEN.search(value.text)):
            return None
        if terms.maximum and daily:
            return Fact("max_daily_dose", terms.subject, value, replace(terms, dose="").qualifiers(), self._old)
        if terms.maximum:
            terms = replace(terms, dose="maximum")
        elif terms.daily and PERIOD.search(value.text) is None:
            terms = replace(terms, dose=f"{terms.dose} daily".strip())
        return Fact("recommended_dose", terms.subject, value, terms.qualifiers(), self._old)


def _terms(sentence: str, boundary: int, value: re.Match[str], place: Place) -> Terms | None:
    """Understand what leads to a value; None where it is no dose recommendation, or not understood whole."""
    lead = sentence[boundary : value.start()]
    if boundary == 0 and re.fullmatch(r"\s*(?:a|the)\s+dos(?:e|age)\s+of\s+", lead, re.IGNORECASE):
        return Terms() if ORDERED_AFTER.match(sentence, value.end()) else None
    for reading in (_as_limit, _as_head, _as_adjustment, _as_order, _as_listed):
        if (found := reading(lead)) is not None:
            before, terms = found
            return read_before(before, terms)
    if lead.strip(" -*•·\t\n(") == "" and place.is_about(DOSE_SECTION) and boundary == 0:
        return Terms(needs_times=True)
    named = re.fullmatch(rf"[\s\-*•]*(?P<name>{NAMES})\s*", lead)
    if named is not None and boundary == 0:
        if ORDERED_AFTER.match(sentence, value.end()):
            return Terms(subject=subject_named(named["name"]))
        ends = re.compile(r"\s*(?:[.;]?\s*$|for\s|in\s)").match(sentence, value.end())
        if ends is not None and (not place.title or place.is_about(DOSE_SECTION)):
            return Terms(subject=subject_named(named["name"]), needs_times=True)
    return None


def _as_limit(lead: str) -> tuple[str, Terms] | None:
    cue = next((match for match in MAX_CUE.finditer(lead) if match.end() == len(lead)), None)
    if cue is None:
        return None
    before = lead[: cue.start()]
    daily = "daily" in cue.group().casefold()
    dosed = re.search(
        rf"(?:the\s+)?(?P<kind>(?:(?:total|daily|recommended|maintenance|single|usual)\s+)*)dos(?:e|es|age)(?:\s+of\s+(?P<name>{NAMES}))?\s*$",
        before,
        re.IGNORECASE,
    )
    if dosed is not None:
        daily = daily or "daily" in dosed["kind"].casefold()
        return before[: dosed.start()], Terms(subject=subject_named(dosed["name"]), maximum=True, daily=daily)
    named = re.search(rf"(?:^|,\s*)(?P<name>{NAMES})\s*$", before)
    if named is not None and re.match(r"\w+\s+not\b", cue.group(), re.IGNORECASE):
        return before[: named.start()], Terms(subject=subject_named(named["name"]), maximum=True, daily=daily)
    return re.sub(r"(?:,?\s*(?:and|but|it|this)\s*)$", "", before), Terms(maximum=True, daily=daily)


def _as_head(lead: str) -> tuple[str, Terms] | None:
    heads = [head for head in HEAD.finditer(lead) if LINK.fullmatch(lead, head.end())]
    if not heads:
        return None
    head = heads[-1]
    link = LINK.fullmatch(lead, head.end())
    adjectives = (head["adjectives"] or "").casefold()
    if link is None or (not adjectives and re.search(r"\b(?:of|at)\s*$", lead, re.IGNORECASE)):
        return None
    terms = read_middle(link["middle"], terms_of(adjectives))
    return None if terms is None else (lead[: head.start()], terms)


def _as_adjustment(lead: str) -> tuple[str, Terms] | None:
    found = ADJUST.search(lead)
    if found is None:
        return None
    name = found["name"] or found["bare"]
    kind = terms_of((found["kind"] or "").casefold())
    limits = found["verb"].casefold() == "limit"
    return lead[: found.start()], replace(
        kind, subject=subject_named(name), needs_terms=not limits, maximum=limits or kind.maximum
    )


def _as_order(lead: str) -> tuple[str, Terms] | None:
    """Read "Take", "Start X at a dose of", "X should be given at"."""
    found = ADMINISTER.search(lead) or GIVEN.search(lead)
    if found is None:
        return None
    kind = terms_of((found["kind"] or "").casefold())
    starts = found["verb"].casefold() in {"start", "begin", "initiate", "started", "begun", "initiated"}
    before = lead[: found.start()]
    modal = re.search(r"\b(?:should|must|to|can)\s*(?:be\s+)?$", before, re.IGNORECASE)
    if modal is not None:
        before = before[: modal.start()]
    elif found["verb"].casefold() in {"use", "start"} and before.strip()[-1:] not in (
        "",
        ".",
        ",",
        ":",
        ";",
        "-",
        "•",
    ):
        return None  # a noun here: "the use of", "after the start"
    before = re.sub(r"^\s*(?:patients|it|the\s+drug|treatment|the\s+tablets?)\s*$", "", before, flags=re.IGNORECASE)
    return before, replace(kind, subject=subject_named(found["name"]), dose=kind.dose or ("starting" if starts else ""))


def _as_listed(lead: str) -> tuple[str, Terms] | None:
    found = LISTED.match(lead)
    if found is None:
        return None
    label = found["label"].strip()
    people = phrases.people_at(label, 0, len(label))
    if people is not None and people.end == len(label):
        return "", Terms(population=people.text, needs_times=True)
    if label.casefold() in ROUTES:
        return "", Terms(route=label.casefold(), needs_times=True)
    if re.fullmatch(NAMES, label):
        return "", Terms(subject=subject_named(label), needs_times=True)
    return None


def _people_between(between: str) -> str | None:
    """Give the population of "and for men " (before the next value), if that is all that stands there."""
    lead = re.match(r"\s*(?:,|;)?\s*(?:and|or|but|while)?\s*(?:in|for)\s+", between, re.IGNORECASE)
    if lead is None:
        return None
    people = phrases.people_at(between, lead.end(), len(between))
    return people.text if people is not None and not between[people.end :].strip(" ,:") else None
