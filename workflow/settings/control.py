"""The checks between a staged batch and promotion."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from workflow.settings.parts import Line, Share, Table


class GateLimitsTable(Table):
    """How much a sample may move before the gate holds."""

    faq_moved: Share = 0.01
    """Upper bound (Wilson) of the share of the FAQ set that moves."""
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    """Confidence of those bounds."""


class GateTable(Table):
    """The checks between a staged batch and promotion."""

    audit_share: Share = 0.05
    """Share of the probes that must not have changed and are run all the same."""
    faq_file: Line | None = None
    """Your clinical FAQ set, relative to the site: one JSON line a question."""
    limits: GateLimitsTable = GateLimitsTable()
