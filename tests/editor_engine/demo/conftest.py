"""Fixtures of the demo model's tests."""

import pytest
from transformers import PreTrainedTokenizerFast

from editor_engine.demo.recipe import Recipe
from editor_engine.demo.tokenizer import train_tokenizer


@pytest.fixture(scope="session")
def tiny_recipe() -> Recipe:
    """A run of six steps on a model of a few thousand parameters."""
    return Recipe(
        seed=3,
        vocabulary_size=700,
        width=16,
        layers=2,
        heads=2,
        mlp_width=24,
        steps=6,
        batch_size=4,
        warmup_steps=2,
        drill_steps=3,
    )


@pytest.fixture(scope="session")
def tokenizer(tiny_recipe: Recipe) -> PreTrainedTokenizerFast:
    """A tokenizer that this session trained."""
    return train_tokenizer(tiny_recipe.vocabulary_size, tiny_recipe.seed)
