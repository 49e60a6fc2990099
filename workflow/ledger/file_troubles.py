"""What is wrong with a ledger's file, in one line each: before it is opened, and whatever SQLite says of it later."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DatabaseError, IntegrityError

from workflow.errors import BusyError, DamagedError, IllegalTransitionError, SettingsError, WorkflowError

BUSY_TIMEOUT_S = 30.0
"""How long a writer waits for another: SQLite's wait is not fair (2.75 s were seen for two busy writers)."""
_SQLITE_HEADER_BYTES = 100
_LEAST_ROOM_BYTES = 65_536
"""What SQLite wants for its shared memory, and a page or two."""


def check_file(path: Path) -> None:
    """Refuse what is plainly no ledger, without opening it.

    A file that this process opens and closes beside SQLite gives up SQLite's locks on it (POSIX): another process
    would then take away the write-ahead log under an open ledger. So only the file's status is looked at here.
    """
    try:
        status = path.stat()
    except FileNotFoundError as error:
        raise SettingsError(
            f"ledger {path}: expected a file, got none; run medrek-flow init, or restore a backup"
        ) from error
    except OSError as error:
        raise SettingsError(
            f"ledger {path} cannot be read ({error.strerror}); expected a file of your own, mode 0600"
        ) from error
    if not os.access(path, os.R_OK):
        raise SettingsError(f"ledger {path} cannot be read; expected a file of your own, mode 0600")
    if not stat.S_ISREG(status.st_mode) or status.st_size < _SQLITE_HEADER_BYTES:
        raise DamagedError(f"ledger {path}: expected a SQLite file, got something else; restore it from a backup")


_TROUBLES: tuple[tuple[str, type[WorkflowError], str], ...] = (
    ("locked", BusyError, f"another process has been writing for {BUSY_TIMEOUT_S:.0f} s; try again"),
    ("busy", BusyError, f"another process has been writing for {BUSY_TIMEOUT_S:.0f} s; try again"),
    (
        "full",
        WorkflowError,
        "the disk is full: this step changed nothing, earlier ones are on record; make room and try again",
    ),
    ("readonly", SettingsError, "it cannot be written; expected a file of your own, mode 0600, in a folder 0700"),
    ("unable to open", SettingsError, "it cannot be opened; expected a file of your own, mode 0600"),
    ("malformed", DamagedError, "the file is damaged; restore it from a backup"),
    ("not a database", DamagedError, "the file is damaged; restore it from a backup"),
    ("disk i/o", DamagedError, "the disk reports an error; check it, then run medrek-flow doctor"),
)


def _what_sqlite_says(path: Path, error: DatabaseError) -> str:
    """SQLite's words; where a full disk left no room for its shared memory it says "disk I/O error"."""
    said = str(error.orig).casefold()
    return "full" if "disk i/o" in said and _is_full(path.parent) else said


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < _LEAST_ROOM_BYTES
    except OSError:
        return False


@contextmanager
def troubles_named(path: Path) -> Iterator[None]:
    """Turn what SQLite says of file and disk into one line; broken rules of our own schema pass unchanged."""
    try:
        yield
    except IntegrityError as error:
        if "append-only" in str(error.orig):
            raise IllegalTransitionError(f"ledger {path}: {error.orig}") from error
        raise
    except DatabaseError as error:
        said = _what_sqlite_says(path, error)
        for words, kind, line in _TROUBLES:
            if words in said:
                raise kind(f"ledger {path}: {line}") from error
        raise
