"""Understands the words around a dose: of what, for whom, for what, when, which kind.

What is not understood whole gives None, so that no restriction of a dose is ever dropped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from workflow.intake import phrases
from workflow.intake.dose_wordings import ANYONE, CONDITION, KINDS, NAMES, POINTER, RELEASE
from workflow.intake.phrases import EXCEPTION, NEGATION, PERIOD
from workflow.intake.rule_facts import Place


@dataclass(frozen=True)
class Terms:
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


def terms_of(adjectives: str) -> Terms:
    words = set(re.split(r"[\s,.-]+", adjectives))
    dose = next((canonical for canonical, written in KINDS if words & written), "")
    people = "adults" if "adult" in words else "geriatric patients" if "geriatric" in words else ""
    if words & {"pediatric", "paediatric"}:
        people = "pediatric patients"
    route = next(
        (word for word in ("oral", "intravenous", "subcutaneous", "intramuscular", "topical") if word in words), ""
    )
    maximum = bool(words & {"maximum", "maximal", "max", "highest"})
    return Terms(population=people, dose=dose, route=route, daily=bool(words & {"daily"}), maximum=maximum)


def read_middle(text: str, terms: Terms) -> Terms | None:
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


def _middle_step(text: str, at: int, terms: Terms) -> tuple[int, Terms] | None:
    if (people := phrases.population_in_brackets(text, at)) is not None:
        return people.end, replace(terms, population=people.text)
    if (blank := re.compile(r"[\s,]+|\([^()]*\)").match(text, at)) is not None:
        if ANYONE.search(blank.group()):
            return None
        return blank.end(), terms
    if (people := phrases.population_after(text, at, len(text))) is not None:
        return people.end, replace(terms, population=people.text)
    if release := re.compile(rf"(?:of|for|as)\s+(?:the\s+)?(?=[^,]*{RELEASE.pattern[2:-2]})", re.IGNORECASE).match(
        text, at
    ):
        return _released(text, release.end(), terms)
    if (aim := CONDITION.match(text, at)) is not None and not terms.condition:
        return aim.end(), replace(terms, condition=(aim["condition"] or aim["treated"]).strip())
    if named := re.compile(
        rf"(?:of|for)\s+(?:the\s+)?(?P<name>{NAMES})(?=\s*(?:,|\(|$)|\s+(?:in|for|when|if|as|to|by|with)\b)",
        re.IGNORECASE,
    ).match(text, at):
        if terms.subject is not None:
            return None
        return named.end(), replace(terms, subject=subject_named(named["name"]) or None)
    if (tied := phrases.circumstance(text[at:])) is not None and tied.start() == 0:
        return len(text), replace(terms, circumstance=text[at:].strip(" ,"))
    if route := re.compile(
        r"(?:per|a|each|every)\s+day|daily|orally|by\s+mouth|in\s+any\s+24\s+hours", re.IGNORECASE
    ).match(text, at):
        return route.end(), replace(terms, daily=terms.daily or PERIOD.search(route.group()) is not None)
    return None


def _released(text: str, at: int, terms: Terms) -> tuple[int, Terms] | None:
    end = next((m.start() for m in re.compile(r"\s+(?:in|for|when|if)\b|,").finditer(text, at)), len(text))
    named = RELEASE.search(text, at, end)
    if named is None:
        return None
    name = (text[at : named.start()] + text[named.end() : end]).strip()
    form = f"{named[1].casefold()}-release"
    return end, replace(terms, form=form, subject=subject_named(name) if name else terms.subject)


def read_before(text: str, terms: Terms) -> Terms | None:
    """Read what stands before the statement: "In women, the"; None where it may restrict in a way not understood."""
    text = re.sub(
        r"(?:^|[\s,;:])(?:the|a|an|and|but|then|also|while)\s*$", "", text.strip(" ,;:-–*•·#\t\n"), flags=re.IGNORECASE
    )
    text = re.sub(r"^(?:and|but|or)\b", "", text.strip(" ,;:-–"), flags=re.IGNORECASE).strip()
    if not text:
        return terms
    if "|" in text:
        return None
    text = re.sub(r"^\d{1,2}(?:\.\d{1,2})+\s+", "", text)
    if (lead := re.match(r"(?:in|for|among)\s+", text, re.IGNORECASE)) is not None:
        people = phrases.people_at(text, lead.end(), len(text))
        if people is not None and not text[people.end :].strip(" ,"):
            return None if terms.population else replace(terms, population=people.text)
        if (aim := CONDITION.match(text)) is not None and not text[aim.end() :].strip(" ,"):
            return replace(terms, condition=(aim["condition"] or aim["treated"]).strip())
    people = phrases.people_at(text, 0, len(text))
    if people is not None and not text[people.end :].strip(" ,:"):
        return replace(terms, population=terms.population or people.text)
    if (tied := phrases.circumstance(text)) is not None:
        return replace(terms, circumstance=text[0].lower() + text[1:].rstrip(" ,")) if tied.start() == 0 else None
    if NEGATION.search(text) or EXCEPTION.search(text) or ANYONE.search(text):
        return None
    return terms


def people_of(place: Place) -> str:
    """Give the population that a section's title names."""
    if re.search(r"patient\s+(?:counsel|information|selection|instruct)", place.title, re.IGNORECASE):
        return ""
    title = re.sub(r"^[\d.\s]+", "", place.title)
    lead = re.search(r"\b(?:in|for)\s+", title, re.IGNORECASE)
    people = phrases.people_at(title, lead.end() if lead else 0, len(title))
    return people.text if people is not None else ""


def subject_named(name: str | None) -> str | None:
    """Give the name as a subject; None where it only points at the product ("this medicine", "tablets")."""
    if name is None or POINTER.fullmatch(name.strip()):
        return None
    return name.strip()
