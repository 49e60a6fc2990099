"""Staging: a batch's edits become rows in a shard that is written once and verified by reading it back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from editor_engine.edit import Carrier
from workflow.change_control.batches import read_batch, set_state
from workflow.engine_seam import edit_from_json
from workflow.fault_points import reached
from workflow.ledger import tables
from workflow.ledger.ledger import Ledger
from workflow.records import BatchState

if TYPE_CHECKING:
    from editor_engine import Editor, MemoryRow


def stage_batch(
    ledger: Ledger, memory_folder: Path, editor: Editor, batch_id: str, *, actor: str
) -> tuple[MemoryRow, ...]:
    """Write (or find) the batch's shard, read it back verified, and record its rows; return them.

    Idempotent: the same edits give the same bytes. The shard holds every edit of the batch, also those that the
    gate ejects later: which rows are in force is said by releases alone.
    """
    with ledger.read() as connection:
        batch = read_batch(connection, batch_id)
        bodies = connection.execute(
            select(tables.edits.c.body).where(tables.edits.c.batch_id == batch_id).order_by(tables.edits.c.edit_id)
        ).scalars()
        edits = [edit_from_json(body) for body in bodies]
    name = f"{batch_id}.safetensors"
    reached("stage.before_rename")
    rows, sha256 = editor.stage(edits, memory_folder / name, Carrier.TEXT, sequence=batch.ordinal)
    if batch.shard_sha256 == sha256 and batch.state is not BatchState.OPEN:
        return tuple(rows)
    with ledger.write() as transaction:
        for row in rows:
            transaction.execute(
                update(tables.edits)
                .where(tables.edits.c.edit_id == row.edit_id)
                .values(carrier=row.carrier.value, row_sha256=row.digest)
            )
        set_state(transaction, batch_id, BatchState.STAGED, shard_path=name, shard_sha256=sha256)
        transaction.audit("batch.staged", f"batch:{batch_id}", {"shard_sha256": sha256, "rows": len(rows)}, actor=actor)
        reached("stage.before_commit")
    return tuple(rows)
