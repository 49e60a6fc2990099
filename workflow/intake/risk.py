"""How much a candidate risks: by its relation and its drug, as the site's lists say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from workflow.intake.normalise import plain_name
from workflow.records import Candidate, Risk


class RiskLists(Protocol):
    """The site's lists, as its settings hold them."""

    @property
    def high_risk_relations(self) -> Sequence[str]:
        """Relations where a wrong object harms at the next dose."""
        ...

    @property
    def high_alert_drugs(self) -> Sequence[str]:
        """Drugs whose every fact is high risk."""
        ...


def risk_of(candidate: Candidate, lists: RiskLists) -> Risk:
    """Say how many people a candidate asks for; what a lane itself found risky stays so."""
    names = {plain_name(name) for name in (candidate.subject, candidate.object_new, *candidate.aliases)}
    is_high_alert = bool(names & {plain_name(name) for name in lists.high_alert_drugs})
    if candidate.risk is Risk.HIGH or is_high_alert or candidate.relation in lists.high_risk_relations:
        return Risk.HIGH
    return Risk.LOW
