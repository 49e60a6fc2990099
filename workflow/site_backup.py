"""Backup: one file with everything of record, consistent, while the site goes on.

The ledger is taken first, as one snapshot. Documents and shards are written before the rows that name them, so that
what is copied afterwards holds everything that the snapshot names; each is hashed on its way, and one that is not what
the ledger says ends the backup: a backup of a damaged site would only look like one. The list of files with their
hashes stands last in the archive, so that a cut one is known.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import Connection, select

from workflow.clock import utc_text
from workflow.errors import DamagedError, SettingsError, UsageError
from workflow.ledger import audit, tables
from workflow.ledger.control_tables import shards
from workflow.ledger.documents import sync_folder
from workflow.ledger.ledger import Ledger
from workflow.site import Site
from workflow.site_files import LEDGER, files_of, left_out

MANIFEST = "backup.json"
SCHEMA = "medrek-flow.backup"
WRITTEN = "backup.written"
_DOCUMENTS, _MEMORY = "data/documents/", "data/memory/"
Progress = Callable[[str, int, int | None], None]


@dataclass(frozen=True)
class BackupWritten:
    """A backup on disk."""

    path: Path
    sha256: str
    files: int
    bytes: int
    audit_length: int
    audit_head: str
    left_out: tuple[str, ...]


def write_backup(
    site: Site, ledger: Ledger, target: Path, *, actor: str, progress: Progress, on_record: bool = True
) -> BackupWritten:
    """Write a backup, and note in the chain that there is one (after its snapshot).

    Args:
        site: What is saved.
        ledger: Its ledger.
        target: The new file, compressed where its name ends in ``.gz``; or a folder, where it is named by its time.
        actor: Who asked for it.
        progress: Is told how far it is.
        on_record: Whether the chain is to say that there is one.

    Raises:
        UsageError: The file is there already, or would lie in the site.
        DamagedError: Something of the site is not what the ledger says.
        SettingsError: The file cannot be written.
    """
    target = target.absolute()
    if target.is_dir():
        target /= f"medrek-flow-{ledger.clock():%Y%m%dT%H%M%SZ}.tar.gz"
    if target.exists():
        raise UsageError(f"backup: expected a file that is not there yet, got {target}")
    if target.is_relative_to(site.root):
        raise UsageError(f"backup: expected a file outside the site, got {target}; best on another machine")
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        manifest = _write(site, ledger, draft, compressed=target.suffix == ".gz", progress=progress)
        draft.replace(target)
        sync_folder(target.parent)
    except OSError as error:
        raise SettingsError(f"backup: {target} cannot be written ({error.strerror}); nothing was left") from error
    finally:
        draft.unlink(missing_ok=True)
    return _note(ledger, site, target, manifest, actor if on_record else "")


def _write(site: Site, ledger: Ledger, draft: Path, *, compressed: bool, progress: Progress) -> dict[str, object]:
    descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
    with (
        os.fdopen(descriptor, "wb") as file,
        tempfile.TemporaryDirectory(dir=draft.parent, prefix=".snapshot-") as folder,
    ):
        copy = Path(folder, "ledger.sqlite")
        ledger.snapshot(copy)
        snapshot = Ledger(copy, clock=ledger.clock)
        try:
            with snapshot.read() as connection:
                expected, head = _expected(connection), _head(connection)
        finally:
            snapshot.close()
        _drop_log(copy)
        with tarfile.open(fileobj=file, mode="w:gz" if compressed else "w", format=tarfile.PAX_FORMAT) as archive:
            files = _add_all(archive, site, copy, expected, progress)
            manifest: dict[str, object] = {
                "schema": SCHEMA,
                "version": 1,
                "program": f"medrek-flow {version('medrek-flow')}",
                "at": utc_text(ledger.clock()),
                "site_name": site.settings.site.name,
                "audit": head,
                "left_out": list(left_out(site)),
                "files": files,
            }
            _add_bytes(archive, MANIFEST, json.dumps(manifest, indent=1).encode())
        file.flush()
        os.fsync(file.fileno())
    return manifest


def _drop_log(copy: Path) -> None:
    """Take away what opening the snapshot left beside it: it was only read."""
    for suffix in ("-wal", "-shm"):
        copy.with_name(copy.name + suffix).unlink(missing_ok=True)


def _head(connection: Connection) -> dict[str, object]:
    found = audit.verify(connection)
    if not found.ok:
        raise DamagedError(f"audit chain: {found.reason}; no backup was written; run medrek-flow audit verify")
    return {"length": found.length, "head": found.head}


def _expected(connection: Connection) -> dict[str, str]:
    """What the ledger says of its files: sha256 by name."""
    named: dict[str, str] = {}
    for row in connection.execute(select(tables.documents.c.raw_sha256, tables.documents.c.text_sha256)):
        named |= {f"{_DOCUMENTS}{sha256}": str(sha256) for sha256 in row}
    columns = tables.batches.c
    of_batches = select(columns.shard_path, columns.shard_sha256).where(columns.shard_path.is_not(None))
    for path, sha256 in [*connection.execute(of_batches), *connection.execute(select(shards.c.path, shards.c.sha256))]:
        named[f"{_MEMORY}{path}"] = str(sha256)
    return named


def _add_all(
    archive: tarfile.TarFile, site: Site, ledger_copy: Path, expected: dict[str, str], progress: Progress
) -> dict[str, dict[str, object]]:
    every = [(LEDGER, ledger_copy), *files_of(site)]
    files: dict[str, dict[str, object]] = {}
    for done, (name, path) in enumerate(every):
        progress("saving", done, len(every))
        files[name] = _add(archive, name, path)
    for name, sha256 in expected.items():
        got = files.get(name, {}).get("sha256", "no file")
        if got != sha256:
            raise DamagedError(
                f"{name}: expected sha256 {sha256[:12]}, as the ledger has it, got {str(got)[:12]}; no backup was "
                "written; run medrek-flow doctor"
            )
    return files


def _add(archive: tarfile.TarFile, name: str, path: Path) -> dict[str, object]:
    with path.open("rb") as file:
        content = file.read()
    _add_bytes(archive, name, content)
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def _add_bytes(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o600
    archive.addfile(member, io.BytesIO(content))


def _note(ledger: Ledger, site: Site, target: Path, manifest: dict[str, object], actor: str) -> BackupWritten:
    digest = hashlib.sha256()
    with target.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    sha256, size = digest.hexdigest(), target.stat().st_size
    head, files = manifest["audit"], manifest["files"]
    if not (isinstance(head, dict) and isinstance(files, dict)):
        raise TypeError("expected a manifest with audit and files")
    if actor:
        with ledger.write() as transaction:
            transaction.audit(WRITTEN, "site", {"sha256": sha256, "bytes": size, "audit": head}, actor=actor)
    return BackupWritten(target, sha256, len(files), size, int(head["length"]), str(head["head"]), left_out(site))
