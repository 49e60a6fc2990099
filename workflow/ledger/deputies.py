"""Deputies: who stands in for whom on which days. Named by the person themselves, recorded, printed with signatures.

A deputy is asked for nothing that a reviewer may not do anyway: they see the other's open work as their own, and their
signature says for whom they stood in. Two people stay two people: a deputy never counts as who named them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, insert, select, update

from workflow.errors import UsageError
from workflow.ledger.desk_tables import deputies
from workflow.ledger.ledger import Ledger
from workflow.ledger.tables import reviewers


@dataclass(frozen=True)
class Deputy:
    """One person stands in for another, from the first day to the last, both included."""

    deputy_id: int
    reviewer_id: str
    """Who is away."""
    name: str
    deputy: str
    deputy_name: str
    first_day: date
    last_day: date


def name_deputy(ledger: Ledger, reviewer_id: str, deputy: str, *, first_day: date, last_day: date) -> int:
    """Name who stands in for a reviewer; give the number of the entry.

    Raises:
        UsageError: They are not enrolled, it is the reviewer themselves, or the days are over or the wrong way round.
    """
    with ledger.write() as transaction:
        known = select(reviewers.c.reviewer_id).where(reviewers.c.reviewer_id == deputy)
        if transaction.execute(known).first() is None:
            raise UsageError(f"deputy {deputy!r}: expected somebody who is enrolled; see medrek-flow reviewer list")
        if deputy == reviewer_id:
            raise UsageError(f"deputy {deputy!r}: expected another person than the one who is away")
        if last_day < first_day or last_day.isoformat() < transaction.now[:10]:
            raise UsageError(
                f"deputy from {first_day} to {last_day}: expected a first day, and a last one not yet over"
            )
        values = {"deputy": deputy, "first_day": first_day.isoformat(), "last_day": last_day.isoformat()}
        row = {"reviewer_id": reviewer_id, **values, "named_at": transaction.now}
        made = transaction.execute(insert(deputies).values(**row).returning(deputies.c.deputy_id)).scalar_one()
        transaction.audit("deputy.named", f"reviewer:{reviewer_id}", values, actor=reviewer_id)
        return int(made)


def end_deputy(ledger: Ledger, reviewer_id: str, deputy_id: int) -> None:
    """End what a reviewer named, at once.

    Raises:
        UsageError: There is none such of theirs that is not ended.
    """
    with ledger.write() as transaction:
        ended = transaction.execute(
            update(deputies)
            .where(
                deputies.c.deputy_id == deputy_id,
                deputies.c.reviewer_id == reviewer_id,
                deputies.c.ended_at.is_(None),
            )
            .values(ended_at=transaction.now)
        )
        if ended.rowcount != 1:
            raise UsageError(f"deputy {deputy_id}: expected one that you named and did not end; see reviewer deputies")
        transaction.audit("deputy.ended", f"reviewer:{reviewer_id}", {"deputy_id": deputy_id}, actor=reviewer_id)


def list_deputies(connection: Connection, *, today: str) -> tuple[Deputy, ...]:
    """List who stands in for whom, today and later, by first day."""
    away, stands_in = reviewers.alias("away"), reviewers.alias("stands_in")
    query = (
        select(deputies, away.c.name, stands_in.c.name.label("deputy_name"))
        .join(away, away.c.reviewer_id == deputies.c.reviewer_id)
        .join(stands_in, stands_in.c.reviewer_id == deputies.c.deputy)
        .where(deputies.c.ended_at.is_(None), deputies.c.last_day >= today)
        .order_by(deputies.c.first_day, deputies.c.deputy_id)
    )
    return tuple(
        Deputy(
            deputy_id=row.deputy_id,
            reviewer_id=row.reviewer_id,
            name=row.name,
            deputy=row.deputy,
            deputy_name=row.deputy_name,
            first_day=date.fromisoformat(row.first_day),
            last_day=date.fromisoformat(row.last_day),
        )
        for row in connection.execute(query)
    )


def stands_in_for(connection: Connection, reviewer_id: str, *, today: str) -> tuple[Deputy, ...]:
    """Give for whom somebody stands in today."""
    return tuple(
        one
        for one in list_deputies(connection, today=today)
        if one.deputy == reviewer_id and one.first_day.isoformat() <= today
    )
