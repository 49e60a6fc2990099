"""The document store: written once, verified when read."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow.errors import DamagedError
from workflow.ledger.documents import DocumentStore, write_durably


def test_bytes_come_back_under_their_hash(tmp_path: Path) -> None:
    store = DocumentStore(tmp_path)
    sha256 = store.put("Größe 5 mg".encode())
    assert sha256 == hashlib.sha256("Größe 5 mg".encode()).hexdigest()
    assert store.get_text(sha256) == "Größe 5 mg"
    assert (tmp_path / sha256).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [sha256]


def test_putting_it_again_leaves_the_file_alone(tmp_path: Path) -> None:
    store = DocumentStore(tmp_path)
    before = (tmp_path / store.put(b"x")).stat()
    after = (tmp_path / store.put(b"x")).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_a_changed_document_is_damage(tmp_path: Path) -> None:
    store = DocumentStore(tmp_path)
    sha256 = store.put(b"5 mg")
    (tmp_path / sha256).write_bytes(b"50 mg")
    with pytest.raises(DamagedError, match=sha256[:12]):
        store.get(sha256)


def test_a_missing_document_is_damage(tmp_path: Path) -> None:
    with pytest.raises(DamagedError, match="cannot be read"):
        DocumentStore(tmp_path).get("0" * 64)


def test_bytes_that_are_no_text_are_damage(tmp_path: Path) -> None:
    store = DocumentStore(tmp_path)
    with pytest.raises(DamagedError, match="UTF-8"):
        store.get_text(store.put(b"\xff"))


@given(name=st.text(max_size=80))
def test_a_name_never_leaves_the_folder(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    store = DocumentStore(Path("/"))
    with pytest.raises(DamagedError):
        store.get(name)


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "place").mkdir()
    with pytest.raises(OSError):  # noqa: PT011 - which one depends on the system
        write_durably(tmp_path / "place", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["place"]
