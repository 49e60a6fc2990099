"""Which tables go into a bundle, and in which columns: everything that people decided and that was done, no secrets."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, Table, select

from workflow.ledger import tables

TABLES: dict[str, Table] = {
    "candidates": tables.candidates,
    "batches": tables.batches,
    "edits": tables.edits,
    "gates": tables.gates,
    "releases": tables.releases,
    "release_edits": tables.release_edits,
    "reviewers": tables.reviewers,
    "documents": tables.documents,
    "notices": tables.notices,
    "runs": tables.runs,
    "source_runs": tables.source_runs,
}
_SECRET = {"reviewers": frozenset({"pin_hash"})}


def rows_of(connection: Connection, table: Table) -> Iterator[dict[str, object]]:
    """Give the rows of a table in the order of its key, without what is secret."""
    secret = _SECRET.get(table.name, frozenset())
    columns = [column for column in table.columns if column.name not in secret]
    query = select(*columns).order_by(*table.primary_key.columns)
    for row in connection.execute(query).mappings():
        yield dict(row)
