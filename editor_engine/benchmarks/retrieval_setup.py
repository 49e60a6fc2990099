"""Reads what a retrieval benchmark needs: records, the editor (trained or the untrained start), duplicates, facts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from editor_engine.benchmarks.asked import Duplicates, by_slot
from editor_engine.benchmarks.editor_names import UNTRAINED, editor_names
from editor_engine.benchmarks.retrievers import EngineRetriever
from editor_engine.checkpoint import EditorCheckpoint
from editor_engine.datasets.near_duplicates import RULE, find_duplicates, read_duplicates
from editor_engine.datasets.records import EditRecord, read_records
from editor_engine.text_encoder import TextEncoder
from editor_engine.thresholds import Thresholds
from editor_engine.weights_digest import file_sha256


@dataclass(frozen=True)
class Setup:
    """What a run works on; ``facts`` are what its report names, ``settings`` what all its results hang on."""

    records: Sequence[EditRecord]
    calibration: Sequence[EditRecord]
    engine: EngineRetriever
    others: Sequence[EngineRetriever]
    duplicates: Duplicates
    facts: dict[str, object]
    settings: dict[str, str]
    members: dict[str, str]


def load_setup(
    data: Path,
    *,
    editors: Sequence[Path] = (),
    duplicates: Path | None = None,
    calibrate: Path | None = None,
    swept: str | None = None,
    limit: int | None = None,
    threads: int = 1,
) -> Setup:
    """Read everything; each file is checked before anything is computed.

    Args:
        editors: checkpoint folders; the first is looked at closely. Without any the untrained start.
        swept: the limit that curves vary; by default the one that decides most.
        limit: only the first so many records.

    Raises:
        DataError: a data file is broken.
        CheckpointError: the editor is.
    """
    names = editor_names(editors) or [UNTRAINED]
    torch.set_num_threads(threads)
    records = read_records(data)[:limit]
    calibration = read_records(calibrate)[:limit] if calibrate else []
    listed = read_duplicates(duplicates) if duplicates else find_duplicates(records)
    named = any(record.subject for record in records)
    facts: dict[str, object] = {"data": data.name, "sha256": file_sha256(data), "records": len(records)}
    folders: list[Path | None] = [*editors] or [None]
    engines = [_engine(folder, swept, name, named=named) for folder, name in zip(folders, names, strict=True)]
    engine = engines[0]
    facts["editors"] = ", ".join(f"{one.name} {one.encoder.digest[:12]}" for one in engines)
    facts |= {"limits": engine.thresholds.to_json(), "curve over": engine.level_name}
    facts["set apart by"] = str(duplicates) if duplicates else f"rule {RULE}"
    facts["TF-IDF limit chosen on"] = calibrate.name if calibrate else "this very file, which flatters it"
    settings = {
        "data": file_sha256(data),
        "records": str(len(records)),
        "set apart by": file_sha256(duplicates) if duplicates else RULE,
        "calibrate": file_sha256(calibrate) if calibrate else "",
    }
    members = {one.name: f"{one.encoder.digest[:16]} curve over {one.level_name}" for one in engines}
    return Setup(records, calibration, engine, engines[1:], by_slot(listed), facts, settings, members)


def _engine(folder: Path | None, swept: str | None, name: str, *, named: bool) -> EngineRetriever:
    if folder is None:
        encoder = TextEncoder.load()
        thresholds = replace(Thresholds(), subject_must_be_named=named)
        return EngineRetriever(encoder, thresholds, swept=swept, name=name)
    checkpoint = EditorCheckpoint.load(folder)
    return EngineRetriever(
        checkpoint.encoder, checkpoint.thresholds, swept=swept, verifier=checkpoint.verifier, name=name
    )
