"""Multiple-choice questions in MedMCQA's format: read, checked, and sorted out where a question needs its options.

Fields: ``question``, ``opa`` to ``opd``, ``cop`` (the correct option), ``subject_name``, ``topic_name`` (may be null),
``id`` (the record's number where there is none). A file is a JSON list or one JSON object a line.

``cop`` counts from 1 in MedMCQA's own files and from 0 in copies of them on model hubs. Which it is, is read off the
whole file (a 0 says 0, a 4 says 1; both, or neither, is an error that asks for the choice).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from editor_engine.datasets.text_file import DataError, got_words, is_text, parse_data_json, read_data_text

OPTIONS: Final = ("opa", "opb", "opc", "opd")
_NEEDS_OPTIONS: Final = re.compile(r"\b(following|options?|except|mentioned|listed)\b|\ball are\b", re.IGNORECASE)
_ABOUT_OPTIONS: Final = re.compile(
    r"\b(all|none|any|both|either|neither|some)\b.*\b(above|these|options?|[abcd] (and|or|&) [abcd])\b"
    r"|^\W*(all|none|both|any|neither)\W*$|^\W*[abcd]\W*((,|&|and|or)\W*[abcd]\W*)+$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Mcq:
    """One question with its options; ``correct`` is a place in ``options``."""

    number: int
    mcq_id: str
    question: str
    options: tuple[str, ...]
    correct: int
    subject_name: str
    topic_name: str | None

    @property
    def answer(self) -> str:
        """The correct option."""
        return self.options[self.correct]

    @property
    def targets(self) -> tuple[str, ...]:
        """The wrong options that can be asserted: neither the answer in other letters nor about the options."""
        answer = _folded(self.answer)
        return tuple(one for one in self.options if _folded(one) not in ("", answer) and not _ABOUT_OPTIONS.search(one))

    @property
    def unfit(self) -> str | None:
        """Why no question of its own can be made of it; None where one can."""
        if _NEEDS_OPTIONS.search(self.question):
            return "the question points at its options"
        if _ABOUT_OPTIONS.search(self.answer):
            return "the answer points at the options"
        if not self.targets:
            return "no wrong option can be asserted"
        return None


def read_mcqs(path: Path, *, cop_base: int | None = None) -> list[Mcq]:
    """The questions of a file, in order.

    Args:
        cop_base: what ``cop`` counts from, 0 or 1; by default read off the file.

    Raises:
        DataError: the file or a record is broken, an id occurs twice, or ``cop`` leaves its base open.
    """
    bodies = _bodies(path)
    for number, body in enumerate(bodies, start=1):
        _cop_of(path, number, body, range(len(OPTIONS) + 1), "0 to 3, or 1 to 4")
    base = _base_of(path, bodies) if cop_base is None else cop_base
    found = [_read_one(path, number, body, base) for number, body in enumerate(bodies, start=1)]
    seen: dict[str, int] = {}
    for one in found:
        if (first := seen.setdefault(one.mcq_id, one.number)) != one.number:
            raise DataError(
                f"{path}, record {one.number}: field id: expected an id of its own, got {one.mcq_id}, "
                f"which is also that of record {first}"
            )
    return found


def _bodies(path: Path) -> list[Mapping[str, object]]:
    text = read_data_text(path)
    if text.lstrip().startswith("["):
        parsed = parse_data_json(path, text)
        listed = parsed if isinstance(parsed, list) else [parsed]
    else:
        lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
        what = "a JSON list, or an object a line"
        listed = [parse_data_json(path, line, what=what, at_line=number) for number, line in lines]
    if not listed:
        raise DataError(f"{path}: expected at least one record, got none")
    found: list[Mapping[str, object]] = []
    for number, one in enumerate(listed, start=1):
        if not isinstance(one, dict):
            raise DataError(f"{path}, record {number}: expected an object, got {got_words(one)}")
        found.append(one)
    return found


def _base_of(path: Path, bodies: Sequence[Mapping[str, object]]) -> int:
    at = {value: number for number, body in enumerate(bodies, start=1) for value in [body.get("cop")]}
    if 0 in at and 4 in at:
        raise DataError(f"{path}: cop is 0 in record {at[0]} and 4 in record {at[4]}: expected 0 to 3, or 1 to 4")
    if 0 not in at and 4 not in at:
        raise DataError(f"{path}: no cop is 0 or 4, so it may count from either: say which with --cop-base 0 or 1")
    return 0 if 0 in at else 1


def _read_one(path: Path, number: int, body: Mapping[str, object], base: int) -> Mcq:
    where = f"{path}, record {number}"

    def text(name: str) -> str:
        value = body.get(name)
        if not isinstance(value, str) or not is_text(value):
            got = got_words(value) if name in body else "nothing"
            raise DataError(f"{where}: field {name}: expected a text, got {got}")
        return " ".join(value.split())

    cop = _cop_of(path, number, body, range(base, base + len(OPTIONS)), f"{base} to {base + len(OPTIONS) - 1}")
    identity = body.get("id", number)
    if isinstance(identity, bool) or not (isinstance(identity, int) or is_text(identity)):
        raise DataError(f"{where}: field id: expected a text or a whole number, got {got_words(identity)}")
    return Mcq(
        number=number,
        mcq_id=str(identity),
        question=text("question"),
        options=tuple(text(name) for name in OPTIONS),
        correct=cop - base,
        subject_name=text("subject_name"),
        topic_name=text("topic_name") if body.get("topic_name") is not None else None,
    )


def _cop_of(path: Path, number: int, body: Mapping[str, object], allowed: range, expected: str) -> int:
    cop = body.get("cop")
    if isinstance(cop, int) and not isinstance(cop, bool) and cop in allowed:
        return cop
    got = (str(cop) if type(cop) is int else got_words(cop)) if "cop" in body else "nothing"
    raise DataError(f"{path}, record {number}: field cop: expected {expected}, got {got}")


def _folded(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())
