"""A Chroma collection of all keys: a rebuildable index for near-duplicate and conflict search.

It never decides a firing and is never the only copy: keys live in the shards. One process opens the folder, under an
OS file lock, because Chroma damages itself silently when two write. An interrupted flush can leave a collection
that no call can read any more (an empty pickle); that is noticed, and the index is built anew beside it. Each build has
a store of its own, because Chroma leaves a deleted collection's files behind.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Self, TypeVar

import numpy as np
from torch import Tensor

from editor_engine.errors import EngineError, IndexBusyError
from editor_engine.index_entries import (
    IndexComparison,
    IndexedRow,
    IndexEntry,
    Neighbour,
    ValuePointer,
    entries_by_id,
    vectors_of,
)

__all__ = ["IndexComparison", "IndexedRow", "KeyIndex", "Neighbour", "Progress", "ValuePointer"]

SPACE = "ip"
_COLLECTION = re.compile(r"keys_v(\d+)")
_STORES = ("chroma", "store_v*")
"""Where stores may stand; the first is where all builds once shared one."""
_POINTER = "live_collection.json"
_LOCK = "lock"
_T = TypeVar("_T")
_FEW = 0.1
"""Share of keys that differ up to which an index is mended in place instead of built anew."""

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many keys are done, and of how many."""


class KeyIndex:
    """The index in a folder; use it as a context manager, so that the lock is given back.

    Raises:
        IndexBusyError: another process has the folder open.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._lock = _locked(folder / _LOCK)
        self._clients: dict[str, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the folder back."""
        self._clients.clear()
        self._lock.close()

    @property
    def collection_name(self) -> str | None:
        """The collection in use, None before the first build."""
        found = self._pointer()
        return None if found is None else found[1]

    def rebuild(self, rows: Iterable[IndexedRow], progress: Progress | None = None) -> int:
        """Build a new collection from verified rows, compare it with them, then switch to it.

        The old one is in use until the new one has been found equal.

        Returns:
            The number of keys.

        Raises:
            EngineError: two rows of one edit, or the new collection does not hold what was put into it.
        """
        wanted = entries_by_id(rows)
        old = self.collection_name
        store, name = self._next_names()
        collection = self._client(store).create_collection(
            name, configuration={"hnsw": {"space": SPACE}}, embedding_function=None
        )
        self._put(collection, store, list(wanted.values()), progress, "building the key index")
        found = self._compare(collection, store, wanted, progress)
        if not found.is_equal:
            raise EngineError(
                f"Key index {name}: {len(found.missing)} keys missing, {len(found.extra)} extra, "
                f"{len(found.different)} different after building; keep {old or 'no index'} and run doctor again"
            )
        _write_pointer(self._folder / _POINTER, store, name)
        self._drop_all_but(store)
        return len(wanted)

    def bring_up_to(self, rows: Iterable[IndexedRow], progress: Progress | None = None) -> int:
        """Make the index equal to verified rows: in place where few keys differ, else by a rebuild.

        Returns:
            How many keys were written or taken out; 0 where the index was equal already.

        Raises:
            EngineError: see ``rebuild``.
        """
        kept = tuple(rows)
        found = self.compare(kept, progress)
        if found.is_equal:
            return 0
        wanted = entries_by_id(kept)
        changed = [*found.missing, *found.different]
        if found.unreadable or self._pointer() is None or len(changed) + len(found.extra) > _FEW * len(wanted):
            return self.rebuild(kept, progress)
        try:
            self._mend(wanted, found, changed, progress)
        except _chroma_errors():
            return self.rebuild(kept, progress)
        return len(changed) + len(found.extra)

    def compare(self, rows: Iterable[IndexedRow], progress: Progress | None = None) -> IndexComparison:
        """What differs between the collection in use and the shards' rows: ids, vectors and what they point to."""
        wanted = entries_by_id(rows)
        pointer = self._pointer()
        if pointer is None:
            return IndexComparison(missing=tuple(sorted(wanted)))
        try:
            return self._compare(self._collection(*pointer), pointer[0], wanted, progress)
        except _unreadable():
            return IndexComparison(unreadable=True)

    def near_duplicates(self, key: Tensor, k: int = 10) -> list[Neighbour]:
        """The nearest stored keys by inner product, at most one per edit, best first. Approximate.

        Shape: key [d_key].

        Raises:
            EngineError: no index yet, or one that cannot be read.
        """
        pointer = self._pointer()
        if pointer is None:
            raise EngineError(f"Key index {self._folder} is empty: build it from the shards (doctor)")
        try:
            collection = self._collection(*pointer)
            found = collection.query(
                query_embeddings=[key.float().tolist()],
                n_results=min(4 * k, max(1, collection.count())),
                include=["metadatas", "distances"],
            )
        except _chroma_errors() as error:
            raise EngineError(
                f"Key index {pointer[1]} in {self._folder} cannot be read ({type(error).__name__}): rebuild it (doctor)"
            ) from error
        best: dict[str, Neighbour] = {}
        for metadata, distance in zip(found["metadatas"][0], found["distances"][0], strict=True):
            one = _neighbour(metadata, 1.0 - float(distance))
            best.setdefault(one.edit_id, one)
        return sorted(best.values(), key=lambda one: (-one.score, one.edit_id))[:k]

    def _pointer(self) -> tuple[str, str] | None:
        """Store and collection in use; None where nothing, or nothing that can be read, says so."""
        try:
            told = json.loads((self._folder / _POINTER).read_text())
            return str(told.get("store", _STORES[0])), str(told["collection"])
        except (OSError, ValueError, KeyError, AttributeError):
            return None

    def _client(self, store: str) -> Any:
        if store not in self._clients:
            self._clients[store] = _open_client(self._folder / store)
        return self._clients[store]

    def _collection(self, store: str, name: str) -> Any:
        collection = self._client(store).get_collection(name, embedding_function=None)
        space = collection.configuration_json["hnsw"]["space"]
        if space != SPACE:
            raise EngineError(f"Key index {name}: expected space {SPACE}, got {space}; rebuild it (doctor)")
        return collection

    def _next_names(self) -> tuple[str, str]:
        """A store and a collection that no build has used, a broken-off one included."""
        taken = [int(path.name.removeprefix("store_v")) for path in self._stores() if path.name[-1].isdigit()]
        current = _COLLECTION.fullmatch(self.collection_name or "")
        number = 1 + max([*taken, int(current[1]) if current else 0])
        return f"store_v{number}", f"keys_v{number}"

    def _stores(self) -> list[Path]:
        return [path for pattern in _STORES for path in self._folder.glob(pattern)]

    def _put(
        self, collection: Any, store: str, entries: Sequence[IndexEntry], progress: Progress | None, what: str
    ) -> None:
        for part in self._parts(store, entries, progress, what):
            collection.upsert(
                ids=[one.key_id for one in part],
                embeddings=vectors_of(part),
                metadatas=[one.metadata for one in part],
            )

    def _mend(
        self,
        wanted: Mapping[str, IndexEntry],
        found: IndexComparison,
        changed: Sequence[str],
        progress: Progress | None,
    ) -> None:
        pointer = self._pointer()
        assert pointer is not None  # noqa: S101 - bring_up_to has looked
        collection = self._collection(*pointer)
        for part in self._parts(pointer[0], found.extra, progress, "taking keys out"):
            collection.delete(ids=list(part))
        self._put(collection, pointer[0], [wanted[one] for one in changed], progress, "mending the key index")
        touched = {one: wanted[one] for one in changed}
        if set(collection.get(include=[])["ids"]) != wanted.keys() or self._different(
            collection, pointer[0], touched, progress
        ):
            raise ValueError("the index is not what was put into it")

    def _compare(
        self, collection: Any, store: str, wanted: Mapping[str, IndexEntry], progress: Progress | None
    ) -> IndexComparison:
        got = {str(one) for one in collection.get(include=[])["ids"]}
        common = {one: entry for one, entry in wanted.items() if one in got}
        return IndexComparison(
            missing=tuple(sorted(wanted.keys() - got)),
            extra=tuple(sorted(got - wanted.keys())),
            different=tuple(sorted(self._different(collection, store, common, progress))),
        )

    def _different(
        self, collection: Any, store: str, wanted: Mapping[str, IndexEntry], progress: Progress | None
    ) -> list[str]:
        """Ids of keys whose vector or metadata is not as it should be, a batch at a time."""
        different: list[str] = []
        for part in self._parts(store, list(wanted.values()), progress, "comparing the key index"):
            stored = collection.get(ids=[one.key_id for one in part], include=["embeddings", "metadatas"])
            place = {str(one): number for number, one in enumerate(stored["ids"])}
            order = [place[one.key_id] for one in part]
            vectors, expected = np.asarray(stored["embeddings"], dtype=np.float32)[order], vectors_of(part)
            same = vectors.shape == expected.shape and (vectors == expected).all(axis=1)
            equal = np.broadcast_to(same, len(part))
            different += [
                one.key_id
                for one, number, is_equal in zip(part, order, equal, strict=True)
                if not is_equal or dict(stored["metadatas"][number]) != one.metadata
            ]
        return different

    def _parts(self, store: str, some: Sequence[_T], progress: Progress | None, what: str) -> Iterator[Sequence[_T]]:
        """As many at once as Chroma takes."""
        at_once = int(self._client(store).get_max_batch_size())
        for start in range(0, len(some), at_once):
            if progress is not None:
                progress(what, start, len(some))
            yield some[start : start + at_once]
        if progress is not None and some:
            progress(what, len(some), len(some))

    def _drop_all_but(self, store: str) -> None:
        for path in self._stores():
            if path.name != store:
                self._clients.pop(path.name, None)
                shutil.rmtree(path, ignore_errors=True)


