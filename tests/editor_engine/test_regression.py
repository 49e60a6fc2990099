"""Comparing two memories: screening finds what running every probe twice finds, and nothing else."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from editor_engine.edit import Carrier, Edit
from editor_engine.editor import EditedModel
from editor_engine.errors import EngineError, PromptTooLongError
from editor_engine.lm_families import CausalLM, Prompted
from editor_engine.memory import Memory
from editor_engine.probes import Probe, ProbeKind, check_probes
from editor_engine.prompt_encoder import PromptEncoder
from editor_engine.regression import compare
from editor_engine.row_builder import build_rows
from editor_engine.text_encoder import TextEncoder

BuildLM = Callable[..., CausalLM]
TOKENS = 4
LONG = "Why not? " * 40


class CountingLM(CausalLM):
    """Counts the rows that the LM is asked for, and may be made to lie."""

    asked = 0
    lies = 0

    def generate(self, prompted: Sequence[Prompted], **settings: int) -> list[str]:
        self.asked += len(prompted)
        texts = super().generate(prompted, **settings)
        return [f"{text} {self.asked}" for text in texts] if self.lies else texts


@pytest.fixture
def counting(base: CausalLM) -> CountingLM:
    """The tiny Llama behind a counter."""
    return CountingLM(base._model, base._tokenizer, name="tiny", weights_digest="tiny")


def probes_of(questions: list[str]) -> list[Probe]:
    return [Probe(f"p{number}", question, ProbeKind.FAQ) for number, question in enumerate(questions)]


@pytest.mark.parametrize("seed", [0, 1])
def test_screening_equals_brute_force(
    seed: int,
    encoder: TextEncoder,
    counting: CountingLM,
    prompt_encoder: PromptEncoder,
    simple_edit: Callable[..., Edit],
) -> None:
    """Random live and staged memories of text and soft rows: the same probes move as when all are run twice."""
    chance = random.Random(seed)
    edits = [simple_edit(number, object_new=f"value {chance.randint(0, 99)}") for number in range(6)]
    text = build_rows(edits, encoder, counting)
    soft = build_rows(edits, encoder, counting, Carrier.SOFT, prompt_encoder=prompt_encoder)
    memories = [
        Memory(tuple(chance.choice(pair) for pair in zip(text, soft, strict=True) if chance.random() < 0.6))
        for _ in "ab"
    ]
    live = EditedModel(counting, encoder, memories[0])
    staged = live.with_memory(memories[1])
    questions = [f"How is drug{number} given?" for number in range(9)] + ["Why?", "How is drug1 stored?"]
    report = compare(live, staged, probes_of(questions), audit_share=0.5, max_new_tokens=TOKENS)
    before, after = (
        EditedModel(counting, encoder, memory).answer(questions, max_new_tokens=TOKENS) for memory in memories
    )
    moved = {f"p{number}" for number in range(len(questions)) if before[number].text != after[number].text}
    assert {outcome.probe.probe_id for outcome in report.moved} == moved
    assert moved, "the memories differ in nothing that shows"
    assert report.audit_differs == ()
    for number, outcome in enumerate(report.outcomes):
        if outcome.triple_changed:
            assert (outcome.live_answer, outcome.staged_answer) == (before[number].text, after[number].text)
            assert outcome.culprit in {edit.edit_id for edit in edits}
        else:
            assert before[number].text == after[number].text
            assert outcome.culprit is None


def test_the_lm_answers_only_what_changed(encoder: TextEncoder, counting: CountingLM, zolpidem: Edit) -> None:
    live = EditedModel(counting, encoder, Memory())
    staged = live.with_memory(Memory(tuple(build_rows([zolpidem], encoder, counting))))
    quiet = probes_of([f"How is drug{number} given?" for number in range(30)])
    progress: list[tuple[str, int, int]] = []
    report = compare(
        live,
        staged,
        [*check_probes([zolpidem]), *quiet],
        audit_share=0.1,
        max_new_tokens=TOKENS,
        progress=lambda phase, done, of: progress.append((phase, done, of)),
    )
    assert (report.screened, len(report.changed), len(report.audited)) == (33, 3, 3)
    assert counting.asked == report.generations == 3 + 3 + 2 * 3
    assert [outcome.culprit for outcome in report.changed] == [zolpidem.edit_id] * 3
    assert [outcome.takes for outcome in report.outcomes[:3]] == [False] * 3
    assert progress == [("screen", 33, 33), ("run", 3, 3), ("run before", 3, 3), ("audit", 3, 3)]
    asked = counting.asked
    compare(live, staged, [*check_probes([zolpidem]), *quiet], max_new_tokens=TOKENS)
    assert counting.asked == asked, "answers of a known question and triple are asked once"


def test_live_is_asked_only_where_staged_does_not_say_what_is_expected(
    encoder: TextEncoder, counting: CountingLM, zolpidem: Edit
) -> None:
    live = EditedModel(counting, encoder, Memory())
    staged = live.with_memory(Memory(tuple(build_rows([zolpidem], encoder, counting))))
    said = staged.answer([zolpidem.question], max_new_tokens=TOKENS)[0].text
    takes = replace(check_probes([zolpidem])[0], expects_new=said, expects_not_old=None, must_not_assert=())
    fails = replace(check_probes([zolpidem])[1], expects_new="no such answer")
    report = compare(live, staged, [takes, fails], max_new_tokens=TOKENS, ask_before=False)
    assert report.generations == 3
    assert [outcome.live_answer is None for outcome in report.outcomes] == [True, False]
    assert [outcome.takes for outcome in report.outcomes] == [True, False]
    assert report.outcomes[1].moved
    assert not report.outcomes[0].moved


def test_an_audit_has_an_upper_bound(encoder: TextEncoder, counting: CountingLM) -> None:
    live = EditedModel(counting, encoder, Memory())
    probes = probes_of([f"{number}?" for number in range(20)])
    assert len(compare(live, live, probes, audit_share=1.0, audit_most=3, max_new_tokens=1).audited) == 3


def test_an_edit_that_stops_firing_is_the_culprit(encoder: TextEncoder, counting: CountingLM, zolpidem: Edit) -> None:
    live = EditedModel(counting, encoder, Memory(tuple(build_rows([zolpidem], encoder, counting))))
    report = compare(live, live.with_memory(Memory()), check_probes([zolpidem]), max_new_tokens=TOKENS)
    assert [outcome.culprit for outcome in report.outcomes] == [zolpidem.edit_id] * 3


def test_an_audit_finds_a_model_that_is_not_itself(encoder: TextEncoder, counting: CountingLM) -> None:
    live = EditedModel(counting, encoder, Memory())
    counting.lies = 1
    report = compare(live, live.with_memory(Memory()), probes_of(["a?", "b?"]), audit_share=1.0, max_new_tokens=TOKENS)
    assert report.audited == report.audit_differs == ("p0", "p1")
    assert report.moved == ()


def test_the_audit_sample_is_drawn_from_the_seed(encoder: TextEncoder, counting: CountingLM) -> None:
    live = EditedModel(counting, encoder, Memory())
    probes = probes_of([f"{number}?" for number in range(12)])
    samples = [
        compare(live, live, probes, audit_share=0.2, audit_seed=seed, max_new_tokens=1).audited for seed in (1, 1, 2)
    ]
    assert samples[0] == samples[1] != samples[2]
    assert len(samples[0]) == 3


def test_what_cannot_be_compared_is_refused(encoder: TextEncoder, base: CausalLM, build_lm: BuildLM) -> None:
    live = EditedModel(base, encoder, Memory())
    with pytest.raises(EngineError, match="needs one base model"):
        compare(live, EditedModel(build_lm(seed=9), encoder, Memory()), [])
    with pytest.raises(EngineError, match="p0 occurs 2 times"):
        compare(live, live, probes_of(["a?"]) * 2)
    assert compare(live, live, []).screened == 0


def test_a_probe_that_does_not_fit_the_window_is_named(encoder: TextEncoder, build_lm: BuildLM, zolpidem: Edit) -> None:
    base = build_lm(max_position_embeddings=128)
    live = EditedModel(base, encoder, Memory(tuple(build_rows([zolpidem], encoder, base))))
    probes = [Probe(f"p-{n}", question, ProbeKind.CHECK, expects_new="5") for n, question in enumerate(("Why?", LONG))]
    with pytest.raises(PromptTooLongError, match="Probe p-1: Base model tiny has a window of 128 tokens"):
        compare(live, live.with_memory(Memory()), probes, max_new_tokens=4)
