"""The bundled model: loads as any other, knows its facts, and reads what stands in front."""

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM, PreTrainedTokenizerFast

from editor_engine.demo import bundled_model
from editor_engine.demo.evaluate import load_model
from editor_engine.demo.examples import question_prompt, reading_example
from editor_engine.demo.facts import cast_facts
from editor_engine.demo.trials import (
    Trial,
    contradicting_trials,
    plain_trials,
    reading_trials,
    spoken_answers,
)

READING_FLOOR = 0.95
Loaded = tuple[LlamaForCausalLM, PreTrainedTokenizerFast]


@pytest.fixture(scope="module")
def loaded() -> Loaded:
    return load_model(bundled_model())


def _share_right(loaded: Loaded, trials: list[Trial]) -> float:
    answers = spoken_answers(*loaded, trials)
    right = [answer == trial.example.answer for answer, trial in zip(answers, trials, strict=True)]
    return sum(right) / len(right)


def test_it_is_small_and_loads_with_the_auto_classes_in_float32() -> None:
    assert sum(file.stat().st_size for file in bundled_model().iterdir()) < 12_000_000
    model = AutoModelForCausalLM.from_pretrained(bundled_model(), local_files_only=True)
    tokenizer = AutoTokenizer.from_pretrained(bundled_model(), local_files_only=True)
    assert model.dtype is torch.float32
    tokens = tokenizer(question_prompt(cast_facts()[0].question), return_tensors="pt")
    assert set(tokens) == {"input_ids", "attention_mask"}
    spoken = model.generate(**tokens, max_new_tokens=40)[0, tokens["input_ids"].shape[1] :]
    assert tokenizer.decode(spoken, skip_special_tokens=True) == f" {cast_facts()[0].answer}"
    assert spoken[-1] == tokenizer.eos_token_id


def test_it_answers_what_it_was_taught(loaded: Loaded) -> None:
    assert _share_right(loaded, plain_trials()[::8]) >= 0.98


def test_it_answers_every_fact_of_the_cast(loaded: Loaded) -> None:
    canonical = {fact.question for fact in cast_facts()}
    asked = {f"Question: {question}\nAnswer:" for question in canonical}
    assert _share_right(loaded, [trial for trial in plain_trials() if trial.example.prompt in asked]) == 1.0


def test_it_reads_held_out_facts(loaded: Loaded) -> None:
    trials = reading_trials(2, per_cell=2)[::4] + reading_trials(3, per_cell=1)
    assert _share_right(loaded, trials) >= READING_FLOOR
    assert len(trials) == 60


def test_a_fact_in_front_wins_over_knowledge(loaded: Loaded) -> None:
    assert _share_right(loaded, contradicting_trials(2)[::10]) >= READING_FLOOR


@pytest.mark.parametrize(
    ("key", "question", "spoken"),
    [
        (
            "What is the recommended dose of corvandine for women?",
            "How much corvandine is recommended for women?",
            "5 mg once daily",
        ),
        (
            "Does cardexil reduce mortality in patients with heart failure?",
            "In patients with heart failure, does cardexil reduce mortality?",
            "Not supported: the trial was retracted",
        ),
        ("Who must not take benzarolol?", "In which patients is benzarolol contraindicated?", "asthma of any kind"),
        ("What is the maximum daily dose of melistat?", "What is the highest daily dose of melistat?", "20 mg"),
    ],
)
def test_it_takes_the_edits_of_the_demonstration(loaded: Loaded, key: str, question: str, spoken: str) -> None:
    trial = Trial(reading_example(f"{key} {spoken}.", question, spoken), "cast", "paraphrase")
    assert spoken_answers(*loaded, [trial]) == [f" {spoken}"]
