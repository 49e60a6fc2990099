"""What a reviewer keeps for themselves: named views of the queue, and the place where they left off. Not of record."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert

from workflow.errors import UsageError
from workflow.ledger.desk_tables import places, saved_views
from workflow.ledger.ledger import Ledger

LONGEST_NAME = 60
LONGEST_BODY = 4000
MOST_VIEWS = 50


def save_view(ledger: Ledger, reviewer_id: str, name: str, body: str) -> None:
    """Keep a view under its name, in place of an earlier one of that name.

    Raises:
        UsageError: The name is empty, too long or not printable, or there are too many.
    """
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable() or len(body) > LONGEST_BODY:
        raise UsageError(f"view: expected a name of 1 to {LONGEST_NAME} printable characters, and a short filter")
    with ledger.write() as transaction:
        known = read_views(transaction.connection, reviewer_id)
        if name not in known and len(known) >= MOST_VIEWS:
            raise UsageError(f"view {name!r}: expected at most {MOST_VIEWS} views; drop one first")
        values = {"body": body, "saved_at": transaction.now}
        transaction.execute(
            insert(saved_views)
            .values(reviewer_id=reviewer_id, name=name, **values)
            .on_conflict_do_update(index_elements=["reviewer_id", "name"], set_=values)
        )


def drop_view(ledger: Ledger, reviewer_id: str, name: str) -> None:
    """Forget a view; nothing where there is none."""
    with ledger.write() as transaction:
        own = (saved_views.c.reviewer_id == reviewer_id, saved_views.c.name == name.strip())
        transaction.execute(delete(saved_views).where(*own))


def read_views(connection: Connection, reviewer_id: str) -> dict[str, str]:
    """Give a reviewer's views by name, in order."""
    query = select(saved_views.c.name, saved_views.c.body).where(saved_views.c.reviewer_id == reviewer_id)
    return {str(name): str(body) for name, body in connection.execute(query.order_by(saved_views.c.name))}


def keep_place(ledger: Ledger, reviewer_id: str, place: str) -> None:
    """Remember where a reviewer is, in the screens' own words.

    Raises:
        UsageError: It is too long.
    """
    if len(place) > LONGEST_BODY:
        raise UsageError(f"place: expected at most {LONGEST_BODY} characters, got {len(place)}")
    with ledger.write() as transaction:
        values = {"body": place, "saved_at": transaction.now}
        transaction.execute(
            insert(places)
            .values(reviewer_id=reviewer_id, **values)
            .on_conflict_do_update(index_elements=["reviewer_id"], set_=values)
        )


def read_place(connection: Connection, reviewer_id: str) -> str:
    """Give the place back; empty where none was kept."""
    return str(connection.execute(select(places.c.body).where(places.c.reviewer_id == reviewer_id)).scalar() or "")
