"""The key index of what is live: built from the verified shards, so that it can always be thrown away and built again.

No answer depends on it: it serves near-duplicate search, and ``doctor`` compares it with the shards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow.change_control.batches import read_batch
from workflow.change_control.release import ReleasedEdit
from workflow.ledger.ledger import Ledger
from workflow.site import Site

if TYPE_CHECKING:
    from editor_engine.key_index import IndexedRow


def indexed_rows(site: Site, ledger: Ledger, edits: tuple[ReleasedEdit, ...]) -> tuple[IndexedRow, ...]:
    """Read the rows in force from their shards, verified, each with its place on disk."""
    from editor_engine.key_index import IndexedRow, ValuePointer
    from editor_engine.memory_store import read_shard

    wanted = {edit.edit_id for edit in edits}
    rows = []
    for batch_id in dict.fromkeys(edit.batch_id for edit in edits):
        with ledger.read() as connection:
            batch = read_batch(connection, batch_id)
        name = str(batch.shard_path)
        for number, row in enumerate(read_shard(site.memory_folder / name, str(batch.shard_sha256))):
            if row.edit_id in wanted:
                rows.append(IndexedRow(row, batch_id, ValuePointer(name, number, row.value_sha256)))
    return tuple(rows)


def rebuild_index(site: Site, ledger: Ledger, edits: tuple[ReleasedEdit, ...]) -> None:
    """Bring the index up to what is live, unless it is; a wedged or missing one is built anew.

    Raises:
        EngineError: another process has the index open, or it cannot be built.
    """
    from editor_engine.key_index import KeyIndex

    rows = indexed_rows(site, ledger, edits)
    with KeyIndex(site.index_folder) as index:
        if not index.compare(rows).is_equal:
            index.rebuild(rows)
