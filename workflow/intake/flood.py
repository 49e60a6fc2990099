"""Whether one source proposes more in a night than people can look at: then the rest of it waits, told as one line.

Owns the counts: what reaches the cap of one source, and what of one source and night waits in the queue as a group. A
flood may be an attack, or a source that changed its form; either way a person should see it before it fills the queue.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, case, func, select

from workflow.ledger import tables
from workflow.ledger.ledger import Ledger
from workflow.records import CandidateState


@dataclass(frozen=True)
class Flood:
    """A source that reached its cap."""

    source: str
    candidates: int

    @property
    def words(self) -> str:
        """One line for report and terminal."""
        return (
            f"source {self.source}: {self.candidates} candidates in one night, the cap of one source "
            "(extraction.max_per_source); what is left of it waits: see that it is what it says it is"
        )


CROWD = 100
"""From so many candidates of one source and one night on they are told as a group."""
_WAITING = (
    CandidateState.PROPOSED,
    CandidateState.PENDING,
    CandidateState.AWAITING_SECOND,
    CandidateState.DEFERRED,
)


@dataclass(frozen=True)
class Crowd:
    """What one source proposed in one night and still waits: all of it, and what of it people see."""

    source: str
    run_id: str
    candidates: int
    shown: int

    @property
    def words(self) -> str:
        """One line for report and queue."""
        line = f"{self.candidates} from {self.source} in one night, {self.shown} shown"
        if self.shown == self.candidates:
            return line
        return (
            f"{line}: {self.candidates - self.shown} wait for their rehearsal, the night's limit "
            "(review.max_candidates_per_night)"
        )


def crowds(connection: Connection, *, least: int = CROWD) -> tuple[Crowd, ...]:
    """Group what waits by source and night; the largest first, and only groups of ``least`` or more."""
    candidates, changes, notices = tables.candidates.c, tables.changes.c, tables.notices.c
    shown = func.sum(case((candidates.state == CandidateState.PROPOSED, 0), else_=1))
    rows = connection.execute(
        select(notices.source, candidates.run_id, func.count().label("all"), shown.label("shown"))
        .select_from(tables.candidates)
        .join(tables.changes, changes.change_id == candidates.change_id)
        .join(tables.notices, notices.notice_id == changes.notice_id)
        .where(candidates.state.in_(_WAITING))
        .group_by(notices.source, candidates.run_id)
        .having(func.count() >= least)
        .order_by(func.count().desc(), notices.source, candidates.run_id)
    )
    return tuple(Crowd(str(row.source), str(row.run_id), int(row.all), int(row.shown)) for row in rows)


def flood_of(ledger: Ledger, *, run_id: str, document_id: str, cap: int) -> Flood | None:
    """Say whether the source of a document has proposed ``cap`` candidates in this run already."""
    candidates, changes, notices = tables.candidates.c, tables.changes.c, tables.notices.c
    with ledger.read() as connection:
        source = connection.execute(
            select(notices.source).where(notices.document_id == document_id).limit(1)
        ).scalar_one_or_none()
        told = connection.execute(
            select(func.count())
            .select_from(tables.candidates)
            .join(tables.changes, changes.change_id == candidates.change_id)
            .join(tables.notices, notices.notice_id == changes.notice_id)
            .where(
                candidates.run_id == run_id,
                notices.source == source,
                candidates.state.not_in((CandidateState.REFUSED, CandidateState.CLOSED)),
            )
        ).scalar_one()
    return Flood(str(source), int(told)) if source is not None and told >= cap else None
