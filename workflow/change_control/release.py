"""Releases: immutable, numbered states of the memory, and the one pointer that says which is live.

Rules, all kept here and in ``rollback`` and ``promotion``:

1. A release is never changed; promotion, rollback and withdrawal each write a new one and move the pointer to it
   by compare-and-swap, in the transaction that writes the audit row.
2. Every release that is written becomes live at once, and none is dated before the last one, whatever the clock says,
   so the release in force at a time T is the newest one that was written at or before T.
3. A release's digest is a function of the digests of its rows, the base model, the encoder and the thresholds, so
   it can be computed from the ledger alone, without the memory's files and without torch.

Imports no model library: ``live``, ``status`` and ``rollback`` use it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection, func, insert, select, update

from editor_engine.memory_digest import memory_digest
from workflow.errors import IllegalTransitionError
from workflow.ledger import tables
from workflow.ledger.ledger import Ledger, Transaction


@dataclass(frozen=True)
class EngineIdentity:
    """What a release fits: base model, encoder with its checkpoint, and the thresholds (canonical JSON)."""

    base_model_digest: str
    encoder_digest: str
    thresholds: str


@dataclass(frozen=True)
class LiveState:
    """One release as the ledger knows it; for the live one also whether serving is stopped."""

    release_id: int
    digest: str
    base_model_digest: str
    encoder_digest: str
    thresholds: str
    check_state: str
    created_at: str
    cause: str
    batch_id: str | None
    actor: str
    reason: str
    stopped: bool = False
    stop_reason: str = ""

    @property
    def identity(self) -> EngineIdentity:
        """What this release fits."""
        return EngineIdentity(self.base_model_digest, self.encoder_digest, self.thresholds)


@dataclass(frozen=True)
class ReleasedEdit:
    """One edit in force in a release, with what a person needs to recognise it."""

    edit_id: str
    batch_id: str
    candidate_id: str
    row_sha256: str
    functional_key: str
    subject: str
    relation: str
    qualifiers: tuple[tuple[str, str], ...]
    object_new: str
    question: str
    batch_ordinal: int
    shard_path: str | None = None
    """The shard that holds its row where that is not its batch's own: after a rebase."""


class ReleaseRow(NamedTuple):
    """One edit in force, as a release names it."""

    edit_id: str
    batch_id: str
    row_sha256: str
    shard_path: str | None = None

    @classmethod
    def of(cls, edit: ReleasedEdit) -> ReleaseRow:
        """The row of an edit that is, or was, in force."""
        return cls(edit.edit_id, edit.batch_id, edit.row_sha256, edit.shard_path)


_RELEASE_COLUMNS = (
    tables.releases.c.release_id,
    tables.releases.c.digest,
    tables.releases.c.base_model_digest,
    tables.releases.c.encoder_digest,
    tables.releases.c.thresholds,
    tables.releases.c.check_state,
    tables.releases.c.created_at,
    tables.releases.c.cause,
    tables.releases.c.batch_id,
    tables.releases.c.actor,
    tables.releases.c.reason,
)


def read_live(connection: Connection) -> LiveState | None:
    """Read the live pointer; None on a site whose first release was not written yet."""
    query = select(*_RELEASE_COLUMNS, tables.live.c.stopped, tables.live.c.stop_reason).join(
        tables.live, tables.live.c.release_id == tables.releases.c.release_id
    )
    row = connection.execute(query).mappings().first()
    return None if row is None else LiveState(**{**row, "stopped": bool(row["stopped"])})


def read_release(connection: Connection, release_id: int) -> LiveState | None:
    """Read one release by its number; None if there is none."""
    row = connection.execute(select(*_RELEASE_COLUMNS).where(tables.releases.c.release_id == release_id)).mappings()
    first = row.first()
    return None if first is None else LiveState(**first)


def list_releases(connection: Connection) -> tuple[LiveState, ...]:
    """Read every release, oldest first."""
    rows = connection.execute(select(*_RELEASE_COLUMNS).order_by(tables.releases.c.release_id)).mappings()
    return tuple(LiveState(**row) for row in rows)


def release_in_force_at(connection: Connection, at: str) -> LiveState | None:
    """Read the release that was live at ``at`` (UTC ISO-8601 text); None if there was none yet."""
    query = (
        select(*_RELEASE_COLUMNS)
        .where(tables.releases.c.created_at <= at)
        .order_by(tables.releases.c.release_id.desc())
        .limit(1)
    )
    row = connection.execute(query).mappings().first()
    return None if row is None else LiveState(**row)


def release_edits(connection: Connection, release_id: int) -> tuple[ReleasedEdit, ...]:
    """Read the edits in force in a release, in the order of their batches (a later one supersedes an earlier)."""
    query = (
        select(
            tables.release_edits.c.edit_id,
            tables.release_edits.c.batch_id,
            tables.release_edits.c.row_sha256,
            tables.release_edits.c.shard_path,
            tables.edits.c.candidate_id,
            tables.edits.c.functional_key,
            tables.edits.c.body,
            tables.batches.c.ordinal,
        )
        .join(tables.edits, tables.edits.c.edit_id == tables.release_edits.c.edit_id)
        .join(tables.batches, tables.batches.c.batch_id == tables.release_edits.c.batch_id)
        .where(tables.release_edits.c.release_id == release_id)
        .order_by(tables.batches.c.ordinal, tables.release_edits.c.edit_id)
    )
    return tuple(_released_edit(dict(row)) for row in connection.execute(query).mappings())


