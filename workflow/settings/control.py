"""The checks between a staged batch and promotion."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from workflow.settings.parts import Count, Days, Line, Share, Table


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


class BatchTable(Table):
    """How signed candidates become batches at night; a batch made by hand takes what its maker names."""

    most_edits: Count = 100
    """Most edits of one batch: what fails or is rolled back together."""
    most_per_night: Count = 10
    """Most batches a night makes; the rest waits for the next one. Expedited candidates come on top, each alone."""
    apart: tuple[Line, ...] = ()
    """Relations that go into batches of their own, such as "recommended_dose" or "contraindicated_in", so that a doubt
    about one does not take the others along."""
    check_after: bool = True
    """Whether the whole live memory is checked right after a promotion, beyond the batch's own questions; a batch that
    fails there is sent back by itself."""
    review_after_days: Days = 0
    """Days after which a promoted fact is proposed for withdrawal unless somebody looks at it again. 0: never."""


class AffectedTable(Table):
    """How soon a person should decide on a fact whose source was taken back or replaced, by kind. Days."""

    retracted_days: Days = 1
    """A source was retracted, or a drug was recalled."""
    concern_days: Days = 3
    """A source is under an expression of concern, or was retracted in part."""
    corrected_days: Days = 7
    """A source was corrected, or a fact answers again because a newer one was rolled back."""
    revised_days: Days = 14
    """A newer version has replaced a source, a source was reinstated, or the time of a fact ran out."""
