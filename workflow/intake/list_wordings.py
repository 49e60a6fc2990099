"""The house wordings for one item of a list, which name it, so that two contraindications of a drug are two questions.

``{O}`` is the item behind "in" or "if", or bare where a drug is meant; the other gaps are those of ``wordings``.
The words for the answer hold no yes and no no: "contraindicated in asthma" answers "May X be used in asthma?" and "Is X
contraindicated in asthma?" alike.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

_IN_PEOPLE = (
    "May {S} be used {O}{in_pop}?",
    "Can {S} be given {O}{in_pop}?",
    "Is {S} contraindicated {O}{in_pop}?",
    "Is {S} allowed {O}{in_pop}?",
)
_WITH_A_DRUG = (
    "May {S} be given together with {O}{in_pop}?",
    "Can {S} be taken with {O}{in_pop}?",
    "Is {S} contraindicated with {O}{in_pop}?",
    "Is {S} allowed alongside {O}{in_pop}?",
)
_ADVISED_AGAINST = (
    "Should {S} be combined with {O}{in_pop}?",
    "Should {S} and {O} be taken together{in_pop}?",
    "Is the combination of {S} with {O} to be avoided{in_pop}?",
    "Is it advisable to give {S} with {O}{in_pop}?",
)
_INTERACTIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "caution": (
            "Is caution needed when {S} is combined with {O}{in_pop}?",
            "Does {S} call for caution with {O}{in_pop}?",
            "Should {S} be used cautiously together with {O}{in_pop}?",
            "Is {S} with {O} a reason for caution{in_pop}?",
        ),
        "monitor": (
            "Is monitoring needed when {S} is combined with {O}{in_pop}?",
            "Does {S} call for closer monitoring with {O}{in_pop}?",
            "Should one monitor more closely when {S} is given with {O}{in_pop}?",
            "Is {S} with {O} a reason for monitoring{in_pop}?",
        ),
        "adjust": (
            "Is a change of dose needed when {S} is combined with {O}{in_pop}?",
            "Does {S} call for another dose with {O}{in_pop}?",
            "Should doses be adjusted when {S} is given with {O}{in_pop}?",
            "Is {S} with {O} a reason for a change of dose{in_pop}?",
        ),
        "mechanism": (
            "Do {S} and {O} change each other's levels{in_pop}?",
            "Does {S} interact with {O} by absorption or metabolism{in_pop}?",
            "Is there a pharmacokinetic interaction of {S} with {O}{in_pop}?",
            "Do {S} and {O} act on each other's metabolism{in_pop}?",
        ),
        "effect": (
            "Do {S} and {O} change each other's effect{in_pop}?",
            "Does {S} interact with {O} in its effect{in_pop}?",
            "Is there a pharmacodynamic interaction of {S} with {O}{in_pop}?",
            "Do {S} and {O} act on each other's effect{in_pop}?",
        ),
        "unspecified": (
            "Do {S} and {O} interact{in_pop}?",
            "Does {S} interact with {O}{in_pop}?",
            "Is there an interaction of {S} with {O}{in_pop}?",
            "Is an interaction of {S} with {O} known{in_pop}?",
        ),
    }
)

ASKED_BY_ITEM = frozenset({"contraindicated_in", "contraindicated_with", "interacts_with"})
"""Lists of which each item has a question of its own; the other lists ask one question for all."""

_CONDITIONAL = re.compile(
    r"(?:(?:the|a|an|any)\s+)?(?:patient|person|woman|child|infant)\s+(?:has|is|takes|had|was)\b|there\s+(?:is|are)\b",
    re.IGNORECASE,
)
"""Items that are a clause: "the patient has glaucoma"."""


def item_wordings(relation: str, how: str) -> tuple[str, ...]:
    """Give question and three paraphrases about one item; empty for a relation that is not asked by item.

    Args:
        relation: One of ``ASKED_BY_ITEM``.
        how: Strength or kind of an interaction; empty where it is advised against.
    """
    if relation == "interacts_with":
        return _INTERACTIONS.get(how, _ADVISED_AGAINST)
    return {"contraindicated_in": _IN_PEOPLE, "contraindicated_with": _WITH_A_DRUG}.get(relation, ())


def item_phrase(relation: str, item: str) -> str:
    """Give an item behind the word that joins it: "in asthma", "if the patient has asthma", "with cyclosporine"."""
    if relation != "contraindicated_in":
        return f"with {item}"
    return f"if {item}" if _CONDITIONAL.match(item) else f"in {item}"
