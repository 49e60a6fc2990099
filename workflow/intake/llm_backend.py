"""The back ends of lane B behind one protocol: a prompt in, a reply that passed its check out.

Owns the choice among them by the settings. ``rules`` is no back end here: it is lane A alone, and then nothing of this
is opened. The local model's torch and transformers stay in ``editor_engine``; they are imported when it is chosen.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from workflow.errors import SettingsError
from workflow.intake.llm_budget import LlmCaps, LlmSpending
from workflow.intake.llm_client import LlmClient, LlmEndpoint, api_key_from
from workflow.intake.llm_prompt import Prompt
from workflow.intake.llm_wire import Check, LlmAnswer, read_reply
from workflow.settings.intake import ExtractionTable
from workflow.settings.sources import HttpTable


class LlmBackend(Protocol):
    """Something that answers prompts within the bounds of a run; safe for several threads."""

    @property
    def model(self) -> str:
        """Name under which its replies are cached: another model, another name."""
        ...

    @property
    def spending(self) -> LlmSpending:
        """What the run has spent so far."""
        ...

    def ask(self, prompt: Prompt, check: Check = read_reply) -> LlmAnswer:
        """The reply to ``prompt``, which passed ``check``.

        Raises:
            LlmUnusableError: nothing usable after bounded tries, or a cap is reached.
        """
        ...

    def close(self) -> None:
        """Give connections and memory back."""
        ...


def open_backend(
    extraction: ExtractionTable, http: HttpTable, environment: Mapping[str, str], *, root: Path
) -> LlmBackend | None:
    """Open the back end of the settings; None for ``rules``.

    Args:
        extraction: The settings.
        http: Proxy and trust store.
        environment: Where the key is.
        root: The site's folder, to which a model's folder is relative.

    Raises:
        SettingsError: the settings name no model, an address that may not be asked, or an extra that is missing.
    """
    if extraction.backend == "rules":
        return None
    if not extraction.model.strip():
        raise SettingsError(
            f'extraction.model: expected the name of the model with backend "{extraction.backend}", got none'
        )
    if extraction.backend == "local":
        return _local(extraction, root)
    endpoint = LlmEndpoint(
        base_url=extraction.base_url,
        model=extraction.model,
        allow_private=extraction.allow_private,
        timeout_s=extraction.timeout_s,
        max_calls=extraction.max_calls,
        max_tokens=extraction.max_tokens,
        max_minutes=extraction.max_minutes,
        max_cost=extraction.max_cost,
        prompt_price=extraction.prompt_price,
        reply_price=extraction.reply_price,
        proxy=http.proxy,
        ca_file=http.ca_file,
    )
    return LlmClient(endpoint, api_key=api_key_from(environment, extraction.api_key_env))


def _local(extraction: ExtractionTable, root: Path) -> LlmBackend:
    from workflow.intake.llm_local import LocalBackend

    caps = LlmCaps(max_calls=extraction.max_calls, max_tokens=extraction.max_tokens, max_minutes=extraction.max_minutes)
    return LocalBackend.open(root / extraction.model, caps=caps, timeout_s=extraction.timeout_s)
