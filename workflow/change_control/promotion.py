"""Promotion: a batch that passed becomes the live release, in one transaction, after its shard was verified.

Torch-free: what is written are digests and rows; the shard was read back and verified when it was staged, and its
bytes are hashed again here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import update

from workflow.change_control.batches import BatchRow, read_batch, set_state
from workflow.change_control.release import LiveState, NewRelease, read_live, release_edits, write_release
from workflow.errors import DamagedError, IllegalTransitionError
from workflow.fault_points import reached
from workflow.ledger import tables
from workflow.ledger.ledger import Ledger, Transaction
from workflow.records import BatchState


@dataclass(frozen=True)
class Promoted:
    """What a promotion did."""

    batch_id: str
    release_id: int
    digest: str
    edits: tuple[str, ...]


def verify_shard(memory_folder: Path, batch: BatchRow) -> None:
    """Hash a batch's shard again.

    Raises:
        DamagedError: it is missing or its bytes are not the ones that were staged.
    """
    path = memory_folder / (batch.shard_path or f"{batch.batch_id}.safetensors")
    if not path.is_file():
        raise DamagedError(f"memory shard {path.name}: expected a file, got none; restore it from a backup")
    got = hashlib.sha256(path.read_bytes()).hexdigest()
    if got != batch.shard_sha256:
        raise DamagedError(
            f"memory shard {path.name}: expected sha256 {str(batch.shard_sha256)[:12]}, got {got[:12]}; "
            "it is not used; restore it from a backup, then `medrek-flow doctor`"
        )


def verify_live(ledger: Ledger, memory_folder: Path) -> None:
    """Hash every shard that the live release rests on again.

    Raises:
        DamagedError: one is missing or its bytes are not the ones that were staged.
    """
    with ledger.read() as connection:
        live = read_live(connection)
        in_force = release_edits(connection, live.release_id) if live else ()
        for batch_id in dict.fromkeys(edit.batch_id for edit in in_force):
            verify_shard(memory_folder, read_batch(connection, batch_id))


def promote_batch(
    ledger: Ledger,
    memory_folder: Path,
    batch_id: str,
    *,
    actor: str,
    reason: str = "",
    guard: Callable[[Transaction], None] = lambda _transaction: None,
) -> Promoted:
    """Make the passed batch live: release, pointer, states and audit row in one transaction.

    Args:
        guard: called first inside the transaction; raises when the worker's lease was lost meanwhile.

    Raises:
        IllegalTransitionError: the batch has not passed, or live moved since its gate.
        DamagedError: its shard is not what was staged.
    """
    with ledger.read() as connection:
        verify_shard(memory_folder, read_batch(connection, batch_id))
    with ledger.write() as transaction:
        guard(transaction)
        batch = read_batch(transaction.connection, batch_id)
        live = _require_gated_against_live(transaction, batch)
        release_id, digest = _write(transaction, batch, live, actor, reason or batch.note)
        set_state(transaction, batch_id, BatchState.PROMOTED, release_id=release_id)
        _mark_edits(transaction, batch)
        reached("promote.before_commit")
    reached("promote.after_commit")
    return Promoted(batch_id, release_id, digest, tuple(edit.edit_id for edit in batch.standing))


def _require_gated_against_live(transaction: Transaction, batch: BatchRow) -> LiveState:
    live = read_live(transaction.connection)
    if batch.state is not BatchState.PASSED or live is None:
        raise IllegalTransitionError(
            f"batch {batch.batch_id}: expected state 'passed', got {str(batch.state)!r}; run `medrek-flow check "
            f"{batch.batch_id}` first"
        )
    if batch.base_release_id != live.release_id:
        raise IllegalTransitionError(
            f"batch {batch.batch_id}: its gate compared with release {batch.base_release_id}, but live is "
            f"{live.release_id}; run `medrek-flow check {batch.batch_id}` again"
        )
    return live


def _write(transaction: Transaction, batch: BatchRow, live: LiveState, actor: str, reason: str) -> tuple[int, str]:
    old = tuple((e.edit_id, e.batch_id, e.row_sha256) for e in release_edits(transaction.connection, live.release_id))
    added = tuple((e.edit_id, batch.batch_id, _row_digest(e.edit_id, e.row_sha256)) for e in batch.standing)
    new = NewRelease("promotion", batch.batch_id, live.identity, old + added, "passed", actor, reason)
    return write_release(transaction, new, expected_live=live.release_id), new.digest


def _row_digest(edit_id: str, row_sha256: str | None) -> str:
    if row_sha256 is None:
        raise IllegalTransitionError(f"edit {edit_id}: expected a staged row, got none; stage the batch again")
    return row_sha256


def _mark_edits(transaction: Transaction, batch: BatchRow) -> None:
    ids = [edit.edit_id for edit in batch.standing]
    transaction.execute(update(tables.edits).where(tables.edits.c.edit_id.in_(ids)).values(state="live"))
