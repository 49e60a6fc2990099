"""The ledger file: opening it, snapshots to read from, and short transactions that write state and audit together.

Guards two promises: an acknowledged write is on disk (WAL with ``synchronous=FULL``; ``write`` returns after the
commit), and no state change stands without its audit row (one transaction). Writers begin with BEGIN IMMEDIATE, so
that two of them wait for each other and neither fails half way. No LLM, model or network call belongs inside one.

Safe for several threads and processes: every ``read`` and ``write`` uses a connection of its own from the pool.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, CursorResult, Engine, Executable, event

from workflow.clock import Clock, utc_now, utc_text
from workflow.errors import DamagedError, SettingsError
from workflow.file_modes import open_closed
from workflow.ledger import audit
from workflow.ledger.file_troubles import BUSY_TIMEOUT_S, check_file, troubles_named
from workflow.ledger.tables import audit as audit_table
from workflow.ledger.tables import site as site_table

MIGRATION = "0006"
"""The newest migration; what ``Ledger.open`` expects to find."""
_WRITES = "ledger_writes"


class Transaction:
    """An open write transaction; what it did counts once the ``with`` block of ``Ledger.write`` is left."""

    def __init__(self, connection: Connection, now: str) -> None:
        self.connection = connection
        self.now = now
        """UTC time of the transaction, ISO 8601 with seconds and ``Z``."""

    def execute(
        self,
        statement: Executable,
        parameters: Mapping[str, object] | Sequence[Mapping[str, object]] | None = None,
    ) -> CursorResult[Any]:
        """Run one statement (or, with a list of parameters, one for each)."""
        if parameters is None:
            return self.connection.execute(statement)
        return self.connection.execute(statement, parameters)

    def audit(self, event: str, subject: str, body: Mapping[str, object], *, actor: str) -> int:
        """Add the audit row of what this transaction changes and give its number."""
        return audit.append(self.connection, at=self.now, actor=actor, event=event, subject=subject, body=body)


class Ledger:
    """Everything of record of one site."""

    def __init__(self, path: Path, *, clock: Clock) -> None:
        self.path = path
        self.clock = clock
        self._engine = _engine(path)
        self._writing = threading.local()

    @classmethod
    def open(cls, path: Path, *, clock: Clock = utc_now) -> Ledger:
        """Open an existing ledger.

        Raises:
            SettingsError: There is none, it cannot be read, or its migration is not this program's.
            DamagedError: The file is no SQLite database, or not a ledger.
        """
        check_file(path)
        ledger = cls(path, clock=clock)
        found = ledger.migration()
        if found != MIGRATION:
            ledger.close()
            raise SettingsError(
                f"ledger {path}: expected migration {MIGRATION}, got {found};"
                " run `medrek-flow upgrade`, or use the release of medrek-flow that wrote it"
            )
        return ledger

    @classmethod
    def upgrade(cls, path: Path, *, actor: str, clock: Clock = utc_now) -> tuple[str, Path | None]:
        """Bring an older ledger to this program's schema; return the schema it had, and where a copy of it stands.

        The copy is made first and whole, beside the ledger; a ledger of this schema is left as it is, without one.

        Raises:
            SettingsError: There is none, its schema is newer than this program, or the copy cannot be written.
            DamagedError: The file is no SQLite database, or not a ledger.
        """
        check_file(path)
        ledger = cls(path, clock=clock)
        try:
            found = ledger.migration()
            if found == MIGRATION:
                return found, None
            if not (found.isdigit() and found < MIGRATION):
                raise SettingsError(
                    f"ledger {path}: expected migration {MIGRATION} or older, got {found};"
                    " use the release of medrek-flow that wrote it"
                )
            copy = path.with_name(f"{path.stem}-before-{MIGRATION}{path.suffix}")
            _copy(ledger, copy)
            migrate(path)
            with ledger.write() as transaction:
                transaction.audit("ledger.upgraded", "site", {"from": found, "to": MIGRATION}, actor=actor)
            return found, copy
        finally:
            ledger.close()

    @classmethod
    def create(cls, path: Path, *, kind: str, signer_profile: str, actor: str, clock: Clock = utc_now) -> Ledger:
        """Make a new ledger whose first audit row says for ever what kind of site it belongs to.

        Args:
            path: Where; nothing may stand there yet.
            kind: ``hospital`` or ``demo``.
            signer_profile: ``one_signer`` or ``two_signer``.
            actor: Who makes it, as the operating system names them.
            clock: Where its times come from.
        """
        if path.exists():
            raise SettingsError(f"ledger {path} exists already; choose another folder")
        os.close(open_closed(path, os.O_EXCL))
        migrate(path)
        ledger = cls(path, clock=clock)
        with ledger.write() as transaction:
            values = {"kind": kind, "signer_profile": signer_profile}
            transaction.execute(sa.insert(site_table).values(id=1, **values, created_at=transaction.now))
            transaction.audit("site.created", "site", values, actor=actor)
        return ledger

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give one snapshot: everything read in the block belongs together, and nothing can be written."""
        with troubles_named(self.path), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """Give the one write transaction; committed and on disk when the block is left, undone by an exception.

        Raises:
            BusyError: Another process kept writing for longer than ``BUSY_TIMEOUT_S``.
        """
        if getattr(self._writing, "open", False):
            raise RuntimeError("a write transaction is open in this thread already; pass it on instead")
        self._writing.open = True
        try:
            with troubles_named(self.path), self._engine.connect() as plain:
                connection = plain.execution_options(**{_WRITES: True})
                with connection.begin():
                    yield Transaction(connection, utc_text(self.clock()))
        finally:
            self._writing.open = False

    def kind(self) -> str:
        """Give the kind of site, as its first audit row has it: ``hospital`` or ``demo``."""
        return self._site("kind")

    def signer_profile(self) -> str:
        """Give the signer profile, as its first audit row has it: ``one_signer`` or ``two_signer``."""
        return self._site("signer_profile")

    def snapshot(self, target: Path) -> None:
        """Write the ledger as it stands now, whole, into a new file, while others go on reading and writing.

        Raises:
            SettingsError: There is no room for it, or the folder cannot be written.
        """
        try:
            os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600))
            with closing(sqlite3.connect(self.path)) as source, closing(sqlite3.connect(target)) as copy:
                source.backup(copy)
        except (OSError, sqlite3.Error) as error:
            raise SettingsError(
                f"ledger {self.path}: no room for a copy at {target} ({type(error).__name__}); nothing was changed"
            ) from error

    def close(self) -> None:
        """Close the pooled connections."""
        self._engine.dispose()

    def migration(self) -> str:
        """Name the schema that the ledger has.

        Raises:
            DamagedError: The file is no ledger.
        """
        try:
            with self.read() as connection:
                return str(connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar())
        except sa.exc.OperationalError as error:
            raise DamagedError(
                f"{self.path} is a SQLite file but no medrek-flow ledger: expected a migration, got none;"
                " restore it from a backup"
            ) from error

    def _site(self, field: str) -> str:
        with self.read() as connection:
            first = connection.execute(
                sa.select(audit_table.c.event, audit_table.c.body).order_by(audit_table.c.seq).limit(1)
            ).first()
            row = connection.execute(sa.select(site_table)).mappings().first()
        said = dict(row).get(field) if row is not None else None
        if first is None or first.event != "site.created" or audit.field(first.body, field) != said:
            raise DamagedError(
                f"ledger {self.path}: the site row does not agree with the first audit row on {field};"
                " run medrek-flow audit verify"
            )
        return str(said)


def migrate(path: Path, *, to: str = "head") -> None:
    """Bring the schema of a ledger file to a migration, by default the newest."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    engine = _engine(path)
    try:
        with troubles_named(path), engine.connect() as plain:
            connection = plain.execution_options(**{_WRITES: True})
            config.attributes["connection"] = connection
            command.upgrade(config, to)
            if connection.in_transaction():
                connection.commit()
    finally:
        engine.dispose()


def _copy(ledger: Ledger, copy: Path) -> None:
    """Write a whole copy of a ledger that may be in use; one that stands there already is kept."""
    if copy.exists():
        return
    draft = copy.with_name(f"{copy.name}.draft")
    draft.unlink(missing_ok=True)
    try:
        ledger.snapshot(draft)
        draft.rename(copy)
    finally:
        draft.unlink(missing_ok=True)


def _engine(path: Path) -> Engine:
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)),
        connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False},
        max_overflow=-1,
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "recursive_triggers=ON",
        "trusted_schema=OFF",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin(connection: Connection) -> None:
    writes = bool(connection.get_execution_options().get(_WRITES, False))
    connection.exec_driver_sql(f"PRAGMA query_only={'OFF' if writes else 'ON'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
