# ruff: noqa: S608 - SQL made of this file's own names
"""The audit chain: what is found, and what is not let in."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.workflow.ledger.made_ledgers import PEOPLE, Desk, create_desk, make_candidate, put_candidate, put_notice
from workflow.errors import IllegalTransitionError
from workflow.ledger import audit
from workflow.ledger.ledger import Ledger
from workflow.ledger.signing import verify_decisions
from workflow.ledger.tables import audit as audit_table

ROWS = 8
Tamper = Callable[[sqlite3.Connection], object]


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger with eight audit rows."""
    ledger = create_desk(tmp_path / "site").ledger
    for number in range(ROWS - len(PEOPLE) - 1):
        with ledger.write() as transaction:
            transaction.audit("tests.event", f"thing:{number}", {"n": number, "ä": "\x1b[31m"}, actor="tests")
    yield ledger
    ledger.close()


def open_as_owner(ledger: Ledger) -> sqlite3.Connection:
    """Open the file as somebody who owns it may: without our pragmas, and without the triggers."""
    ledger.close()
    connection = sqlite3.connect(ledger.path)
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    return connection


def rehashed(connection: sqlite3.Connection, seq: int, **changes: object) -> None:
    """Change a row and give it a hash that fits."""
    connection.row_factory = sqlite3.Row
    row = dict(connection.execute("SELECT * FROM audit WHERE seq = ?", (seq,)).fetchone())
    row.update(changes)
    row["hash"] = audit.row_hash(row)
    names = [name for name in row if name != "seq"]
    setters = ", ".join(f"{name} = ?" for name in names)
    connection.execute(f"UPDATE audit SET {setters} WHERE seq = ?", [row[name] for name in names] + [seq])


def swap(connection: sqlite3.Connection) -> None:
    """Exchange rows 3 and 4."""
    connection.execute("UPDATE audit SET seq = 99 WHERE seq = 3")
    connection.execute("UPDATE audit SET seq = 3 WHERE seq = 4")
    connection.execute("UPDATE audit SET seq = 4 WHERE seq = 99")


def edited(column: str) -> Tamper:
    """Write something else into one column of row 3."""
    return lambda connection: connection.execute(f"UPDATE audit SET {column} = 'x' WHERE seq = 3")


TEXT_COLUMNS = ("at", "actor", "event", "subject", "body", "prev", "hash")
TAMPERS: dict[str, tuple[Tamper, int]] = {
    **{f"edit {column}": (edited(column), 3) for column in TEXT_COLUMNS},
    "edit version": (lambda c: c.execute("UPDATE audit SET version = 2 WHERE seq = 3"), 3),
    "edit and rehash": (lambda c: rehashed(c, 3, actor="somebody"), 4),
    "edit and rehash the first": (lambda c: rehashed(c, 1, body='{"kind":"hospital"}'), 2),
    "delete": (lambda c: c.execute("DELETE FROM audit WHERE seq = 3"), 3),
    "delete the first": (lambda c: c.execute("DELETE FROM audit WHERE seq = 1"), 1),
    "delete and close the gap": (
        lambda c: (
            c.execute("DELETE FROM audit WHERE seq = 3"),
            c.execute("UPDATE audit SET seq = seq - 1 WHERE seq > 3"),
        ),
        3,
    ),
    "swap": (swap, 3),
    "replace": (
        lambda c: c.execute(
            "INSERT OR REPLACE INTO audit SELECT seq, at, 'x', event, subject, body, version, prev, hash"
            " FROM audit WHERE seq = 2"
        ),
        2,
    ),
}


@pytest.mark.parametrize("name", TAMPERS)
def test_tampering_is_found_where_it_happened(chain: Ledger, name: str) -> None:
    tamper, bad_seq = TAMPERS[name]
    with open_as_owner(chain) as connection:
        tamper(connection)
    connection.close()
    with chain.read() as snapshot:
        found = audit.verify(snapshot)
    assert not found.ok
    assert found.first_bad_seq == bad_seq
    assert found.length == bad_seq - 1
    assert found.reason


def test_missing_tail_is_found_only_with_a_noted_head(chain: Ledger) -> None:
    with chain.read() as snapshot:
        head = audit.verify(snapshot).head
    with open_as_owner(chain) as connection:
        connection.execute("DELETE FROM audit WHERE seq > 4")
    connection.close()
    with chain.read() as snapshot:
        assert audit.verify(snapshot).ok
        found = audit.verify(snapshot, head=head)
    assert (found.ok, found.first_bad_seq, found.length) == (False, 5, 4)


def test_an_older_head_is_still_in_a_chain_that_grew(chain: Ledger) -> None:
    with chain.read() as snapshot:
        old = audit.verify(snapshot)
    with chain.write() as transaction:
        assert transaction.audit("tests.event", "thing:9", {}, actor="tests") == ROWS + 1
    with chain.read() as snapshot:
        new = audit.verify(snapshot, head=old.head)
    assert new.ok
    assert new.length == old.length + 1
    assert new.head != old.head


