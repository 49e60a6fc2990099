"""The key index of what is live: built from the verified shards, so that it can always be thrown away and built again.

No answer depends on it: it serves near-duplicate search, and ``doctor`` compares it with the shards.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from editor_engine.errors import EngineError, IndexBusyError
from workflow.change_control.batches import read_batch
from workflow.change_control.release import ReleasedEdit
from workflow.ledger.ledger import Ledger
from workflow.site import Site

if TYPE_CHECKING:
    from editor_engine import Memory, MemoryRow
    from editor_engine.key_index import IndexedRow, KeyIndex

_log = logging.getLogger(__name__)
_PROPOSED = 10
"""Keys that Chroma is asked for; those of the same fact are no near-duplicates and fall away."""

NearSearch = Callable[["MemoryRow"], tuple[tuple[float, str], ...]]
"""Cosine and one line for each key near a row's."""


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
    """Bring the index up to what is live; a wedged or missing one is built anew.

    One that another process has open is left as it is, and logged: no answer depends on it, and ``doctor`` finds it.

    Raises:
        EngineError: it cannot be built.
    """
    from editor_engine.key_index import KeyIndex

    rows = indexed_rows(site, ledger, edits)
    try:
        with KeyIndex(site.index_folder) as index:
            index.bring_up_to(rows)
    except IndexBusyError as error:
        _log.warning("key index not brought up to date", extra={"data": {"why": type(error).__name__}})


@contextmanager
def near_duplicates(site: Site, edits: dict[str, ReleasedEdit], memory: Memory) -> Iterator[NearSearch | None]:
    """Give a search for the edits in force whose keys lie near a row's: Chroma proposes them, the cosine is exact.

    None while nothing is in force. An index that cannot be opened or read names nothing and is logged: a rehearsal
    does not wait for it, and ``doctor --repair`` builds it anew.

    Args:
        site: Where the index lies.
        edits: What is in force, by edit id.
        memory: The same, with its keys.
    """
    if not edits:
        yield None
        return
    from editor_engine.key_index import KeyIndex

    try:
        index = KeyIndex(site.index_folder)
    except EngineError as error:
        _log.warning("key index not opened", extra={"data": {"why": type(error).__name__}})
        yield None
        return
    with index:
        yield lambda row: _name_near(index, row, edits, memory)


def _name_near(
    index: KeyIndex, row: MemoryRow, edits: dict[str, ReleasedEdit], memory: Memory
) -> tuple[tuple[float, str], ...]:
    from editor_engine.near_keys import OVERLAP_COSINE, cosine

    try:
        found = index.near_duplicates(row.keys[0], k=_PROPOSED)
    except EngineError as error:
        _log.warning("key index not read", extra={"data": {"why": type(error).__name__}})
        return ()
    near = [
        (cosine(row.keys[0], memory.row(one.edit_id).keys[0]), edits[one.edit_id])
        for one in found
        if one.edit_id in edits
    ]
    return tuple(
        (
            how_near,
            f"edit {edit.edit_id} in force asks nearly the same ({edit.subject}, {edit.relation}): {edit.object_new}",
        )
        for how_near, edit in near
        if how_near >= OVERLAP_COSINE and edit.functional_key != row.edit.functional_key
    )
