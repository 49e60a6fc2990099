"""What is kept between rounds decides nothing: the same decisions as when everything is decided anew."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from editor_engine.edit import Edit, Firing
from editor_engine.editor import EditedModel
from editor_engine.kept_decisions import KeptDecisions
from editor_engine.known_pairs import KnownScores, remembering
from editor_engine.lm_families import CausalLM
from editor_engine.memory import Memory, MemoryRow
from editor_engine.parts import EncodingParts
from editor_engine.row_builder import build_rows
from editor_engine.text_encoder import TextEncoder
from editor_engine.thresholds import Thresholds
from editor_engine.verifier import Proposal

Build = Callable[..., Edit]
QUESTIONS = [
    *(f"How is drug{number} given?" for number in range(9)),
    *(f"How is brand{number} given to children?" for number in range(9)),
    *(f"How should drug{number} be stored, and drug{number + 1}?" for number in range(8)),
    *(f"How is it given to people, drug{number} aside?" for number in range(8)),
    "How is it given to people?",
    "What is it called?",
    "Why?",
    "How is drug3 given? " * 60 + "What of drug5?",
]


class Counting:
    """A verifier that agrees where the edit's subject is written out, and counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[Proposal] = []

    def scores(self, proposals: Sequence[Proposal]) -> list[float]:
        """One logit each."""
        self.asked += proposals
        return [3.0 if one.edit.subject in one.question else -3.0 for one in proposals]

    def same_fact(self, pairs: Sequence[tuple[str, Edit]]) -> list[bool]:
        """The verdicts that the scores give."""
        return [score > 0 for score in self.scores([Proposal(*pair, 1.0) for pair in pairs])]


@pytest.fixture(scope="module")
def rows(encoder: TextEncoder, base: CausalLM, simple_edit: Build) -> dict[str, MemoryRow]:
    """Rows with aliases, two that newer ones shadow, and one whose question names no subject."""
    edits = [simple_edit(number, aliases=(f"brand{number}",)) for number in range(8)]
    newer = [replace(edits[number], edit_id=f"newer-{number}", object_new="other", aliases=()) for number in (1, 4)]
    nameless = simple_edit(20, subject="a thing", question="How is it given to people?")
    built = [*build_rows([*edits, nameless], encoder, base), *build_rows(newer, encoder, base, sequence=2)]
    return {row.edit_id: row for row in built}


def said(firings: Sequence[Firing]) -> list[object]:
    """What a decision says, but for its products."""
    return [(one.triple, one.silence, one.best_edit_id) for one in firings]


def products(firings: Sequence[Firing]) -> list[float]:
    """Of each decision; with another number of keys they may differ in the last bit."""
    return [number for one in firings for number in (one.score, one.margin)]


@pytest.mark.parametrize("must_be_named", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_rounds_decide_as_if_everything_were_decided_anew(
    seed: int, must_be_named: bool, encoder: TextEncoder, base: CausalLM, rows: dict[str, MemoryRow]
) -> None:
    chance = random.Random(seed)
    standing = sorted(rows)
    model = EditedModel(base, encoder, Memory(), Thresholds(subject_must_be_named=must_be_named))
    kept = KeptDecisions()
    while standing:
        memory = Memory(tuple(rows[edit_id] for edit_id in standing))
        staged = model.with_memory(memory)
        found, alone = kept(staged, QUESTIONS), staged.retrieve(QUESTIONS)
        assert said(found) == said(alone)
        assert products(found) == pytest.approx(products(alone), abs=1e-5)
        standing = sorted(set(standing) - set(chance.sample(standing, min(len(standing), chance.choice((1, 1, 2))))))


def test_only_what_an_edit_that_went_out_can_change_is_decided_again(
    encoder: TextEncoder, base: CausalLM, rows: dict[str, MemoryRow]
) -> None:
    plain = [rows[f"edit-{number}"] for number in (0, 2, 3, 5, 6, 7)]
    model = EditedModel(base, encoder, Memory(tuple(plain)))
    kept = KeptDecisions()
    kept(model, QUESTIONS)
    assert kept.made == len(QUESTIONS)
    less = model.with_memory(model.memory.without(["edit-5"]))
    kept(less, QUESTIONS)
    again = kept.made - len(QUESTIONS)
    assert 0 < again < len(QUESTIONS) / 2
    kept(less, QUESTIONS)
    assert kept.made == len(QUESTIONS) + again


def test_a_row_that_comes_back_into_force_and_other_limits_decide_everything_anew(
    encoder: TextEncoder, base: CausalLM, rows: dict[str, MemoryRow]
) -> None:
    both = Memory((rows["edit-0"], rows["edit-1"], rows["newer-1"]))
    model, kept = EditedModel(base, encoder, both), KeptDecisions()
    assert kept(model, ["How is drug1 given?"])[0].edit_id == "newer-1"
    assert kept(model, ["How is brand1 given?"])[0].edit_id is None
    back = model.with_memory(both.without(["newer-1"]))
    assert kept(back, ["How is drug1 given?", "Why?"])[0].edit_id == "edit-1"
    assert kept(back, ["How is brand1 given?"])[0].edit_id == "edit-1"
    assert kept(back.with_stop(stopped=True), ["How is drug1 given?"])[0].edit_id is None
    strict = EditedModel(base, encoder, back.memory, Thresholds(margin=1e6))
    assert kept(strict, ["How is drug1 given?"])[0].edit_id is None


def test_a_verifier_looks_at_a_pair_once_over_all_memories_and_again_for_an_audit(
    base: CausalLM, simple_edit: Build
) -> None:
    encoder = TextEncoder.load(parts=EncodingParts(decision="verified"))
    verifier = Counting()
    built = build_rows([simple_edit(number) for number in range(8)], encoder, base)
    limits = Thresholds(margin=-1e6, subject_must_be_named=False)
    live = EditedModel(base, encoder, Memory(tuple(built[:2])), limits, verifier)
    staged, questions = live.with_memory(Memory(tuple(built))), [f"How do I take drug{number}?" for number in range(6)]
    before = live.retrieve(questions)
    asked = len(verifier.asked)
    assert asked == 2 * len(questions)
    after = staged.retrieve(questions)
    assert len(verifier.asked) == len(set(verifier.asked)), "no pair twice"
    asked = len(verifier.asked)
    assert live.retrieve(questions) == before
    assert staged.retrieve(questions) == after
    assert len(verifier.asked) == asked, "nothing is left to look at"
    assert staged.anew().retrieve(questions) == after
    assert len(verifier.asked) > asked
    kept = KeptDecisions()
    kept(staged, questions)
    less = staged.with_memory(staged.memory.without(["edit-7"]))
    assert kept(less, questions) == less.retrieve(questions)
    assert kept.made == 2 * len(questions), "which rows are looked at hangs on the others: nothing is kept"
    assert {one.edit_id for one in after} == {f"edit-{number}" for number in range(6)}


def test_verdicts_are_remembered_in_order_with_repeats(simple_edit: Build) -> None:
    verifier = Counting()
    known = remembering(verifier)
    assert isinstance(known, KnownScores)
    pairs = [(f"drug{number} or drug{number}?", simple_edit(number % 2)) for number in (0, 1, 3, 0, 1, 5)]
    assert known.same_fact(pairs) == [True, True, False, True, True, False]
    assert len(verifier.asked) == 4
    assert known.same_fact(pairs[2:]) == [False, True, True, False]
    assert len(verifier.asked) == 4
    assert remembering(None) is None
