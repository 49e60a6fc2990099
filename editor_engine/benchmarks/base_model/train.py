"""Trains the benchmark's base model in a folder, and says how well it answers what it was taught.

Owns the folder's layout: the loop's own files, ``model/`` (loadable by ``CausalLM.load``) and ``base_model.json``;
while a run goes on, ``tokenizer/`` beside its state. A killed run goes on where it stopped.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from transformers import PreTrainedTokenizerFast

from editor_engine.benchmarks.base_model.lessons import (
    Lessons,
    beside_trials,
    held_out_readings,
    taught_trials,
    truths_of,
)
from editor_engine.benchmarks.base_model.objective import MODEL_FOLDER, BaseModelObjective
from editor_engine.benchmarks.base_model.recipe import BaseRecipe, Start, recipe_of
from editor_engine.datasets.published import write_text
from editor_engine.datasets.records import DataError, EditRecord, read_records
from editor_engine.demo import bundled_model
from editor_engine.demo.evaluate import Rate, load_model
from editor_engine.demo.tokenizer import load_tokenizer, train_tokenizer
from editor_engine.demo.trials import Trial, spoken_answers
from editor_engine.errors import TrainingError
from editor_engine.metrics import normalised
from editor_engine.training.loop import Progress, train
from editor_engine.training.record import Inputs
from editor_engine.training.run_state import work_folder
from editor_engine.training.schedule import Precision, Schedule

_TOKENIZER_FILE = "tokenizer.json"
_WATCHED = 150
_JUDGED = 400


@dataclass(frozen=True)
class BaseModelReport:
    """How the trained model answers, by greedy free generation of the whole answer."""

    parameters: int
    taught: int
    steps: int
    seconds: float
    rates: Sequence[Rate]

    def to_json(self) -> dict[str, object]:
        """Numbers with their bounds."""
        rates = [{**asdict(rate), "share": rate.share, "bounds": rate.bounds} for rate in self.rates]
        return {**asdict(self), "rates": rates}


def train_base_model(
    files: Sequence[Path],
    folder: Path,
    *,
    start: Start = Start.FRESH,
    seed: int = 7,
    steps: int | None = None,
    minutes: float | None = None,
    records: int | None = None,
    device: str = "cpu",
    half: bool = False,
    threads: int = 1,
    resume: bool = False,
    tell: Callable[[Progress], None] | None = None,
) -> BaseModelReport:
    """Train, export and judge.

    Args:
        steps, minutes: how long; by default the recipe's number of steps.
        records: only the first so many of each file.
        half: forward and backward in bfloat16.

    Raises:
        DataError: a file is broken, or no record has a ground truth.
        TrainingError: the folder holds a run and ``resume`` is not set, or another run.
    """
    if folder.exists() and not folder.is_dir():
        raise TrainingError(f"{folder}: expected an empty folder or none, got a file: choose another --out")
    torch.set_num_threads(threads)
    per_file = [read_records(path)[:records] for path in files]
    truths = truths_of([record for found in per_file for record in found])
    if not truths:
        raise DataError(f"{files[0]}: expected records with a ground truth to teach, got none")
    recipe = recipe_of(start, seed=seed, steps=steps)
    texts = [f" {truth.question} {truth.answer}" for truth in truths]
    tokenizer = load_tokenizer(bundled_model()) if start is Start.DEMO else _tokenizer(recipe, folder, texts)
    objective = BaseModelObjective(
        recipe, tokenizer, Lessons(truths, recipe), _watched(per_file, seed), start=start, device=device
    )
    settings = {name: value for name, value in asdict(recipe).items() if name != "steps"}
    schedule = Schedule(
        seed=seed,
        steps=None if minutes else recipe.steps,
        minutes=minutes,
        peak_rate=recipe.peak_rate,
        warmup_steps=recipe.warmup_steps,
        weight_decay=recipe.weight_decay,
        precision=Precision.BF16 if half else Precision.FP32,
        validate_every=100,
    )
    inputs = Inputs(data=files, settings={**settings, "records": records, "start": start})
    record = train(objective, schedule, folder, inputs=inputs, resume=resume, tell=tell)
    rates, wrong = judge(folder / MODEL_FOLDER, per_file, device=device)
    parameters = sum(one.numel() for one in objective.model.parameters())
    report = BaseModelReport(parameters, len(truths), record.steps_done, record.seconds, rates)
    write_text(folder / "base_model.json", json.dumps({**report.to_json(), "wrong": wrong}, indent=1) + "\n")
    return report


@torch.inference_mode()
def judge(
    model_folder: Path, per_file: Sequence[Sequence[EditRecord]], *, device: str = "cpu"
) -> tuple[list[Rate], list[dict[str, str]]]:
    """Rates of exact answers in free generation, less case and marks; and up to a hundred wrong ones."""
    model, tokenizer = load_model(model_folder)
    model.to(device)
    rates: list[Rate] = []
    wrong: list[dict[str, str]] = []
    for name, trials in _judged(per_file).items():
        answers = spoken_answers(model, tokenizer, trials)
        right = [normalised(said) == normalised(one.example.answer) for one, said in zip(trials, answers, strict=True)]
        for wording in dict.fromkeys(one.wording for one in trials):
            counted = [verdict for one, verdict in zip(trials, right, strict=True) if one.wording == wording]
            rates.append(Rate(f"{name}, {wording}", sum(counted), len(counted)))
        wrong += [
            {"prompt": one.example.prompt, "expected": one.example.answer, "got": said}
            for one, said, good in zip(trials, answers, right, strict=True)
            if not good
        ][:100]
    return rates, wrong


def _judged(per_file: Sequence[Sequence[EditRecord]]) -> dict[str, list[Trial]]:
    every = [record for found in per_file for record in found]
    truths = truths_of(every)
    sets = {
        "taught: edit questions": taught_trials([one for one in truths if one.rephrases]),
        "taught: locality questions": taught_trials([one for one in truths if not one.rephrases][: 2 * _JUDGED]),
        "reading a held-out edit": held_out_readings(every, most=_JUDGED, seed=1),
        "a held-out edit beside the question": beside_trials(every, most=_JUDGED, seed=1),
    }
    return {name: trials for name, trials in sets.items() if trials}


def _watched(per_file: Sequence[Sequence[EditRecord]], seed: int) -> Mapping[str, Sequence[Trial]]:
    every = [record for found in per_file for record in found]
    taught = taught_trials(truths_of(every))
    sets = {
        "taught": taught[:: max(1, len(taught) // _WATCHED)],
        "read": held_out_readings(every, most=_WATCHED // 2, seed=seed),
        "beside": beside_trials(every, most=_WATCHED, seed=seed),
    }
    return {name: trials for name, trials in sets.items() if trials}


def _tokenizer(recipe: BaseRecipe, folder: Path, texts: Sequence[str]) -> PreTrainedTokenizerFast:
    """The finished model's, or the one beside the run's state; made anew where the run begins."""
    if (folder / MODEL_FOLDER / _TOKENIZER_FILE).exists():
        return load_tokenizer(folder / MODEL_FOLDER)
    place = work_folder(folder) / "tokenizer"
    if not (place / _TOKENIZER_FILE).exists():
        draft = place.with_name(f"{place.name}.draft")
        shutil.rmtree(draft, ignore_errors=True)
        train_tokenizer(recipe.vocabulary_size, recipe.seed, texts).save_pretrained(draft)
        draft.replace(place)
    return load_tokenizer(place)
