"""Values that took long to make (refined prompts, chosen carriers), kept beside a run's journal as shards.

Owns the folder ``values`` in the result folder. A shard that is not what its record says is made anew.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from editor_engine.errors import EngineError, MemoryDamagedError
from editor_engine.memory import MemoryRow
from editor_engine.memory_store import read_shard, write_shard

VALUES = "values"


@dataclass(frozen=True)
class ValuePart:
    """Some edits' rows, those left out that got no value, and the seconds that they took."""

    rows: Sequence[MemoryRow]
    seconds: float


class KeptValues:
    """Rows by system and number of the part; without a folder nothing is kept.

    Args:
        resume: use what the folder holds; else it is emptied.
    """

    def __init__(self, folder: Path | None = None, *, resume: bool = False) -> None:
        self._folder = None if folder is None else folder / VALUES
        if self._folder is not None and not resume:
            shutil.rmtree(self._folder, ignore_errors=True)

    def find(self, system: str, number: int) -> ValuePart | None:
        """The rows made before; None where they are to be made."""
        if self._folder is None:
            return None
        shard, record = self._places(self._folder, system, number)
        try:
            body = json.loads(record.read_text(encoding="utf-8"))
            rows = read_shard(shard, body["sha256"]) if body["sha256"] else []
            return ValuePart(rows, float(body["seconds"]))
        except (OSError, ValueError, KeyError, TypeError, MemoryDamagedError):
            return None

    def keep(self, system: str, number: int, rows: Sequence[MemoryRow], *, seconds: float) -> ValuePart:
        """Put rows on disk; the record comes last."""
        if self._folder is not None:
            shard, record = self._places(self._folder, system, number)
            self._folder.mkdir(parents=True, exist_ok=True)
            try:
                shard.unlink(missing_ok=True)
                sha256 = write_shard(rows, shard) if rows else ""
                record.write_text(json.dumps({"sha256": sha256, "seconds": seconds}) + "\n", encoding="utf-8")
            except OSError as error:
                raise EngineError(f"{record}: cannot be written ({error.strerror}): make room") from error
        return ValuePart(rows, seconds)

    @staticmethod
    def _places(folder: Path, system: str, number: int) -> tuple[Path, Path]:
        """Shard and record; a system's name may hold what no file name may."""
        name = f"{hashlib.sha256(system.encode()).hexdigest()[:12]}-{number}"
        return folder / f"{name}.safetensors", folder / f"{name}.json"
