"""Reads the public sets into cases. What a file lacks is told with its line; nothing is skipped in silence."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from workflow.errors import UsageError
from workflow.extraction_bench.gold import Case, Item, distinct, whole
from workflow.extraction_bench.phee import phee_case
from workflow.extraction_bench.tac import read_tac
from workflow.intake.sentences import split

Row = Mapping[str, object]


def read_cases(form: str, data: Path) -> Iterator[Case]:
    """Read a set.

    Raises:
        UsageError: the file or folder is not there, or not in the format that was named.
    """
    if form not in READERS:
        raise UsageError(f"--format: expected one of {', '.join(READERS)}, got {form}")
    if not data.exists():
        raise UsageError(f"--data {data}: expected a file or folder, got nothing there")
    return READERS[form](data)


def _rows(data: Path, names: tuple[str, ...]) -> Iterator[tuple[str, Row]]:
    """The records of a JSON-lines file, or of such files in a folder, each with where it stands."""
    paths = [data] if data.is_file() else [path for name in names if (path := data / name).is_file()]
    if not paths:
        raise UsageError(f"--data {data}: expected {' or '.join(names)} in it, got neither")
    for path in paths:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                where = f"{path.name}, line {number}"
                try:
                    row = json.loads(line)
                except ValueError as error:
                    raise UsageError(f"--data {where}: expected a JSON object, got {type(error).__name__}") from error
                if not isinstance(row, dict):
                    raise UsageError(f"--data {where}: expected a JSON object, got {type(row).__name__}")
                yield where, row


def _each(data: Path, names: tuple[str, ...], make: Callable[[Row], Case | None]) -> Iterator[Case]:
    for where, row in _rows(data, names):
        try:
            case = make(row)
        except (KeyError, TypeError, IndexError, AttributeError) as error:
            raise UsageError(
                f"--data {where}: expected the fields of this format, got {error!r}; is --format right?"
            ) from error
        if case is not None:
            yield case


def _read_ddi(data: Path) -> Iterator[Case]:
    """DDI-2013: every pair of drugs of a sentence is annotated."""
    return _each(data, ("train.jsonl", "test.jsonl", "dev.jsonl"), _ddi_case)


def _ddi_case(row: Row) -> Case | None:
    entities = {str(one["id"]): str(one["text"]) for one in _list(row["entities"])}
    items = tuple(
        Item(entities[str(pair["e1"])], entities[str(pair["e2"])], kind=str(pair["type"] or "unnamed"))
        for pair in _list(row["pairs"])
        if pair["ddi"]
    )
    if not _list(row["pairs"]):
        return None
    return Case(
        case_id=str(row["sent_id"]),
        document=str(row["doc"]),
        text=str(row["text"]),
        sentences=whole(str(row["text"])),
        items=items,
        names=distinct(entities.values()),
        is_empty=not items,
        counts_pairs=True,
    )


def _read_tdic(data: Path) -> Iterator[Case]:
    """TDIC: pairs that interact and pairs that do not, with the certainty of the sentence."""
    return _each(data, ("dev.jsonl", "test.jsonl", "train.jsonl"), _tdic_case)


def _tdic_case(row: Row) -> Case | None:
    affirmed, denied = _pairs(row["ddi_pos"]), _pairs(row["ddi_neg"])
    names = distinct([*map(str, _values(row["drugs"])), *(name for pair in (*affirmed, *denied) for name in pair)])
    if len(names) < 2:
        return None
    levels = [int(str(level)) for level in _values(row["certainty"])]
    hedged = bool(levels) and max(levels) < 3
    held = {frozenset(pair) for pair in affirmed}
    items = [Item(*pair, hedged=hedged) for pair in affirmed]
    items += [Item(*pair, denied=True) for pair in denied if frozenset(pair) not in held]
    text = str(row["sentence"])
    return Case(
        case_id=f"{row['pmid']}-{row['sent_no']}",
        document=str(row["pmid"]),
        text=text,
        sentences=whole(text),
        items=tuple(items),
        names=names,
        is_empty=_values(row["polarity"]) == ["N"] and not affirmed,
        counts_pairs=True,
    )


def _read_phee(data: Path) -> Iterator[Case]:
    return _each(data, ("dev.json", "train.json", "test.json", "dev.jsonl"), phee_case)


def _read_evidence(data: Path) -> Iterator[Case]:
    """Evidence Inference: what a trial found of an intervention and an outcome, with the span that says so."""
    prompts = {row["PromptID"]: row for row in _table(data / "prompts_merged.csv", "PromptID")}
    items: dict[str, list[Item]] = defaultdict(list)
    for row in _table(data / "v2_annotations.csv", "PromptID"):
        prompt = prompts.get(row["PromptID"])
        if prompt is None or row.get("Valid Label") != "True" or not row.get("Evidence Start", "").isdigit():
            continue
        items[row["PMCID"]].append(
            Item(
                prompt["Intervention"],
                prompt["Outcome"],
                kind=row["Label"],
                denied=row["Label"].startswith("no sig"),
                span=(int(row["Evidence Start"]), int(row["Evidence End"])),
            )
        )
    for pmcid, found in items.items():
        path = data / "texts" / f"PMC{pmcid}.txt"
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            sentences = tuple((s.start, s.end) for s in split(text, 0, len(text)))
            yield Case(f"PMC{pmcid}", pmcid, text, sentences, tuple(found))


def _table(path: Path, column: str) -> Iterable[dict[str, str]]:
    if not path.is_file():
        raise UsageError(f"--data {path}: expected a CSV file with a column {column}, got nothing there")
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        if column not in (rows.fieldnames or ()):
            raise UsageError(f"--data {path}: expected a column {column}, got {', '.join(rows.fieldnames or ())}")
        yield from rows


def _list(value: object) -> list[dict[str, object]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _values(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else []


def _pairs(value: object) -> list[tuple[str, str]]:
    return [(str(pair[0]), str(pair[1])) for pair in _values(value) if isinstance(pair, list) and len(pair) == 2]


READERS: Mapping[str, Callable[[Path], Iterator[Case]]] = MappingProxyType(
    {
        "ddi": _read_ddi,
        "tdic": _read_tdic,
        "tac": read_tac,
        "phee": _read_phee,
        "evidence-inference": _read_evidence,
    }
)
"""The sets of sentences with facts; tables of codes and whole labels are compared, not read."""
