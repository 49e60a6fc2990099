"""A model's wordings stand only where they ask for the same fact, and its near misses only where they do not."""

from __future__ import annotations

import pytest

from tests.workflow.intake.made_intake import IntakeSite, MemorySource
from tests.workflow.intake.test_night import LABEL, copies
from tests.workflow.intake.test_questions import made
from workflow.intake.llm_budget import LlmSpending, LlmUnusableError
from workflow.intake.llm_cache import RunCallCache
from workflow.intake.llm_prompt import Prompt
from workflow.intake.llm_questions import (
    LlmNearMiss,
    LlmQuestions,
    LlmWordings,
    why_no_near_miss,
    why_no_paraphrase,
    with_wordings,
)
from workflow.intake.llm_wire import Check, LlmAnswer, read_reply
from workflow.intake.questions import write
from workflow.records import Candidate, NearMissKind

WOMEN = {"qualifiers": {"population": "women"}, "aliases": ("Corvanex",)}


@pytest.fixture
def candidate() -> Candidate:
    return write(made(WOMEN, relation="max_daily_dose"), ())


@pytest.mark.parametrize(
    ("wording", "why"),
    [
        ("How many milligrams of Corvanex can women take in a day, at the very most?", ""),
        ("What is the ceiling for daily corvandine in women?", ""),
        ("What is the ceiling for daily tavorine in women?", "it does not name the subject"),
        ("What is the ceiling for daily corvandine?", "a question does not carry the population"),
        ("Is 5 mg once daily the ceiling for corvandine in women?", "a question contains the answer"),
        ("May women take 40 mg of corvandine a day?", "it holds a number that the question does not"),
        ("What is the lowest daily dose of corvandine for women?", "it says lowest where the question says maximum"),
        ("Tell me the most corvandine for women", "it is no plain question"),
        ("Which daily \u202ecorvandine dose for women?", "it is no plain question"),
    ],
)
def test_a_paraphrase_keeps_subject_qualifiers_and_sense(candidate: Candidate, wording: str, why: str) -> None:
    assert why_no_paraphrase(candidate, wording) == why


@pytest.mark.parametrize(
    ("question", "kind", "why"),
    [
        ("What is the maximum daily dose of tavorine for women?", NearMissKind.OTHER_SUBJECT, ""),
        ("What is the maximum daily dose of Corvanex for women?", NearMissKind.LOOK_ALIKE, "it names the subject"),
        ("What is corvandine used for?", NearMissKind.OTHER_RELATION, ""),
        ("What is tavorine used for?", NearMissKind.OTHER_RELATION, "it does not name the subject"),
        ("How much corvandine may men take a day?", NearMissKind.OTHER_POPULATION, ""),
        ("How much corvandine may women take?", NearMissKind.OTHER_POPULATION, "it asks about the same people"),
    ],
)
def test_a_near_miss_asks_for_something_else(candidate: Candidate, question: str, kind: NearMissKind, why: str) -> None:
    assert why_no_near_miss(candidate, LlmNearMiss(question=question, kind=kind)) == why


def test_the_house_wordings_stay_and_the_models_are_added_once(candidate: Candidate) -> None:
    more = [
        f"How much corvandine can women take in a day, put in words number {word}?"
        for word in ("one", "two", "three", "four")
    ]
    same = LlmNearMiss(question="What is corvandine used for?", kind=NearMissKind.OTHER_RELATION)
    said = LlmWordings(paraphrases=(candidate.question.upper(), more[0], *more), near_misses=(same, same))
    wordy = with_wordings(candidate, said)
    assert wordy.question == candidate.question
    assert wordy.paraphrases == (*candidate.paraphrases, *more[:3])
    assert [miss.question for miss in wordy.near_misses].count(same.question) == 1


class Answers:
    """A back end that says what it was given, or nothing usable."""

    model = "words/1"
    spending = LlmSpending()

    def __init__(self, text: str | None) -> None:
        self.text = text
        self.asked = 0

    def ask(self, prompt: Prompt, check: Check = read_reply) -> LlmAnswer:
        self.asked += 1
        if self.text is None:
            raise LlmUnusableError("nothing usable")
        check(self.text)
        return LlmAnswer(self.text, prompt_tokens=1, reply_tokens=1, seconds=0.0)

    def close(self) -> None:
        """Nothing to give back."""


def test_a_model_without_usable_wordings_leaves_the_candidate_as_it_was(candidate: Candidate) -> None:
    assert LlmQuestions(Answers(None), RunCallCache())(candidate) is candidate


def test_a_second_night_reads_the_wordings_from_the_cache(candidate: Candidate) -> None:
    said = LlmWordings(paraphrases=("What is the ceiling for daily corvandine in women?",), near_misses=())
    backend, cache = Answers(said.model_dump_json()), RunCallCache()
    first = LlmQuestions(backend, cache)(candidate)
    assert first.paraphrases[-1] == said.paraphrases[0]
    assert LlmQuestions(backend, cache)(candidate) == first
    assert backend.asked == 1


def test_a_night_adds_the_models_wordings_to_what_is_proposed(site: IntakeSite) -> None:
    wording = "Women on Corvanex: how much of it a day?"
    said = LlmWordings(paraphrases=(wording,), near_misses=())
    backend, cache = Answers(said.model_dump_json()), RunCallCache()
    first, second = copies(2)
    site.night(MemorySource((LABEL[0], *first)))
    site.night(MemorySource((LABEL[1], *second)), wordings=LlmQuestions(backend, cache))
    (proposed,) = site.proposed()
    assert wording in proposed.paraphrases
    assert 1 <= backend.asked <= 3
