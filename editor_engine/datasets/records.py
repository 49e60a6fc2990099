"""Records to train and judge editors on: one shape for MedCF, MedVersa and the synthetic facts, read from JSON files.

Owns the fields' names in each published format and what a broken record is told. Holds no data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from editor_engine.datasets.text_file import DataError as DataError
from editor_engine.datasets.text_file import got_words, is_text, parse_data_json, read_data_text
from editor_engine.edit import Edit

MEDCF_SLOTS: Mapping[str, str] = {"target": "TD", "mapping": "EM", "struc": "SS", "tokenSem": "TS"}
"""MedCF's names of its locality slots -> the paper's columns."""

MEDVERSA_SLOT = "Loc"
SYNTHETIC_FORMAT = "medrek-flow.facts/1"
_TAKEN: Final = ("question", "rephrase")
"""What tables call an edit's own question and its rephrasings: no locality slot's name."""


@dataclass(frozen=True)
class Locality:
    """A question whose answer must not move: its slot (the paper's column), text and true answer."""

    slot: str
    question: str
    answer: str


@dataclass(frozen=True)
class EditRecord:
    """One edit to make, the ways to ask for it, and the questions it must leave alone.

    ``subject`` is None where the data names none (MedVersa). ``rephrases`` are scored and must never be shown to an
    editor as paraphrases; ``paraphrases`` may be. ``relation``, ``aliases`` and ``qualifiers`` are filled by the
    synthetic format alone. ``topic`` is the medical subject, where the data has one.
    """

    record_id: str
    question: str
    target_new: str
    rephrases: tuple[str, ...]
    localities: tuple[Locality, ...]
    ground_truth: str | None = None
    subject: str | None = None
    relation: str | None = None
    topic: str | None = None
    paraphrases: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    qualifiers: tuple[tuple[str, str], ...] = ()

    def edit(self) -> Edit:
        """The record as the engine takes it; without a relation the question with the subject blanked stands for it."""
        subject = self.subject or self.question
        return Edit(
            edit_id=self.record_id,
            subject=subject,
            relation=self.relation or self.question.replace(subject, "{}"),
            object_new=self.target_new,
            object_old=self.ground_truth,
            question=self.question,
            paraphrases=self.paraphrases,
            aliases=self.aliases,
            qualifiers=self.qualifiers,
        )


def read_records(path: Path) -> list[EditRecord]:
    """The records of a MedCF, MedVersa or synthetic file, whichever it is, in the file's order.

    Raises:
        DataError: the file cannot be read, is in none of the formats, or a record is broken or its id occurs twice.
    """
    return records_of(path, record_bodies(path))


def record_bodies(path: Path) -> list[Mapping[str, object]]:
    """The records of a file as JSON objects, not yet looked into.

    Raises:
        DataError: the file cannot be read, or holds no list of objects.
    """
    body = parse_data_json(path, read_data_text(path))
    synthetic = isinstance(body, dict) and body.get("format") == SYNTHETIC_FORMAT
    listed = body.get("facts") if isinstance(body, dict) and synthetic else body
    if not isinstance(listed, list) or not listed:
        got = f"facts that are {got_words(listed)}" if synthetic else got_words(body)
        raise DataError(f"{path}: expected a list of records or {SYNTHETIC_FORMAT}, got {got}")
    for number, one in enumerate(listed, start=1):
        if not isinstance(one, dict):
            raise DataError(f"{path}, record {number}: expected an object, got {got_words(one)}")
    return listed


def records_of(path: Path, bodies: Sequence[Mapping[str, object]]) -> list[EditRecord]:
    """What the objects of a file mean; ``path`` is for messages.

    Raises:
        DataError: a record is broken or of another format than the first, or its id occurs twice.
    """
    every = [_Fields(path, number, one) for number, one in enumerate(bodies, start=1)]
    for fields in every:
        if (kind := fields.format) != every[0].format:
            raise DataError(f"{fields.where}: expected {every[0].format} as in record 1, got {kind}")
    records = [_READERS[fields.format](fields) for fields in every]
    seen: dict[str, int] = {}
    for number, record in enumerate(records, start=1):
        if (first := seen.setdefault(record.record_id, number)) != number:
            raise DataError(
                f"{path}, record {number}: field id: expected an id of its own, got {record.record_id}, "
                f"which is also that of record {first}"
            )
    return records


class _Fields:
    """One record's fields, with the words for what is missing."""

    def __init__(self, path: Path, number: int, body: object) -> None:
        self.path, self.number = path, number
        self.where = f"{path}, record {number}"
        if not isinstance(body, dict):
            raise DataError(f"{self.where}: expected an object, got {got_words(body)}")
        self.body = body

    def __contains__(self, name: str) -> bool:
        return name in self.body

    @property
    def format(self) -> str:
        """Which of the formats the fields are.

        Raises:
            DataError: none of them.
        """
        for name, kind in _KINDS.items():
            if name in self.body:
                return kind
        named = ", ".join(sorted(self.body)[:6]) or "no field"
        raise DataError(f"{self.where}: expected the fields of MedCF, MedVersa or {SYNTHETIC_FORMAT}, got {named}")

    def text(self, name: str) -> str:
        value = self.body.get(name)
        if not isinstance(value, str) or not is_text(value):
            raise self._refused(name, "a text")
        return value

    def optional(self, name: str) -> str | None:
        return self.text(name) if self.body.get(name) is not None else None

    def identity(self, name: str) -> str | None:
        """An id, which may be a number; None where there is none."""
        value = self.body.get(name)
        if name not in self.body or (isinstance(value, int) and not isinstance(value, bool)):
            return None if name not in self.body else str(value)
        if not isinstance(value, str) or not is_text(value):
            raise self._refused(name, "a text or a whole number")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        value = self.body.get(name, [])
        if not isinstance(value, list):
            raise self._refused(name, "a list of texts")
        for one in value:
            if not is_text(one):
                raise DataError(f"{self.where}: field {name}: expected a list of texts, got {got_words(one)} in it")
        return tuple(value)

    def objects(self, name: str) -> Iterator[_Fields]:
        value = self.body.get(name, [])
        if not isinstance(value, list):
            raise self._refused(name, "a list of objects")
        return (_Fields(self.path, self.number, one) for one in value)

    def _refused(self, name: str, expected: str) -> DataError:
        got = got_words(self.body[name]) if name in self.body else "nothing"
        return DataError(f"{self.where}: field {name}: expected {expected}, got {got}")


def _medcf(fields: _Fields) -> EditRecord:
    return EditRecord(
        record_id=f"medcf-{fields.number}",
        question=fields.text("prompt"),
        target_new=fields.text("target_new"),
        rephrases=(fields.text("rephrase_prompt"),),
        localities=tuple(
            Locality(column, fields.text(f"locality_{slot}_prompt"), fields.text(f"locality_{slot}_ground_truth"))
            for slot, column in MEDCF_SLOTS.items()
        ),
        ground_truth=fields.text("ground_truth"),
        subject=fields.text("subject"),
    )


def _medversa(fields: _Fields) -> EditRecord:
    own = fields.identity("id")
    return EditRecord(
        record_id=f"medversa-{own}" if own is not None else f"medversa-row-{fields.number}",
        question=fields.text("prompt"),
        target_new=fields.text("target_new"),
        rephrases=(fields.text("rephrase_prompt"),),
        localities=(Locality(MEDVERSA_SLOT, fields.text("locality_prompt"), fields.text("locality_ground_truth")),),
        ground_truth=fields.text("ground_truth"),
        topic=fields.optional("subject_name"),
    )


def _synthetic(fields: _Fields) -> EditRecord:
    qualifiers = fields.body.get("qualifiers", {})
    if not isinstance(qualifiers, dict):
        raise DataError(f"{fields.where}: field qualifiers: expected an object of texts, got {got_words(qualifiers)}")
    for one in qualifiers.values():
        if not is_text(one):
            raise DataError(
                f"{fields.where}: field qualifiers: expected an object of texts, got {got_words(one)} in it"
            )
    return EditRecord(
        record_id=fields.text("id"),
        question=fields.text("question"),
        target_new=fields.text("target_new"),
        rephrases=fields.texts("rephrases"),
        localities=tuple(_locality(one) for one in fields.objects("localities")),
        ground_truth=fields.optional("ground_truth"),
        subject=fields.optional("subject"),
        relation=fields.optional("relation"),
        topic=fields.optional("topic"),
        paraphrases=fields.texts("paraphrases"),
        aliases=fields.texts("aliases"),
        qualifiers=tuple(sorted(qualifiers.items())),
    )


def _locality(fields: _Fields) -> Locality:
    slot = fields.text("slot")
    if slot in _TAKEN:
        raise DataError(f"{fields.where}: field slot: expected the name of a locality slot, got {slot}, which is taken")
    return Locality(slot, fields.text("question"), fields.text("answer"))


_KINDS: Final = {"locality_target_prompt": "MedCF", "locality_prompt": "MedVersa", "question": SYNTHETIC_FORMAT}
"""A field that only one format has -> the format."""

_READERS: Final[Mapping[str, Callable[[_Fields], EditRecord]]] = {
    "MedCF": _medcf,
    "MedVersa": _medversa,
    SYNTHETIC_FORMAT: _synthetic,
}


def synthetic_body(records: Sequence[EditRecord]) -> dict[str, object]:
    """Records in the synthetic format, ready for ``json.dump``; ``read_records`` gives them back."""
    return {
        "format": SYNTHETIC_FORMAT,
        "facts": [
            {
                "id": record.record_id,
                "subject": record.subject,
                "relation": record.relation,
                "topic": record.topic,
                "aliases": list(record.aliases),
                "qualifiers": dict(record.qualifiers),
                "question": record.question,
                "paraphrases": list(record.paraphrases),
                "rephrases": list(record.rephrases),
                "target_new": record.target_new,
                "ground_truth": record.ground_truth,
                "localities": [
                    {"slot": one.slot, "question": one.question, "answer": one.answer} for one in record.localities
                ],
            }
            for record in records
        ],
    }
