"""The audit chain: what is hashed into a row, how a row is appended, and how the chain is verified.

Each row's ``hash`` is sha256 over the canonical JSON of its named columns (see ``COLUMNS``) and of ``prev``, the
hash of the row before; the first row's ``prev`` is 64 zeros. Which columns are covered stands in the row
(``version``), so that a later schema may add columns and old rows still verify. ``UNIQUE(prev)`` forbids forks;
triggers forbid UPDATE, DELETE and INSERT OR REPLACE. Whoever owns the file can drop triggers and rebuild the
chain: only a head noted elsewhere (``verify(head=...)``) shows that.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, Row, insert, select

from workflow.ledger.tables import audit

GENESIS = "0" * 64
VERSION = 1
COLUMNS: Mapping[int, tuple[str, ...]] = {
    1: ("seq", "at", "actor", "event", "subject", "body", "version", "prev"),
}


@dataclass(frozen=True)
class Verification:
    """What walking the whole chain found."""

    ok: bool
    first_bad_seq: int | None
    """The first row that is not what it should be, or would have stood there."""
    reason: str
    head: str
    """Hash of the last row that verified; 64 zeros where there is none."""
    length: int
    """Rows that verified."""


def canonical_json(value: object) -> str:
    """Write JSON in the one spelling that is hashed: sorted keys, no spaces, ASCII only, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def row_hash(columns: Mapping[str, object]) -> str:
    """Hash the columns that the row's own version names."""
    version = columns["version"]
    if not isinstance(version, int) or version not in COLUMNS:
        raise ValueError(f"audit row version: expected one of {sorted(COLUMNS)}, got {version!r}")
    covered = {name: columns[name] for name in COLUMNS[version]}
    return hashlib.sha256(canonical_json(covered).encode("ascii")).hexdigest()


def append(connection: Connection, *, at: str, actor: str, event: str, subject: str, body: Mapping[str, object]) -> int:
    """Add a row behind the last one and give its number; the caller's transaction must hold the write lock."""
    last = connection.execute(select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1)).first()
    columns: dict[str, object] = {
        "seq": 1 if last is None else last.seq + 1,
        "at": at,
        "actor": actor,
        "event": event,
        "subject": subject,
        "body": canonical_json(dict(body)),
        "version": VERSION,
        "prev": GENESIS if last is None else last.hash,
    }
    connection.execute(insert(audit).values(**columns, hash=row_hash(columns)))
    return 1 if last is None else int(last.seq) + 1


def head(connection: Connection) -> tuple[int, str]:
    """Give number and hash of the last row; 0 and 64 zeros where there is none."""
    last = connection.execute(select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1)).first()
    return (0, GENESIS) if last is None else (int(last.seq), str(last.hash))


def verify(connection: Connection, *, head: str | None = None) -> Verification:
    """Walk the chain from the first row: an edit, a cut, a swap or, with ``head``, a missing tail is found.

    Args:
        connection: A read snapshot.
        head: Hash of a row that was noted outside the site; a chain that no longer holds it lost its tail,
            or was rebuilt.
    """
    last, length, met_head = GENESIS, 0, head is None or head == GENESIS
    for row in connection.execute(select(audit).order_by(audit.c.seq)):
        reason = _defect(row, expected_seq=length + 1, expected_prev=last)
        if reason:
            return Verification(ok=False, first_bad_seq=length + 1, reason=reason, head=last, length=length)
        last, length = row.hash, length + 1
        met_head = met_head or last == head
    if not met_head:
        return Verification(
            ok=False,
            first_bad_seq=length + 1,
            reason=f"the noted head {str(head)[:12]} is not in the chain: its tail was cut or it was rebuilt",
            head=last,
            length=length,
        )
    return Verification(ok=True, first_bad_seq=None, reason="", head=last, length=length)


def _defect(row: Row[tuple[object, ...]], *, expected_seq: int, expected_prev: str) -> str:
    columns = dict(row._mapping)
    if columns["seq"] != expected_seq:
        return f"row {expected_seq} is missing: expected seq {expected_seq}, got {columns['seq']}"
    if columns["prev"] != expected_prev:
        return f"row {expected_seq} does not follow the row before it"
    if columns["version"] not in COLUMNS:
        return f"row {expected_seq} has version {columns['version']!r}, expected one of {sorted(COLUMNS)}"
    if row_hash(columns) != columns["hash"]:
        return f"row {expected_seq} was changed: its hash does not fit its content"
    return ""


def field(body: str, name: str) -> object:
    """Give one field of a row's body."""
    fields: object = json.loads(body)
    return fields.get(name) if isinstance(fields, dict) else None
