"""The language model of a night: kill -9 asks again only what had no reply; a random local model harms nothing."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import pytest

from tests.end_to_end.prepared import SECOND_NIGHT, THIRD_NIGHT, Prepared
from tests.end_to_end.shell import Shell
from workflow.demo.scripted_llm import Rule, ScriptedLlm

pytestmark = pytest.mark.slow

PAGE = "Product: {name}\nKind: guideline\n\n# Advice\n\nConsider halving what the elderly had before {season}.\n"
NAMES = ("tavorine", "melistat", "benzarolol", "sundrazole", "oxipram")
WAIT_S = 120


def drop(site: Shell, season: str) -> None:
    """Put every page into the drop folder, as it reads in this season."""
    for name in NAMES:
        site.drop(f"{name}.md", PAGE.format(name=name.title(), season=season))


def replies(site: Shell) -> int:
    """Count the replies on record."""
    return int(str(site.one("SELECT count(*) FROM llm_calls")))


def about(llm: ScriptedLlm) -> Counter[str]:
    """Count the questions about each page."""
    return Counter(name for asked in llm.asked for name in NAMES if name.title() in asked.user)


def test_a_night_killed_while_a_slow_model_answers_asks_only_what_had_no_reply(
    prepared: Prepared, tmp_path: Path
) -> None:
    site = prepared.copy(prepared.baseline, tmp_path / "site")
    drop(site, "winter")
    site.night(SECOND_NIGHT)
    drop(site, "summer")
    with ScriptedLlm([Rule("", times=2), Rule("", delay_s=WAIT_S, times=1)]) as llm:
        served: dict[str, str | bool | float] = {
            "backend": "openai",
            "base_url": llm.base_url,
            "model": "m",
            "allow_private": True,
        }
        site.configure("extraction", **served, concurrency=1)
        running = site.start("night", "--now", THIRD_NIGHT)
        until = time.monotonic() + WAIT_S
        while len(llm.asked) < 3 and time.monotonic() < until:
            time.sleep(0.05)
        running.kill()
        assert site.end(running).code < 0
        assert replies(site) == 2
        assert site.one("SELECT status FROM runs ORDER BY started_at DESC, run_id DESC LIMIT 1") == "running"
        asked_before = about(llm)
        assert sorted(asked_before.values()) == [1, 1, 1]
        unanswered = list(asked_before)[-1]

        site.night(THIRD_NIGHT)
        assert about(llm) == {name: 2 if name == unanswered else 1 for name in NAMES}
        assert replies(site) == len(NAMES)
        assert site.rows("SELECT DISTINCT outcome FROM changes WHERE kind = 'revised'") == [("no_change",)]
        site.night(THIRD_NIGHT)
        assert sum(about(llm).values()) == len(NAMES) + 1, "a replay asks nothing"
    assert site.one("SELECT count(*) FROM audit WHERE event = 'llm.called'") == len(NAMES)
    site.done("audit", "verify")


@pytest.fixture
def random_model(tmp_path: Path) -> Path:
    """The folder of a random Llama of two layers that reads the bundled model's tokens."""
    pytest.importorskip("llguidance", reason="extra local-llm is not installed")
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    from editor_engine.demo import bundled_model

    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(bundled_model())
    tiny = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=16384,
        initializer_range=0.3,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    folder = tmp_path / "random"
    LlamaForCausalLM(tiny).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_a_random_local_model_writes_of_the_schema_is_refused_and_the_night_goes_on(
    prepared: Prepared, tmp_path: Path, random_model: Path
) -> None:
    site = prepared.copy(prepared.baseline, tmp_path / "site")
    drop(site, "winter")
    site.night(SECOND_NIGHT)
    site.drop("tavorine.md", PAGE.format(name="Tavorine", season="summer"))
    site.configure("extraction", backend="local", model=str(random_model), timeout_s=60.0)
    ended = site.run("night", "--now", THIRD_NIGHT, "--json")
    assert ended.code == 0, ended
    assert site.one("SELECT status FROM runs ORDER BY started_at DESC, run_id DESC LIMIT 1") == "done"
    said = site.rows("SELECT state, reason FROM candidates")
    assert said, "what it wrote was of the schema, and held a fact"
    assert {state for state, _ in said} == {"refused"}
    assert {str(reason).split(" ", 2)[1] for _, reason in said} == {"quote"}, "the quote is not found in the document"
    assert replies(site) >= 1
    assert site.counts("llm_failures") == {"llm_failures": 0}
    site.done("audit", "verify")
