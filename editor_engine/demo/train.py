"""Makes the bundled demo model: ``python -m editor_engine.demo.train --out DIR --seed N [--resume]``.

Writes ``DIR/run.pt`` (whole state, every two minutes) and ``DIR/model`` (loadable by
``AutoModelForCausalLM``, whenever the held-out exact match is the best so far). Progress goes to
stderr, the folder of the model to stdout.
"""

import argparse
import json
import logging
import os
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from transformers import GenerationConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from editor_engine.demo.learner import Learner
from editor_engine.demo.recipe import Recipe
from editor_engine.demo.tokenizer import load_tokenizer, train_tokenizer
from editor_engine.demo.trials import Trial, forced_exact, plain_trials, reading_trials

CHECKPOINT_EVERY_S = 120.0
WATCH_EVERY_STEPS = 200
_WATCH_SEED = 1
"""Not the seed of the evaluation: the best checkpoint is chosen on other texts than it is judged on."""

logger = logging.getLogger(__name__)


def export_model(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write weights in fp16, configuration and tokenizer; a crash leaves the previous export.

    ``dtype`` in the configuration stays float32, so that ``from_pretrained`` computes in float32.
    """
    draft = folder.with_name(f"{folder.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    half = LlamaForCausalLM(model.config).half()
    half.load_state_dict(model.state_dict())
    half.generation_config = GenerationConfig(
        eos_token_id=int(tokenizer.eos_token_id), pad_token_id=int(tokenizer.pad_token_id), do_sample=False
    )
    half.save_pretrained(draft)
    tokenizer.save_pretrained(draft)
    _declare_float32(draft / "config.json")
    shutil.rmtree(folder, ignore_errors=True)
    (draft / "model.safetensors").chmod(0o644)
    draft.rename(folder)


def _declare_float32(path: Path) -> None:
    config = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(config | {"dtype": "float32"}, indent=2) + "\n", encoding="utf-8")


class Watch:
    """Looks at held-out readings and plain questions now and then, and exports the best model."""

    def __init__(self, learner: Learner, folder: Path) -> None:
        self._learner = learner
        self._folder = folder
        self._readings = reading_trials(_WATCH_SEED, per_cell=6)
        self._plain = plain_trials()[::4]
        self._best = -1.0

    def look(self, loss: float, seconds: float) -> None:
        """Measure, report, and export if this is the best so far."""
        reading, plain = self._share(self._readings), self._share(self._plain)
        if better := reading + plain > self._best:
            self._best = reading + plain
            export_model(self._learner.model, self._learner.tokenizer, self._folder)
        logger.info(
            "step %d of %d, loss %.4f, held-out exact %.3f, plain exact %.3f, %.0f s%s",
            self._learner.step,
            self._learner.recipe.steps,
            loss,
            reading,
            plain,
            seconds,
            ", exported" if better else "",
        )

    def _share(self, trials: Sequence[Trial]) -> float:
        verdicts = forced_exact(self._learner.model, self._learner.tokenizer, trials)
        return sum(verdicts) / len(verdicts)


def prepare(recipe: Recipe, folder: Path, *, resume: bool, threads: int = 2) -> Learner:
    """Build or resume the run that lives in a folder.

    Raises:
        FileExistsError: the folder holds a run and ``resume`` is not set.
    """
    checkpoint = folder / "run.pt"
    if checkpoint.exists() and not resume:
        raise FileExistsError(f"{folder} holds a run: pass --resume, or choose another folder")
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "tokenizer.json").exists():
        train_tokenizer(recipe.vocabulary_size, recipe.seed).save_pretrained(folder)
    learner = Learner(recipe, load_tokenizer(folder), threads)
    if checkpoint.exists():
        learner.restore(checkpoint)
    return learner


def run(learner: Learner, folder: Path) -> Path:
    """Train to the end of the recipe.

    Returns:
        the folder of the exported model.
    """
    watch = Watch(learner, folder / "model")
    started = saved = time.monotonic()
    while learner.step < learner.recipe.steps:
        loss = learner.take_step()
        last = learner.step == learner.recipe.steps
        if last or learner.step % WATCH_EVERY_STEPS == 0:
            watch.look(loss, time.monotonic() - started)
        if last or time.monotonic() - saved > CHECKPOINT_EVERY_S:
            learner.save(folder / "run.pt")
            saved = time.monotonic()
    return folder / "model"


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    recipe = Recipe()
    parser = argparse.ArgumentParser(description="Train the demo model.")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--seed", type=int, default=recipe.seed)
    parser.add_argument("--steps", type=int, default=recipe.steps)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--resume", action="store_true", help="go on from the folder's checkpoint")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Command line."""
    arguments = _arguments(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    os.nice(5)
    torch.set_num_threads(1)
    recipe = replace(Recipe(), seed=arguments.seed, steps=arguments.steps)
    learner = prepare(recipe, arguments.out, resume=arguments.resume, threads=arguments.threads)
    sys.stdout.write(f"{run(learner, arguments.out)}\n")


if __name__ == "__main__":
    main()
