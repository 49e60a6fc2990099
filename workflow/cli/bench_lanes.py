"""Opens the extraction lane that a benchmark names: the rules, or what the site's settings say."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from workflow.errors import SettingsError, UsageError

if TYPE_CHECKING:
    from workflow.intake.extractor import Extractor
    from workflow.intake.llm_cache import CallKey
    from workflow.intake.llm_wire import LlmAnswer


@contextmanager
def open_lane(backend: str, site: Path | None) -> Iterator[Extractor]:
    """Give the lane, closed at the end.

    Raises:
        UsageError: there is no such back end, or no site that says how it is reached.
    """
    if backend == "rules":
        from workflow.intake.rules import RulesExtractor

        yield RulesExtractor()
        return
    if backend != "openai":
        raise UsageError(f"--backend: expected rules or openai, got {backend}")
    with _model(site) as lane:
        yield lane


@contextmanager
def _model(folder: Path | None) -> Iterator[Extractor]:
    """The language model that the settings of a site name; its answers are kept for this run only."""
    from workflow.cli.opening import find_site
    from workflow.intake.llm_client import LlmClient, LlmEndpoint, api_key_from
    from workflow.intake.llm_extractor import LlmExtractor

    site = find_site(folder)
    extraction, http = site.settings.extraction, site.settings.http
    if not extraction.model.strip():
        raise SettingsError("extraction.model: expected the server's name for the model, got none; fill it in")
    endpoint = LlmEndpoint(
        base_url=extraction.base_url,
        model=extraction.model,
        allow_private=extraction.allow_private,
        timeout_s=extraction.timeout_s,
        max_calls=extraction.max_calls,
        max_tokens=extraction.max_tokens,
        proxy=http.proxy,
        ca_file=http.ca_file,
    )
    client = LlmClient(endpoint, api_key=api_key_from(os.environ, extraction.api_key_env))
    try:
        yield LlmExtractor(client, _Kept())
    finally:
        client.close()


class _Kept:
    """What was asked in this run."""

    def __init__(self) -> None:
        self._replies: dict[CallKey, str] = {}

    def find(self, key: CallKey) -> str | None:
        """Give the reply that was kept, if any."""
        return self._replies.get(key)

    def keep(self, key: CallKey, answer: LlmAnswer) -> None:
        """Keep a reply."""
        self._replies[key] = answer.text
