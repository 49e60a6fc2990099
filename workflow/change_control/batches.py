"""Batches: approved candidates become edits that are staged, gated, promoted and rolled back together."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select, update

from workflow.change_control.batch_states import may_become, standing_word
from workflow.change_control.roles import Act
from workflow.change_control.signed_acts import sign_act
from workflow.engine_seam import edit_to_json, make_edit
from workflow.errors import IllegalTransitionError, UsageError
from workflow.fault_points import reached
from workflow.ledger import tables
from workflow.ledger.ledger import Ledger, Transaction
from workflow.ledger.signing import void_outdated
from workflow.records import Action, BatchState, Candidate, CandidateState
from workflow.review_policy import ReviewPolicy


@dataclass(frozen=True)
class BatchEdit:
    """One edit of a batch, as lists show it."""

    edit_id: str
    candidate_id: str
    functional_key: str
    question: str
    object_new: str
    state: str
    reason: str | None
    carrier: str | None
    row_sha256: str | None


@dataclass(frozen=True)
class BatchRow:
    """One batch, as lists show it."""

    batch_id: str
    ordinal: int
    state: BatchState
    created_at: str
    created_by: str
    note: str
    base_release_id: int | None
    shard_path: str | None
    shard_sha256: str | None
    gate_id: str | None
    release_id: int | None
    hold_reason: str | None
    """Why it is held, or what it waits for."""
    expedited: int
    edits: tuple[BatchEdit, ...]

    @property
    def standing_word(self) -> str:
        """How it stands, in a word: its state, or *waiting*."""
        return standing_word(self.state, self.hold_reason)

    @property
    def standing(self) -> tuple[BatchEdit, ...]:
        """The edits that were not ejected."""
        return tuple(edit for edit in self.edits if edit.state != "ejected")


def list_batches(connection: Connection) -> tuple[BatchRow, ...]:
    """Read every batch with its edits, oldest first."""
    rows = connection.execute(select(tables.batches).order_by(tables.batches.c.ordinal)).mappings().all()
    return tuple(_batch(connection, dict(row)) for row in rows)


def read_batch(connection: Connection, batch_id: str) -> BatchRow:
    """Read one batch.

    Raises:
        UsageError: there is no such batch.
    """
    row = connection.execute(select(tables.batches).where(tables.batches.c.batch_id == batch_id)).mappings().first()
    if row is None:
        raise UsageError(f"batch {batch_id!r}: unknown; see `medrek-flow batch list`")
    return _batch(connection, dict(row))


def _batch(connection: Connection, row: dict[str, object]) -> BatchRow:
    columns = tables.edits.c
    edits = connection.execute(
        select(
            columns.edit_id,
            columns.candidate_id,
            columns.functional_key,
            columns.body,
            columns.state,
            columns.reason,
            columns.carrier,
            columns.row_sha256,
        )
        .where(columns.batch_id == row["batch_id"])
        .order_by(columns.edit_id)
    ).mappings()
    fields = {name: row[name] for name in row if name in BatchRow.__dataclass_fields__}
    fields["state"] = BatchState(str(row["state"]))
    return BatchRow(**fields, edits=tuple(_edit(dict(edit)) for edit in edits))  # type: ignore[arg-type]


def _edit(row: dict[str, str]) -> BatchEdit:
    body = json.loads(row.pop("body"))
    return BatchEdit(**row, question=body["question"], object_new=body["object_new"])


def approved_candidates(connection: Connection) -> tuple[Candidate, ...]:
    """Read the approved candidates that are in no batch yet, oldest first."""
    rows = connection.execute(
        select(tables.candidates.c.body)
        .where(tables.candidates.c.state == CandidateState.APPROVED)
        .order_by(tables.candidates.c.created_at, tables.candidates.c.candidate_id)
    ).scalars()
    return tuple(Candidate.model_validate_json(body) for body in rows)


def create_batch(
    ledger: Ledger,
    *,
    actor: str,
    note: str = "",
    candidate_ids: Sequence[str] = (),
    expedited: bool = False,
    by_hand: bool = False,
) -> str | None:
    """Make a batch of the approved edits (of all, or of those named); None when nothing is approved.

    An approval counts only while its signatures stand: those that are void go back to their reviewers first (P1).

    Args:
        expedited: whether it holds an expedited candidate, which is marked on the batch and on its release.
        by_hand: whether a person makes it, who signs that; otherwise the site's policy does.

    Raises:
        IllegalTransitionError: a named candidate is not approved.
    """
    policy = ReviewPolicy(ledger.signer_profile())
    with ledger.write() as transaction:
        void_outdated(transaction, policy)
        approved = [c for c in approved_candidates(transaction.connection) if c.action is Action.EDIT]
        chosen = _choose(approved, candidate_ids)
        if not chosen:
            return None
        ordinal = 1 + int(
            transaction.execute(select(func.coalesce(func.max(tables.batches.c.ordinal), 0))).scalar_one()
        )
        batch_id = f"b{ordinal:04d}"
        transaction.execute(
            insert(tables.batches).values(
                batch_id=batch_id,
                ordinal=ordinal,
                state=BatchState.OPEN,
                created_at=transaction.now,
                created_by=actor,
                note=note,
                expedited=int(expedited),
            )
        )
        for candidate in chosen:
            _add_edit(transaction, batch_id, candidate)
        if by_hand:
            why, shown = note.strip() or "made by hand", {"candidates": [c.candidate_id for c in chosen]}
            sign_act(transaction, actor, Act.CREATE_BATCH, subject=f"batch:{batch_id}", reason=why, shown=shown)
        transaction.audit(
            "batch.created",
            f"batch:{batch_id}",
            {"candidates": [c.candidate_id for c in chosen], "note": note, "expedited": expedited},
            actor=actor,
        )
        reached("batch.before_commit")
    return batch_id


def _choose(approved: Sequence[Candidate], candidate_ids: Sequence[str]) -> list[Candidate]:
    if not candidate_ids:
        return list(approved)
    by_id = {candidate.candidate_id: candidate for candidate in approved}
    for candidate_id in candidate_ids:
        if candidate_id not in by_id:
            raise IllegalTransitionError(
                f"candidate {candidate_id!r}: expected an approved candidate that is in no batch, got none such; "
                "see `medrek-flow queue list --state approved`"
            )
    return [by_id[candidate_id] for candidate_id in candidate_ids]


def _add_edit(transaction: Transaction, batch_id: str, candidate: Candidate) -> None:
    edit = make_edit(candidate)
    columns = tables.edits.c
    was_cancelled = (columns.edit_id == edit.edit_id) & (columns.state == "cancelled")
    transaction.execute(delete(tables.edits).where(was_cancelled))  # never staged for good, in no release
    transaction.execute(
        insert(tables.edits).values(
            edit_id=edit.edit_id,
            candidate_id=candidate.candidate_id,
            batch_id=batch_id,
            functional_key=edit.functional_key,
            body=edit_to_json(edit),
            state="in_batch",
            created_at=transaction.now,
        )
    )
    transaction.execute(
        update(tables.candidates)
        .where(tables.candidates.c.candidate_id == candidate.candidate_id)
        .values(state=CandidateState.BATCHED)
    )


def set_state(transaction: Transaction, batch_id: str, target: BatchState, **values: object) -> None:
    """Move a batch to ``target`` with further column values, inside the caller's transaction.

    Raises:
        IllegalTransitionError: the table of transitions does not have it.
    """
    state = BatchState(
        transaction.execute(select(tables.batches.c.state).where(tables.batches.c.batch_id == batch_id)).scalar_one()
    )
    if not may_become(state, target):
        raise IllegalTransitionError(
            f"batch {batch_id}: is {state}, which cannot become {target}; see `medrek-flow batch show {batch_id}`"
        )
    transaction.execute(
        update(tables.batches).where(tables.batches.c.batch_id == batch_id).values(state=target, **values)
    )


def eject(transaction: Transaction, edit_id: str, candidate_id: str, reason: str) -> None:
    """Take one edit out of its batch before promotion, and close its candidate with the reason."""
    transaction.execute(
        update(tables.edits).where(tables.edits.c.edit_id == edit_id).values(state="ejected", reason=reason)
    )
    transaction.execute(
        update(tables.candidates)
        .where(tables.candidates.c.candidate_id == candidate_id)
        .values(state=CandidateState.CLOSED, reason=f"ejected by the gate: {reason}")
    )
