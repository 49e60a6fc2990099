"""Training: a stopped and resumed run ends where an uninterrupted one ends."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

from editor_engine.demo.batches import training_batch
from editor_engine.demo.learner import Learner
from editor_engine.demo.recipe import Recipe
from editor_engine.demo.train import prepare, run


def _steps(learner: Learner, count: int) -> Learner:
    for _ in range(count):
        learner.take_step()
    return learner


def test_three_steps_and_a_resume_equal_six_steps_straight(
    tiny_recipe: Recipe, tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    straight = _steps(Learner(tiny_recipe, tokenizer), 6)
    _steps(Learner(tiny_recipe, tokenizer), 3).save(tmp_path / "run.pt")
    resumed = Learner(tiny_recipe, tokenizer)
    resumed.restore(tmp_path / "run.pt")
    _steps(resumed, 3)
    for name, weight in straight.model.state_dict().items():
        assert torch.equal(weight, resumed.model.state_dict()[name]), name


def test_training_changes_the_weights(tiny_recipe: Recipe, tokenizer: PreTrainedTokenizerFast) -> None:
    learner = Learner(tiny_recipe, tokenizer)
    before = learner.model.lm_head.weight.detach().clone()
    _steps(learner, 1)
    assert not torch.equal(before, learner.model.lm_head.weight)


def test_a_batch_depends_on_seed_and_step_alone(tiny_recipe: Recipe, tokenizer: PreTrainedTokenizerFast) -> None:
    def ids(recipe: Recipe, step: int) -> list[list[int]]:
        return [row for part in training_batch(recipe, tokenizer, step) for row in part.ids.tolist()]

    assert ids(tiny_recipe, 2) == ids(tiny_recipe, 2)
    assert ids(tiny_recipe, 2) != ids(tiny_recipe, 3)
    assert ids(tiny_recipe, 2) != ids(replace(tiny_recipe, seed=4), 2)


def test_a_checkpoint_of_another_recipe_is_refused(
    tiny_recipe: Recipe, tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    Learner(tiny_recipe, tokenizer).save(tmp_path / "run.pt")
    with pytest.raises(ValueError, match="peak_rate"):
        Learner(replace(tiny_recipe, peak_rate=1e-3), tokenizer).restore(tmp_path / "run.pt")


def test_a_folder_with_a_run_is_not_overwritten(tiny_recipe: Recipe, tmp_path: Path) -> None:
    (tmp_path / "run.pt").touch()
    with pytest.raises(FileExistsError, match="--resume"):
        prepare(tiny_recipe, tmp_path, resume=False)


def test_a_run_exports_a_model_that_loads_in_float32(tiny_recipe: Recipe, tmp_path: Path) -> None:
    exported = run(prepare(replace(tiny_recipe, steps=1), tmp_path, resume=False), tmp_path)
    model = AutoModelForCausalLM.from_pretrained(exported, local_files_only=True)
    assert model.dtype is torch.float32
    assert model.generation_config.eos_token_id == 0
    assert (tmp_path / "run.pt").exists()


def test_the_end_of_a_run_does_not_touch_its_beginning() -> None:
    short, long = Recipe(steps=1000), Recipe(steps=2000)
    assert [short.learning_rate(step) for step in range(600)] == [long.learning_rate(step) for step in range(600)]
    assert short.learning_rate(999) < short.peak_rate / 100
    assert short.learning_rate(0) < short.learning_rate(199) == short.peak_rate
