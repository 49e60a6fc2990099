"""An older ledger is upgraded by one command, with a copy of it as it was; a newer one is left alone."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from workflow.clock import utc_now
from workflow.errors import SettingsError
from workflow.ledger import control_tables, desk_tables, intake_tables, schema, tables  # noqa: F401
from workflow.ledger.ledger import MIGRATION, Ledger, migrate


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A ledger of the first schema, with a row in it."""
    path = tmp_path / "ledger.sqlite"
    path.touch(mode=0o600)
    migrate(path, to="0001")
    ledger = Ledger(path, clock=utc_now)
    with ledger.write() as transaction:
        values = {"kind": "hospital", "signer_profile": "one_signer"}
        transaction.execute(sa.insert(tables.site).values(id=1, **values, created_at=transaction.now))
        transaction.audit("site.created", "site", values, actor="tests")
        row = {"source": "pubmed", "last_day": "2026-11-01", "moved_at": transaction.now}
        transaction.execute(sa.insert(tables.cursors).values(row))
    ledger.close()
    return path


def test_an_older_ledger_is_named_and_then_upgraded(old: Path) -> None:
    with pytest.raises(SettingsError, match=f"expected migration {MIGRATION}, got 0001; run `medrek-flow upgrade`"):
        Ledger.open(old)
    found, copy = Ledger.upgrade(old, actor="tests")
    assert (found, copy) == ("0001", old.with_name(f"ledger-before-{MIGRATION}.sqlite"))
    ledger = Ledger.open(old)
    with ledger.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), schema.metadata) == []
        assert connection.execute(sa.select(tables.cursors.c.last_day)).scalar_one() == "2026-11-01"
        assert connection.execute(sa.select(tables.audit.c.event)).scalars().all()[-1] == "ledger.upgraded"
    ledger.close()
    assert copy is not None
    assert copy.stat().st_mode & 0o077 == 0
    kept = sqlite3.connect(copy)
    assert kept.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)
    assert kept.execute("SELECT last_day FROM cursors").fetchone() == ("2026-11-01",)
    kept.close()
    assert Ledger.upgrade(old, actor="tests") == (MIGRATION, None)


def test_a_newer_ledger_is_left_alone(old: Path) -> None:
    with sqlite3.connect(old) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SettingsError, match="got 9999"):
        Ledger.upgrade(old, actor="tests")
    assert [path.name for path in old.parent.glob("*before*")] == []


def test_without_room_for_a_copy_nothing_is_changed(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("workflow.ledger.ledger.os.open", no_room)
    with pytest.raises(SettingsError, match="nothing was changed"):
        Ledger.upgrade(old, actor="tests")
    monkeypatch.undo()
    with sqlite3.connect(old) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)
