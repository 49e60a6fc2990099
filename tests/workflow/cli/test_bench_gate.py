"""bench gate compares probe by probe: equal where both are right, and a single other answer is found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from editor_engine import CausalLM, Editor, TextEncoder
from editor_engine.base_model import Prompted
from editor_engine.benchmarks.brute_force import BruteForce
from editor_engine.demo import bundled_model
from workflow.change_control.gate import GateRun, run_gate_on_record
from workflow.cli.bench_gate import differences
from workflow.cli.bench_gate_batch import BenchBatch, make_batch

pytestmark = pytest.mark.slow


class CountedLM(CausalLM):
    """The bundled model; counts the answers that it is asked for."""

    asked = 0

    def generate(self, prompted: Sequence[Prompted], **settings: int) -> list[str]:
        """Count, and answer."""
        self.asked += len(prompted)
        return super().generate(prompted, **settings)


@pytest.fixture(scope="module")
def lm() -> CountedLM:
    """The model behind a counter."""
    loaded = CausalLM.load(bundled_model())
    return CountedLM(loaded._model, loaded._tokenizer, name="demo", weights_digest="0")


@pytest.fixture(scope="module")
def batch(lm: CountedLM) -> BenchBatch:
    """Twenty edits, one of which is made to fail, on two in force."""
    editor = Editor(lm, TextEncoder.load())
    made = make_batch(editor, probes=170, edits=20, in_force=2, seed=3, max_new_tokens=16)
    return replace(made, inputs=replace(made.inputs, faq_limit=0.2))


@pytest.fixture(scope="module")
def runs(batch: BenchBatch, lm: CountedLM) -> tuple[GateRun, GateRun, int, int]:
    """The gate and its rival on one batch, and how many answers each had generated."""
    lm.asked = 0
    gate = run_gate_on_record(batch.inputs, batch.live, batch.rows, reread=lambda: batch.rows)
    by_gate, lm.asked = lm.asked, 0
    rival = run_gate_on_record(batch.inputs, batch.live, batch.rows, reread=lambda: batch.rows, comparison=BruteForce())
    return gate, rival, by_gate, lm.asked


def test_gate_and_rival_agree_on_verdict_and_on_every_probe(runs: tuple[GateRun, GateRun, int, int]) -> None:
    gate, rival, by_gate, by_rival = runs
    assert differences(gate, rival) == 0
    assert (gate.report.verdict, rival.report.verdict) == ("pass", "pass")
    assert gate.report.ejected == rival.report.ejected, "also what was taken out, and why"
    assert len(gate.report.ejected) == 1
    assert by_gate <= gate.report.questions_run < by_rival, "a second round asks again, and knows the answers"
    assert by_rival >= 2 * len(rival.outcomes)


def test_one_other_answer_or_move_is_found(runs: tuple[GateRun, GateRun, int, int]) -> None:
    gate, rival, _, _ = runs
    number = next(n for n, one in enumerate(gate.outcomes) if one.staged_answer is None)
    lied = [*rival.outcomes]
    lied[number] = replace(lied[number], staged_answer="another answer")
    assert differences(gate, replace(rival, outcomes=tuple(lied))) == 1
    fewer = replace(rival, outcomes=rival.outcomes[1:])
    assert differences(gate, fewer) == len(gate.outcomes)
