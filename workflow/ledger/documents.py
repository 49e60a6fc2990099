"""The document store: bytes named by their sha256, written once, verified each time they are read.

Holds raw replies and extracted texts alike. A file that is there is whole: it is written beside its place, synced,
renamed, and the folder synced. Nothing here deletes.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from pathlib import Path

from workflow.errors import DamagedError
from workflow.file_modes import open_closed

_SHA256 = re.compile(r"[0-9a-f]{64}")


class DocumentStore:
    """The folder ``documents/`` of a site."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, content: bytes) -> str:
        """Keep the bytes and give their name; they are on disk when this returns."""
        sha256 = hashlib.sha256(content).hexdigest()
        if not (self.folder / sha256).exists():
            write_durably(self.folder / sha256, content)
        return sha256

    def get(self, sha256: str) -> bytes:
        """Give the bytes of that name.

        Raises:
            DamagedError: They are missing, or no longer what they were.
        """
        if not _SHA256.fullmatch(sha256):
            raise DamagedError(f"document name: expected 64 hex digits, got {len(sha256)} characters")
        try:
            content = (self.folder / sha256).read_bytes()
        except OSError as error:
            raise DamagedError(
                f"document {sha256[:12]} cannot be read ({error.strerror}); restore {self.folder} from a backup"
            ) from error
        found = hashlib.sha256(content).hexdigest()
        if found != sha256:
            raise DamagedError(
                f"document {sha256[:12]}: expected its sha256, got {found[:12]}; restore it from a backup"
            )
        return content

    def get_text(self, sha256: str) -> str:
        """Give an extracted text."""
        try:
            return self.get(sha256).decode("utf-8")
        except UnicodeDecodeError as error:
            raise DamagedError(f"document {sha256[:12]}: expected UTF-8 text, got other bytes") from error


def write_durably(path: Path, content: bytes) -> None:
    """Put a file in its place whole or not at all, closed like its folder, on disk when this returns."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = open_closed(beside, os.O_EXCL)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
