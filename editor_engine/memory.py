"""The rows in force: an immutable memory of edits, each with its keys and its value.

Owns which row wins where two claim the same functional key. Reads and writes no file.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from editor_engine.edit import Carrier, Edit
from editor_engine.errors import EngineError
from editor_engine.memory_digest import memory_digest, row_digest, text_sha256
from editor_engine.subject_mention import mask_subject
from editor_engine.thresholds import Thresholds

_KEY_DTYPES = ({torch.float16}, {torch.float32})


def tensor_bytes(tensor: Tensor) -> bytes:
    """The raw little-endian bytes of a tensor."""
    return bytes(tensor.detach().cpu().contiguous().numpy().tobytes())


def value_sha256_of(context: str | None, prompt: Tensor | None) -> str:
    """Hex sha256 of a row's value: the prompt's shape and bytes, or the context's UTF-8."""
    if prompt is None:
        return text_sha256(context or "")
    return hashlib.sha256(f"{tuple(prompt.shape)}:".encode() + tensor_bytes(prompt)).hexdigest()


@dataclass(frozen=True, eq=False)
class MemoryRow:
    """One edit as it is staged: keys that find it, and the value that carries it.

    Shapes: ``keys`` and ``relation_keys`` (with the subject masked) [n, d_key], fp16 as ``KeyLayout`` says: n is 1, or
    the number of wordings; ``prompt`` [T, H] fp16 for soft and refined, None for text. The tensors may be views into
    a batch's: nothing writes to them.
    ``context`` is the exact text put in front of the question by the text carrier, None otherwise.
    ``sequence`` grows with every batch: the newest row of a functional key wins.
    """

    edit: Edit
    carrier: Carrier
    keys: Tensor
    relation_keys: Tensor
    context: str | None = None
    prompt: Tensor | None = None
    sequence: int = 0

    def __post_init__(self) -> None:
        wordings = 1 + len(self.edit.paraphrases)
        if self.keys.shape != self.relation_keys.shape or len(self.keys) not in (1, wordings) or self.keys.dim() != 2:
            raise EngineError(
                f"Row {self.edit.edit_id}: expected 1 or {wordings} keys of each kind, "
                f"got {tuple(self.keys.shape)} and {tuple(self.relation_keys.shape)}"
            )
        if {self.keys.dtype, self.relation_keys.dtype} not in _KEY_DTYPES:
            raise EngineError(
                f"Row {self.edit.edit_id}: expected keys of one precision, float16 (or float32 as shards of format 1 "
                f"have), got {self.keys.dtype} and {self.relation_keys.dtype}"
            )
        if (self.carrier is Carrier.TEXT) != (self.context is not None) or (self.context is None) == (
            self.prompt is None
        ):
            raise EngineError(f"Row {self.edit.edit_id}: carrier {self.carrier} needs a context or a prompt, not both")

    @property
    def edit_id(self) -> str:
        """The edit's id."""
        return self.edit.edit_id

    @property
    def wordings(self) -> tuple[str, ...]:
        """The question and its paraphrases; where there is a key for each, in the order of the keys."""
        return (self.edit.question, *self.edit.paraphrases)

    @property
    def names(self) -> tuple[str, ...]:
        """The subject and its aliases."""
        return (self.edit.subject, *self.edit.aliases)

    @cached_property
    def names_itself(self) -> bool:
        """Whether the edit's own question names its subject or an alias."""
        return mask_subject(self.edit.question, self.names) is not None

    @cached_property
    def masked_wordings(self) -> tuple[str, ...]:
        """The wordings with the subject masked; a wording that does not name it stays as it is."""
        return tuple(mask_subject(wording, self.names) or wording for wording in self.wordings)

    @cached_property
    def functional_key(self) -> str:
        """The edit's functional key, computed once."""
        return self.edit.functional_key

    @cached_property
    def value_sha256(self) -> str:
        """Hex sha256 of what carries the fact."""
        return value_sha256_of(self.context, self.prompt)

    @cached_property
    def keys_sha256(self) -> str:
        """Hex sha256 over both kinds of keys; fp16 ones with their shape, so that none is taken for an fp32 one."""
        kind = b"" if self.keys.dtype is torch.float32 else f"float16:{tuple(self.keys.shape)}:".encode()
        return hashlib.sha256(kind + tensor_bytes(self.keys) + tensor_bytes(self.relation_keys)).hexdigest()

    @cached_property
    def digest(self) -> str:
        """Hex digest of the row, as the ledger keeps it."""
        return row_digest(
            edit_sha256=self.edit.sha256,
            carrier=self.carrier,
            value_sha256=self.value_sha256,
            keys_sha256=self.keys_sha256,
            sequence=self.sequence,
        )


