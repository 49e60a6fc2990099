"""A Chroma collection of all keys: a rebuildable index for near-duplicate and conflict search.

It never decides a firing and is never the only copy: keys live in the shards. One process opens the folder, under an
OS file lock, because Chroma damages itself silently when two write. An interrupted flush can leave a collection
that no call can read any more (an empty pickle); that is noticed, and the index is built anew beside it.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
from torch import Tensor

from editor_engine.errors import EngineError
from editor_engine.memory import MemoryRow

SPACE = "ip"
_COLLECTION = re.compile(r"keys_v(\d+)")
_POINTER = "live_collection.json"
_LOCK = "lock"


@dataclass(frozen=True)
class ValuePointer:
    """Where a row's value stands: shard file, row number, sha256 of the value."""

    file: str
    row: int
    value_sha256: str


@dataclass(frozen=True)
class IndexedRow:
    """A memory row with its batch and its place on disk."""

    row: MemoryRow
    batch_id: str
    pointer: ValuePointer

    @property
    def entries(self) -> Iterator[tuple[str, Tensor, dict[str, str | int]]]:
        """Id, key and metadata of each wording."""
        for number, key in enumerate(self.row.keys):
            yield (
                f"{self.row.edit_id}#{number}",
                key,
                {
                    "edit_id": self.row.edit_id,
                    "batch_id": self.batch_id,
                    "file": self.pointer.file,
                    "row": self.pointer.row,
                    "value_sha256": self.pointer.value_sha256,
                },
            )


@dataclass(frozen=True)
class IndexComparison:
    """Index against shards, as key ids. ``unreadable`` says that the collection cannot be read at all."""

    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    different: tuple[str, ...] = ()
    unreadable: bool = False

    @property
    def is_equal(self) -> bool:
        """Whether the index holds the shards' keys and nothing else."""
        return not (self.missing or self.extra or self.different or self.unreadable)


@dataclass(frozen=True)
class Neighbour:
    """A stored key near a given one, with its inner product."""

    edit_id: str
    batch_id: str
    score: float
    pointer: ValuePointer


