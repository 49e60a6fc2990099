"""Records: three formats into one shape, and one clear line for a broken one."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from editor_engine.datasets import text_file
from editor_engine.datasets.records import DataError, EditRecord, Locality, read_records, synthetic_body

MEDVERSA = {
    "id": 7,
    "prompt": "What treats A?",
    "rephrase_prompt": "A is treated by what?",
    "target_new": "B",
    "ground_truth": "C",
    "subject_name": "Medicine",
    "locality_prompt": "What is D?",
    "locality_ground_truth": "E",
}


def write(path: Path, body: Any) -> Path:
    path.write_text(json.dumps(body), encoding="utf-8")
    return path


def test_a_medversa_record_keeps_its_words(tmp_path: Path) -> None:
    (record,) = read_records(write(tmp_path / "a.json", [MEDVERSA]))
    assert record.record_id == "medversa-7"
    assert record.localities == (Locality("Loc", "What is D?", "E"),)
    assert record.edit().object_old == "C"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"target_new": ""}, "record 1: field target_new: expected a text, got an empty text"),
        ({"target_new": 5}, "record 1: field target_new: expected a text, got a number"),
        ({"prompt": None}, "record 1: field prompt: expected a text, got null"),
        ({"prompt": " "}, "record 1: field prompt: expected a text, got only spaces"),
        ({"prompt": "a\ud800"}, "record 1: field prompt: expected a text, got half a character"),
        ({"id": None}, "record 1: field id: expected a text or a whole number, got null"),
        ({"id": [7]}, "record 1: field id: expected a text or a whole number, got a list"),
    ],
)
def test_a_broken_record_is_named(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    with pytest.raises(DataError, match=told):
        read_records(write(tmp_path / "a.json", [MEDVERSA | change]))


def test_duplicate_ids_and_other_formats_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="record 2: field id: expected an id of its own, got medversa-7, which is also"):
        read_records(write(tmp_path / "a.json", [MEDVERSA, MEDVERSA]))
    with pytest.raises(DataError, match="record 1: expected the fields of"):
        read_records(write(tmp_path / "b.json", [{"x": 1}]))
    with pytest.raises(DataError, match="expected a list of records"):
        read_records(write(tmp_path / "c.json", {}))
    facts = synthetic_body([EditRecord("a", "Why?", "b", (), ())])["facts"]
    assert isinstance(facts, list)
    with pytest.raises(DataError, match=r"record 2: expected MedVersa as in record 1, got medrek-flow\.facts/1"):
        read_records(write(tmp_path / "d.json", [MEDVERSA, *facts]))
    taken = EditRecord("a", "Why?", "b", (), (Locality("rephrase", "How?", "c"),))
    with pytest.raises(DataError, match="field slot: expected the name of a locality slot, got rephrase, which is"):
        read_records(write(tmp_path / "e.json", synthetic_body([taken])))


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'[{"prompt": "a', "line 1, column 13: expected JSON, got something else"),
        (b'[\n{"prompt": 1},', "line 2, column 15: expected JSON, got its end"),
        (b"prompt,target\n", "line 1, column 1: expected JSON, got something else"),
        (b'["\xe9"]', "expected UTF-8, got the byte 0xe9 at 2"),
        (b"[" * 100_000, "expected JSON, got brackets nested too deeply to read"),
        (b"[]", "got an empty list"),
        (b"[7]", "record 1: expected an object, got a number"),
    ],
)
def test_what_is_no_data_file_is_told(tmp_path: Path, body: bytes, told: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(body)
    with pytest.raises(DataError, match=told):
        read_records(path)


def test_what_is_no_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match=r"none\.json: expected a JSON file, got none there: check the path"):
        read_records(tmp_path / "none.json")
    with pytest.raises(DataError, match="expected a JSON file, got a folder"):
        read_records(tmp_path)
    with pytest.raises(DataError, match="expected a JSON file, got no regular file"):
        read_records(Path("/dev/zero"))
    path = write(tmp_path / "a.json", [MEDVERSA])
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(read_records(path)) == 1
    monkeypatch.setattr(text_file, "LARGEST_BYTES", 10)
    with pytest.raises(DataError, match="expected at most 10 bytes, got "):
        read_records(path)


def test_synthetic_records_come_back_as_they_were_written(tmp_path: Path) -> None:
    record = EditRecord(
        record_id="s-1",
        question="What is the dose of x for women?",
        target_new="5 mg",
        rephrases=("How much x for women?",),
        localities=(Locality("look_alike", "What is the dose of y for women?", "7 mg"),),
        subject="x",
        relation="dose",
        paraphrases=("Which dose of x should women get?",),
        aliases=("X-brand",),
        qualifiers=(("population", "women"),),
    )
    path = write(tmp_path / "s.json", synthetic_body([record]))
    assert read_records(path) == [record]


@pytest.mark.skipif("MEDREK_FLOW_DATA" not in os.environ, reason="MEDREK_FLOW_DATA is unset: no published files here")
def test_the_published_files_are_read_whole() -> None:
    folder = Path(os.environ["MEDREK_FLOW_DATA"]) / "edit_benchmarks"
    counts = {
        name: len(read_records(folder / name))
        for name in ("medversa/train.json", "medversa/valid.json", "medcf/train.json", "medcf/valid.json")
    }
    assert counts == {
        "medversa/train.json": 3000,
        "medversa/valid.json": 2000,
        "medcf/train.json": 2408,
        "medcf/valid.json": 818,
    }
