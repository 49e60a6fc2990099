"""What a night may spend on a language model, and what it has spent: calls, tokens, money, minutes.

Owns the caps. Safe for several threads; what is left over when one is reached waits for the next night.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from workflow.errors import ExitCode, WorkflowError

_MILLION = 1_000_000


class LlmUnusableError(WorkflowError):
    """The language model gave nothing usable for one document; the run goes on with the others."""

    exit_code = ExitCode.LLM_UNUSABLE


class LlmUnreachableError(LlmUnusableError):
    """Refused, timed out, rate-limited, or another status than 200 after bounded tries."""


class LlmBudgetSpentError(LlmUnusableError):
    """The run's cap on calls, tokens, cost or minutes is reached; what is left waits for the next night."""


@dataclass(frozen=True)
class LlmCaps:
    """Bounds of one run; a cost of None has no bound, and prices are in the site's own currency."""

    max_calls: int = 200
    max_tokens: int = 1_000_000
    max_minutes: float | None = None
    max_cost: float | None = None
    prompt_price: float = 0.0
    """For a million tokens of prompts."""
    reply_price: float = 0.0
    """For a million tokens of replies."""


@dataclass
class LlmSpending:
    """What the run has spent so far; tokens are the server's count or our estimate, whichever is higher."""

    calls: int = 0
    tokens: int = 0
    cost: float = 0.0
    unanswered_in_a_row: int = 0


@dataclass
class LlmBudget:
    """Counts against the caps. ``what`` names the model in messages."""

    what: str
    caps: LlmCaps
    clock: Callable[[], float] = time.monotonic
    spending: LlmSpending = field(default_factory=LlmSpending)

    def __post_init__(self) -> None:
        """Start the clock with the first call."""
        self._lock = threading.Lock()
        self._started: float | None = None

    def begin(self, prompt_tokens: int, reply_tokens: int) -> None:
        """Count one call that may cost so much.

        Raises:
            LlmBudgetSpentError: a cap is reached; nothing was counted.
        """
        with self._lock:
            reason = self._reached(prompt_tokens, reply_tokens)
            if reason:
                raise LlmBudgetSpentError(f"{self.what}: the cap of {reason} a run is reached")
            self._started = self.clock() if self._started is None else self._started
            self.spending.calls += 1
            self._add(prompt_tokens, self.caps.prompt_price)

    def spend(self, *, prompt_tokens: int = 0, reply_tokens: int = 0) -> None:
        """Count tokens on top of what ``begin`` counted."""
        with self._lock:
            self._add(prompt_tokens, self.caps.prompt_price)
            self._add(reply_tokens, self.caps.reply_price)

    def note_answered(self, *, answered: bool) -> None:
        """Remember how many prompts in a row got no answer at all."""
        with self._lock:
            self.spending.unanswered_in_a_row = 0 if answered else self.spending.unanswered_in_a_row + 1

    def _add(self, tokens: int, price: float) -> None:
        self.spending.tokens += tokens
        self.spending.cost += tokens * price / _MILLION

    def _reached(self, prompt_tokens: int, reply_tokens: int) -> str:
        caps, spent = self.caps, self.spending
        if spent.calls >= caps.max_calls:
            return f"{caps.max_calls} calls"
        if spent.tokens + prompt_tokens + reply_tokens > caps.max_tokens:
            return f"{caps.max_tokens} tokens"
        elapsed = 0.0 if self._started is None else self.clock() - self._started
        if caps.max_minutes is not None and elapsed >= 60 * caps.max_minutes:
            return f"{caps.max_minutes:g} minutes"
        next_cost = (prompt_tokens * caps.prompt_price + reply_tokens * caps.reply_price) / _MILLION
        if caps.max_cost is not None and spent.cost + next_cost > caps.max_cost:
            return f"{caps.max_cost:g} for tokens"
        return ""
