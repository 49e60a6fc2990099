"""Which labels of a source the ledger holds already, so that they are not fetched again."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import or_, select

from workflow.ledger import tables
from workflow.ledger.ledger import Ledger


def known_labels(ledger: Ledger, source: str) -> Callable[[str, str], bool]:
    """Give the question whether a label (set id) is on record in a version (its running number)."""
    columns = tables.notices.c

    def is_known(set_id: str, number: str) -> bool:
        if not (number.isascii() and number.isdigit()):
            return False
        query = select(columns.notice_id).where(
            columns.source == source,
            columns.key == f"set_id:{set_id}",
            or_(columns.version == number, columns.version.startswith(f"{number}-", autoescape=True)),
        )
        with ledger.read() as connection:
            return connection.execute(query.limit(1)).first() is not None

    return is_known