def _neighbour(metadata: Mapping[str, Any], score: float) -> Neighbour:
    pointer = ValuePointer(str(metadata["file"]), int(metadata["row"]), str(metadata["value_sha256"]))
    return Neighbour(str(metadata["edit_id"]), str(metadata["batch_id"]), score, pointer)


def _chroma_errors() -> tuple[type[Exception], ...]:
    from chromadb.errors import ChromaError

    return (ChromaError, OSError, ValueError)


def _unreadable() -> tuple[type[Exception], ...]:
    return (*_chroma_errors(), EngineError)


_DATABASE = "chroma.sqlite3"


def _open_client(store: Path) -> Any:
    import chromadb
    from chromadb.config import Settings

    chromadb.api.client.SharedSystemClient.clear_system_cache()
    if not (store / _DATABASE).exists():  # SQLite itself would make it writable for its owner alone, whatever the umask
        store.mkdir(parents=True, exist_ok=True)
        (store / _DATABASE).touch()
    return chromadb.PersistentClient(path=str(store), settings=Settings(anonymized_telemetry=False))


def _locked(path: Path) -> IO[bytes]:
    lock = path.open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise IndexBusyError(f"Key index {path.parent} is open in another process: wait for it, or end it") from error
    return lock


def _write_pointer(path: Path, store: str, name: str) -> None:
    temporary = path.with_suffix(".tmp")
    with temporary.open("w") as file:
        json.dump({"store": store, "collection": name}, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
