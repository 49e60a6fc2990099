"""Staging: a batch's edits become rows in a shard that is written once and verified by reading it back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select, update

from editor_engine.edit import Carrier, Edit
from workflow.change_control.batches import read_batch, set_state
from workflow.engine_seam import edit_from_json
from workflow.errors import IllegalTransitionError
from workflow.fault_points import reached
from workflow.ledger import tables
from workflow.ledger.ledger import Ledger
from workflow.records import BatchState
from workflow.rehearsal_records import Rehearsal

if TYPE_CHECKING:
    from editor_engine import Editor, MemoryRow


def stage_batch(
    ledger: Ledger, memory_folder: Path, editor: Editor, batch_id: str, *, actor: str
) -> tuple[MemoryRow, ...]:
    """Write (or find) the batch's shard, read it back verified, and record its rows; return them.

    Idempotent: the same edits give the same bytes. Every value is the one that was rehearsed. The shard holds every
    edit of the batch, also those that the gate ejects later: which rows are in force is said by releases alone.
    """
    from editor_engine.memory_store import read_shard, write_shard

    with ledger.read() as connection:
        batch = read_batch(connection, batch_id)
        bodies = connection.execute(
            select(tables.edits.c.body).where(tables.edits.c.batch_id == batch_id).order_by(tables.edits.c.edit_id)
        ).scalars()
        edits = [edit_from_json(body) for body in bodies]
        rehearsed = {edit.edit_id: newest_rehearsal(connection, edit.candidate_id) for edit in batch.edits}
    name = f"{batch_id}.safetensors"
    made = rehearsed_rows(edits, rehearsed, editor, memory_folder, sequence=batch.ordinal)
    reached("stage.before_rename")
    sha256 = write_shard(made, memory_folder / name)
    rows = read_shard(memory_folder / name, sha256)
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


def newest_rehearsal(connection: Connection, candidate_id: str) -> Rehearsal | None:
    """Read a candidate's newest rehearsal: the one that its signatures were checked against when the batch was made."""
    columns = tables.rehearsals.c
    query = select(columns.body).where(columns.candidate_id == candidate_id).order_by(columns.rehearsal_id.desc())
    body = connection.execute(query.limit(1)).scalar()
    return None if body is None else Rehearsal.model_validate_json(body)


def rehearsed_rows(
    edits: Sequence[Edit],
    rehearsed: Mapping[str, Rehearsal | None],
    editor: Editor,
    memory_folder: Path,
    *,
    sequence: int,
) -> list[MemoryRow]:
    """Give each edit's row with the very value that was rehearsed.

    Raises:
        IllegalTransitionError: it was rehearsed with another base model or checkpoint, or the text that stands in front
            of a question has another wording since.
        MemoryDamagedError: the value that was rehearsed is lost or damaged.
    """
    from editor_engine.value_files import read_value

    rows = []
    for row in editor.rows(edits, Carrier.TEXT, sequence=sequence):
        record = rehearsed.get(row.edit_id)
        if record is not None and record.value_sha256:
            _require_same_engine(row.edit_id, record, editor)
            if record.carrier != Carrier.TEXT:
                value = read_value(record.value_sha256, memory_folder)
                row = replace(row, carrier=Carrier(record.carrier), context=None, prompt=value)
            if row.value_sha256 != record.value_sha256:
                raise _rehearse_again(row.edit_id, "value", record.value_sha256, row.value_sha256)
        rows.append(row)
    return rows


def _require_same_engine(edit_id: str, record: Rehearsal, editor: Editor) -> None:
    for what, expected, got in (
        ("base model", record.base_model_digest, editor.base.digest),
        ("encoder", record.encoder_digest, editor.encoder.digest),
    ):
        if expected != got:
            raise _rehearse_again(edit_id, what, expected, got)


def _rehearse_again(edit_id: str, what: str, expected: str, got: str) -> IllegalTransitionError:
    return IllegalTransitionError(
        f"edit {edit_id}: was rehearsed and signed with {what} {expected[:12]}, got {got[:12]}; it is not staged "
        "otherwise than it was shown: set the former one in medrek-flow.toml, or run medrek-flow worker, which "
        "rehearses what is in no batch yet, and have it signed again"
    )
