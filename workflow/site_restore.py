"""Restore: a backup becomes a site in a new folder, whole and with the audit head of its saving, or not at all.

The archive is believed in nothing: only plain files with relative names are taken, each has to have the hash of the
list at its end, and the ledger's chain is walked. Nothing is written into the ledger, so that its head stays equal.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tarfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from workflow.clock import utc_now
from workflow.errors import DamagedError, SettingsError, UsageError
from workflow.ledger import audit
from workflow.ledger.documents import sync_folder
from workflow.ledger.ledger import MIGRATION, Ledger
from workflow.settings import FILE_NAME
from workflow.site import SITE_FOLDERS
from workflow.site_backup import MANIFEST, SCHEMA
from workflow.site_files import LEDGER

_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,1000}")
_LARGEST_MANIFEST = 200_000_000
Progress = Callable[[str, int, int | None], None]


@dataclass(frozen=True)
class Restored:
    """A site that came from a backup."""

    root: Path
    files: int
    audit_length: int
    audit_head: str
    saved_at: str
    left_out: tuple[str, ...]
    needs_upgrade: bool
    """Whether the ledger's schema is older than this program."""


def restore_backup(source: Path, target: Path, *, progress: Progress) -> Restored:
    """Make a site of a backup.

    Raises:
        UsageError: The folder is not empty, or there is no such file.
        DamagedError: The backup is cut, changed, or no backup; nothing is left.
        SettingsError: The folder cannot be written.
    """
    target = target.absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(f"restore: expected a new or empty folder, got {target}; nothing was changed")
    if not source.is_file():
        raise UsageError(f"restore: expected a backup, got no file {source}")
    draft = target.with_name(f".{target.name}.restore-{os.getpid()}")
    before = os.umask(0o077)
    try:
        draft.mkdir(parents=True)
        restored = _restore(source, draft, target, progress)
        if target.exists():
            target.rmdir()
        draft.rename(target)
        sync_folder(target.parent)
    except OSError as error:
        raise SettingsError(f"restore: {target} cannot be written ({error.strerror}); nothing was left") from error
    finally:
        os.umask(before)
        shutil.rmtree(draft, ignore_errors=True)
    return restored


def _restore(source: Path, draft: Path, target: Path, progress: Progress) -> Restored:
    try:
        with tarfile.open(source, mode="r:*") as archive:
            hashes, manifest = _unpack(archive, draft, progress)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise DamagedError(
            f"restore: {source} is no whole backup ({type(error).__name__}); nothing was left"
        ) from error
    files = _listed(manifest, source)
    for name in sorted(hashes.keys() | files.keys()):
        if hashes.get(name) != files.get(name):
            raise DamagedError(f"restore: {name} of {source} is not what its list says; nothing was left")
    for needed in (LEDGER, FILE_NAME):
        if needed not in files:
            raise DamagedError(f"restore: {source} holds no {needed}; nothing was left")
    for name in SITE_FOLDERS:
        (draft / "data" / name).mkdir(exist_ok=True)
    length, head, migration = _chain(draft / LEDGER, manifest, source)
    return Restored(
        root=target,
        files=len(files),
        audit_length=length,
        audit_head=head,
        saved_at=str(manifest.get("at", "")),
        left_out=tuple(map(str, _list(manifest.get("left_out")))),
        needs_upgrade=migration != MIGRATION,
    )


def _unpack(archive: tarfile.TarFile, draft: Path, progress: Progress) -> tuple[dict[str, str], dict[str, object]]:
    """Write every file, and give their hashes and the list."""
    hashes: dict[str, str] = {}
    manifest: dict[str, object] = {}
    for done, member in enumerate(archive):
        progress("restoring", done, None)
        content = archive.extractfile(member) if member.isreg() else None
        if content is None or not _is_plain(member.name) or member.name in hashes:
            raise DamagedError(
                "restore: expected plain files with relative names, got something else; nothing was left"
            )
        if member.name == MANIFEST:
            manifest = _parsed(content.read(_LARGEST_MANIFEST))
            continue
        path = draft / member.name
        path.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        with path.open("xb") as file:
            while piece := content.read(1 << 20):
                digest.update(piece)
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        hashes[member.name] = digest.hexdigest()
    return hashes, manifest


def _is_plain(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(_NAME.fullmatch(name)) and not path.is_absolute() and ".." not in path.parts and str(path) == name


def _parsed(content: bytes) -> dict[str, object]:
    try:
        found: object = json.loads(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _listed(manifest: dict[str, object], source: Path) -> dict[str, str]:
    files = manifest.get("files")
    if manifest.get("schema") != SCHEMA or not isinstance(files, dict):
        raise DamagedError(f"restore: {source} has no list of its files at its end: it was cut, or is no backup")
    return {str(name): str(one.get("sha256")) for name, one in files.items() if isinstance(one, dict)}


def _chain(path: Path, manifest: dict[str, object], source: Path) -> tuple[int, str, str]:
    ledger = Ledger(path, clock=utc_now)
    try:
        with ledger.read() as connection:
            found = audit.verify(connection)
        migration = ledger.migration()
    finally:
        ledger.close()
    said = manifest.get("audit")
    if not found.ok or said != {"length": found.length, "head": found.head}:
        raise DamagedError(f"restore: the audit chain of {source} is not the one that was saved; nothing was left")
    return found.length, found.head, migration


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