class KeyIndex:
    """The index in a folder; use it as a context manager, so that the lock is given back.

    Raises:
        EngineError: another process has the folder open.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._lock = _locked(folder / _LOCK)
        try:
            self._client: Any = _open_client(folder)
        except BaseException:
            self._lock.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the folder back."""
        self._client = None
        self._lock.close()

    @property
    def collection_name(self) -> str | None:
        """The collection in use, None before the first build."""
        try:
            return str(json.loads((self._folder / _POINTER).read_text())["collection"])
        except FileNotFoundError:
            return None

    def rebuild(self, rows: Iterable[IndexedRow]) -> int:
        """Build a new collection from verified rows, compare it with them, then switch to it.

        The old one is in use until the new one has been found equal.

        Returns:
            The number of keys.

        Raises:
            EngineError: the new collection does not hold what was put into it.
        """
        wanted = tuple(rows)
        old = self.collection_name
        name = self._next_name()
        collection = self._client.create_collection(
            name, configuration={"hnsw": {"space": SPACE}}, embedding_function=None
        )
        count = self._fill(collection, wanted)
        found = self._compare(collection, wanted)
        if not found.is_equal:
            raise EngineError(
                f"Key index {name}: {len(found.missing)} keys missing, {len(found.extra)} extra, "
                f"{len(found.different)} different after building; keep {old or 'no index'} and run doctor again"
            )
        _write_pointer(self._folder / _POINTER, name)
        self._drop_all_but(name)
        return count

    def compare(self, rows: Iterable[IndexedRow]) -> IndexComparison:
        """What differs between the collection in use and the shards' rows."""
        wanted = tuple(rows)
        name = self.collection_name
        if name is None:
            return IndexComparison(missing=tuple(sorted(one for row in wanted for one, _, _ in row.entries)))
        try:
            return self._compare(self._collection(name), wanted)
        except _chroma_errors():
            return IndexComparison(unreadable=True)

    def near_duplicates(self, key: Tensor, k: int = 10) -> list[Neighbour]:
        """The nearest stored keys by inner product, at most one per edit, best first. Approximate.

        Shape: key [d_key].

        Raises:
            EngineError: no index yet, or one that cannot be read.
        """
        name = self.collection_name
        if name is None:
            raise EngineError(f"Key index {self._folder} is empty: build it from the shards (doctor)")
        try:
            collection = self._collection(name)
            found = collection.query(
                query_embeddings=[key.tolist()],
                n_results=min(4 * k, max(1, collection.count())),
                include=["metadatas", "distances"],
            )
        except _chroma_errors() as error:
            raise EngineError(
                f"Key index {name} in {self._folder} cannot be read ({type(error).__name__}): rebuild it (doctor)"
            ) from error
        best: dict[str, Neighbour] = {}
        for metadata, distance in zip(found["metadatas"][0], found["distances"][0], strict=True):
            one = _neighbour(metadata, 1.0 - float(distance))
            best.setdefault(one.edit_id, one)
        return sorted(best.values(), key=lambda one: (-one.score, one.edit_id))[:k]

    def _collection(self, name: str) -> Any:
        collection = self._client.get_collection(name, embedding_function=None)
        space = collection.configuration_json["hnsw"]["space"]
        if space != SPACE:
            raise EngineError(f"Key index {name}: expected space {SPACE}, got {space}; rebuild it (doctor)")
        return collection

    def _names(self) -> list[str]:
        return [str(one.name) for one in self._client.list_collections()]

    def _next_name(self) -> str:
        taken = [int(match[1]) for name in self._names() if (match := _COLLECTION.fullmatch(name))]
        current = _COLLECTION.fullmatch(self.collection_name or "")
        return f"keys_v{1 + max([*taken, int(current[1]) if current else 0])}"

    def _fill(self, collection: Any, rows: Sequence[IndexedRow]) -> int:
        entries = [entry for row in rows for entry in row.entries]
        at_once = int(self._client.get_max_batch_size())
        for start in range(0, len(entries), at_once):
            part = entries[start : start + at_once]
            collection.add(
                ids=[one for one, _, _ in part],
                embeddings=[key.numpy() for _, key, _ in part],
                metadatas=[metadata for _, _, metadata in part],
            )
        return len(entries)

    def _compare(self, collection: Any, rows: Sequence[IndexedRow]) -> IndexComparison:
        wanted = {one: (key, metadata) for row in rows for one, key, metadata in row.entries}
        stored = collection.get(include=["embeddings", "metadatas"])
        got = {
            str(one): (np.asarray(vector, dtype=np.float32), dict(metadata))
            for one, vector, metadata in zip(stored["ids"], stored["embeddings"], stored["metadatas"], strict=True)
        }
        different = [
            one
            for one in wanted.keys() & got.keys()
            if not np.array_equal(wanted[one][0].numpy(), got[one][0]) or wanted[one][1] != got[one][1]
        ]
        return IndexComparison(
            missing=tuple(sorted(wanted.keys() - got.keys())),
            extra=tuple(sorted(got.keys() - wanted.keys())),
            different=tuple(sorted(different)),
        )

    def _drop_all_but(self, name: str) -> None:
        for other in self._names():
            if other != name:
                self._client.delete_collection(other)


def _neighbour(metadata: Mapping[str, Any], score: float) -> Neighbour:
    pointer = ValuePointer(str(metadata["file"]), int(metadata["row"]), str(metadata["value_sha256"]))
    return Neighbour(str(metadata["edit_id"]), str(metadata["batch_id"]), score, pointer)


def _chroma_errors() -> tuple[type[Exception], ...]:
    from chromadb.errors import ChromaError

    return (ChromaError, OSError, ValueError)


def _open_client(folder: Path) -> Any:
    """A client over the folder; what cannot be opened at all is put aside and begun anew, for it can be rebuilt."""
    import chromadb
    from chromadb.config import Settings

    chromadb.api.client.SharedSystemClient.clear_system_cache()
    settings = Settings(anonymized_telemetry=False)
    store = folder / "chroma"
    try:
        return chromadb.PersistentClient(path=str(store), settings=settings)
    except _chroma_errors():
        shutil.rmtree(store, ignore_errors=True)
        (folder / _POINTER).unlink(missing_ok=True)
        chromadb.api.client.SharedSystemClient.clear_system_cache()
        return chromadb.PersistentClient(path=str(store), settings=settings)


def _locked(path: Path) -> IO[bytes]:
    lock = path.open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise EngineError(f"Key index {path.parent} is open in another process: wait for it, or end it") from error
    return lock


def _write_pointer(path: Path, name: str) -> None:
    temporary = path.with_suffix(".tmp")
    with temporary.open("w") as file:
        json.dump({"collection": name}, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
