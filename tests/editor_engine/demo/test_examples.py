"""Examples: the exact layouts, determinism, and what training must never contain."""

from random import Random

import pytest

from editor_engine.demo.examples import (
    Example,
    ReadingDesk,
    TrainingMix,
    Wording,
    frames,
    plain_example,
    question_prompt,
    reading_example,
)
from editor_engine.demo.facts import demo_facts
from editor_engine.demo.free_text import ObjectKind, Split


def _drawn(seed: int, count: int = 3000) -> list[Example]:
    mix = TrainingMix(Random(seed), drill_share=0.1, plain_share=0.3)
    return [mix.draw() for _ in range(count)]


def test_the_layout_of_a_plain_question() -> None:
    example = plain_example("What is x?", "5 mg")
    assert (example.prompt, example.answer) == ("Question: What is x?\nAnswer:", " 5 mg")


def test_the_layout_of_a_reading() -> None:
    example = reading_example("What is x? 5 mg.", "What is x?", "5 mg")
    assert example.prompt == "Fact: What is x? 5 mg.\nQuestion: What is x?\nAnswer:"


def test_equal_seeds_give_equal_examples() -> None:
    assert _drawn(4, 300) == _drawn(4, 300)
    assert _drawn(4, 300) != _drawn(5, 300)


def test_the_answer_of_a_reading_stands_in_its_fact() -> None:
    readings = [example for example in _drawn(1) if example.prompt.startswith("Fact:")]
    assert readings
    assert all(f"{example.answer}.\n" in example.prompt for example in readings)


def test_held_out_names_never_appear_in_training() -> None:
    desk = ReadingDesk(Random(1), Split.HELD_OUT)
    names = {desk.reading(ObjectKind.NAME, Wording.SAME).answer.strip() for _ in range(300)}
    trained = {word for example in _drawn(2) for word in (example.prompt + example.answer).split()}
    assert not {name for name in names if " " not in name} & trained


def test_unseen_wordings_never_appear_in_training() -> None:
    openings = {frame.split("{")[0] for frame in frames().unseen if not frame.startswith("{")}
    prompts = "\n".join(example.prompt for example in _drawn(3))
    assert not [opening for opening in openings if f": {opening}" in prompts]


@pytest.mark.parametrize("wording", list(Wording))
def test_every_wording_can_be_made_for_every_kind_of_object(wording: Wording) -> None:
    desk = ReadingDesk(Random(2), Split.HELD_OUT)
    for kind in ObjectKind:
        example = desk.reading(kind, wording)
        assert "{" not in example.prompt
        assert example.prompt.endswith("\nAnswer:")


def test_training_asks_every_known_question() -> None:
    mix = TrainingMix(Random(1), drill_share=0.0, plain_share=1.0)
    asked = {mix.draw().prompt for _ in range(30_000)}
    assert asked >= {question_prompt(question) for fact in demo_facts() for question in fact.questions}
