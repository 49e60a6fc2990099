"""The benchmark's base model: what is taught, what is kept for the test, and that a run leaves a model that loads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from editor_engine.benchmarks.base_model.lessons import (
    Lessons,
    beside_trials,
    held_out_readings,
    taught_trials,
    truths_of,
)
from editor_engine.benchmarks.base_model.objective import BaseModelObjective
from editor_engine.benchmarks.base_model.recipe import Start, recipe_of
from editor_engine.benchmarks.base_model.train import train_base_model
from editor_engine.datasets.records import DataError, EditRecord, Locality, synthetic_body
from editor_engine.demo import bundled_model
from editor_engine.demo.free_text import is_held_out
from editor_engine.demo.tokenizer import load_tokenizer
from editor_engine.errors import TrainingError
from editor_engine.lm_families import CausalLM
from editor_engine.training.loop import Progress
from editor_engine.training.objective import Share

RECORDS = [
    EditRecord(
        record_id=f"r{number}",
        question=f"What does substance {number} treat?",
        target_new=f"fever {number}",
        rephrases=(f"Against what is substance {number} given?",),
        localities=(Locality("Loc", f"Who makes substance {number}?", f"Company {number}"),),
        ground_truth=f"cough {number}",
    )
    for number in range(40)
]
TRUTHS = truths_of(RECORDS)
RECIPE = recipe_of(Start.DEMO, seed=3, steps=2)


def test_taught_are_questions_with_their_first_truth_and_never_a_target() -> None:
    again = EditRecord("x", RECORDS[0].question, "z", (), (), ground_truth="another truth")
    taught = {one.question: one.answer for one in truths_of([*RECORDS, again])}
    assert taught[RECORDS[0].question] == "cough 0"
    assert taught["Who makes substance 7?"] == "Company 7"
    assert len(taught) == 80
    assert not {record.target_new for record in RECORDS} & set(taught.values())
    assert not {record.rephrases[0] for record in RECORDS} & set(taught)


def test_lessons_repeat_by_step_and_never_read_what_is_held_out() -> None:
    kept = {one.question for one in TRUTHS if is_held_out(one.question)}
    assert kept
    lessons = Lessons(TRUTHS, RECIPE)
    assert lessons.examples(5) == Lessons(TRUTHS, RECIPE).examples(5)
    assert lessons.examples(5) != lessons.examples(6)
    facts = [one.given[0].text for step in range(30) for one in lessons.examples(step) if len(one.given) == 2]
    assert len(facts) > 200
    assert not [fact for fact in facts if any(question in fact for question in kept)]


def test_trials_are_the_held_out_edits() -> None:
    edits = [record for record in RECORDS if is_held_out(record.question)]
    read = held_out_readings(RECORDS, most=99, seed=1)
    assert [one.wording for one in read].count("own words") == len(edits)
    assert {one.example.answer for one in read} == {f" {record.target_new}" for record in edits}
    beside = beside_trials(RECORDS, most=99, seed=1)
    assert {one.example.answer for one in beside} == {f" {record.localities[0].answer}" for record in edits}


def test_shares_of_a_batch_sum_up_to_it() -> None:
    torch.manual_seed(0)
    tokenizer = load_tokenizer(bundled_model())
    objective = BaseModelObjective(RECIPE, tokenizer, Lessons(TRUTHS, RECIPE), {}, start=Start.DEMO)
    losses = [float(objective.loss(3, Share(at, 4))["answer"].detach()) for at in range(4)]
    whole = float(objective.loss(3, Share())["answer"].detach())
    assert min(losses) * 0.9 <= whole <= max(losses) * 1.1
    assert objective.validate() == {"mean exact": 0.0}
    parameters = [set(group.parameters) for group in objective.groups()]
    assert parameters[0] | parameters[1] == {name for name, _ in objective.model.named_parameters()}


def test_a_run_leaves_a_model_that_loads_and_says_how_well_it_answers(tmp_path: Path) -> None:
    data = tmp_path / "facts.json"
    data.write_text(json.dumps(synthetic_body(RECORDS[:12])))
    report = train_base_model([data], tmp_path / "run", start=Start.DEMO, steps=2)
    assert (report.taught, report.steps) == (24, 2)
    assert [rate.asked for rate in report.rates[:2]] == [12, 12]
    base = CausalLM.load(tmp_path / "run" / "model")
    assert base.parameters == report.parameters
    stored = json.loads((tmp_path / "run" / "base_model.json").read_text())
    assert stored["rates"][0]["asked"] == 12
    with pytest.raises(TrainingError, match="holds a training run"):
        train_base_model([data], tmp_path / "run", start=Start.DEMO, steps=2)


def test_a_fresh_run_that_was_stopped_goes_on_with_its_own_vocabulary(tmp_path: Path) -> None:
    data, run = tmp_path / "facts.json", tmp_path / "run"
    data.write_text(json.dumps(synthetic_body(RECORDS[:2])))

    class StoppedError(Exception):
        pass

    def stop(now: Progress) -> None:
        if now.step == 1:
            raise StoppedError

    with pytest.raises(StoppedError):
        train_base_model([data], run, steps=2, tell=stop)
    assert not run.exists(), "a folder that is not whole"
    report = train_base_model([data], run, steps=2, resume=True)
    assert (report.steps, report.parameters > 5_000_000) == (2, True)
    assert (run / "model" / "tokenizer.json").exists()
    assert train_base_model([data], run, steps=2, resume=True).rates == report.rates
    (tmp_path / "file").touch()
    with pytest.raises(TrainingError, match="expected an empty folder or none, got a file"):
        train_base_model([data], tmp_path / "file", steps=1)


def test_records_without_truths_are_refused(tmp_path: Path) -> None:
    data = tmp_path / "facts.json"
    data.write_text(json.dumps(synthetic_body([EditRecord("x", "Why?", "z", (), ())])))
    with pytest.raises(DataError, match="expected records with a ground truth"):
        train_base_model([data], tmp_path / "run")


def test_taught_trials_are_asked_plainly() -> None:
    assert taught_trials(TRUTHS)[0].example.prompt == f"Question: {RECORDS[0].question}\nAnswer:"
