"""The same questions asked otherwise, by rule and seed: does the right edit still fire, and nothing else?

A *variation* turns a question into another that asks for the same thing (None where it does not apply). The words
and frames in here are general English, written for this file; none is a benchmark's template. Variations apply to
rephrasings (must fire) and to locality questions (must not) alike, so a variation that merely silences everything,
or makes everything fire, shows.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Final

from editor_engine.benchmarks.asked import Asked
from editor_engine.chat import Chat, Role, Turn
from editor_engine.datasets.records import EditRecord
from editor_engine.datasets.text_file import DataError, got_words, is_text, parse_data_json, read_data_text
from editor_engine.edit import Edit
from editor_engine.follow_up import History, Subjects, query_of
from editor_engine.subject_mention import mask_subject

SYNONYMS: Final[Mapping[str, tuple[str, ...]]] = {
    "drug": ("medicine", "medication"),
    "medication": ("medicine", "drug"),
    "disease": ("illness", "disorder"),
    "condition": ("disorder", "state"),
    "treat": ("manage", "help against"),
    "treatment": ("therapy", "management"),
    "therapy": ("treatment",),
    "used": ("employed", "given"),
    "utilized": ("used", "given"),
    "caused": ("brought about", "provoked"),
    "cause": ("reason", "origin"),
    "causes": ("brings about", "provokes"),
    "associated": ("linked", "connected"),
    "linked": ("associated", "connected"),
    "located": ("found", "situated"),
    "situated": ("found", "located"),
    "prevent": ("avert", "ward off"),
    "alleviate": ("ease", "relieve"),
    "reduce": ("lessen", "lower"),
    "symptom": ("complaint", "sign"),
    "effect": ("consequence", "action"),
    "resemble": ("look like", "have in common with"),
    "belong": ("count",),
    "observed": ("seen", "noticed"),
    "seen": ("observed", "noticed"),
    "found": ("seen", "detected"),
    "typically": ("as a rule", "usually"),
    "commonly": ("often", "frequently"),
    "common": ("frequent",),
    "performed": ("done", "carried out"),
    "type": ("kind", "sort"),
    "responsible": ("to blame",),
    "characterized": ("marked",),
    "primary": ("main", "chief"),
    "main": ("chief", "principal"),
    "method": ("way", "procedure"),
    "test": ("examination",),
    "structure": ("part",),
    "usual": ("customary",),
    "recommended": ("advised",),
    "indicated": ("suggested",),
    "begin": ("start",),
    "name": ("term",),
}
FRAMES: Final = (
    "Quick question before the round: {}",
    "{} A short answer will do.",
    "Could you tell me this, please? {}",
    "A colleague asked me: {} What should I say?",
    "I could not find it in the leaflet. {}",
    "For the exam tomorrow: {}",
)
_TOPIC_FRAMES: Final = ("As regards {subject}: {rest}", "Concerning {subject}, {rest}", "{subject}: {rest}")
_FIRST_TURNS: Final = (
    "I would like to ask something about {}.",
    "We have a patient with questions about {}.",
    "Let us talk about {}.",
)
_PRONOUN: Final = "it"
_WORD: Final = re.compile(r"[A-Za-z]+")
_NEIGHBOURS: Final = "qwertyuiopasdfghjklzxcvbnm"

Vary = Callable[[str, EditRecord, Random], str | None]


@dataclass(frozen=True)
class Variation:
    """A way of asking otherwise; ``needs_subject`` ones apply to what names the record's subject."""

    name: str
    vary: Vary
    teach: Callable[[EditRecord], EditRecord] = lambda record: record
    """What the edit itself learns with it (aliases)."""
    history: History | None = None
    """Asked as the second turn of a chat whose first names the subject; how the first one counts."""


def reworded(question: str, _record: EditRecord, random: Random) -> str | None:
    """Every general word that the table knows, replaced by a synonym; None where it knows none."""

    def other(match: re.Match[str]) -> str:
        choices = SYNONYMS.get(match.group().lower())
        return random.choice(choices) if choices else match.group()

    said = _WORD.sub(other, question)
    return None if said == question else said


def framed(question: str, _record: EditRecord, random: Random) -> str | None:
    """The question inside a sentence that has nothing to do with it."""
    return random.choice(FRAMES).format(question)


def topic_first(question: str, record: EditRecord, random: Random) -> str | None:
    """The subject in front, and a pronoun in its place."""
    rest = mask_subject(question, [record.subject or ""], mask=_PRONOUN)
    if rest is None:
        return None
    return random.choice(_TOPIC_FRAMES).format(subject=record.subject, rest=rest[:1].lower() + rest[1:])


def with_pronoun(question: str, record: EditRecord, _random: Random) -> str | None:
    """The question with a pronoun in the subject's place; None where it does not name it."""
    return mask_subject(question, [record.subject or ""], mask=_PRONOUN)


def misspelt(question: str, record: EditRecord, random: Random) -> str | None:
    """The subject with one letter swapped, doubled, dropped or mistyped, never the first; None for short names."""
    wrong = _misspell(record.subject or "", random)
    return None if wrong is None else mask_subject(question, [record.subject or ""], mask=wrong)


