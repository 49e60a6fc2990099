"""How tables call several trained editors: by preset and folder, as much of the path as tells them apart."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from editor_engine.checkpoint import MANIFEST_NAME
from editor_engine.checkpoint_manifest import Manifest, read_manifest
from editor_engine.errors import EngineError

UNTRAINED = "untrained"


def editor_names(folders: Sequence[Path]) -> list[str]:
    """One name for each folder, in order: ``recipe (run-3)``, or ``recipe (may/run-3)`` beside ``recipe (june/run-3)``.

    Raises:
        CheckpointError: a folder holds no editor.
        EngineError: a folder is named twice.
    """
    return [
        f"{manifest.preset} ({place})" for manifest, place in zip(_manifests(folders), _places(folders), strict=True)
    ]


def _manifests(folders: Sequence[Path]) -> list[Manifest]:
    return [read_manifest(folder / MANIFEST_NAME) for folder in folders]


def _places(folders: Sequence[Path]) -> list[str]:
    whole = [folder.resolve() for folder in folders]
    for at, folder in enumerate(whole):
        if folder in whole[:at]:
            raise EngineError(f"--editor: expected different folders, got {folders[at]} twice")
    shown = [1] * len(whole)
    while clashing := _clashing([_tail(folder, parts) for folder, parts in zip(whole, shown, strict=True)]):
        for at in clashing:
            shown[at] += 1
    return [_tail(folder, parts) for folder, parts in zip(whole, shown, strict=True)]


def _clashing(places: Sequence[str]) -> list[int]:
    return [at for at, place in enumerate(places) if places.count(place) > 1]


def _tail(folder: Path, parts: int) -> str:
    return "/".join(folder.parts[-parts:])