def release_rows(connection: Connection, release_id: int) -> tuple[ReleaseRow, ...]:
    """Read the rows of a release alone, without the facts: what the next release is made of."""
    columns = tables.release_edits.c
    query = select(columns.edit_id, columns.batch_id, columns.row_sha256, columns.shard_path)
    return tuple(ReleaseRow(*row) for row in connection.execute(query.where(columns.release_id == release_id)))


def _released_edit(row: dict[str, object]) -> ReleasedEdit:
    body = json.loads(str(row["body"]))
    return ReleasedEdit(
        edit_id=str(row["edit_id"]),
        batch_id=str(row["batch_id"]),
        candidate_id=str(row["candidate_id"]),
        row_sha256=str(row["row_sha256"]),
        functional_key=str(row["functional_key"]),
        subject=body["subject"],
        relation=body["relation"],
        qualifiers=tuple((name, value) for name, value in body["qualifiers"]),
        object_new=body["object_new"],
        question=body["question"],
        batch_ordinal=int(str(row["ordinal"])),
        shard_path=None if row["shard_path"] is None else str(row["shard_path"]),
    )


@dataclass(frozen=True)
class NewRelease:
    """What a promotion, rollback or withdrawal wants to be live next."""

    cause: str
    batch_id: str | None
    identity: EngineIdentity
    rows: tuple[ReleaseRow, ...]
    """Every edit in force."""
    check_state: str
    actor: str
    reason: str

    @property
    def digest(self) -> str:
        """Digest of the memory that this release names."""
        return digest_of(self.identity, tuple(row.row_sha256 for row in self.rows))


def digest_of(identity: EngineIdentity, row_sha256s: tuple[str, ...]) -> str:
    """Digest of a memory with these rows, on this base model and encoder, with these thresholds."""
    return memory_digest(
        row_sha256s,
        base_digest=identity.base_model_digest,
        encoder_digest=identity.encoder_digest,
        thresholds_json=identity.thresholds,
    )


def write_release(transaction: Transaction, new: NewRelease, *, expected_live: int | None) -> int:
    """Write a release and move the live pointer to it, inside the caller's transaction; return its number.

    Raises:
        IllegalTransitionError: the pointer does not stand on ``expected_live`` any more.
    """
    highest = transaction.execute(select(func.max(tables.releases.c.release_id))).scalar()
    release_id = 0 if highest is None else int(highest) + 1
    transaction.execute(
        insert(tables.releases).values(
            release_id=release_id,
            created_at=_in_order(transaction),
            cause=new.cause,
            batch_id=new.batch_id,
            parent_id=expected_live,
            digest=new.digest,
            base_model_digest=new.identity.base_model_digest,
            encoder_digest=new.identity.encoder_digest,
            thresholds=new.identity.thresholds,
            check_state=new.check_state,
            actor=new.actor,
            reason=new.reason,
        )
    )
    if new.rows:
        transaction.execute(
            insert(tables.release_edits),
            [{"release_id": release_id, **row._asdict()} for row in new.rows],
        )
    _move_pointer(transaction, release_id, expected_live)
    transaction.audit(
        "release.live",
        f"release:{release_id}",
        {
            "cause": new.cause,
            "batch_id": new.batch_id,
            "parent": expected_live,
            "digest": new.digest,
            "edits": len(new.rows),
            "check_state": new.check_state,
            "reason": new.reason,
        },
        actor=new.actor,
    )
    return release_id


def _in_order(transaction: Transaction) -> str:
    """The time of a new release, never before the last one's: a clock that was set back reorders no history."""
    last: str | None = transaction.execute(select(func.max(tables.releases.c.created_at))).scalar()
    return max(transaction.now, last or "")


def _move_pointer(transaction: Transaction, release_id: int, expected_live: int | None) -> None:
    if expected_live is None:
        transaction.execute(insert(tables.live).values(id=1, release_id=release_id))
        return
    moved = transaction.execute(
        update(tables.live).where(tables.live.c.release_id == expected_live).values(release_id=release_id)
    )
    if moved.rowcount != 1:
        raise IllegalTransitionError(
            f"live pointer: expected release {expected_live}, but another release went live meanwhile; "
            "look at `medrek-flow live` and run the command again"
        )


def ensure_initial_release(ledger: Ledger, identity: EngineIdentity) -> LiveState:
    """Write release 0, or the next one for another engine while no edit is in force; return the live one.

    A live release with edits is left alone whatever the identity: the caller compares and refuses.
    """
    with ledger.read() as connection:
        live = read_live(connection)
        empty = live is None or not release_edits(connection, live.release_id)
    if live is not None and (live.identity == identity or not empty):
        return live
    with ledger.write() as transaction:
        current = read_live(transaction.connection)
        if (current.release_id if current else None) == (live.release_id if live else None):
            new = NewRelease("initial", None, identity, (), "passed", "medrek-flow", "no edits in force")
            write_release(transaction, new, expected_live=live.release_id if live else None)
    with ledger.read() as connection:
        written = read_live(connection)
    if written is None:
        raise IllegalTransitionError("live pointer: expected a release after writing the first one, got none")
    return written


def set_check_state(
    ledger: Ledger, release_id: int, check_state: str, *, actor: str, detail: dict[str, object]
) -> None:
    """Record how the check of a release that went live by a rollback came out: ``passed`` or ``failed``."""
    with ledger.write() as transaction:
        transaction.execute(
            update(tables.releases).where(tables.releases.c.release_id == release_id).values(check_state=check_state)
        )
        transaction.audit(
            "release.checked", f"release:{release_id}", {"check_state": check_state, **detail}, actor=actor
        )
