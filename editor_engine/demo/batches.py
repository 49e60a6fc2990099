"""Turns examples into tensors. A batch is a function of the recipe and the step, and of nothing else,
so a resumed run sees what an uninterrupted one would have seen."""

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from editor_engine.demo.examples import Example, TrainingMix
from editor_engine.demo.recipe import Recipe


class Row(NamedTuple):
    """One example as token ids, with the loss weight of each."""

    ids: list[int]
    weights: list[float]


class MicroBatch(NamedTuple):
    """Rows padded on the right. *Shape*: both [rows, length]."""

    ids: Tensor
    weights: Tensor


def encode_row(tokenizer: PreTrainedTokenizerFast, example: Example) -> Row:
    """Token ids of prompt, answer and end token, piece by piece (no token crosses a piece)."""
    row = Row([], [])
    for text, weight in (*example.given, (example.answer, 1.0)):
        ids = tokenizer.encode(text, add_special_tokens=False)
        row.ids.extend(ids)
        row.weights.extend([weight] * len(ids))
    row.ids.append(int(tokenizer.eos_token_id))
    row.weights.append(1.0)
    return row


def pad_rows(rows: Sequence[Row], pad_id: int) -> MicroBatch:
    """Stack rows; padding has weight 0."""
    length = max(len(row.ids) for row in rows)
    ids = [row.ids + [pad_id] * (length - len(row.ids)) for row in rows]
    weights = [row.weights + [0.0] * (length - len(row.weights)) for row in rows]
    return MicroBatch(torch.tensor(ids), torch.tensor(weights))


def training_batch(recipe: Recipe, tokenizer: PreTrainedTokenizerFast, step: int) -> list[MicroBatch]:
    """The batch of one step, as micro-batches of like length."""
    mix = TrainingMix(
        Random(f"batch:{recipe.seed}:{step}"),
        drill_share=recipe.drill_share(step),
        plain_share=recipe.plain_share,
    )
    rows = [encode_row(tokenizer, mix.draw()) for _ in range(recipe.batch_size)]
    rows.sort(key=lambda row: len(row.ids))
    size = -(-len(rows) // recipe.micro_batches)
    parts = [rows[start : start + size] for start in range(0, len(rows), size)]
    return [pad_rows(part, int(tokenizer.pad_token_id)) for part in parts]
