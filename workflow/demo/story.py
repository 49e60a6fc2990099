"""The demo's story: which labels, records and files the world holds on each of its nights.

Owns the reading of ``sources/``. It tells states of an invented world and knows neither HTTP nor the ledger.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from pathlib import PurePosixPath
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter

from workflow.demo.scripted_llm import Rule
from workflow.intake.llm_schema import LlmFact, LlmQualifiers, LlmReply
from workflow.records import Polarity

_SOURCES: Final = files(__package__).joinpath("sources")
_JSON_OBJECT: Final = TypeAdapter(dict[str, JsonValue])
_XML_DECLARATION: Final = re.compile(r"\A<\?xml[^>]*\?>\s*")


@dataclass(frozen=True)
class PubMedRecord:
    """A record as PubMed holds it on a night: the days by which it is found, and its XML."""

    pmid: str
    edat: date
    mdat: date
    types: tuple[str, ...]
    xml: str


@dataclass(frozen=True)
class DropFile:
    """A file as it lies in the drop folder on a night."""

    name: str
    content: bytes


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    nights: Annotated[tuple[int, ...], Field(min_length=1)]
    """The night from which on version 1, 2, ... is there."""

    def version_on(self, night: int) -> int:
        """The number of the version that is there, 0 for none."""
        return sum(1 for first in self.nights if first <= night)


class _Named(_Row):
    name: str


class _Record(_Row):
    pmid: str
    edat: date
    mdat: tuple[date, ...]
    types: tuple[tuple[str, ...], ...]


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    quote: str
    subject: str
    relation: str
    object_new: str
    polarity: Polarity
    certainty: str
    population: str | None = None


class _Reply(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    quote: str
    no_change: bool
    facts: tuple[_Fact, ...]


class _Llm(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    when: str
    reply: _Reply


class _Story(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    nights: tuple[datetime, ...]
    label: tuple[_Named, ...]
    record: tuple[_Record, ...]
    file: tuple[_Named, ...]
    llm: tuple[_Llm, ...]


@cache
def _story() -> _Story:
    return _Story.model_validate(tomllib.loads(_text("story.toml")))


def _text(path: str) -> str:
    return _SOURCES.joinpath(path).read_text(encoding="utf-8")


def night_times() -> tuple[datetime, ...]:
    """When each night is run, in UTC; their number is the number of nights."""
    return _story().nights


def labels_on(night: int) -> tuple[dict[str, JsonValue], ...]:
    """The openFDA label records of a night, by effective date and then by set id."""
    found = [
        _JSON_OBJECT.validate_python(json.loads(_text(f"openfda/{row.name}.v{row.version_on(night)}.json")))
        for row in _story().label
        if row.version_on(night)
    ]
    return tuple(sorted(found, key=lambda record: (str(record["effective_time"]), str(record["set_id"]))))


def records_on(night: int) -> tuple[PubMedRecord, ...]:
    """The PubMed records of a night."""
    found = []
    for row in _story().record:
        version = row.version_on(night)
        if version:
            xml = _XML_DECLARATION.sub("", _text(f"pubmed/{row.pmid}.v{version}.xml"))
            found.append(PubMedRecord(row.pmid, row.edat, row.mdat[version - 1], row.types[version - 1], xml))
    return tuple(found)


def files_on(night: int) -> tuple[DropFile, ...]:
    """The drop folder's files of a night."""
    found = []
    for row in _story().file:
        version = row.version_on(night)
        if version:
            name = PurePosixPath(row.name)
            stored = f"drop/{name.stem}.v{version}{name.suffix}"
            found.append(DropFile(row.name, _SOURCES.joinpath(stored).read_bytes()))
    return tuple(found)


def llm_rules() -> list[Rule]:
    """The script of the demo's language model; what no rule fits has not changed."""
    return [
        Rule(
            row.when,
            LlmReply(
                quote=row.reply.quote, no_change=row.reply.no_change, facts=_facts(row.reply.facts)
            ).model_dump_json(),
        )
        for row in _story().llm
    ]


def _facts(rows: Sequence[_Fact]) -> tuple[LlmFact, ...]:
    unnamed = dict.fromkeys(LlmQualifiers.model_fields)
    return tuple(
        LlmFact.model_validate(
            {
                **row.model_dump(exclude={"population"}),
                "qualifiers": {**unnamed, "population": row.population},
            }
        )
        for row in rows
    )
