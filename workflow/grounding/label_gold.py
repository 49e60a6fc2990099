"""Right candidates out of real drug labels: what their sentences say in numbers, with the label's own product.

Owns two readings. *Stated* facts are the rules' own, of any relation. *Shaped* ones know nothing of the rules: every
dosing sentence with an amount gives one fact, its object the amount as it stands, its people as they stand. Half of
such sentences name no drug: the label's product is their subject. The wall is never asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from connectors.dropfolder import DropFolderSource
from connectors.notice import Delivery, Notice, NoticeKind, Section
from connectors.source import DateWindow
from workflow.grounding.gold_fact import GoldFact
from workflow.intake.phrases import AMOUNT, OFF_TOPIC, POPULATION
from workflow.intake.rule_facts import Place
from workflow.intake.rules import read_facts
from workflow.intake.sentences import Sentence, split
from workflow.records import Certainty

STATED, SHAPED = "labels-stated", "labels-doses"
_EVER = DateWindow(date(1900, 1, 1), date(2200, 1, 1))
_HEAD_BYTES = 65536
_LONGEST = 400
_ABOUT_DOSES = re.compile(r"\b(?:dos(?:e|es|age|ing)|tak(?:e|en)|administer\w*|daily|every|inject\w*)\b", re.IGNORECASE)
_LIMIT = re.compile(r"\b(?:exceed\w*|maximum|up\s+to|more\s+than)\b.*?\b(?:daily|per\s+day|a\s+day)\b", re.IGNORECASE)
_STRENGTH = re.compile(r"\d\s*-?\s*(?:mg|mcg|µg|g|mL|units?)\b")
_OFTEN = re.compile(
    r"\s*(?:(?:once|twice|(?:two|three|four|\d)\s+times)\s+)?(?:daily|weekly|a\s+day|per\s+day|every\s+(?:other\s+week"
    r"|day|week|\d+\s+(?:hours|days|weeks)))\b",
    re.IGNORECASE,
)


def is_label(path: Path) -> bool:
    """Say whether a file is a drug label (SPL XML, or an openFDA reply), by its first bytes."""
    if path.suffix not in {".xml", ".json"}:
        return False
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    return b"urn:hl7-org:v3" in head or (
        path.suffix == ".json" and b'"results"' in head and (b'"set_id"' in head or b"/label" in head)
    )


def read_label_gold(folder: Path) -> Iterator[GoldFact]:
    """Read the labels that stand in a folder itself; what is none is passed over."""
    for delivery in DropFolderSource(folder).pull(_EVER):
        if "/" in delivery.document.origin.removeprefix("file:"):
            continue
        for notice in delivery.notices:
            if notice.kind is NoticeKind.LABEL and notice.names:
                yield from _of_label(delivery, notice)


def _of_label(delivery: Delivery, notice: Notice) -> Iterator[GoldFact]:
    text = delivery.document.text
    for sentence in split(text, notice.start, notice.end, notice.sections):
        if len(sentence.text) > _LONGEST:
            continue
        yield from _stated(text, notice, sentence)
        yield from read_doses(text, sentence, notice.names, notice.key, notice.sections)


def _stated(text: str, notice: Notice, sentence: Sentence) -> Iterator[GoldFact]:
    for number, fact in enumerate(read_facts(sentence.text, Place(sentence.section, sentence.code))):
        qualifiers = tuple((name, value) for name, value in fact.qualifiers if name not in {"kind", "advice"})
        yield GoldFact(
            group=STATED,
            fact_id=f"{notice.key}.{sentence.start}.{number}",
            text=text,
            start=sentence.start,
            end=sentence.end,
            subject=fact.subject or notice.names[0],
            relation=fact.relation,
            said=fact.value.text,
            qualifiers=qualifiers,
            names=notice.names,
            sections=notice.sections,
            hedged=fact.certainty is not Certainty.DEFINITE,
            narrowed="population" in dict(qualifiers),
        )


def read_doses(
    text: str, sentence: Sentence, names: tuple[str, ...], key: str, sections: tuple[Section, ...] = ()
) -> Iterator[GoldFact]:
    """Give every amount of a dosing sentence as a dose of the label's product."""
    said = sentence.text
    if not Place(sentence.section, sentence.code).advises or OFF_TOPIC.search(said) or not _ABOUT_DOSES.search(said):
        return
    people = _people(said)
    for amount in AMOUNT.finditer(said):
        if _STRENGTH.search(amount.group()) is None:
            continue
        often = _OFTEN.match(said, amount.end())
        yield GoldFact(
            group=SHAPED,
            fact_id=f"{key}.{sentence.start}.{amount.start()}",
            text=text,
            start=sentence.start,
            end=sentence.end,
            subject=names[0],
            relation="max_daily_dose" if _LIMIT.search(said) else "recommended_dose",
            said=said[amount.start() : often.end() if often else amount.end()],
            qualifiers=(("population", people),) if people else (),
            names=names,
            sections=sections,
            narrowed=bool(people),
        )


def _people(said: str) -> str:
    for lead in re.finditer(r"\b(?:in|for)\s+", said, re.IGNORECASE):
        if (found := POPULATION.match(said, lead.end())) is not None:
            return found["people"].strip(" ,;:")
    return ""
