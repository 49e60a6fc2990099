# ruff: noqa: S608 - SQL made of this file's own names
"""The chain under every single damage: each value changed, row gone, pair exchanged; bytes of the file flipped."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.workflow.cli.made_site import World, fill
from workflow.anchors import Anchor, lost_anchors, present_anchor, read_anchors
from workflow.errors import WorkflowError
from workflow.ledger import audit
from workflow.ledger.ledger import Ledger
from workflow.ledger.record_check import record_defects
from workflow.site import FirstReviewer, Site

COLUMNS = ("seq", "at", "actor", "event", "subject", "body", "version", "prev", "hash")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A site with two batches in force, closed."""
    first = FirstReviewer(name="Script One", role="pharmacist", pin="2468", reviewer_id="script-one", scripted=True)
    root = tmp_path_factory.mktemp("site") / "site"
    world = fill(Site.create(root, demo=True, signer_profile="one_signer", reviewer=first))
    with sqlite3.connect(world.site.ledger_path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return world


@pytest.fixture
def ledger(world: World, tmp_path: Path) -> Iterator[Ledger]:
    """A copy of its ledger."""
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(world.site.ledger_path.read_bytes())
    opened = Ledger.open(path)
    yield opened
    opened.close()


class Tamperer:
    """Somebody who owns the file: no triggers, one transaction, and everything back afterwards."""

    def __init__(self, ledger: Ledger) -> None:
        engine = sa.create_engine(f"sqlite:///{ledger.path}", isolation_level="AUTOCOMMIT")
        self.connection = engine.connect()

    def __enter__(self) -> sa.Connection:
        self.connection.exec_driver_sql("BEGIN")
        for name in self.connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars():
            self.connection.exec_driver_sql(f"DROP TRIGGER {name}")
        return self.connection

    def __exit__(self, *_: object) -> None:
        self.connection.exec_driver_sql("ROLLBACK")


def test_every_changed_value_every_lost_row_and_every_exchange_is_found(ledger: Ledger) -> None:
    tamper = Tamperer(ledger)
    with tamper as connection:
        assert audit.verify(connection).ok
        rows = connection.exec_driver_sql("SELECT seq FROM audit ORDER BY seq").scalars().all()
    tried = 0
    for seq in rows:
        for column in COLUMNS:
            with tamper as connection:
                new = "999" if column in ("seq", "version") else f"{column} || 'x'"
                connection.exec_driver_sql(f"UPDATE audit SET {column} = {new} WHERE seq = ?", (seq,))
                assert not audit.verify(connection).ok, (seq, column)
                tried += 1
        if seq != rows[-1]:
            with tamper as connection:
                connection.exec_driver_sql("DELETE FROM audit WHERE seq = ?", (seq,))
                assert not audit.verify(connection).ok, seq
    for one, other in combinations(rows, 2):
        with tamper as connection:
            for before, after in ((one, -1), (other, one), (-1, other)):
                connection.exec_driver_sql("UPDATE audit SET seq = ? WHERE seq = ?", (after, before))
            assert not audit.verify(connection).ok, (one, other)
            tried += 1
    assert tried > 100
    with ledger.read() as snapshot:
        assert audit.verify(snapshot).ok, "the damage was taken back each time"
    tamper.connection.close()


def test_a_cut_tail_is_found_by_an_anchor_alone_whatever_text_it_stands_in(ledger: Ledger, tmp_path: Path) -> None:
    with ledger.read() as snapshot:
        whole = present_anchor(snapshot, at="2026-11-20T02:00:00Z")
    log = tmp_path / "syslog"
    other = Anchor("2026-11-20T02:00:00Z", "f" * 64, 3, "0" * 64)
    text = f"Nov 20 02:00:01 vm medrek-flow[7]: {whole.line}\n> {other.line}\nmedrek-flow-anchor {{broken}}\n"
    log.write_text(text, encoding="utf-8")
    assert read_anchors(log) == (whole, other)
    for length in range(1, whole.length):
        with sqlite3.connect(ledger.path) as connection:
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                connection.execute(f"DROP TRIGGER {name}")
            connection.execute("DELETE FROM audit WHERE seq > ?", (whole.length - length,))
        connection.close()
        with ledger.read() as snapshot:
            assert audit.verify(snapshot).ok, "a chain that was cut hangs together"
            assert lost_anchors(snapshot, read_anchors(log)) == (whole,)


RECORD: dict[str, tuple[str, str]] = {
    "a signature moved": ("UPDATE decisions SET candidate_id = (SELECT max(candidate_id) FROM candidates)", "decision"),
    "a signature gone": ("DELETE FROM decisions", "decision"),
    "another digest": ("UPDATE releases SET digest = 'x' WHERE release_id = 1", "release 1"),
    "an edit taken out of a release": ("DELETE FROM release_edits WHERE release_id = 2", "release 2"),
    "the pointer moved": ("UPDATE live SET release_id = 1", "live pointer"),
    "the stop flag set": ("UPDATE live SET stopped = 1", "stop flag"),
    "a guard taken out": ("SELECT 1", "guard audit_no_update"),
}


@pytest.mark.parametrize("name", RECORD)
def test_a_record_that_the_chain_does_not_tell_is_found(ledger: Ledger, name: str) -> None:
    statement, words = RECORD[name]
    with ledger.read() as snapshot:
        assert record_defects(snapshot) == ()
    with sqlite3.connect(ledger.path) as connection:
        guards = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for trigger, _ in guards:
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute(statement)
        for _, sql in guards if statement != "SELECT 1" else ():
            connection.execute(sql)
    connection.close()
    with ledger.read() as snapshot:
        assert audit.verify(snapshot).ok, "the chain alone does not show it"
        assert any(words in line for line in record_defects(snapshot)), record_defects(snapshot)


def test_no_flipped_byte_of_the_file_passes_with_other_content(world: World, tmp_path: Path) -> None:
    """Whatever a flipped byte does, the chain never verifies while one of its values differs."""
    whole = world.site.ledger_path.read_bytes()
    path = tmp_path / "ledger.sqlite"
    truth = contents(whole, path)
    at_audit = [at for at in range(0, len(whole), 4096) if b'"kind":"demo"' in whole[at : at + 4096]]
    places = {at + step for at in at_audit for step in range(0, 4096, 29)} | set(range(0, len(whole), len(whole) // 60))
    found = 0
    for at in sorted(places):
        flipped = bytearray(whole)
        flipped[at] ^= 0x10
        path.write_bytes(bytes(flipped))
        try:
            ledger = Ledger.open(path)
            try:
                with ledger.read() as snapshot:
                    ok = audit.verify(snapshot).ok
            finally:
                ledger.close()
        except (WorkflowError, ValueError):
            ok = False
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        found += not ok
        assert not ok or contents(bytes(flipped), path) == truth, at
    assert found > 20


def contents(content: bytes, path: Path) -> list[tuple[object, ...]]:
    """The rows of the chain, past every line of the product's code."""
    path.write_bytes(content)
    connection = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
    try:
        return connection.execute(f"SELECT {', '.join(COLUMNS)} FROM audit ORDER BY seq").fetchall()
    finally:
        connection.close()
