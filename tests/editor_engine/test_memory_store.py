"""Shards: the same bytes every time, and every damage is found."""

from __future__ import annotations

import hashlib
import os
import pickle
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from editor_engine.edit import Carrier, Edit
from editor_engine.errors import EngineError, MemoryDamagedError
from editor_engine.memory import MemoryRow
from editor_engine.memory_store import read_shard, write_shard


@pytest.fixture
def rows(simple_edit: Callable[..., Edit]) -> list[MemoryRow]:
    """Rows of every carrier, with unusual texts."""
    torch.manual_seed(0)
    edits = [
        simple_edit(0, paraphrases=("By which route?", "Ärztlich „verordnet“\u202e?"), aliases=("Brand",)),
        simple_edit(1, qualifiers=(("population", "women"), ("route", "oral")), must_not_assert=("10 mg",)),
        simple_edit(2, object_old="old", object_new='x" \\ \n{}'),
    ]
    keys = [torch.randn(1 + len(edit.paraphrases), 5) for edit in edits]
    prompts = [None, torch.randn(2, 4).half(), torch.randn(2, 4).half()]
    carriers = [Carrier.TEXT, Carrier.SOFT, Carrier.REFINED]
    return [
        MemoryRow(
            edit, carrier, key, key * 2, context=None if prompt is not None else "Fact: x\n", prompt=prompt, sequence=3
        )
        for edit, key, prompt, carrier in zip(edits, keys, prompts, carriers, strict=True)
    ]


def test_what_is_read_is_what_was_written(rows: list[MemoryRow], tmp_path: Path) -> None:
    path = tmp_path / "batch.safetensors"
    sha256 = write_shard(rows, path)
    assert sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    found = read_shard(path, sha256)
    assert [row.digest for row in found] == [row.digest for row in rows]
    assert [row.edit for row in found] == [row.edit for row in rows]
    assert found[1].prompt is not None
    assert rows[1].prompt is not None
    assert torch.equal(found[1].prompt, rows[1].prompt)
    assert list(tmp_path.iterdir()) == [path]


def test_the_same_rows_give_the_same_bytes_in_any_process(rows: list[MemoryRow], tmp_path: Path) -> None:
    digests = {write_shard(rows, tmp_path / f"{number}.safetensors") for number in range(3)}
    script = (
        "import sys; from pathlib import Path; from editor_engine.memory_store import read_shard, write_shard\n"
        "path = Path(sys.argv[1]); print(write_shard(read_shard(path, sys.argv[2]), path.with_name('again')))"
    )
    environment = os.environ | {"PYTHONHASHSEED": "7"}
    again = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "0.safetensors"), *digests],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    assert digests == {again.stdout.strip()}


def test_every_flipped_byte_and_every_truncation_is_found(rows: list[MemoryRow], tmp_path: Path) -> None:
    path = tmp_path / "batch.safetensors"
    sha256 = write_shard(rows, path)
    body = path.read_bytes()
    for position in range(0, len(body), 37):
        path.write_bytes(body[:position] + bytes([body[position] ^ 1]) + body[position + 1 :])
        with pytest.raises(MemoryDamagedError, match=sha256):
            read_shard(path, sha256)
    for length in (0, 7, 8, 100, len(body) - 1):
        path.write_bytes(body[:length])
        with pytest.raises(MemoryDamagedError, match=r"batch\.safetensors is damaged: expected sha256"):
            read_shard(path, sha256)
    path.unlink()
    with pytest.raises(MemoryDamagedError, match="cannot be read"):
        read_shard(path, sha256)


class Bomb:
    """Says so when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return (os.system, ("touch exploded",))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        struct.pack("<Q", 2**62) + b"{}",
        struct.pack("<Q", 2) + b"{}",
        struct.pack("<Q", 4) + b"null",
        pickle.dumps(Bomb()),
    ],
)
def test_a_file_with_the_right_sha256_that_is_no_shard_is_refused(
    body: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "batch.safetensors"
    path.write_bytes(body)
    with pytest.raises(MemoryDamagedError, match=r"is no medrek-flow\.shard/1"):
        read_shard(path, hashlib.sha256(body).hexdigest())
    assert not (tmp_path / "exploded").exists()


def test_values_that_are_not_numbers_are_refused(rows: list[MemoryRow], tmp_path: Path) -> None:
    broken = replace(rows[0], keys=rows[0].keys * torch.nan)
    with pytest.raises(MemoryDamagedError, match="finite"):
        write_shard([broken], tmp_path / "batch.safetensors")


def test_a_shard_is_written_once(rows: list[MemoryRow], tmp_path: Path) -> None:
    path = tmp_path / "batch.safetensors"
    assert write_shard(rows, path) == write_shard(rows, path)
    with pytest.raises(EngineError, match="written once"):
        write_shard(rows[:1], path)
    with pytest.raises(EngineError, match="at least one row"):
        write_shard([], tmp_path / "empty.safetensors")


def test_a_write_that_breaks_off_leaves_no_shard(
    rows: list[MemoryRow], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_descriptor: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        write_shard(rows, tmp_path / "batch.safetensors")
    assert not (tmp_path / "batch.safetensors").exists()
