"""A random model that is held to a schema writes JSON of that schema every time, and always ends."""

from __future__ import annotations

import json
from typing import Any

import pytest

from editor_engine.errors import RequestError
from tests.editor_engine.conftest import BuildLM

pytest.importorskip("llguidance", reason="extra local-llm is not installed")
from editor_engine.constrained import ConstrainedLm

SCHEMA = json.dumps(
    {
        "type": "object",
        "additionalProperties": False,
        "required": ["quote", "facts"],
        "properties": {
            "quote": {"anyOf": [{"type": "string", "maxLength": 900}, {"type": "null"}]},
            "facts": {
                "type": "array",
                "maxItems": 8,
                "items": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["subject", "relation"],
                    "properties": {
                        "subject": {"type": "string", "minLength": 1, "maxLength": 200},
                        "relation": {"enum": ["interacts_with", "max_daily_dose"]},
                    },
                },
            },
        },
    }
)


@pytest.fixture(scope="module")
def models(build_lm: BuildLM) -> list[ConstrainedLm]:
    built = [build_lm(seed=seed, max_position_embeddings=2048) for seed in range(3)]
    return [ConstrainedLm(lm._model, lm._tokenizer, name="tiny") for lm in built]


def write(lm: ConstrainedLm, **changes: Any) -> Any:
    asked = {"system": "Read.", "user": "A.", "schema": SCHEMA, "max_tokens": 700, "max_seconds": 120.0, **changes}
    return lm.write(**asked)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_reply_is_of_the_schema_and_ends(models: list[ConstrainedLm], seed: int) -> None:
    for lm in models:
        written = write(lm, seed=seed)
        said = json.loads(written.text)
        assert written.ended
        assert set(said) == {"quote", "facts"}
        assert all(set(fact) == {"subject", "relation"} and fact["subject"] for fact in said["facts"])


def test_the_same_seed_writes_the_same(models: list[ConstrainedLm]) -> None:
    assert write(models[0], seed=5).text == write(models[0], seed=5).text


def test_time_that_is_up_is_told_as_cut_off(models: list[ConstrainedLm]) -> None:
    assert not write(models[0], max_seconds=0.0).ended


def test_a_prompt_that_does_not_fit_is_refused(models: list[ConstrainedLm]) -> None:
    with pytest.raises(RequestError, match="at most"):
        write(models[0], user="word " * 2000)