def _misspell(name: str, random: Random) -> str | None:
    places = [at for at in range(1, len(name) - 1) if name[at].isalpha() and name[at + 1].isalpha()]
    if len(name) < 5 or not places:
        return None
    at = random.choice(places)
    letter, after = name[at], name[at + 1]
    kinds = [name[:at] + letter + name[at:], name[:at] + name[at + 1 :]]
    kinds.append(name[:at] + random.choice(_NEIGHBOURS.replace(letter.lower(), "")) + name[at + 1 :])
    if letter != after:
        kinds.append(name[:at] + after + letter + name[at + 2 :])
    return random.choice(kinds)


def with_alias(aliases: Mapping[str, Sequence[str]]) -> Vary:
    """The subject under another of its names; None where the file knows none."""

    def vary(question: str, record: EditRecord, random: Random) -> str | None:
        others = aliases.get((record.subject or "").casefold())
        return mask_subject(question, [record.subject or ""], mask=random.choice(others)) if others else None

    return vary


def variations(aliases: Mapping[str, Sequence[str]] | None = None) -> list[Variation]:
    """Every variation; those by alias only where there is a file of names."""
    found = [
        Variation("template words paraphrased", reworded),
        Variation("unseen templates: framed", framed),
        Variation("unseen templates: subject in front", topic_first),
        *(Variation(f"two-turn chat, {one.replace('_', ' ')}", with_pronoun, history=one) for one in History),
        Variation("subject misspelt", misspelt),
    ]
    if aliases:
        vary = with_alias(aliases)

        def teach(record: EditRecord) -> EditRecord:
            known = tuple(aliases.get((record.subject or "").casefold(), ()))
            return replace(record, aliases=known) if known else record

        found.append(Variation("other name, known to the edit", vary, teach))
        found.append(Variation("other name, unknown to the edit", vary))
    return found


def vary_questions(
    asked: Sequence[Asked], records: Mapping[str, EditRecord], variation: Variation, *, seed: int
) -> list[Asked]:
    """The questions asked otherwise, those left out to which it does not apply; each drawn for itself."""
    varied: list[Asked] = []
    for one in asked:
        random = Random(f"{seed}:{variation.name}:{one.record_id}:{one.kind}:{one.text}")
        text = variation.vary(one.text, records[one.record_id], random)
        if text is None:
            continue
        if variation.history is None:
            varied.append(replace(one, text=text))
        else:
            first = random.choice(_FIRST_TURNS).format(records[one.record_id].subject)
            varied.append(replace(one, text=text, before=first, history=variation.history))
    return varied


def searched_with(asked: Sequence[Asked], edits: Sequence[Edit]) -> list[str]:
    """The words that the memory is searched with: the question, or what a chat makes of it (``follow_up``)."""
    if not any(one.before for one in asked):
        return [one.text for one in asked]
    subjects = Subjects(edits)
    return [
        query_of(Chat(one.text, (Turn(Role.USER, one.before),)), one.history, subjects) if one.before else one.text
        for one in asked
    ]


def read_aliases(path: Path) -> dict[str, tuple[str, ...]]:
    """Names of the same thing, by case-folded name: a JSON object (name -> list), or CSV/TSV.

    A table has a name in its first column and one of its aliases in the second, or the columns ``id`` and ``name``:
    names of one id are names of one thing.

    Raises:
        DataError: neither, or no name has another.
    """
    text = read_data_text(path)
    if path.suffix == ".json":
        groups = _json_groups(path, parse_data_json(path, text))
    else:
        try:
            groups = _table_groups(text)
        except IndexError as error:
            raise DataError(f"{path}: expected names and other names in two columns, got a line without") from error
    found: dict[str, set[str]] = {}
    for group in groups:
        for name in group:
            found.setdefault(name.casefold(), set()).update(one for one in group if one.casefold() != name.casefold())
    aliases = {name: tuple(sorted(others)) for name, others in found.items() if others}
    if not aliases:
        raise DataError(f"{path}: expected names with at least one alias, got {len(found)} names with none")
    return aliases


def _json_groups(path: Path, body: object) -> list[set[str]]:
    if not isinstance(body, dict):
        raise DataError(f"{path}: expected an object of names and lists of other names, got {got_words(body)}")
    for name, others in body.items():
        if not isinstance(others, list) or not all(is_text(one) for one in others):
            raise DataError(f"{path}: name {name}: expected a list of other names, got {got_words(others)}")
    return [{name, *others} for name, others in body.items()]


def _table_groups(text: str) -> list[set[str]]:
    lines = text.splitlines()
    rows = [row for row in csv.reader(lines, delimiter="\t" if "\t" in lines[0] else ",") if row]
    if [cell.strip().casefold() for cell in rows[0]] == ["id", "name"]:
        by_id: dict[str, set[str]] = {}
        for row in rows[1:]:
            by_id.setdefault(row[0], set()).add(row[1].strip())
        return list(by_id.values())
    return [{row[0].strip(), row[1].strip()} for row in rows[1:]]
