"""The house wordings: how each relation of the closed vocabulary is asked about, once and three times in other words.

``{S}`` is the subject with its form and, where no ``{kind}`` takes it up, its route; ``{kind}`` the kind of dose with
its route; ``{pop}`` and ``{in_pop}`` whom and when it concerns, as "for ..." and "in ...".
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from workflow.intake.list_wordings import item_wordings

WORDINGS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "recommended_dose": (
            "What is the recommended {kind}dose of {S}{pop}?",
            "How much {S} is recommended{as_kind}{pop}?",
            "Which {kind}dose of {S} should be given{pop}?",
            "At what {kind}dose is {S} recommended{pop}?",
        ),
        "max_daily_dose": (
            "What is the maximum daily {kind}dose of {S}{pop}?",
            "How much {S} may be given per day at most{as_kind}{pop}?",
            "What is the highest daily {kind}dose of {S}{pop}?",
            "Which daily {kind}dose of {S} must not be exceeded{pop}?",
        ),
        "dose_adjust_in": (
            "How should the {kind}dose of {S} be adjusted{pop}?",
            "Which change of the {kind}dose of {S} is needed{pop}?",
            "What happens to the {kind}dose of {S}{pop}?",
            "How is the {kind}dose of {S} changed{pop}?",
        ),
        "duration_of_therapy": (
            "How long should {S} be given{pop}?",
            "What is the recommended duration of treatment with {S}{pop}?",
            "For how long is {S} taken{pop}?",
            "When should treatment with {S} end{pop}?",
        ),
        "contraindicated_in": (
            "In which patients is {S} contraindicated?",
            "Who must not take {S}?",
            "Which condition rules out {S}?",
            "When is {S} contraindicated?",
        ),
        "contraindicated_with": (
            "Together with which drug is {S} contraindicated{in_pop}?",
            "Which co-medication rules out {S}{in_pop}?",
            "Alongside which drug must {S} never be taken{in_pop}?",
            "Which other drug makes {S} contraindicated{in_pop}?",
        ),
        "interacts_with": (
            "Which drug must not be combined with {S}{in_pop}?",
            "What must not be given together with {S}{in_pop}?",
            "With which drug does {S} interact{in_pop}?",
            "Which drug should be avoided with {S}{in_pop}?",
        ),
        "boxed_warning": (
            "What does the boxed warning of {S} say{in_pop}?",
            "Which risk stands in the boxed warning of {S}{in_pop}?",
            "What is the boxed warning for {S}{in_pop}?",
            "Of what does the boxed warning of {S} warn{in_pop}?",
        ),
        "warning": (
            "Of what does the label of {S} warn{in_pop}?",
            "Which risk of {S} does the label point out{in_pop}?",
            "What should one be warned of before taking {S}{in_pop}?",
            "Which precaution applies to {S}{in_pop}?",
        ),
        "adverse_reaction": (
            "Which adverse reaction can {S} cause{in_pop}?",
            "What is a known side effect of {S}{in_pop}?",
            "Which undesirable effect has {S}{in_pop}?",
            "What unwanted reaction may follow {S}{in_pop}?",
        ),
        "monitor_with": (
            "What should be monitored during treatment with {S}{in_pop}?",
            "Which monitoring does {S} require{in_pop}?",
            "What must be checked regularly while taking {S}{in_pop}?",
            "Which test accompanies treatment with {S}{in_pop}?",
        ),
        "antidote_for": (
            "What is the antidote to {S}{in_pop}?",
            "How is an overdose of {S} reversed{in_pop}?",
            "Which agent reverses the effect of {S}{in_pop}?",
            "What is given against poisoning with {S}{in_pop}?",
        ),
        "evidence_for": (
            "Does {S} {effect} in {population}?",
            "Is there evidence that {S} can {effect} in {population}?",
            "Has it been shown that {S} can {effect} in {population}?",
            "In {population}, does {S} {effect}?",
        ),
        "first_line_treatment_for": (
            "What is the first-line treatment for {S}{in_pop}?",
            "Which drug comes first in {S}{in_pop}?",
            "What should be given first for {S}{in_pop}?",
            "Which drug is first choice for {S}{in_pop}?",
        ),
        "indicated_for": (
            "What is {S} used for{in_pop}?",
            "For which condition is {S} indicated{in_pop}?",
            "What does {S} treat{in_pop}?",
            "Which condition is treated with {S}{in_pop}?",
        ),
        "no_longer_indicated_for": (
            "Which indication has {S} lost{in_pop}?",
            "For which condition is {S} no longer indicated{in_pop}?",
            "What should {S} no longer be used for{in_pop}?",
            "Which former use of {S} has been withdrawn{in_pop}?",
        ),
        "recommended_for": (
            "How strongly is {S} recommended{pop}?",
            "Which grade has the recommendation of {S}{pop}?",
            "What is the current recommendation on {S}{pop}?",
            "What do the guidelines advise about {S}{pop}?",
        ),
        "not_recommended_for": (
            "For whom is {S} not recommended{in_pop}?",
            "Who should not be offered {S}{in_pop}?",
            "Against whose use of {S} do the guidelines advise{in_pop}?",
            "In which situation is {S} advised against{in_pop}?",
        ),
        "screening_start_age": (
            "At what age should screening for {S} begin{pop}?",
            "From which age on is screening for {S} recommended{pop}?",
            "When in life does screening for {S} start{pop}?",
            "What is the starting age of screening for {S}{pop}?",
        ),
        "screening_interval": (
            "How often should screening for {S} be repeated{pop}?",
            "What is the interval between screenings for {S}{pop}?",
            "At which intervals is screening for {S} recommended{pop}?",
            "How much time may pass between two screenings for {S}{pop}?",
        ),
        "pregnancy_lactation_advice": (
            "May {S} be taken in pregnancy?",
            "Is {S} safe in pregnancy?",
            "What is advised about {S} in pregnancy?",
            "Can {S} be used during pregnancy?",
        ),
        "withdrawn_from_market": (
            "Is {S} still on the market?",
            "Can {S} still be prescribed?",
            "What is the marketing status of {S}?",
            "Has {S} been taken off the market?",
        ),
        "recalled": (
            "Is there a recall of {S}?",
            "Has {S} been recalled?",
            "Which recall concerns {S}?",
            "What is known about a recall of {S}?",
        ),
        "expression_of_concern_for": (
            "Which concern has been expressed about {S}?",
            "Is there an expression of concern about {S}?",
            "What do the editors say of {S}?",
            "Can the results of {S} be relied on?",
        ),
        "superseded_by": (
            "What has superseded {S}?",
            "Which document replaces {S}?",
            "What applies now instead of {S}?",
            "By what was {S} replaced?",
        ),
        "atc_code": (
            "What is the ATC code of {S}{in_pop}?",
            "Under which ATC code is {S} classified{in_pop}?",
            "Which ATC code does {S} have{in_pop}?",
            "How does the ATC classification list {S}{in_pop}?",
        ),
        "defined_daily_dose": (
            "What is the WHO defined daily dose of {S}{in_pop}?",
            "Which DDD does the WHO assign to {S}{in_pop}?",
            "How large is the defined daily dose of {S}{in_pop}?",
            "What DDD is listed for {S}{in_pop}?",
        ),
    }
)
"""Every relation that can be asked about, each with its question and three paraphrases."""

ABOUT_CONDITIONS = frozenset({"first_line_treatment_for", "screening_start_age", "screening_interval"})
"""Relations whose subject is a condition, not a drug."""
ABOUT_PAPERS = frozenset({"expression_of_concern_for", "superseded_by"})
"""Relations whose subject is a publication."""

_INTERACTIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "caution": (
            "With which drug should {S} be combined only with caution{in_pop}?",
            "Beside which drug does {S} ask for caution{in_pop}?",
            "Which co-medication calls for caution with {S}{in_pop}?",
            "Together with which drug should {S} be used cautiously{in_pop}?",
        ),
        "monitor": (
            "With which drug does {S} call for closer monitoring{in_pop}?",
            "Which co-medication should be monitored beside {S}{in_pop}?",
            "Together with which drug does {S} have to be monitored{in_pop}?",
            "Beside which drug is monitoring needed with {S}{in_pop}?",
        ),
        "adjust": (
            "With which drug does {S} call for another dose{in_pop}?",
            "Which co-medication requires a change of dose beside {S}{in_pop}?",
            "Together with which drug do doses have to be adjusted with {S}{in_pop}?",
            "Beside which drug is a change of dose needed with {S}{in_pop}?",
        ),
        "mechanism": (
            "With which drug does {S} interact by absorption or metabolism{in_pop}?",
            "Which drug has a pharmacokinetic interaction with {S}{in_pop}?",
            "Which co-medication and {S} change each other's levels{in_pop}?",
            "With which drug does {S} have a pharmacokinetic interaction{in_pop}?",
        ),
        "effect": (
            "With which drug does {S} interact in its effect{in_pop}?",
            "Which drug has a pharmacodynamic interaction with {S}{in_pop}?",
            "Which co-medication and {S} change each other's effect{in_pop}?",
            "With which drug does {S} have a pharmacodynamic interaction{in_pop}?",
        ),
        "unspecified": (
            "With which drug does {S} interact{in_pop}?",
            "Which drug interacts with {S}{in_pop}?",
            "Which interaction does {S} have{in_pop}?",
            "Which co-medication interacts with {S}{in_pop}?",
        ),
    }
)
"""An interaction that is no reason to avoid the pair is asked about as what it is: three strengths, and its kind."""


def wordings_for(relation: str, qualifiers: Mapping[str, str]) -> tuple[str, ...]:
    """Give the question and three paraphrases of a relation; of an interaction those of its strength or kind.

    Where the qualifiers name the item of a list, it is asked about by name.
    """
    how = qualifiers.get("advice") or qualifiers.get("kind") or ""
    if qualifiers.get("object") and (by_item := item_wordings(relation, how)):
        return by_item
    if relation == "interacts_with":
        return _INTERACTIONS.get(how, WORDINGS[relation])
    return WORDINGS.get(relation, ())
