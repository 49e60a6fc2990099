"""Reads what the editing benchmark needs: records, base model, editors with their carriers, the trivial systems."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from editor_engine.benchmarks.asked import Duplicates, by_slot
from editor_engine.benchmarks.edit_answers import AnswerBook, Tell
from editor_engine.benchmarks.edit_systems import CHOSEN, AlwaysSystem, EngineSystem, LookUpSystem, System
from editor_engine.benchmarks.editor_names import UNTRAINED, editor_names
from editor_engine.benchmarks.retrieval import chosen_level
from editor_engine.benchmarks.retrievers import ExactMatch, TfIdf, remembering
from editor_engine.datasets.near_duplicates import RULE, find_duplicates, read_duplicates
from editor_engine.datasets.records import EditRecord, read_records
from editor_engine.edit import Carrier
from editor_engine.editor import Editor
from editor_engine.errors import EngineError
from editor_engine.lm_families import CausalLM
from editor_engine.threads import choose_threads
from editor_engine.weights_digest import file_sha256

CARRIERS = (*(carrier.value for carrier in Carrier), CHOSEN)


@dataclass(frozen=True)
class EditSetup:
    """What a run works on; ``facts`` are what its report names, ``settings`` what all its results hang on."""

    records: Sequence[EditRecord]
    systems: Sequence[System]
    book: AnswerBook
    duplicates: Duplicates
    facts: dict[str, object]
    settings: dict[str, str]


def load_edit_setup(
    data: Path,
    base: str,
    *,
    editors: Sequence[Path] = (),
    carriers: Sequence[str] = (Carrier.TEXT.value,),
    duplicates: Path | None = None,
    calibrate: Path | None = None,
    limit: int | None = None,
    device: str = "cpu",
    dtype: str | None = None,
    max_new_tokens: int = 32,
    tell: Tell = lambda *_: None,
) -> EditSetup:
    """Read everything; each file is checked before anything is computed.

    Args:
        editors: checkpoint folders, compared with each other; without any the untrained start.
        calibrate: records on which TF-IDF's limit is chosen; without them on ``data``, which flatters it.

    Raises:
        DataError, BaseModelError, CheckpointError: one of them is broken.
        EngineError: an unknown carrier.
    """
    if unknown := [one for one in carriers if one not in CARRIERS]:
        raise EngineError(f"Carrier: expected {', '.join(CARRIERS)}, got {unknown[0]}")
    names = editor_names(editors) or [UNTRAINED]
    records = read_records(data)[:limit]
    calibration = read_records(calibrate) if calibrate else records
    listed = by_slot(read_duplicates(duplicates) if duplicates else find_duplicates(records))
    model = CausalLM.load(base, device=device, dtype=dtype)
    choose_threads(model.parameters, device=device)
    named = any(record.subject for record in records)
    systems: list[System] = []
    left_out: list[str] = []
    folders: list[Path | None] = [*editors] or [None]
    for folder, name in zip(folders, names, strict=True):
        editor = Editor.load(model, folder)
        editor = replace(editor, verifier=remembering(editor.verifier))
        if folder is None:
            editor = replace(editor, thresholds=replace(editor.thresholds, subject_must_be_named=named))
        able = [one for one in carriers if one != Carrier.SOFT or editor.prompt_encoder is not None]
        systems += [EngineSystem(editor, carrier, name=name, progress=tell) for carrier in able]
        left_out += [f"{name}, {carrier}: no prompt encoder" for carrier in carriers if carrier not in able]
    tf_idf = TfIdf([record.question for record in calibration])
    apart = by_slot(find_duplicates(calibration)) if calibrate else listed
    level = chosen_level(tf_idf, calibration, apart, size=min(100, len(calibration)), seed=0, most_false=0.01)
    systems += [LookUpSystem(tf_idf.at(level), model), LookUpSystem(ExactMatch(), model), AlwaysSystem(model)]
    facts: dict[str, object] = {
        "data": data.name,
        "sha256": file_sha256(data),
        "records": len(records),
        "base model": f"{model.name} ({model.parameters / 1e6:.1f} million parameters, {model.digest[:12]})",
        "editors": ", ".join(names),
        "set apart by": str(duplicates) if duplicates else f"rule {RULE}",
        "TF-IDF limit": f"{level} chosen on {calibrate.name if calibrate else 'this very file, which flatters it'}",
    }
    if left_out:
        facts["left out"] = "; ".join(left_out)
    settings = {
        "data": file_sha256(data),
        "records": str(len(records)),
        "base model": model.digest,
        "set apart by": file_sha256(duplicates) if duplicates else RULE,
        "longest answer": str(max_new_tokens),
        "dtype": str(dtype),
    }
    book = AnswerBook(model, max_new_tokens=max_new_tokens, tell=tell)
    return EditSetup(records, systems, book, listed, facts, settings)
