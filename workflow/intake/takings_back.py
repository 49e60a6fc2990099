"""What sources assert about works: read from the ledger, reconciled by every identifier of the work.

Owns the meaning of an assertion as a change. One change stands for each kind and work, however many notices tell it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, select

from connectors.notice import AssertionKind, NoticeKind
from workflow.intake.stored_notices import named_by
from workflow.ledger import tables
from workflow.records import ChangeKind

CHANGE_OF = {
    AssertionKind.RETRACTS: ChangeKind.RETRACTED,
    AssertionKind.PARTLY_RETRACTS: ChangeKind.PARTLY_RETRACTED,
    AssertionKind.DOUBTS: ChangeKind.CONCERN,
    AssertionKind.CORRECTS: ChangeKind.CORRECTED,
    AssertionKind.REINSTATES: ChangeKind.REINSTATED,
}
"""Assertions that are news by themselves; a superseding version is told by its own text."""
KINDS = frozenset(CHANGE_OF.values())
_TELLING = (NoticeKind.RETRACTION_NOTICE, NoticeKind.CONCERN_NOTICE, NoticeKind.CORRECTION_NOTICE)
Pair = tuple[str, str]


@dataclass(frozen=True)
class Telling:
    """One assertion of one notice."""

    notice_id: str
    kind: AssertionKind
    target: frozenset[Pair]

    @property
    def change(self) -> ChangeKind | None:
        """The kind of change that it makes, if any."""
        return CHANGE_OF.get(self.kind)


def tellings(connection: Connection, notice_id: str | None = None) -> Iterator[Telling]:
    """Give the assertions of one notice, or of all."""
    columns = tables.assertions.c
    query = select(columns.notice_id, columns.kind, columns.target_identifiers).order_by(columns.assertion_id)
    if notice_id is not None:
        query = query.where(columns.notice_id == notice_id)
    for row in connection.execute(query):
        target = frozenset((str(scheme), str(value)) for scheme, value in json.loads(row.target_identifiers))
        if target:
            yield Telling(row.notice_id, AssertionKind(row.kind), target)


def label_of(target: frozenset[Pair]) -> str:
    """Spell the identifiers of a work in one line, as ``changes.section`` holds them."""
    return " ".join(f"{scheme}:{value}" for scheme, value in sorted(target))


def pairs_in(label: str) -> set[Pair]:
    """Read what ``label_of`` wrote."""
    found: set[Pair] = set()
    for word in label.split():
        scheme, _, value = word.partition(":")
        found.add((scheme, value))
    return found


def newest_of(connection: Connection, works: set[Pair]) -> str | None:
    """Give the newest stored version of a work itself, not of what tells about it."""
    columns = tables.notices.c
    ids = named_by(connection, works)
    rows = connection.execute(
        select(columns.notice_id)
        .where(columns.notice_id.in_(ids), columns.kind.not_in(_TELLING))
        .order_by(columns.ordinal.desc(), columns.first_seen_at.desc(), columns.notice_id)
    )
    return rows.scalars().first()


def best_first(connection: Connection, ids: set[str]) -> tuple[str, ...]:
    """Put the notices that tell of a work in order: retraction notices before the work's own record."""
    columns = tables.notices.c
    rows = connection.execute(select(columns.notice_id, columns.kind).where(columns.notice_id.in_(ids))).all()
    ranked = sorted(rows, key=lambda row: (row.kind not in {k.value for k in _TELLING}, row.notice_id))
    return tuple(row.notice_id for row in ranked)