def test_the_hash_can_be_computed_without_this_program(chain: Ledger) -> None:
    with chain.read() as snapshot:
        rows = snapshot.execute(sa.select(audit_table).order_by(audit_table.c.seq)).mappings().all()
    prev = "0" * 64
    for row in rows:
        covered = {name: row[name] for name in ("seq", "at", "actor", "event", "subject", "body", "version")}
        text = json.dumps({**covered, "prev": prev}, sort_keys=True, separators=(",", ":"))
        prev = hashlib.sha256(text.encode()).hexdigest()
        assert row["hash"] == prev


REWRITES = {
    "audit update": "UPDATE audit SET actor = 'x' WHERE seq = 2",
    "audit delete": "DELETE FROM audit WHERE seq = 2",
    "audit replace": "INSERT OR REPLACE INTO audit SELECT * FROM audit WHERE seq = 2",
    "audit replace by prev": (
        "INSERT OR REPLACE INTO audit SELECT 99, at, actor, event, subject, body, version, prev, 'h' FROM audit"
        " WHERE seq = 2"
    ),
    "site update": "UPDATE site SET kind = 'hospital'",
    "site delete": "DELETE FROM site",
    "site replace": "INSERT OR REPLACE INTO site SELECT id, 'hospital', signer_profile, created_at FROM site",
    "decision update": "UPDATE decisions SET candidate_id = 'c-2'",
    "decision delete": "DELETE FROM decisions",
    "decision replace": "INSERT OR REPLACE INTO decisions SELECT * FROM decisions",
    "document update": "UPDATE documents SET raw_sha256 = 'x'",
    "document delete": "DELETE FROM documents",
    "release update": "UPDATE releases SET digest = 'x'",
    "release delete": "DELETE FROM releases",
    "release replace": "INSERT OR REPLACE INTO releases SELECT * FROM releases",
    "release edit update": "UPDATE release_edits SET row_sha256 = 'x'",
    "release edit delete": "DELETE FROM release_edits",
    "release edit replace": "INSERT OR REPLACE INTO release_edits SELECT * FROM release_edits",
    "reviewer delete": "DELETE FROM reviewers",
}
FILL = (
    "INSERT INTO releases VALUES (1,'t','promotion',NULL,0,'d','b','e','{}','pending','a','')",
    "INSERT INTO batches (batch_id, ordinal, state, created_at, created_by) VALUES ('b1', 1, 'open', 't', 'a')",
    "INSERT INTO edits (edit_id, candidate_id, batch_id, functional_key, body, state, created_at)"
    " SELECT 'e1', candidate_id, 'b1', 'k', '{}', 'live', 't' FROM candidates LIMIT 1",
    "INSERT INTO release_edits VALUES (1, 'e1', 'b1', 'r', NULL)",
)


def fill(desk: Desk) -> None:
    """Put a row into every guarded table."""
    put_notice(desk, "text")
    desk.decide("ada", put_candidate(desk, make_candidate()))
    with desk.ledger.write() as transaction:
        for statement in FILL:
            transaction.execute(sa.text(statement))


@pytest.mark.parametrize("name", REWRITES)
def test_what_is_written_once_stays(desk: Desk, name: str) -> None:
    fill(desk)
    with pytest.raises(IllegalTransitionError, match="append-only"), desk.ledger.write() as transaction:
        transaction.execute(sa.text(REWRITES[name]))
    plain = sqlite3.connect(desk.ledger.path)  # a shell: recursive_triggers is off
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        plain.execute(REWRITES[name])
    plain.close()


def test_a_document_met_again_changes_nothing(desk: Desk) -> None:
    fill(desk)
    for verb in ("INSERT", "INSERT OR IGNORE", "INSERT OR REPLACE"):
        with desk.ledger.write() as transaction:
            transaction.execute(
                sa.text(
                    f"{verb} INTO documents SELECT document_id, 'x', 'x', extractor, media_type, origin, fetched_at,"
                    " byte_count, hidden FROM documents"
                )
            )
    with desk.ledger.read() as connection:
        assert "x" not in connection.execute(sa.text("SELECT raw_sha256 FROM documents")).scalars().all()


def test_the_check_of_a_release_may_come_later(desk: Desk) -> None:
    fill(desk)
    with desk.ledger.write() as transaction:
        assert transaction.execute(sa.text("UPDATE releases SET check_state = 'passed'")).rowcount == 1


MOVES: dict[str, tuple[str, str]] = {
    "moved": ("UPDATE decisions SET candidate_id = 'c-other'", "differs"),
    "renamed": ("UPDATE decisions SET signer_name = 'Somebody'", "differs"),
    "turned": ("UPDATE decisions SET verdict = 'reject'", "differs"),
    "slipped in": (
        "INSERT INTO decisions SELECT 'd-forged', candidate_id, 'ben', 'Ben', verdict, meaning, reason_code,"
        " reason_text, shown_sha256, signed_at, scripted FROM decisions",
        "no audit row",
    ),
    "lost": ("DELETE FROM decisions", "not in the ledger"),
}


@pytest.mark.parametrize("name", MOVES)
def test_a_signature_cannot_be_moved(desk: Desk, name: str) -> None:
    fill(desk)
    with desk.ledger.read() as snapshot:
        assert verify_decisions(snapshot) == ()
    with open_as_owner(desk.ledger) as connection:
        connection.execute(MOVES[name][0])
    connection.close()
    with desk.ledger.read() as snapshot:
        (line,) = verify_decisions(snapshot)
    assert MOVES[name][1] in line
