"""What a second run of the model adds: the order of the queue, and never a decision.

Owns when two facts are the same fact. A second run that gives nothing usable says nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from workflow.intake.llm_budget import LlmBudgetSpentError, LlmUnusableError
from workflow.intake.llm_schema import LlmFact, LlmReply
from workflow.intake.normalise import plain_name
from workflow.intake.sentences import tokens
from workflow.records import Candidate

BOTH: Final = 2
ALONE: Final = 1
ONLY_ONE: Final = "only one of two runs of the model says so"


def second_reading(ask: Callable[[], LlmReply]) -> LlmReply | None:
    """The second run's reply, or None where nothing usable came.

    Raises:
        LlmBudgetSpentError: the night's cap is reached; the document waits as a whole.
    """
    try:
        return ask()
    except LlmBudgetSpentError:
        raise
    except LlmUnusableError:
        return None


def agreement_of(candidate: Candidate, fact: LlmFact, again: LlmReply | None) -> Candidate:
    """The candidate with the number of runs that say so; unchanged where there was one run only."""
    if again is None:
        return candidate
    if any(_same(fact, other) for other in again.facts):
        return candidate.model_copy(update={"agreement": BOTH})
    return candidate.model_copy(update={"agreement": ALONE, "flags": (*candidate.flags, ONLY_ONE)})


def _same(one: LlmFact, other: LlmFact) -> bool:
    return (
        one.relation == other.relation
        and one.polarity is other.polarity
        and tokens(one.object_new) == tokens(other.object_new)
        and plain_name(one.subject) == plain_name(other.subject)
    )
