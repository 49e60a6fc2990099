"""The notices on record, with their identifiers and what they assert; read from the ledger alone."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import Connection, or_, select

from workflow.ledger import tables


@dataclass(frozen=True)
class AssertionLine:
    """What a notice says about a work: ``retracts`` with the identifiers of who says it and of the work."""

    kind: str
    by: tuple[str, ...]
    target: tuple[str, ...]


@dataclass(frozen=True)
class NoticeLine:
    """One version of one thing that a source published."""

    notice_id: str
    source: str
    kind: str
    key: str
    version: str
    title: str
    published: str
    first_seen_at: str
    identifiers: tuple[str, ...]
    """``pmid:123``, ``doi:10.5555/x``, ..."""
    assertions: tuple[AssertionLine, ...]


def list_notices(
    connection: Connection, *, source: str = "", search: str = "", asserting: bool = False, limit: int = 200
) -> tuple[NoticeLine, ...]:
    """List notices, the newest first.

    Args:
        connection: A read snapshot.
        source: Only of this source; all where empty.
        search: Only where this stands in key, title or an identifier.
        asserting: Only those that retract, correct, doubt, supersede or reinstate something.
        limit: At most so many.
    """
    columns = tables.notices.c
    query = select(tables.notices)
    if source:
        query = query.where(columns.source == source)
    if search:
        named = select(tables.notice_identifiers.c.notice_id).where(
            tables.notice_identifiers.c.role == "self",
            tables.notice_identifiers.c.value.contains(search.casefold(), autoescape=True),
        )
        stands = (columns.key, columns.title)
        query = query.where(or_(columns.notice_id.in_(named), *(c.contains(search, autoescape=True) for c in stands)))
    if asserting:
        query = query.where(columns.notice_id.in_(select(tables.assertions.c.notice_id)))
    rows = connection.execute(query.order_by(columns.first_seen_at.desc(), columns.notice_id).limit(limit)).mappings()
    return tuple(_line(connection, dict(row)) for row in rows)


def _line(connection: Connection, row: dict[str, object]) -> NoticeLine:
    names, said = tables.notice_identifiers.c, tables.assertions.c
    identifiers = connection.execute(
        select(names.scheme, names.value)
        .where(names.notice_id == row["notice_id"], names.role == "self")
        .order_by(names.scheme, names.value)
    )
    assertions = connection.execute(
        select(tables.assertions).where(said.notice_id == row["notice_id"]).order_by(said.kind, said.assertion_id)
    )
    published = json.loads(str(row["body"])).get("published") or {}
    return NoticeLine(
        **{
            name: str(row[name]) for name in ("notice_id", "source", "kind", "key", "version", "title", "first_seen_at")
        },
        published=str(published.get("value", "")),
        identifiers=tuple(f"{scheme}:{value}" for scheme, value in identifiers),
        assertions=tuple(
            AssertionLine(one.kind, _names(one.by_identifiers), _names(one.target_identifiers)) for one in assertions
        ),
    )


def _names(pairs: str) -> tuple[str, ...]:
    return tuple(f"{scheme}:{value}" for scheme, value in json.loads(pairs))
