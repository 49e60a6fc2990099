"""Whether one source proposes more in a night than people can look at: then the rest of it waits, told as one line.

Owns the count. A flood may be an attack, or a source that changed its form; either way a person should see it before
it fills the queue.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

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
