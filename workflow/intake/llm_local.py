"""Lane B on a local transformers model: every reply is of the schema, because no other token may follow.

Owns how a prompt becomes a chat for ``editor_engine.constrained``, and its caps. One reply at a time: threads wait.
"""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Protocol

from workflow.errors import SettingsError
from workflow.intake.llm_budget import LlmBudget, LlmCaps, LlmSpending, LlmUnusableError
from workflow.intake.llm_prompt import Prompt
from workflow.intake.llm_wire import Check, LlmAnswer, read_reply

MAX_REPLY_TOKENS = 2048


class SchemaModel(Protocol):
    """A model that writes JSON of a schema, as ``editor_engine.constrained.ConstrainedLm`` does."""

    @property
    def name(self) -> str:
        """Name with the digest of its weights' listing."""
        ...

    def write(self, *, system: str, user: str, schema: str, max_tokens: int, max_seconds: float, seed: int) -> Written:
        """Give the text written, whether it ended, and its tokens."""
        ...


class Written(Protocol):
    """What such a model wrote."""

    @property
    def text(self) -> str:
        """The text."""
        ...

    @property
    def ended(self) -> bool:
        """False where tokens or seconds ran out first."""
        ...

    @property
    def prompt_tokens(self) -> int:
        """Tokens read."""
        ...

    @property
    def reply_tokens(self) -> int:
        """Tokens written."""
        ...


class LocalBackend:
    """A back end over one model in this process."""

    def __init__(self, lm: SchemaModel, *, caps: LlmCaps, timeout_s: float) -> None:
        """Use a loaded model."""
        self._lm = lm
        self._timeout_s = timeout_s
        self._budget = LlmBudget(f"language model {lm.name}", caps)
        self._one_at_a_time = threading.Lock()

    @classmethod
    def open(cls, folder: Path, *, caps: LlmCaps, timeout_s: float) -> LocalBackend:
        """Load a model's folder.

        Raises:
            SettingsError: no folder, no model in it, or the extra is not installed.
        """
        from editor_engine.constrained import ConstrainedLm, ConstraintMissingError
        from editor_engine.errors import EngineError

        try:
            return cls(ConstrainedLm.load(folder), caps=caps, timeout_s=timeout_s)
        except ConstraintMissingError as error:
            raise SettingsError(f'extraction.backend = "local": {error}') from None
        except (EngineError, OSError, ValueError) as error:
            raise SettingsError(
                f"extraction.model: expected the folder of a causal language model, got {folder.name} "
                f"({type(error).__name__})"
            ) from None

    @property
    def model(self) -> str:
        """Name under which its replies are cached."""
        return self._lm.name

    @property
    def spending(self) -> LlmSpending:
        """What the run has spent so far."""
        return self._budget.spending

    def ask(self, prompt: Prompt, check: Check = read_reply) -> LlmAnswer:
        """The reply to ``prompt``, which passed ``check``.

        Raises:
            LlmUnusableError: the reply did not end within its tokens or seconds, or a cap is reached.
        """
        schema = json.dumps(prompt.schema)
        with self._one_at_a_time:
            self._budget.begin(0, MAX_REPLY_TOKENS)
            started = time.monotonic()
            written = self._write(prompt, schema)
        self._budget.spend(prompt_tokens=written.prompt_tokens, reply_tokens=written.reply_tokens)
        if not written.ended:
            raise LlmUnusableError(f"{self._budget.what}: the reply was cut off")
        try:
            check(written.text)
        except ValueError as error:
            raise LlmUnusableError(f"{self._budget.what}: the reply is {error}") from None
        return LlmAnswer(written.text, written.prompt_tokens, written.reply_tokens, time.monotonic() - started)

    def _write(self, prompt: Prompt, schema: str) -> Written:
        from editor_engine.errors import EngineError

        try:
            return self._lm.write(
                system=prompt.system,
                user=prompt.user,
                schema=schema,
                max_tokens=MAX_REPLY_TOKENS,
                max_seconds=self._timeout_s,
                seed=prompt.run,
            )
        except EngineError as error:  # a prompt longer than the model's window: the document waits, the night goes on
            raise LlmUnusableError(f"{self._budget.what}: {error}") from None

    def close(self) -> None:
        """Nothing to close: the memory goes with the object."""
