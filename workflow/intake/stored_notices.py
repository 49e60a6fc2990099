"""Notices as the ledger holds them: their body, their texts, their versions in order.

Owns the JSON of ``notices.body`` and what counts as the newest version of a thing.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from functools import cached_property

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, RowMapping, func, select

from connectors.notice import Identifier, Notice, NoticeKind, PartialDate, Section
from workflow.errors import DamagedError
from workflow.intake.extractor import NoticeText
from workflow.ledger import tables
from workflow.ledger.documents import DocumentStore

_NUMBERED = re.compile(r"(\d{1,5})(?=-\d{8}(?:-|$)|$)")
"""A version that begins with the source's own running number: ``8-20261117-3fa9...``."""
_Rank = tuple[int, int]


class NoticeBody(BaseModel):
    """The fields of a notice that have no column of their own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    published: PartialDate | None = None
    """The source's own date."""
    sections: tuple[Section, ...] = ()
    """Titled parts, offsets into the document's text."""
    names: tuple[str, ...] = ()
    """The product's names, ingredient first."""
    recent_changes: tuple[str, ...] = ()
    """Titles of the sections that the notice dates as recently changed."""
    url: str = ""
    """Where a person can read it."""
    licence: str = ""
    """As the source states it."""

    @classmethod
    def of(cls, notice: Notice) -> NoticeBody:
        """Take the fields from what a source gave."""
        return cls(
            published=notice.published,
            sections=notice.sections,
            names=notice.names,
            recent_changes=notice.recent_changes,
            url=notice.url,
            licence=notice.licence,
        )


def notice_id_of(source: str, key: str, version: str) -> str:
    """Name one version of one thing: ``n-`` and 16 hex digits."""
    return f"n-{hashlib.sha256(chr(0).join((source, key, version)).encode()).hexdigest()[:16]}"


def document_id_of(raw_sha256: str, extractor: str, text_sha256: str) -> str:
    """Name a document by what was received and what was read from it."""
    return hashlib.sha256(chr(0).join((raw_sha256, extractor, text_sha256)).encode()).hexdigest()


class Library:
    """Reads notices with their texts in one snapshot; each document's text is read once."""

    def __init__(self, connection: Connection, store: DocumentStore) -> None:
        self.connection = connection
        self._store = store
        self._texts: dict[str, str] = {}

    def text(self, document_id: str) -> str:
        """Give a document's text.

        Raises:
            DamagedError: The document is not on record, or its text is missing or changed.
        """
        if document_id not in self._texts:
            columns = tables.documents.c
            found: str | None = self.connection.execute(
                select(columns.text_sha256).where(columns.document_id == document_id)
            ).scalar_one_or_none()
            if found is None:
                raise DamagedError(f"document {document_id[:12]}: expected a row in the ledger, got none")
            self._texts[document_id] = self._store.get_text(found)
        return self._texts[document_id]

    def notice(self, notice_id: str) -> NoticeText:
        """Give one notice with its text."""
        row = (
            self.connection.execute(select(tables.notices).where(tables.notices.c.notice_id == notice_id))
            .mappings()
            .one()
        )
        body = NoticeBody.model_validate_json(row["body"])
        return NoticeText(
            notice_id=notice_id,
            document_id=row["document_id"],
            source=row["source"],
            kind=NoticeKind(row["kind"]),
            key=row["key"],
            version=row["version"],
            title=row["title"],
            start=row["start"],
            end=row["end"],
            text=self.text(row["document_id"]),
            sections=body.sections,
            names=body.names,
            recent_changes=body.recent_changes,
            identifiers=tuple(sorted(identifiers_of(self.connection, notice_id))),
        )

    def versions(self, source: str, key: str) -> Versions:
        """Give the versions of one thing."""
        return versions_of(self.connection, source, key)

    @cached_property
    def names(self) -> tuple[tuple[str, ...], ...]:
        """The names of every product in the ledger, ingredient first."""
        stated = func.json_extract(tables.notices.c.body, "$.names")
        rows = self.connection.execute(
            select(stated).where(tables.notices.c.kind == NoticeKind.LABEL).distinct().order_by(stated)
        )
        groups = (tuple(str(name) for name in json.loads(names or "[]")) for (names,) in rows)
        return tuple(group for group in groups if group)


class Versions:
    """The versions of one thing, oldest first: by the source's running number where all have one, else by arrival."""

    def __init__(self, rows: Iterable[RowMapping]) -> None:
        found = [(row["notice_id"], _NUMBERED.match(row["version"]), row["ordinal"]) for row in rows]
        numbered = all(number is not None for _, number, _ in found)
        self._ranks: dict[str, _Rank] = {
            notice_id: (int(number[1]) if numbered and number else 0, ordinal) for notice_id, number, ordinal in found
        }

    @property
    def newest(self) -> str:
        """The notice id of the newest version."""
        return max(self._ranks, key=lambda notice_id: self._ranks[notice_id])

    def before(self, notice_id: str) -> str | None:
        """Give the version that came before this one: the newest older one, None for the first."""
        older = [other for other, rank in self._ranks.items() if rank < self._ranks[notice_id]]
        return max(older, key=lambda other: self._ranks[other], default=None)

    def is_late(self, notice_id: str) -> bool:
        """Say whether a newer version was there before this one arrived."""
        own = self._ranks[notice_id]
        return any(rank > own and rank[1] < own[1] for rank in self._ranks.values())


def versions_of(connection: Connection, source: str, key: str) -> Versions:
    """Read the versions of one thing."""
    columns = tables.notices.c
    rows = connection.execute(
        select(columns.notice_id, columns.version, columns.ordinal).where(columns.source == source, columns.key == key)
    )
    return Versions(rows.mappings())


def things_of(connection: Connection, source: str) -> int:
    """Count the things of a source that are on record, however many versions of each."""
    columns = tables.notices.c
    query = select(func.count(columns.key.distinct())).where(columns.source == source)
    return int(connection.execute(query).scalar_one())


def identifiers_of(connection: Connection, notice_id: str, role: str = "self") -> set[tuple[str, str]]:
    """Give a notice's own identifiers, or those of the works that it cites."""
    columns = tables.notice_identifiers.c
    rows = connection.execute(
        select(columns.scheme, columns.value).where(columns.notice_id == notice_id, columns.role == role)
    )
    return {(row.scheme, row.value) for row in rows}


def named_by(connection: Connection, identifiers: set[tuple[str, str]], role: str = "self") -> set[str]:
    """Give the ids of the notices that carry one of the identifiers in a role."""
    columns = tables.notice_identifiers.c
    found: set[str] = set()
    for scheme, value in sorted(identifiers):
        rows = connection.execute(
            select(columns.notice_id).where(columns.scheme == scheme, columns.value == value, columns.role == role)
        )
        found.update(row.notice_id for row in rows)
    return found


def same_work(connection: Connection, identifiers: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    """Give every identifier by which a work is known: its PubMed id leads to its DOI, and back."""
    known: set[tuple[str, str]] = set()
    fresh = set(identifiers)
    while fresh:
        known |= fresh
        alike = {own for notice in named_by(connection, fresh) for own in identifiers_of(connection, notice)}
        fresh = {own for own in alike if own[0] in {"pmid", "doi"}} - known
    return known


def pairs_of(identifiers: Iterable[Identifier]) -> list[tuple[str, str]]:
    """Give identifiers as the ledger writes them."""
    return sorted({(identifier.scheme, identifier.value) for identifier in identifiers})
