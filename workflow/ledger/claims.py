"""Claims: who works on a candidate now, so that two people do not collide. A claim ends by itself.

A convenience, not a record: only taking one over from somebody is an audit row. A claim is given by comparing and
setting in one transaction, so that of two who reach for the same candidate one gets it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert

from workflow.clock import utc_moment, utc_text
from workflow.ledger.desk_tables import claims
from workflow.ledger.ledger import Ledger
from workflow.ledger.tables import reviewers

_MOST_PARAMETERS = 500


@dataclass(frozen=True)
class Claim:
    """Who works on a candidate, until when."""

    reviewer_id: str
    name: str
    """As printed."""
    until: str


def claim(ledger: Ledger, candidate_id: str, reviewer_id: str, *, lasts: timedelta, take_over: bool = False) -> Claim:
    """Claim a candidate, or hold it longer; give who has it now."""
    with ledger.write() as transaction:
        holder = held_by_other(transaction.connection, candidate_id, reviewer_id, now=transaction.now)
        if holder is not None and not take_over:
            return holder
        until = utc_text(utc_moment(transaction.now) + lasts)
        values = {"reviewer_id": reviewer_id, "claimed_at": transaction.now, "until": until}
        transaction.execute(
            insert(claims)
            .values(candidate_id=candidate_id, **values)
            .on_conflict_do_update(index_elements=["candidate_id"], set_=values)
        )
        if holder is not None:
            body = {"from": holder.reviewer_id}
            transaction.audit("candidate.taken_over", f"candidate:{candidate_id}", body, actor=reviewer_id)
        return claims_on(transaction.connection, [candidate_id], now=transaction.now)[candidate_id]


def release_claim(ledger: Ledger, candidate_id: str, reviewer_id: str) -> None:
    """Give a reviewer's own claim back; nothing where there is none."""
    with ledger.write() as transaction:
        transaction.execute(
            delete(claims).where(claims.c.candidate_id == candidate_id, claims.c.reviewer_id == reviewer_id)
        )


def held_by_other(connection: Connection, candidate_id: str, reviewer_id: str, *, now: str) -> Claim | None:
    """Give the claim of somebody else that stands now."""
    found = claims_on(connection, [candidate_id], now=now).get(candidate_id)
    return None if found is None or found.reviewer_id == reviewer_id else found


def claims_on(connection: Connection, candidate_ids: Sequence[str], *, now: str) -> dict[str, Claim]:
    """Give the claims that stand now on these candidates."""
    found: dict[str, Claim] = {}
    for start in range(0, len(candidate_ids), _MOST_PARAMETERS):
        chunk = candidate_ids[start : start + _MOST_PARAMETERS]
        found |= _standing(connection, now, chunk)
    return found


def all_claims(connection: Connection, *, now: str) -> dict[str, Claim]:
    """Give every claim that stands now, by candidate."""
    return _standing(connection, now, None)


def _standing(connection: Connection, now: str, candidate_ids: Sequence[str] | None) -> dict[str, Claim]:
    query = select(claims.c.candidate_id, claims.c.reviewer_id, reviewers.c.name, claims.c.until)
    query = query.join(reviewers, reviewers.c.reviewer_id == claims.c.reviewer_id).where(claims.c.until > now)
    if candidate_ids is not None:
        query = query.where(claims.c.candidate_id.in_(candidate_ids))
    return {row.candidate_id: Claim(row.reviewer_id, row.name, row.until) for row in connection.execute(query)}
