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
    if backend not in ("openai", "local"):
        raise UsageError(f"--backend: expected rules, openai or local, got {backend}")
    with _model(backend, site) as lane:
        yield lane


@contextmanager
def _model(backend: str, folder: Path | None) -> Iterator[Extractor]:
    """The language model that the settings of a site name; its answers are kept for this run only."""
    from workflow.cli.opening import find_site
    from workflow.intake.llm_backend import open_backend
    from workflow.intake.llm_cache import RunCallCache
    from workflow.intake.llm_extractor import LlmExtractor

    site = find_site(folder)
    extraction = site.settings.extraction.model_copy(update={"backend": backend})
    model = open_backend(extraction, site.settings.http, os.environ, root=site.root)
    if model is None:
        raise SettingsError("extraction.backend: expected openai or local, got rules")
    try:
        yield LlmExtractor(model, RunCallCache(), runs=1, entailment=extraction.entailment)
    finally:
        model.close()
