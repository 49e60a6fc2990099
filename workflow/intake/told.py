"""What is on record about works, read once for a whole step: a table of 70,000 rows is not searched 70,000 times.

Owns nothing in the ledger: it is a copy that the step keeps up to date with what it writes itself, under the run lease.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import Connection, select

from connectors.notice import AssertionKind
from workflow.intake import takings_back
from workflow.intake.stored_notices import identifiers_of, same_work
from workflow.intake.takings_back import Pair, Telling
from workflow.ledger import tables
from workflow.records import ChangeKind


class Tellings:
    """Every assertion on record, by the notice that makes it and by the works that it is about."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._by_notice: dict[str, list[Telling]] = defaultdict(list)
        self._about: dict[Pair, list[Telling]] = defaultdict(list)
        for telling in takings_back.tellings(connection):
            self._by_notice[telling.notice_id].append(telling)
            for pair in telling.target:
                self._about[pair].append(telling)

    def of(self, notice_id: str) -> tuple[Telling, ...]:
        """Give what a notice asserts."""
        return tuple(self._by_notice.get(notice_id, ()))

    def about(self, works: Iterable[Pair]) -> tuple[Telling, ...]:
        """Give what is asserted of works."""
        return tuple(dict.fromkeys(telling for pair in sorted(works) for telling in self._about.get(pair, ())))

    def is_retracted(self, notice_id: str) -> bool:
        """Say whether a source asserts that the notice's work was retracted, and none that it was reinstated."""
        own = identifiers_of(self._connection, notice_id)
        works = same_work(self._connection, sorted(pair for pair in own if pair[0] in {"pmid", "doi"}))
        said = {telling.kind for telling in self.about(works)}
        return AssertionKind.RETRACTS in said and AssertionKind.REINSTATES not in said


class ToldChanges:
    """The changes that assertions made: which works they were about, and which closed for want of the work."""

    def __init__(self, connection: Connection, *, closed_as: str) -> None:
        columns = tables.changes.c
        self._told: dict[str, set[Pair]] = defaultdict(set)
        self._closed: dict[Pair, set[tuple[str, str]]] = defaultdict(set)
        kinds = [kind.value for kind in takings_back.KINDS]
        rows = connection.execute(
            select(columns.change_id, columns.notice_id, columns.kind, columns.section, columns.outcome).where(
                columns.kind.in_(kinds), columns.start.is_(None), columns.old_start.is_(None)
            )
        )
        for row in rows:
            pairs = takings_back.pairs_in(row.section)
            self._told[row.kind] |= pairs
            if row.kind == ChangeKind.RETRACTED.value and row.outcome == closed_as:
                for pair in pairs:
                    self._closed[pair].add((row.change_id, row.notice_id))

    def is_told(self, kind: ChangeKind, works: set[Pair]) -> bool:
        """Say whether a change of this kind is on record for one of the works."""
        return not works.isdisjoint(self._told.get(kind.value, ()))

    def add(self, kind: ChangeKind, works: Iterable[Pair]) -> None:
        """Take in a change that was written."""
        self._told[kind.value].update(works)

    def reopen(self, works: Iterable[Pair], *, but_of: str) -> list[str]:
        """Give the closed retractions of works, but for those that a notice told itself, and forget them."""
        found = {one for pair in works for one in self._closed.get(pair, ()) if one[1] != but_of}
        for pairs in (self._closed[pair] for pair in works if pair in self._closed):
            pairs -= found
        return sorted(change_id for change_id, _ in found)
