"""What a section's heading says about everything under it: for whom, for which illness, by which route, in which form.

A dose under "Pediatric Patients" is a dose for children, though its sentence does not say so. A heading that narrows
in a way not understood is told to the reviewer, never dropped.
"""

from __future__ import annotations

import re
from dataclasses import replace

from workflow.intake.dose_terms import people_of
from workflow.intake.rule_facts import Fact, Place

NARROWS = frozenset(
    {
        "recommended_dose",
        "max_daily_dose",
        "dose_adjust_in",
        "duration_of_therapy",
        "monitor_with",
        "interacts_with",
        "contraindicated_with",
    }
)
"""Relations whose questions can say for whom they hold."""
UNDERSTOOD_IN_PART = "it stands under a heading that may narrow it in a way that the rules do not read"
_NUMBER = re.compile(r"^[\d.\s]+")
_ORGANS = re.compile(
    r"\b(?P<how>(?:mild|moderate|severe)(?:\s+(?:to|or|and)\s+(?:moderate|severe))?\s+)?(?P<organ>renal|hepatic|kidney|liver)\s+"
    r"(?P<what>impairment|insufficiency|failure|disease|dysfunction)\b",
    re.IGNORECASE,
)
_PEOPLE = (
    (re.compile(r"\bgeriatric\b|\belderly\b", re.IGNORECASE), "geriatric patients"),
    (re.compile(r"\bp(?:a)?ediatrics?\b", re.IGNORECASE), "pediatric patients"),
    (re.compile(r"\bpregnancy\b|\bpregnant\b", re.IGNORECASE), "pregnancy"),
    (re.compile(r"\bneonates?\b", re.IGNORECASE), "neonates"),
    (re.compile(r"\badolescents?\b", re.IGNORECASE), "adolescents"),
    (re.compile(r"\badults?\b", re.IGNORECASE), "adults"),
    (re.compile(r"\bwomen\b", re.IGNORECASE), "women"),
    (re.compile(r"\bmen\b", re.IGNORECASE), "men"),
)
_ILLNESS = re.compile(
    r"^(?:(?:recommended\s+)?(?:dosage|dosing|dose|treatment|management|prevention|prophylaxis|use)(?:\s+and\s+administration)?"
    r"\s+(?:of|for|in)\s+(?:the\s+(?:treatment|prevention)\s+of\s+)?)?"
    r"(?P<illness>(?:[A-Z0-9][\w'-]*\s+){0,4}?[\w'-]*(?:itis|osis|emia|aemia|pathy|oma|omas|algia|uria|rrhea|penia|plegia|sclerosis"
    r"|disease|disorders?|syndrome|cancer|failure|infections?|hypertension|diabetes|diabetes\s+mellitus|fibrillation|epilepsy|asthma|angina"
    r"|migraine|depression|schizophrenia|gout|pain|stroke|pneumonia|insomnia|anxiety|seizures?|psoriasis|malaria|tuberculosis|lupus|thrombosis"
    r"|embolism|ulcers?|fever|obesity|mania))\s*$",
    re.IGNORECASE,
)
_FORM = re.compile(r"\b(immediate|extended|delayed|sustained|controlled)[\s-]+release\b", re.IGNORECASE)
_ROUTE = re.compile(
    r"\b(oral|intravenous|subcutaneous|intramuscular|topical|intrathecal|rectal|inhaled)\b", re.IGNORECASE
)
_NEUTRAL = re.compile(
    r"\b(?:dos(?:e|es|age|ing)|administration|posology|recommended|recommendations?|usage|directions?|indications?|contraindications?"
    r"|warnings?|precautions?|interactions?|boxed|monitoring|general|overview|information|important|instructions?|initiation|starting"
    r"|maintenance|titration|maximum|adjustments?|modifications?|testing|tests?|prescribing|highlights|label|section|duration|medication"
    r"|guide|summary|use|how|what|clinical|particulars|method|missed|preparation|storage|limitations|safety|patients?|tablets?|capsules?)\b",
    re.IGNORECASE,
)


def under_heading(fact: Fact, place: Place) -> Fact:
    """Give a fact with what its section's heading adds to it: population, condition, route and form, else a flag."""
    if fact.relation not in NARROWS or not place.title.strip():
        return fact
    said = dict(fact.qualifiers)
    title = _NUMBER.sub("", place.title).strip()
    added = {
        "population": population_in(place),
        "condition": _illness(title),
        "route": found[1].casefold() if (found := _ROUTE.search(title)) else "",
        "form": f"{found[1].casefold()}-release" if (found := _FORM.search(title)) else "",
    }
    fresh = {name: value for name, value in added.items() if value and not said.get(name)}
    flags = fact.flags
    if not any(added.values()) and not _NEUTRAL.search(title) and fact.relation not in {"interacts_with"}:
        flags = (*flags, UNDERSTOOD_IN_PART)
    return replace(fact, qualifiers=tuple(sorted({**said, **fresh}.items())), flags=flags)


def population_in(place: Place) -> str:
    """Give the people that a heading names; "Renal Impairment" names the patients who have it."""
    title = _NUMBER.sub("", place.title).strip()
    if re.search(r"patient\s+(?:counsel|information|selection|instruct)|medication\s+guide", title, re.IGNORECASE):
        return ""
    if named := people_of(place):
        return named
    if (organ := _ORGANS.search(title)) is not None:
        return f"patients with {' '.join(organ.group().split()).casefold()}"
    found = [people for written, people in _PEOPLE if written.search(title)]
    return found[0] if len(found) == 1 else ""


def _illness(title: str) -> str:
    if _ORGANS.search(title):
        return ""
    found = _ILLNESS.match(title)
    return " ".join(found["illness"].split()) if found else ""
