"""The site's lists decide the tier of a candidate, and never lower what a lane found risky."""

from __future__ import annotations

import pytest

from tests.workflow.change_control.made_batches import make_candidate
from workflow.intake.risk import risk_of
from workflow.records import Risk
from workflow.settings import ReviewTable

LISTS = ReviewTable(high_risk_relations=("boxed_warning",), high_alert_drugs=("Warfarin",))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"relation": "indicated_for", "risk": Risk.LOW}, Risk.LOW),
        ({"relation": "boxed_warning", "risk": Risk.LOW}, Risk.HIGH),
        ({"relation": "indicated_for", "risk": Risk.HIGH}, Risk.HIGH),
        ({"relation": "indicated_for", "risk": Risk.LOW, "aliases": ("warfarin sodium",)}, Risk.HIGH),
        ({"relation": "interacts_with", "risk": Risk.LOW, "object_new": "warfarin"}, Risk.HIGH),
    ],
)
def test_tier(fields: dict[str, object], expected: Risk) -> None:
    assert risk_of(make_candidate("corvandine", **fields), LISTS) is expected  # type: ignore[arg-type]
