"""Keys that lie near another one, by cosine: the paper's measure of key overlap (Figure 2c), pair by pair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from editor_engine.edit import Edit
from editor_engine.row_builder import edit_keys
from editor_engine.text_encoder import TextEncoder

OVERLAP_COSINE = 0.6
"""From this cosine on the paper calls two keys highly similar."""


def cosine(one: Tensor, other: Tensor) -> float:
    """Cosine of two keys. Shape: [d_key] each, any precision."""
    return float(torch.nn.functional.cosine_similarity(one.float(), other.float(), dim=0))


@dataclass(frozen=True)
class NearKey:
    """A key near the one that was asked about."""

    edit_id: str
    cosine: float


class KeyList:
    """The key-question keys of some edits, for exact search among them."""

    def __init__(self, edits: Sequence[Edit], encoder: TextEncoder) -> None:
        """Encode the edits' keys; equal to those of their rows."""
        self._ids = [edit.edit_id for edit in edits]
        keys = edit_keys(edits, encoder)[0] if edits else ()
        self._unit = torch.nn.functional.normalize(torch.stack([one[0].float() for one in keys])) if edits else None

    def near(self, key: Tensor, *, least: float = OVERLAP_COSINE, most: int = 5) -> list[NearKey]:
        """Edits whose key has at least this cosine with ``key``, nearest first. Shape: key [d_key]."""
        if self._unit is None:
            return []
        cosines = self._unit @ torch.nn.functional.normalize(key.float(), dim=0)
        order = torch.argsort(cosines, descending=True, stable=True).tolist()
        found = [NearKey(self._ids[place], float(cosines[place])) for place in order[: most + 1]]
        return [one for one in found if one.cosine >= least][:most]
