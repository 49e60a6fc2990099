"""What a long benchmark has measured, on disk part by part: a killed run goes on where it stopped.

A *part* is the smallest piece that is measured as a whole (one memory under one system); its name is a tuple of words.
Owns, in the result folder: ``run.json`` (what is measured), ``raw.jsonl`` (every raw result; ``raw.jsonl.part`` until
the run is whole) and ``parts.jsonl`` (which bytes of it make which part, with numbers such as times). A part counts
once its line in ``parts.jsonl`` is there, so what a kill cut short is measured again.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import BufferedRandom
from pathlib import Path
from types import TracebackType
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from editor_engine.datasets.published import write_text
from editor_engine.errors import EngineError

RUN, RAW, DRAFT, PARTS = "run.json", "raw.jsonl", "raw.jsonl.part", "parts.jsonl"
_FORMAT: Final = "medrek-flow.bench-run/1"
_MIXED: Final = "go on with the arguments that it was begun with, or choose another --out"

Part = tuple[str, ...]
"""A part's name."""

Line = Mapping[str, object]
"""One raw result as JSON values."""


@dataclass(frozen=True)
class KeptPart:
    """A part that was measured before: its raw lines, and its numbers."""

    lines: Sequence[Line]
    numbers: Mapping[str, float]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    format: str
    settings: dict[str, str]
    """What all parts share."""
    members: dict[str, str]
    """Who is measured, by name: what they are."""


class _Place(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    part: tuple[str, ...]
    start: int
    end: int
    numbers: dict[str, float]


def require_place(folder: Path, *, resume: bool) -> None:
    """Refuse a folder that cannot take results, before anything is computed.

    Raises:
        EngineError: a file stands there, or a run that was begun and is not to go on.
    """
    if folder.exists() and not folder.is_dir():
        raise EngineError(f"{folder}: expected a folder for the results, or none yet, got a file: choose another --out")
    if (folder / DRAFT).exists() and not resume:
        raise EngineError(f"{folder} holds a run that was not finished: go on with --resume, or choose another --out")


class RunJournal:
    """The parts of one run.

    Args:
        settings: what results depend on; a run goes on under equal ones only.
        members: who is measured; others may be added later, but not another one under a known name.
        resume: go on with what the folder holds, finished or not; else a finished run is measured anew.

    Raises:
        EngineError: as ``require_place``; or the folder holds another run, or one that is under way.
    """

    def __init__(
        self, folder: Path, settings: Mapping[str, str], members: Mapping[str, str] | None = None, *, resume: bool
    ) -> None:
        require_place(folder, resume=resume)
        self.folder = folder
        self.seconds_before = 0.0
        """Seconds of the starts before this one, as far as their parts tell."""
        known = _read_record(folder) if resume else None
        _require_equal(folder, known, settings, members or {})
        folder.mkdir(parents=True, exist_ok=True)
        if resume and (folder / RAW).exists() and not (folder / DRAFT).exists():
            (folder / RAW).replace(folder / DRAFT)
        self._raw = _opened(folder / DRAFT, empty=not resume)
        self._index = _opened(folder / PARTS, empty=not resume)
        record = _Record(
            format=_FORMAT,
            settings=dict(settings),
            members={**(known.members if known else {}), **(members or {})},
        )
        write_text(folder / RUN, record.model_dump_json(indent=1) + "\n")
        self._places = self._read_places()

    def __enter__(self) -> RunJournal:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        self._raw.close()
        self._index.close()
        if kind is None:
            (self.folder / DRAFT).replace(self.folder / RAW)

    def find(self, part: Part) -> KeptPart | None:
        """What was measured of a part; None where it has to be."""
        place = self._places.get(part)
        if place is None:
            return None
        self._raw.seek(place.start)
        lines = self._raw.read(place.end - place.start).split(b"\n")[:-1]
        return KeptPart([json.loads(line) for line in lines], place.numbers)

    def keep(self, part: Part, lines: Iterable[Line] = (), numbers: Mapping[str, float] | None = None) -> None:
        """Put a whole part on disk; ``seconds`` among its numbers are what it took."""
        start = self._raw.seek(0, 2)
        for line in lines:
            self._raw.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
        self._raw.flush()
        place = _Place(part=part, start=start, end=self._raw.tell(), numbers=dict(numbers or {}))
        self._index.write(place.model_dump_json().encode() + b"\n")
        self._index.flush()
        self._places[part] = place

    def _read_places(self) -> dict[Part, _Place]:
        """The parts that are whole; what comes after them is cut off."""
        size = self._raw.seek(0, 2)
        found: dict[Part, _Place] = {}
        end, kept = 0, 0
        for line in self._index.read().splitlines(keepends=True):
            place = _place_in(line)
            if place is None or place.end > size:
                break
            found[place.part] = place
            end, kept = max(end, place.end), kept + len(line)
        self._raw.truncate(end)
        self._index.truncate(kept)
        self._index.seek(kept)
        self.seconds_before = sum(place.numbers.get("seconds", 0.0) for place in found.values())
        return found


def _place_in(line: bytes) -> _Place | None:
    if not line.endswith(b"\n"):
        return None
    try:
        return _Place.model_validate_json(line)
    except ValidationError:
        return None


def _opened(path: Path, *, empty: bool) -> BufferedRandom:
    """The file to read and append to, for one run at a time."""
    path.touch()
    file = path.open("r+b")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise EngineError(
            f"{path.parent}: another run is writing there: wait for it, or choose another --out"
        ) from error
    if empty:
        file.truncate(0)
    return file


def _read_record(folder: Path) -> _Record | None:
    if not any((folder / name).exists() for name in (RUN, RAW, DRAFT)):
        return None
    try:
        return _Record.model_validate_json((folder / RUN).read_bytes())
    except (OSError, ValidationError) as error:
        raise EngineError(f"{folder / RUN}: expected what this run measures, got none: choose another --out") from error


def _require_equal(
    folder: Path, known: _Record | None, settings: Mapping[str, str], members: Mapping[str, str]
) -> None:
    if known is None:
        return
    if known.format != _FORMAT:
        raise EngineError(f"{folder}: expected a run in format {_FORMAT}, got {known.format}: choose another --out")
    for name in dict.fromkeys((*known.settings, *settings)):
        was, now = known.settings.get(name), settings.get(name)
        if was != now:
            raise EngineError(f"{folder} holds a run with {name} {was}, got {now}: {_MIXED}")
    for name, now in members.items():
        if known.members.get(name, now) != now:
            raise EngineError(f"{folder} holds results of another {name} ({known.members[name]}, got {now}): {_MIXED}")
