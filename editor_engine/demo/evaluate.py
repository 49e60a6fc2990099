"""Measures the demo model: ``python -m editor_engine.demo.evaluate [--model DIR] [--json FILE]``.

Greedy free generation, exact match of the whole answer, texts that no training run can have seen,
a fixed seed. The table goes to stdout.
"""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, LlamaForCausalLM, PreTrainedTokenizerFast

from editor_engine.demo import bundled_model
from editor_engine.demo.tokenizer import load_tokenizer
from editor_engine.demo.trials import (
    Trial,
    contradicting_trials,
    plain_trials,
    reading_trials,
    spoken_answers,
)

EVALUATION_SEED = 20261120
SHORT_WORDS = 6
_Z_95 = 1.959964


@dataclass(frozen=True)
class Rate:
    """A counted share with its 95 % Wilson bounds."""

    name: str
    right: int
    asked: int

    @property
    def share(self) -> float:
        """Right of asked."""
        return self.right / self.asked

    @property
    def bounds(self) -> tuple[float, float]:
        """Lower and upper Wilson bound."""
        spread = _Z_95**2 / self.asked
        centre = (self.share + spread / 2) / (1 + spread)
        half = math.sqrt(spread * (self.share * (1 - self.share) + spread / 4)) / (1 + spread)
        return max(centre - half, 0.0), min(centre + half, 1.0)


def load_model(folder: Path) -> tuple[LlamaForCausalLM, PreTrainedTokenizerFast]:
    """Read an exported model for evaluation, in float32."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
    return model.eval(), load_tokenizer(folder)


def count_rates(name: str, trials: Sequence[Trial], verdicts: Sequence[bool]) -> list[Rate]:
    """The rate over all trials, then for short and long objects, each group and each wording.

    Raises:
        ValueError: there is not one verdict for each trial.
    """
    counted: dict[str, list[bool]] = {}
    for trial, verdict in zip(trials, verdicts, strict=True):
        for label in ("all", _length(trial), trial.group, f"{trial.wording} wording"):
            counted.setdefault(label, []).append(verdict)
    return [Rate(f"{name}, {label}", sum(seen), len(seen)) for label, seen in counted.items()]


def _length(trial: Trial) -> str:
    words = len(trial.example.answer.split())
    return f"objects of up to {SHORT_WORDS} words" if words <= SHORT_WORDS else "longer objects"


def measure(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, *, per_cell: int
) -> tuple[list[Rate], list[tuple[Trial, str]]]:
    """Ask everything.

    Returns:
        the rates, and each wrong answer with its trial.
    """
    rates: list[Rate] = []
    wrong: list[tuple[Trial, str]] = []
    for name, trials in _sets(per_cell):
        answers = spoken_answers(model, tokenizer, trials)
        verdicts = [answer == trial.example.answer for trial, answer in zip(trials, answers, strict=True)]
        rates.extend(count_rates(name, trials, verdicts))
        wrong.extend(
            (trial, answer) for trial, answer, right in zip(trials, answers, verdicts, strict=True) if not right
        )
    return rates, wrong


def _sets(per_cell: int) -> tuple[tuple[str, list[Trial]], ...]:
    return (
        ("plain", plain_trials()),
        ("reading", reading_trials(EVALUATION_SEED, per_cell)),
        ("reading against knowledge", contradicting_trials(EVALUATION_SEED)),
    )


def table(rates: Sequence[Rate]) -> str:
    """The rates as lines of a Markdown table."""
    lines = ["| exact match | right | asked | % | 95 % bounds |", "|---|---|---|---|---|"]
    for rate in rates:
        low, high = (f"{bound * 100:.1f}" for bound in rate.bounds)
        lines.append(f"| {rate.name} | {rate.right} | {rate.asked} | {rate.share * 100:.1f} | {low}-{high} |")
    return "\n".join(lines)


def _record(rates: Sequence[Rate], wrong: Sequence[tuple[Trial, str]]) -> dict[str, object]:
    return {
        "seed": EVALUATION_SEED,
        "rates": [{**asdict(rate), "share": rate.share, "bounds": rate.bounds} for rate in rates],
        "wrong": [
            {"prompt": trial.example.prompt, "expected": trial.example.answer, "got": answer} for trial, answer in wrong
        ],
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Measure the demo model.")
    parser.add_argument("--model", type=Path, default=bundled_model())
    parser.add_argument("--json", type=Path, help="also write rates and wrong answers here")
    parser.add_argument("--per-cell", type=int, default=25, help="readings for each kind and wording")
    arguments = parser.parse_args(argv)
    rates, wrong = measure(*load_model(arguments.model), per_cell=arguments.per_cell)
    if arguments.json:
        arguments.json.write_text(json.dumps(_record(rates, wrong), indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(table(rates) + "\n")


if __name__ == "__main__":
    main()
