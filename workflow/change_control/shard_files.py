"""Where the rows in force stand on disk: in their batch's shard, or in a release's own after a rebase."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, select

from workflow.change_control.release import ReleasedEdit
from workflow.errors import DamagedError
from workflow.ledger import tables
from workflow.ledger.control_tables import shards


@dataclass(frozen=True)
class ShardInForce:
    """One shard file and the rows of it that are in force."""

    path: str
    """Relative to the site's memory folder."""
    sha256: str
    rows: dict[str, str]
    """Row digests by edit id."""


def shards_in_force(connection: Connection, edits: Iterable[ReleasedEdit]) -> tuple[ShardInForce, ...]:
    """Name the shards on which edits in force rest, each with its rows, in the order of the edits.

    Raises:
        DamagedError: the ledger names a shard that it does not hold.
    """
    batches, released = tables.batches.c, shards.c
    of_batch: dict[str, tuple[str | None, str | None]] = {
        row[0]: (row[1], row[2])
        for row in connection.execute(select(batches.batch_id, batches.shard_path, batches.shard_sha256))
    }
    of_release: dict[str, str] = {row[0]: row[1] for row in connection.execute(select(released.path, released.sha256))}
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for edit in edits:
        path, sha256 = of_batch[edit.batch_id]
        if edit.shard_path is not None:
            path, sha256 = edit.shard_path, of_release.get(edit.shard_path)
        if path is None or sha256 is None:
            raise DamagedError(
                f"edit {edit.edit_id}: expected a shard on record, got none; run `medrek-flow audit verify`"
            )
        rows.setdefault((path, sha256), {})[edit.edit_id] = edit.row_sha256
    return tuple(ShardInForce(path, sha256, mine) for (path, sha256), mine in rows.items())


def verify_shard_file(memory_folder: Path, path: str, sha256: str | None) -> None:
    """Hash a shard again.

    Raises:
        DamagedError: it is missing or its bytes are not the ones that were staged.
    """
    file = memory_folder / path
    if not file.is_file():
        raise DamagedError(f"memory shard {path}: expected a file, got none; restore it from a backup")
    got = hashlib.sha256(file.read_bytes()).hexdigest()
    if got != sha256:
        raise DamagedError(
            f"memory shard {path}: expected sha256 {str(sha256)[:12]}, got {got[:12]}; "
            "it is not used; restore it from a backup, then `medrek-flow doctor`"
        )
