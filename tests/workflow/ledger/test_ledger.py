"""The ledger file: opening, transactions, several writers, a killed writer, the schema."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from tests.workflow.ledger.made_ledgers import TickingClock
from workflow.errors import BusyError, DamagedError, SettingsError, WorkflowError
from workflow.ledger import audit, control_tables, desk_tables, intake_tables  # noqa: F401
from workflow.ledger import ledger as ledger_module
from workflow.ledger.ledger import MIGRATION, Ledger
from workflow.ledger.schema import metadata
from workflow.ledger.tables import audit as audit_table

ROOT = Path(__file__).parents[3]


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """A new ledger."""
    return Ledger.create(tmp_path / "l.sqlite", kind="hospital", signer_profile="two_signer", actor="tests")


def count(ledger: Ledger) -> int:
    """Count the audit rows of a ledger whose chain verifies."""
    with ledger.read() as connection:
        found = audit.verify(connection)
    assert found.ok, found.reason
    return found.length


def columns_of(connection: sa.Connection, table: str) -> set[tuple[object, ...]]:
    """Give name, type, nullability, default and key of every column, as SQLite has them."""
    return {tuple(row)[1:] for row in connection.exec_driver_sql(f"PRAGMA table_info({table})")}


def run(code: str, *arguments: str) -> subprocess.Popen[str]:
    """Start a program that imports the workflow."""
    return subprocess.Popen([sys.executable, "-c", code, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_the_first_row_says_for_ever_what_the_site_is(ledger: Ledger) -> None:
    with ledger.read() as connection:
        row = connection.execute(sa.select(audit_table)).one()
    assert (row.event, row.body) == ("site.created", '{"kind":"hospital","signer_profile":"two_signer"}')
    assert (ledger.kind(), ledger.signer_profile()) == ("hospital", "two_signer")


def test_a_site_row_that_was_changed_is_damage(ledger: Ledger) -> None:
    ledger.close()
    with sqlite3.connect(ledger.path) as connection:
        connection.execute("DROP TRIGGER site_no_update")
        connection.execute("UPDATE site SET kind = 'demo'")
    connection.close()
    with pytest.raises(DamagedError, match="first audit row"):
        ledger.kind()


def _garbage(path: Path) -> None:
    path.write_bytes(b"no database" * 100)


def _foreign(path: Path) -> None:
    sqlite3.connect(path).execute("CREATE TABLE other (x)").connection.commit()


def _newer(path: Path) -> None:
    Ledger.create(path, kind="demo", signer_profile="one_signer", actor="tests").close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()


def _torn(path: Path) -> None:
    Ledger.create(path, kind="demo", signer_profile="one_signer", actor="tests").close()
    path.write_bytes(path.read_bytes()[:100] + b"\xff" * 50_000)


BROKEN: dict[str, tuple[Callable[[Path], object], type[WorkflowError], str]] = {
    "missing": (lambda path: None, SettingsError, "medrek-flow init"),
    "a folder": (lambda path: path.mkdir(), DamagedError, "expected a SQLite file"),
    "empty": (lambda path: path.touch(), DamagedError, "expected a SQLite file"),
    "garbage": (_garbage, DamagedError, "the file is damaged"),
    "another database": (_foreign, DamagedError, "no medrek-flow ledger"),
    "a newer schema": (_newer, SettingsError, f"expected migration {MIGRATION}, got 9999"),
    "torn": (_torn, DamagedError, "damaged"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_ledger_that_cannot_be_used_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    prepare, kind, words = BROKEN[name]
    prepare(tmp_path / "l.sqlite")
    with pytest.raises(kind, match=words) as refusal:
        Ledger.open(tmp_path / "l.sqlite")
    assert "\n" not in str(refusal.value)
    assert str(tmp_path) in str(refusal.value)


def test_an_exception_undoes_state_and_audit(ledger: Ledger) -> None:
    def fail_half_way() -> None:
        with ledger.write() as transaction:
            transaction.audit("tests.event", "x", {}, actor="tests")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    assert count(ledger) == 1


def test_a_read_writes_nothing(ledger: Ledger) -> None:
    with pytest.raises(WorkflowError), ledger.read() as connection:
        connection.execute(sa.text("DELETE FROM live"))


def test_a_read_is_one_snapshot(ledger: Ledger) -> None:
    with ledger.read() as connection:
        before = audit.head(connection)
        with ledger.write() as transaction:
            transaction.audit("tests.event", "x", {}, actor="tests")
        assert audit.head(connection) == before
    assert count(ledger) == 2


def test_a_write_within_a_write_is_a_mistake_not_a_deadlock(ledger: Ledger) -> None:
    with ledger.write(), pytest.raises(RuntimeError, match="open in this thread"), ledger.write():
        pass


def test_the_pragmas_hold_on_every_connection(ledger: Ledger) -> None:
    expected = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "recursive_triggers": 1}
    with ledger.read() as first, ledger.read() as second:
        for connection in (first, second):
            got = {name: connection.execute(sa.text(f"PRAGMA {name}")).scalar() for name in expected}
            assert got == expected
            assert int(str(connection.execute(sa.text("PRAGMA busy_timeout")).scalar())) >= 15_000


def test_a_writer_that_waits_too_long_is_told_so(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "BUSY_TIMEOUT_S", 0.05)
    other = Ledger.open(ledger.path)
    with ledger.write(), pytest.raises(BusyError, match="another process"), other.write():
        pass


def test_a_full_disk_is_one_line_and_nothing_changed(ledger: Ledger) -> None:
    def write_too_much() -> None:
        with ledger.write() as transaction:
            transaction.execute(sa.text("PRAGMA max_page_count = 1"))
            transaction.audit("tests.event", "x", {"long": "x" * 1_000_000}, actor="tests")

    with pytest.raises(WorkflowError, match="disk is full"):
        write_too_much()
    ledger.close()
    assert count(Ledger.open(ledger.path)) == 1


def test_times_come_from_the_clock_that_was_passed_in(tmp_path: Path) -> None:
    ledger = Ledger.create(
        tmp_path / "l.sqlite", kind="demo", signer_profile="one_signer", actor="tests", clock=TickingClock()
    )
    with ledger.write() as transaction:
        assert transaction.now == "2026-11-20T08:00:02Z"


def test_the_migration_builds_the_tables_of_the_program(ledger: Ledger) -> None:
    with ledger.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        migrated = {name: columns_of(connection, name) for name in metadata.tables}
        built = set(connection.execute(sa.text("SELECT sql FROM sqlite_master WHERE sql LIKE '%CHECK%'")).scalars())
    declared = sa.create_engine("sqlite://")
    metadata.create_all(declared)
    with declared.connect() as connection:
        assert migrated == {name: columns_of(connection, name) for name in metadata.tables}
    checks = [c for table in metadata.tables.values() for c in table.constraints if isinstance(c, sa.CheckConstraint)]
    assert all(any(str(check.sqltext) in sql for sql in built) for check in checks)


def test_the_program_knows_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(ledger_module.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_current_head() == MIGRATION


WRITER = """
import sys
from pathlib import Path
from workflow.ledger.ledger import Ledger
ledger = Ledger.open(Path(sys.argv[1]))
for number in range(100):
    with ledger.write() as transaction:
        transaction.audit("tests.event", sys.argv[2], {"n": number}, actor="tests")
"""


def test_two_processes_write_a_hundred_times_each(ledger: Ledger) -> None:
    writers = [run(WRITER, str(ledger.path), name) for name in ("one", "two")]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    assert count(ledger) == 201


def test_threads_share_a_ledger(ledger: Ledger) -> None:
    def write() -> None:
        for _ in range(20):
            with ledger.write() as transaction:
                transaction.audit("tests.event", "x", {}, actor="tests")

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count(ledger) == 81


TELLER = """
import sys
from pathlib import Path
from workflow.ledger.ledger import Ledger
ledger = Ledger.open(Path(sys.argv[1]))
while True:
    with ledger.write() as transaction:
        seq = transaction.audit("tests.event", "x", {}, actor="tests")
    print(seq, flush=True)
"""


def test_what_was_acknowledged_survives_kill_9(ledger: Ledger) -> None:
    for acknowledged_before_kill in (3, 25):
        writer = run(TELLER, str(ledger.path))
        assert writer.stdout is not None
        told = [int(writer.stdout.readline()) for _ in range(acknowledged_before_kill)]
        os.kill(writer.pid, signal.SIGKILL)
        told += [int(line) for line in writer.stdout.read().split()]
        writer.wait()
        assert count(Ledger.open(ledger.path)) >= max(told)
