"""The checks between a staged batch and promotion."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from workflow.settings.parts import Count, Line, Share, Table


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
    audit_most: Count = 40
    """Most questions of that sample: each is answered twice, and a gate of thousands of probes is to stay quick."""
    faq_file: Line | None = None
    """Your clinical FAQ set, relative to the site: one JSON line a question. Without one the set that comes with the
    program is asked: 424 everyday clinical questions, or for the bundled demo model what that model knows."""
    pinned_file: Line = "pinned.jsonl"
    """Your pinned safety set, relative to the site: questions whose answers must never move, one JSON line each;
    medrek-flow check --pin adds one. Not one of them may move, in any batch."""
    drift_questions: Annotated[int, Field(ge=10, le=10_000)] = 120
    """How many questions the check of what is live compares with the answers on record, to find a base model, dtype or
    library that changed: all pinned ones, then the edits in force, then the FAQ set."""
    limits: GateLimitsTable = GateLimitsTable()
