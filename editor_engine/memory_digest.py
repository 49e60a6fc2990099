"""Digests of rows and of a memory: pure functions over hex strings, free of torch.

A rollback computes the digest of what remains from the ledger's row digests alone, without reading a shard.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from editor_engine.edit import Carrier


def row_digest(
    *, edit_sha256: str, carrier: Carrier | str, value_sha256: str, keys_sha256: str, sequence: int = 0
) -> str:
    """Hex digest of one row: the edit, how it enters the model, its value, its keys and its place in time."""
    parts = ["row/1", edit_sha256, str(carrier), value_sha256, keys_sha256, str(sequence)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def memory_digest(row_digests: Iterable[str], *, base_digest: str, encoder_digest: str, thresholds_json: str) -> str:
    """Hex digest of a release: which rows are in force, on which base model and encoder, with which limits.

    The order of the rows does not count.

    Args:
        thresholds_json: ``Thresholds.to_json()``.
    """
    parts = ["memory/1", base_digest, encoder_digest, thresholds_json, *sorted(row_digests)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def text_sha256(text: str) -> str:
    """Hex sha256 of a text's UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()
