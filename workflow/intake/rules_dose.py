"""Reads doses: ``recommended_dose`` and ``max_daily_dose``, with whom, when and in which form they hold.

Precision before recall: what stands between the words "dose" and the number must be understood whole (a drug, a
population, a condition, a circumstance), else the sentence gives nothing and is left to the other lane.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from workflow.intake import phrases
from workflow.intake.phrases import EXCEPTION, NEGATION, OFF_TOPIC, OPEN, PERIOD, VALUE, Span, trimmed
from workflow.intake.rule_facts import Fact, Place

_ADJECTIVE = (
    r"(?:recommended|usual|standard|typical|normal|suggested|advised|approved|starting|start|initial|initiating|maintenance"
    r"|maximum|maximal|max\.?|highest|target|loading|daily|total|single|oral|intravenous|subcutaneous|intramuscular|topical"
    r"|adult|p(?:a)?ediatric|geriatric|effective|first|new|revised|reduced|lower|therapeutic|individual)"
)
_HEAD = re.compile(
    rf"\b(?:(?P<adjectives>{_ADJECTIVE}(?:[\s,-]+(?:and\s+)?{_ADJECTIVE})*)\s+)?(?P<noun>dos(?:e|age|ing))(?:\s+(?:range|regimen|schedule))?\b",
    re.IGNORECASE,
)
_CHANGED = r"(?:lowered|reduced|changed|increased|raised|revised|decreased|updated|adjusted|halved|doubled)"
_FILLER = (
    r"(?:now|currently|generally|usually|typically|therefore|only|also|still|limited\s+to|set\s+at|taken|given|administered"
    rf"|started\s+at|initiated\s+at|begun\s+at|at|as|{_CHANGED}(?:\s+(?:from|to))?|approximately|about)"
)
_LINK = re.compile(
    r"(?P<middle>.*?)\s*(?:\b(?:is|are|should\s+be|shall\s+be|must\s+be|remains|will\s+be)\b|:|=|\bto\s+be\b"
    rf"|\b(?:has|have|was|were)\s+(?:now\s+)?(?:been\s+)?{_CHANGED}(?:\s+(?:from|to))?"
    rf"|\bof\b|\bat\b)\s*(?:{_FILLER}\s*)*",
    re.IGNORECASE | re.DOTALL,
)
_MAX_CUE = re.compile(
    r"\b(?:(?:should|must|do|does|may|can|shall)\s+not\s+(?:be\s+)?exceed(?:ed)?|not\s+to\s+exceed|not\s+exceeding|without\s+exceeding"
    r"|(?:(?:do|must|should)\s+not\s+(?:take|give|use|administer|be\s+more\s+than)(?:\s+more\s+than)|no\s+more\s+than|not\s+more\s+than)"
    r"|(?:up\s+)?to\s+a\s+maximum(?:\s+(?:daily\s+)?dos(?:e|age))?\s+of|(?:a|the)\s+maximum\s+of|maximum\s*:|max\.?\s*:|daily\s+maximum\s*(?::|of|is))"
    r"\s*(?:a\s+(?:total\s+)?(?:daily\s+)?dos(?:e|age)\s+of\s+)?",
    re.IGNORECASE,
)
_NAME = (
    r"(?:(?!(?:the|a|an|of|in|for|is|are|when|if|as|with|to|and|or|by|at|should|must|on|this|these|each|every|treatment|therapy|dose|doses"
    r"|not|more|than|up|only|either|from|it|patients|adults|children|women|men|daily)\b)[A-Za-z][\w'-]*)"
)
_NAMES = rf"{_NAME}(?:\s+{_NAME}){{0,4}}?(?:\s*\([A-Za-z][\w\s-]{{1,40}}\))?"
_RELEASE = re.compile(
    r"\b(immediate|extended|controlled|delayed|modified|sustained|prolonged)[\s-]+release\b", re.IGNORECASE
)
_ADMINISTER = re.compile(
    r"\b(?P<verb>takes?|give|administer|use|inject|apply|inhale|swallow|receive|start|begin|initiate|prescribe|recommends?)"
    r"(?:\s+(?:treatment|therapy|dosing|patients))?(?:\s+(?:with|at|on))?"
    rf"(?:\s+(?P<name>{_NAMES}))?(?:\s+(?:at|with|in|using))?"
    r"(?:\s+(?:a|an|the)\s+(?P<kind>(?:\w+\s+){0,2}?)dos(?:e|age)\s+of)?\s+$",
    re.IGNORECASE,
)
_GIVEN = re.compile(
    rf"^(?P<name>{_NAMES})\s+(?:should|must|is\s+to|are\s+to|can|may)?\s*(?:be\s+|is\s+|are\s+)?"
    r"(?P<verb>taken|given|administered|used|started|initiated|begun|injected|applied|recommended|dosed)"
    r"(?:\s+(?:orally|by\s+mouth|intravenously|subcutaneously))?(?:\s+(?:at|as|in|with))?"
    r"(?:\s+(?:a|an|the)\s+(?P<kind>(?:\w+\s+){0,2}?)dos(?:e|age)\s+of)?\s+$",
    re.IGNORECASE,
)
_ADJUST = re.compile(
    r"(?:^|(?<=[.,:;]\s)|(?<=\bshould\s)|(?<=\bmust\s))(?P<verb>reduce|decrease|lower|increase|adjust|limit)\s+"
    r"(?:the\s+)?(?:(?P<kind>(?:\w+\s+){0,2}?)dos(?:e|age)(?:\s+of\s+"
    rf"(?P<name>{_NAMES}))?|(?P<bare>{_NAMES}))\s+to\s+$",
    re.IGNORECASE,
)
_LISTED = re.compile(
    r"^[\s\-*•·◦‣▪●;,.]*(?:and\s+)?(?P<label>[^:;.\d]{2,60}?)\s*(?:\([^()]{1,40}\))?\s*(?::|\s[-–—])\s*$",
)
_ORDERED_AFTER = re.compile(
    r"\s*(?:is|are|should\s+be|must\s+be)\s+(?:now\s+)?(?:recommended|given|taken|used|administered|advised)\b",
    re.IGNORECASE,
)
_DOSE_SECTION = r"\bdos(?:e|age|ing)\b|posology|dosage_and_administration|34068-7"
_AIM = r"(?:(?:the\s+)?(?:initial\s+)?(?:treatment|management|prevention|prophylaxis|relief|therapy|control)\s+of\s+)"
_ILLNESS = (
    r"(?:(?!(?:patients|adults|children|women|men|infants|in|for|if|when|and\s+for|is|are|at|every|each|up|a|an)\b)"
    r"[A-Za-z][\w'/-]*)(?:\s+(?!(?:in|for|is|are|when|if|and|or|but|with|at|should|who|as|by|may|once|twice)\b)[\w'/-]+){0,6}"
)
_CONDITION = re.compile(
    rf"(?:for|in)\s+(?:{_AIM})?(?P<condition>{_ILLNESS})|to\s+treat\s+(?P<treated>{_ILLNESS})", re.IGNORECASE
)
_CONDITION_AFTER = re.compile(
    rf"\s*(?:for|in)\s+(?:{_AIM})?(?P<condition>{_ILLNESS})(?=\s*(?:[,;.()\[]|$)|\s+(?:in|and|when|if|or|but|with|as)\b)",
    re.IGNORECASE,
)
_CIRCUMSTANCE_AFTER = re.compile(
    r"\s*(?P<circumstance>(?:,\s*)?(?:when|if)\b[^,;()]{3,80}"
    r"|(?:in\s+combination\s+with|together\s+with|plus|concomitantly\s+with|with|during|after|following|until|as\s+(?:an?\s+)?(?:monotherapy|adjunct\w*|add-on)"
    r"|(?:co-?administered|taken|used|given)\s+with)\b[^,;()]{2,80})",
    re.IGNORECASE,
)
_OFTEN = re.compile(
    r"\b(?:once|twice|times|every|each|daily|weekly|monthly|nightly|bedtime|per|single\s+dose)\b", re.IGNORECASE
)
_ANYONE = re.compile(
    r"\b(?:wom[ae]n|men|children|adults?|infants?|neonates?|elderly|p(?:a)?ediatric|patients?|adolescents?)\b",
    re.IGNORECASE,
)
_KINDS = (
    ("starting", {"starting", "start", "initial", "initiating", "first"}),
    ("maintenance", {"maintenance"}),
    ("loading", {"loading"}),
    ("target", {"target"}),
    ("single", {"single"}),
)
"""Kinds of dose that are facts of their own, under one name each."""
_POINTER = re.compile(
    r"(?:(?:this|the|your|study|each|your)\s+)*(?:medicines?|medications?|drugs?|products?|tablets?|capsules?|treatment|therapy|it|dose|patients?)",
    re.IGNORECASE,
)
_NEXT = re.compile(r"\s*(?P<join>,\s*(?:and|or|but)|;|,|and|or|but|while)?\s*(?:(?:is|are)\s+)?", re.IGNORECASE)
_CONTINUES = re.compile(r"\s*,?\s*(?:and|or|followed\s+by|then|and\s+then)\s+(?:either\s+)?", re.IGNORECASE)


@dataclass(frozen=True)
class _Terms:
    """What is known of a dose before its number: of what, for whom, when, which kind."""

    subject: str | None = None
    population: str = ""
    condition: str = ""
    circumstance: str = ""
    dose: str = ""
    form: str = ""
    route: str = ""
    daily: bool = False
    maximum: bool = False
    needs_terms: bool = False
    """The wording ("reduce the dose to") says nothing unless it says for whom or when."""
    needs_times: bool = False
    """The wording ("Metformin: 500 mg") is a dose only if it says how often."""

    def qualifiers(self) -> tuple[tuple[str, str], ...]:
        """The terms that belong to the functional key."""
        names = ("circumstance", "condition", "dose", "form", "population", "route")
        return tuple((name, getattr(self, name)) for name in names if getattr(self, name))


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

    def __init__(self, sentence: str, values: list[re.Match[str]], at: int, terms: _Terms, place: Place) -> None:
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
        if EXCEPTION.search(rest):
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
            if not people and after is None and _CONTINUES.fullmatch(between):
                value = trimmed(self._sentence, value.start, following.end())
                self._take(following.end())
                people = self._people(value.end)
                continue
            before = _people_between(between)
            if before is None and (after is None or not _NEXT.fullmatch(between)):
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
        changed = re.compile(rf"{_CHANGED}\s*$", re.IGNORECASE).search(self._sentence, 0, match.start())
        moved = re.fullmatch(r"from\s+(?P<old>.+?)\s+to\s+(?P<new>.+)", match.group(), re.IGNORECASE | re.DOTALL)
        if changed and moved:
            self._old = moved["old"]
            return trimmed(self._sentence, match.start() + moved.start("new"), match.end())
        is_old = changed is not None and match.group().casefold().startswith("from ")
        from_there = re.compile(rf"{_CHANGED}\s+from\s+$", re.IGNORECASE).search(self._sentence, 0, match.start())
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
        if found is None:
            return ""
        self.end = found.end
        while (following := self._following()) is not None and following.start() < self.end:
            self.next_value += 1  # a number inside the population: "(CrCl < 30 mL/min)"
        return found.text

    def _with_rest(self, rest: str) -> _Terms | None:
        """Read what ties the value to a condition or a circumstance directly after it."""
        terms = self._terms
        if (aim := _CONDITION_AFTER.match(rest)) is not None and not terms.condition:
            release = _RELEASE.search(aim["condition"])
            said = {"form": f"{release[1].casefold()}-release"} if release else {"condition": aim["condition"].strip()}
            terms = replace(terms, **said)
            rest = rest[aim.end() :]
        if (tied := _CIRCUMSTANCE_AFTER.match(rest)) is not None:
            if len(self._items) > 1 or terms.circumstance:
                return None
            terms = replace(terms, circumstance=tied["circumstance"].strip(" ,."))
        return terms

    def _fact(self, value: Span, people: str, terms: _Terms) -> Fact | None:
        terms = replace(terms, population=people or terms.population or _people_of(self._place))
        if terms.needs_terms and not (terms.population or terms.circumstance or terms.condition):
            return None
        daily = terms.daily or PERIOD.search(value.text) is not None
        if terms.needs_times and not (daily or _OFTEN.search(value.text)):
            return None
        if terms.maximum and daily:
            return Fact("max_daily_dose", terms.subject, value, replace(terms, dose="").qualifiers(), self._old)
        if terms.maximum:
            terms = replace(terms, dose="maximum")
        return Fact("recommended_dose", terms.subject, value, terms.qualifiers(), self._old)


def _terms(sentence: str, boundary: int, value: re.Match[str], place: Place) -> _Terms | None:
    """Understand what leads to a value; None where it is no dose recommendation, or not understood whole."""
    lead = sentence[boundary : value.start()]
    if boundary == 0 and re.fullmatch(r"\s*(?:a|the)\s+dos(?:e|age)\s+of\s+", lead, re.IGNORECASE):
        return _Terms() if _ORDERED_AFTER.match(sentence, value.end()) else None
    for reading in (_as_limit, _as_head, _as_adjustment, _as_order, _as_listed):
        if (found := reading(lead)) is not None:
            before, terms = found
            return _read_before(before, terms)
    if lead.strip(" -*•·\t\n(") == "" and place.is_about(_DOSE_SECTION) and boundary == 0:
        return _Terms(needs_times=True)
    named = re.fullmatch(rf"\s*(?P<name>{_NAMES})\s*", lead)
    if named is not None and boundary == 0 and _ORDERED_AFTER.match(sentence, value.end()):
        return _Terms(subject=_subject(named["name"]))
    return None


def _as_limit(lead: str) -> tuple[str, _Terms] | None:
    cue = next((match for match in _MAX_CUE.finditer(lead) if match.end() == len(lead)), None)
    if cue is None:
        return None
    before = lead[: cue.start()]
    daily = "daily" in cue.group().casefold()
    dosed = re.search(
        rf"(?:the\s+)?(?P<kind>(?:(?:total|daily|recommended|maintenance|single|usual)\s+)*)dos(?:e|es|age)(?:\s+of\s+(?P<name>{_NAMES}))?\s*$",
        before,
        re.IGNORECASE,
    )
    if dosed is not None:
        daily = daily or "daily" in dosed["kind"].casefold()
        return before[: dosed.start()], _Terms(subject=_subject(dosed["name"]), maximum=True, daily=daily)
    named = re.search(rf"(?:^|,\s*)(?P<name>{_NAMES})\s*$", before)
    if named is not None:
        return before[: named.start()], _Terms(subject=_subject(named["name"]), maximum=True, daily=daily)
    return re.sub(r"(?:,?\s*(?:and|but|it|this)\s*)$", "", before), _Terms(maximum=True, daily=daily)


def _as_head(lead: str) -> tuple[str, _Terms] | None:
    heads = [head for head in _HEAD.finditer(lead) if _LINK.fullmatch(lead, head.end())]
    if not heads:
        return None
    head = heads[-1]
    link = _LINK.fullmatch(lead, head.end())
    adjectives = (head["adjectives"] or "").casefold()
    if link is None or (not adjectives and re.search(r"\b(?:of|at)\s*$", lead, re.IGNORECASE)):
        return None
    terms = _read_middle(link["middle"], _terms_of(adjectives))
    return None if terms is None else (lead[: head.start()], terms)


def _terms_of(adjectives: str) -> _Terms:
    words = set(re.split(r"[\s,.-]+", adjectives))
    dose = next((canonical for canonical, written in _KINDS if words & written), "")
    people = "adults" if "adult" in words else "geriatric patients" if "geriatric" in words else ""
    if words & {"pediatric", "paediatric"}:
        people = "pediatric patients"
    route = next(
        (word for word in ("oral", "intravenous", "subcutaneous", "intramuscular", "topical") if word in words), ""
    )
    maximum = bool(words & {"maximum", "maximal", "max", "highest"})
    return _Terms(population=people, dose=dose, route=route, daily=bool(words & {"daily"}), maximum=maximum)


def _read_middle(text: str, terms: _Terms) -> _Terms | None:
    """Read what stands between "dose" and its verb: "of X for the treatment of C in POP"."""
    if NEGATION.search(text) or EXCEPTION.search(text):
        return None
    at = 0
    while at < len(text):
        step = _middle_step(text, at, terms)
        if step is None:
            return None
        at, terms = step
    return terms


def _middle_step(text: str, at: int, terms: _Terms) -> tuple[int, _Terms] | None:
    if (blank := re.compile(r"[\s,]+|\([^()]*\)").match(text, at)) is not None:
        return blank.end(), terms
    if (people := phrases.population_after(text, at, len(text))) is not None:
        return people.end, replace(terms, population=people.text)
    if release := re.compile(rf"(?:of|for|as)\s+(?:the\s+)?(?=[^,]*{_RELEASE.pattern[2:-2]})", re.IGNORECASE).match(
        text, at
    ):
        return _released(text, release.end(), terms)
    if (aim := _CONDITION.match(text, at)) is not None and not terms.condition:
        return aim.end(), replace(terms, condition=aim["condition"].strip())
    if named := re.compile(
        rf"(?:of|for)\s+(?:the\s+)?(?P<name>{_NAMES})(?=\s*(?:,|\(|$)|\s+(?:in|for|when|if|as|to|by|with)\b)",
        re.IGNORECASE,
    ).match(text, at):
        if terms.subject is not None:
            return None
        return named.end(), replace(terms, subject=_subject(named["name"]) or None)
    if (tied := phrases.circumstance(text[at:])) is not None and tied.start() == 0:
        return len(text), replace(terms, circumstance=text[at:].strip(" ,"))
    if route := re.compile(
        r"(?:per|a|each|every)\s+day|daily|orally|by\s+mouth|in\s+any\s+24\s+hours", re.IGNORECASE
    ).match(text, at):
        return route.end(), replace(terms, daily=terms.daily or PERIOD.search(route.group()) is not None)
    return None


def _released(text: str, at: int, terms: _Terms) -> tuple[int, _Terms] | None:
    end = next((m.start() for m in re.compile(r"\s+(?:in|for|when|if)\b|,").finditer(text, at)), len(text))
    named = _RELEASE.search(text, at, end)
    if named is None:
        return None
    name = (text[at : named.start()] + text[named.end() : end]).strip()
    form = f"{named[1].casefold()}-release"
    return end, replace(terms, form=form, subject=_subject(name) if name else terms.subject)


def _as_adjustment(lead: str) -> tuple[str, _Terms] | None:
    found = _ADJUST.search(lead)
    if found is None:
        return None
    name = found["name"] or found["bare"]
    kind = _terms_of((found["kind"] or "").casefold())
    limits = found["verb"].casefold() == "limit"
    return lead[: found.start()], replace(
        kind, subject=_subject(name), needs_terms=not limits, maximum=limits or kind.maximum
    )


def _as_order(lead: str) -> tuple[str, _Terms] | None:
    """Read "Take", "Start X at a dose of", "X should be given at"."""
    found = _ADMINISTER.search(lead) or _GIVEN.search(lead)
    if found is None:
        return None
    kind = _terms_of((found["kind"] or "").casefold())
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
    before = re.sub(r"\b(?:patients|it|the\s+drug|treatment|the\s+tablets?)\s*$", "", before, flags=re.IGNORECASE)
    return before, replace(kind, subject=_subject(found["name"]), dose=kind.dose or ("starting" if starts else ""))


def _as_listed(lead: str) -> tuple[str, _Terms] | None:
    found = _LISTED.match(lead)
    if found is None:
        return None
    label = found["label"].strip()
    people = phrases.people_at(label, 0, len(label))
    if people is not None and people.end == len(label):
        return "", _Terms(population=people.text, needs_times=True)
    if re.fullmatch(_NAMES, label):
        return "", _Terms(subject=_subject(label), needs_times=True)
    return None


def _read_before(text: str, terms: _Terms) -> _Terms | None:
    """Read what stands before the statement: "In women, the"; None where it may restrict in a way not understood."""
    text = re.sub(
        r"(?:^|[\s,;:])(?:the|a|an|and|but|then|also|while)\s*$", "", text.strip(" ,;:-–*•·#\t\n"), flags=re.IGNORECASE
    )
    text = re.sub(r"^(?:and|but|or)\b", "", text.strip(" ,;:-–"), flags=re.IGNORECASE).strip()
    if not text:
        return terms
    if (lead := re.match(r"(?:in|for|among)\s+", text, re.IGNORECASE)) is not None:
        people = phrases.people_at(text, lead.end(), len(text))
        if people is not None and not text[people.end :].strip(" ,"):
            return replace(terms, population=people.text)
        if (aim := _CONDITION.match(text)) is not None and not text[aim.end() :].strip(" ,"):
            return replace(terms, condition=aim["condition"].strip())
    people = phrases.people_at(text, 0, len(text))
    if people is not None and not text[people.end :].strip(" ,:"):
        return replace(terms, population=people.text)
    if (tied := phrases.circumstance(text)) is not None:
        return replace(terms, circumstance=text[0].lower() + text[1:].rstrip(" ,")) if tied.start() == 0 else None
    if NEGATION.search(text) or EXCEPTION.search(text) or _ANYONE.search(text):
        return None
    return terms


def _people_between(between: str) -> str | None:
    """Give the population of "and for men " (before the next value), if that is all that stands there."""
    lead = re.match(r"\s*(?:,|;)?\s*(?:and|or|but|while)?\s*(?:in|for)\s+", between, re.IGNORECASE)
    if lead is None:
        return None
    people = phrases.people_at(between, lead.end(), len(between))
    return people.text if people is not None and not between[people.end :].strip(" ,:") else None


def _people_of(place: Place) -> str:
    """Give the population that a section's title names."""
    if re.search(r"patient\s+(?:counsel|information|selection|instruct)", place.title, re.IGNORECASE):
        return ""
    title = re.sub(r"^[\d.\s]+", "", place.title)
    lead = re.search(r"\b(?:in|for)\s+", title, re.IGNORECASE)
    people = phrases.people_at(title, lead.end() if lead else 0, len(title))
    return people.text if people is not None else ""


def _subject(name: str | None) -> str | None:
    """Give the name as a subject; None where it only points at the product ("this medicine", "tablets")."""
    if name is None or _POINTER.fullmatch(name.strip()):
        return None
    return name.strip()
