"""The local back end: whatever the model does, a document waits with a reason, and nothing else is raised."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from editor_engine.errors import RequestError
from workflow.demo.scripted_llm import NO_CHANGE
from workflow.intake.llm_budget import LlmBudgetSpentError, LlmCaps, LlmUnusableError
from workflow.intake.llm_local import LocalBackend
from workflow.intake.llm_prompt import Prompt


@dataclass(frozen=True)
class Said:
    """What the model wrote."""

    text: str
    ended: bool = True
    prompt_tokens: int = 7
    reply_tokens: int = 3


@dataclass
class Model:
    """A model that says what it is told to say."""

    says: Said | Exception
    name: str = "local:tiny"
    asked: list[int] = field(default_factory=list)

    def write(self, *, system: str, user: str, schema: str, max_tokens: int, max_seconds: float, seed: int = 0) -> Said:
        """Say it."""
        assert all((system, user, schema, max_tokens, max_seconds))
        self.asked.append(seed)
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


def backend(model: Model, *, calls: int = 9) -> LocalBackend:
    return LocalBackend(model, caps=LlmCaps(max_calls=calls, max_tokens=100_000, max_minutes=9.0), timeout_s=5.0)


def prompt(run: int = 0) -> Prompt:
    return Prompt(system="Read.", user="{}", schema={"type": "object"}, run=run)


def test_a_reply_of_the_schema_is_given_with_its_cost() -> None:
    model = Model(Said(NO_CHANGE))
    local = backend(model)
    answer = local.ask(prompt(run=1))
    assert (answer.text, answer.prompt_tokens, answer.reply_tokens) == (NO_CHANGE, 7, 3)
    assert model.asked == [1], "the second run has another seed"
    assert local.spending.calls == 1


@pytest.mark.parametrize(
    ("says", "why"),
    [
        (Said('{"quote":', ended=False), "cut off"),
        (Said('{"quote":7}'), "the reply is"),
        (RequestError("prompt: expected at most 100 tokens, got 4000"), "expected at most 100 tokens"),
    ],
)
def test_what_is_unusable_is_told_and_nothing_else_is_raised(says: Said | Exception, why: str) -> None:
    with pytest.raises(LlmUnusableError, match=why):
        backend(Model(says)).ask(prompt())


def test_the_nights_cap_holds() -> None:
    local = backend(Model(Said(NO_CHANGE)), calls=1)
    local.ask(prompt())
    with pytest.raises(LlmBudgetSpentError):
        local.ask(prompt())