@dataclass(frozen=True, eq=False)
class Memory:
    """The rows in force, oldest first. Immutable: ``with_rows`` and ``without`` give a new one and copy no tensor.

    Rows of one batch stand in the order of their edit ids, so that two memories of the same rows are the same
    memory, by whatever steps they came about.
    """

    rows: tuple[MemoryRow, ...] = ()
    _by_id: dict[str, MemoryRow] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        by_id = {row.edit_id: row for row in self.rows}
        if len(by_id) != len(self.rows):
            twice = min(one for one, count in Counter(row.edit_id for row in self.rows).items() if count > 1)
            raise EngineError(
                f"Memory: {len(self.rows)} rows but {len(by_id)} edit ids, {twice} stands there twice: "
                "give each edit an id of its own, or let with_rows replace the old one"
            )
        object.__setattr__(self, "rows", tuple(sorted(self.rows, key=_place)))
        object.__setattr__(self, "_by_id", by_id)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[MemoryRow]:
        return iter(self.rows)

    def __contains__(self, edit_id: object) -> bool:
        return edit_id in self._by_id

    def row(self, edit_id: str) -> MemoryRow:
        """The row of an edit.

        Raises:
            EngineError: the edit is not in force.
        """
        if edit_id not in self._by_id:
            raise EngineError(f"Edit {edit_id} is not in this memory of {len(self)} rows")
        return self._by_id[edit_id]

    def with_rows(self, rows: Iterable[MemoryRow]) -> Memory:
        """This memory and these rows; a row of the same edit id takes the old one's place.

        Also restores: rows that were withdrawn are put back as they are.
        """
        added = {row.edit_id: row for row in rows}
        return Memory((*(row for row in self.rows if row.edit_id not in added), *added.values()))

    def without(self, edit_ids: Iterable[str]) -> Memory:
        """This memory less these edits; ids that are not in it are ignored.

        What they shadowed answers again.
        """
        gone = frozenset(edit_ids)
        return Memory(tuple(row for row in self.rows if row.edit_id not in gone))

    def without_batch(self, sequence: int) -> Memory:
        """This memory less the rows of one batch."""
        return Memory(tuple(row for row in self.rows if row.sequence != sequence))

    @property
    def next_sequence(self) -> int:
        """A sequence number that is newer than every row's."""
        return 1 + max((row.sequence for row in self.rows), default=0)

    @cached_property
    def shadowed(self) -> dict[str, str]:
        """Edit id -> id of the newer edit with the same functional key, which answers in its place."""
        keys = [row.functional_key for row in self.rows]
        newest = {key: row.edit_id for key, row in zip(keys, self.rows, strict=True)}
        if len(newest) == len(keys):
            return {}
        winners = zip(self.rows, (newest[key] for key in keys), strict=True)
        return {row.edit_id: winner for row, winner in winners if row.edit_id != winner}

    def digest(self, *, base_digest: str, encoder_digest: str, thresholds: Thresholds) -> str:
        """Hex digest of this memory as a release; ``memory_digest`` computes the same from ledger rows."""
        return memory_digest(
            (row.digest for row in self.rows),
            base_digest=base_digest,
            encoder_digest=encoder_digest,
            thresholds_json=thresholds.to_json(),
        )


def _place(row: MemoryRow) -> tuple[int, str]:
    return (row.sequence, row.edit_id)
