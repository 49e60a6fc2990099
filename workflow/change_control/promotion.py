"""Promotion: a batch that passed becomes the live release, in one transaction, after its shard was verified.

What must hold at that moment stands in ``promotion_checks`` and is asked inside the transaction. Torch-free: what is
written are digests and rows; the shard was read back and verified when it was staged, and its bytes are hashed again
here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, select, update

from workflow.change_control.batches import BatchRow, read_batch, set_state
from workflow.change_control.promotion_checks import HeldError, hold, require_clock, require_gated, require_signed
from workflow.change_control.release import (
    LiveState,
    NewRelease,
    ReleaseRow,
    read_live,
    release_edits,
    release_rows,
    write_release,
)
from workflow.change_control.shard_files import shards_in_force, verify_shard_file
from workflow.errors import IllegalTransitionError
from workflow.fault_points import reached
from workflow.ledger import audit, tables
from workflow.ledger.ledger import Ledger, Transaction
from workflow.records import BatchState


@dataclass(frozen=True)
class Promoted:
    """What a promotion did."""

    batch_id: str
    release_id: int
    digest: str
    edits: tuple[str, ...]


def verify_shard(connection: Connection, memory_folder: Path, batch_id: str) -> None:
    """Hash a batch's shard again.

    Raises:
        DamagedError: it is missing or its bytes are not the ones that were staged.
    """
    columns = tables.batches.c
    query = select(columns.shard_path, columns.shard_sha256).where(columns.batch_id == batch_id)
    path, sha256 = connection.execute(query).one_or_none() or (None, None)
    verify_shard_file(memory_folder, path or f"{batch_id}.safetensors", sha256)


def verify_live(ledger: Ledger, memory_folder: Path) -> None:
    """Hash every shard that the live release rests on again.

    Raises:
        DamagedError: one is missing or its bytes are not the ones that were staged.
    """
    with ledger.read() as connection:
        live = read_live(connection)
        shards = shards_in_force(connection, release_edits(connection, live.release_id)) if live else ()
    for shard in shards:
        verify_shard_file(memory_folder, shard.path, shard.sha256)


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
        HeldError: what would go live is not what was signed and gated, or the clock runs behind; the batch is held.
        DamagedError: its shard is not what was staged.
    """
    try:
        checked = check_before(ledger, memory_folder, batch_id)
        promoted = move_pointer(ledger, checked, actor=actor, reason=reason, guard=guard)
    except HeldError as error:
        hold(ledger, batch_id, error)
        raise
    reached("promote.after_commit")
    return promoted


@dataclass(frozen=True)
class Checked:
    """A batch whose shard and signatures were checked, and the end of the audit chain at that time."""

    batch_id: str
    audit_head: tuple[int, str]


def check_before(ledger: Ledger, memory_folder: Path, batch_id: str) -> Checked:
    """Check shard and signatures of a passed batch on a snapshot: what takes long, before anything is locked.

    Raises:
        HeldError: signatures do not stand, or an edit is not what was signed.
        DamagedError: its shard is not what was staged.
    """
    with ledger.read() as connection:
        verify_shard(connection, memory_folder, batch_id)
        batch = read_batch(connection, batch_id)
        if batch.state is BatchState.PASSED:
            require_signed(connection, [edit.edit_id for edit in batch.standing])
        return Checked(batch_id, audit.head(connection))


def move_pointer(
    ledger: Ledger,
    checked: Checked,
    *,
    actor: str,
    reason: str = "",
    guard: Callable[[Transaction], None] = lambda _transaction: None,
) -> Promoted:
    """Write the release and move the pointer; signatures are counted again where anything happened since the check.

    Raises:
        IllegalTransitionError, HeldError: as ``promote_batch``.
    """
    with ledger.write() as transaction:
        guard(transaction)
        batch = read_batch(transaction.connection, checked.batch_id)
        live = _require_gated_against_live(transaction, batch)
        require_clock(transaction)
        if audit.head(transaction.connection) != checked.audit_head:
            require_signed(transaction.connection, [edit.edit_id for edit in batch.standing])
        new = _new_release(transaction, batch, live, actor, reason or batch.note)
        require_gated(transaction.connection, batch, new.digest)
        promoted = _write(transaction, batch, live, new)
        reached("promote.before_commit")
    return promoted


def _write(transaction: Transaction, batch: BatchRow, live: LiveState, new: NewRelease) -> Promoted:
    batch_id = batch.batch_id
    release_id = write_release(transaction, new, expected_live=live.release_id)
    set_state(transaction, batch_id, BatchState.PROMOTED, release_id=release_id, hold_reason=None)
    _mark_edits(transaction, batch)
    return Promoted(batch_id, release_id, new.digest, tuple(edit.edit_id for edit in batch.standing))


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


def _new_release(transaction: Transaction, batch: BatchRow, live: LiveState, actor: str, reason: str) -> NewRelease:
    old = release_rows(transaction.connection, live.release_id)
    added = tuple(ReleaseRow(e.edit_id, batch.batch_id, _row_digest(e.edit_id, e.row_sha256)) for e in batch.standing)
    said = f"EXPEDITED: {reason}" if batch.expedited else reason
    return NewRelease("promotion", batch.batch_id, live.identity, old + added, "passed", actor, said)


def _row_digest(edit_id: str, row_sha256: str | None) -> str:
    if row_sha256 is None:
        raise IllegalTransitionError(f"edit {edit_id}: expected a staged row, got none; stage the batch again")
    return row_sha256


def _mark_edits(transaction: Transaction, batch: BatchRow) -> None:
    ids = [edit.edit_id for edit in batch.standing]
    transaction.execute(update(tables.edits).where(tables.edits.c.edit_id.in_(ids)).values(state="live"))
