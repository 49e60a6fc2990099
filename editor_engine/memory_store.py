"""Shards on disk: one safetensors file per batch, written once, verified whenever it is read.

Keys and prompts are tensors, the edits stand in the header as canonical JSON. The same rows give the same bytes.
Nothing is ever unpickled, and no byte is used before the file's sha256 has been found right.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from editor_engine.edit import Carrier, Edit
from editor_engine.errors import EngineError, MemoryDamagedError
from editor_engine.memory import MemoryRow

FORMAT = "medrek-flow.shard/1"
_HEADER_KEY = "medrek_flow"
_LARGEST_HEADER_BYTES = 256 * 1024 * 1024
_RESTORE = "restore it from a backup, or stage the batch again; do not serve this release"


def write_shard(rows: Sequence[MemoryRow], path: Path) -> str:
    """Write a batch's rows for good: temporary file, fsync, rename, fsync of the folder; then read back.

    Returns:
        The file's hex sha256, for the ledger.

    Raises:
        EngineError: no rows, or another shard already stands at the path.
        MemoryDamagedError: what was read back is not what was written.
    """
    body = _to_bytes(rows)
    sha256 = hashlib.sha256(body).hexdigest()
    if path.exists():
        if path.read_bytes() == body:
            return sha256
        raise EngineError(f"Shard {path} exists with other contents: a shard is written once; use another batch id")
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    _sync_folder(path.parent)
    read_shard(path, sha256)
    return sha256


def read_shard(path: Path, expected_sha256: str) -> list[MemoryRow]:
    """The rows of a shard, verified against the ledger's sha256.

    Raises:
        MemoryDamagedError: the file is missing, has another sha256, or is no shard.
    """
    try:
        body = path.read_bytes()
    except OSError as error:
        raise MemoryDamagedError(f"Shard {path} cannot be read ({type(error).__name__}): {_RESTORE}") from error
    got = hashlib.sha256(body).hexdigest()
    if got != expected_sha256:
        raise MemoryDamagedError(
            f"Shard {path} is damaged: expected sha256 {expected_sha256}, got {got} ({len(body)} bytes); {_RESTORE}"
        )
    try:
        return _from_bytes(body)
    except (SafetensorError, KeyError, ValueError, TypeError, EngineError) as error:
        raise MemoryDamagedError(
            f"Shard {path} has the sha256 that was expected but is no {FORMAT}: {error}; {_RESTORE}"
        ) from error


def _to_bytes(rows: Sequence[MemoryRow]) -> bytes:
    if not rows:
        raise EngineError("A shard needs at least one row: the batch is empty")
    tensors = {
        "keys": torch.cat([row.keys for row in rows]).contiguous(),
        "relation_keys": torch.cat([row.relation_keys for row in rows]).contiguous(),
    }
    prompts = [row.prompt for row in rows if row.prompt is not None]
    if prompts:
        tensors["prompts"] = torch.stack(prompts).contiguous()
    header = {"format": FORMAT, "rows": [_row_body(row) for row in rows]}
    text = json.dumps(header, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return bytes(save(tensors, metadata={_HEADER_KEY: text}))


def _row_body(row: MemoryRow) -> dict[str, Any]:
    return {
        "edit": {field.name: getattr(row.edit, field.name) for field in fields(Edit)},
        "carrier": row.carrier.value,
        "context": row.context,
        "sequence": row.sequence,
        "digest": row.digest,
    }


def _from_bytes(body: bytes) -> list[MemoryRow]:
    header = _header_of(body)
    tensors: dict[str, Tensor] = load(body)
    bodies = header["rows"]
    counts = [1 + len(one["edit"]["paraphrases"]) for one in bodies]
    keys = _checked(tensors, "keys", torch.float32, sum(counts)).split_with_sizes(counts)
    relation_keys = _checked(tensors, "relation_keys", torch.float32, sum(counts)).split_with_sizes(counts)
    with_prompt = sum(one["carrier"] != Carrier.TEXT.value for one in bodies)
    prompts = iter(_checked(tensors, "prompts", torch.float16, with_prompt) if with_prompt else ())
    rows = []
    for one, row_keys, row_relation_keys in zip(bodies, keys, relation_keys, strict=True):
        row = MemoryRow(
            edit=edit_of(one["edit"]),
            carrier=Carrier(one["carrier"]),
            keys=row_keys.clone(),
            relation_keys=row_relation_keys.clone(),
            context=one["context"],
            prompt=None if one["carrier"] == Carrier.TEXT.value else next(prompts).clone(),
            sequence=int(one["sequence"]),
        )
        if row.digest != one["digest"]:
            raise ValueError(f"row {row.edit_id}: expected digest {one['digest']}, got {row.digest}")
        rows.append(row)
    return rows


def _header_of(body: bytes) -> dict[str, Any]:
    if len(body) < 8:
        raise ValueError(f"expected at least 8 bytes, got {len(body)}")
    (size,) = struct.unpack("<Q", body[:8])
    if size > min(_LARGEST_HEADER_BYTES, len(body) - 8):
        raise ValueError(f"header of {size} bytes in a file of {len(body)}")
    header = json.loads(json.loads(body[8 : 8 + size])["__metadata__"][_HEADER_KEY])
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise ValueError("expected another format")
    return header


def _checked(tensors: dict[str, Tensor], name: str, dtype: torch.dtype, rows: int) -> Tensor:
    tensor = tensors[name]
    if tensor.dtype is not dtype or tensor.shape[0] != rows or not bool(torch.isfinite(tensor).all()):
        raise ValueError(f"{name}: expected {rows} finite rows of {dtype}, got {tuple(tensor.shape)} {tensor.dtype}")
    return tensor


def edit_of(body: dict[str, Any]) -> Edit:
    """An edit from its JSON body, lists as tuples."""
    expected = {field.name for field in fields(Edit)}
    if set(body) != expected:
        raise ValueError(f"edit: expected the fields {sorted(expected)}, got {sorted(body)}")
    frozen: dict[str, Any] = {name: tuple(one) if isinstance(one, list) else one for name, one in body.items()}
    frozen["qualifiers"] = tuple((str(name), str(value)) for name, value in body["qualifiers"])
    return Edit(**frozen)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
