"""Which candidates ask for two signatures, and how many a person is shown."""

from __future__ import annotations

from workflow.settings.parts import Count, Line, Table


class ReviewTable(Table):
    """Which candidates ask for two signatures, and how many a person is shown."""

    high_risk_relations: tuple[Line, ...] = (
        "recommended_dose",
        "max_daily_dose",
        "dose_adjust_in",
        "contraindicated_in",
        "contraindicated_with",
        "boxed_warning",
        "interacts_with",
        "antidote_for",
        "pregnancy_lactation_advice",
    )
    """Relations where a wrong object harms at the next dose."""
    high_alert_drugs: tuple[Line, ...] = (
        "insulin",
        "heparin",
        "warfarin",
        "methotrexate",
        "digoxin",
        "potassium chloride",
        "morphine",
        "fentanyl",
        "hydromorphone",
        "methadone",
        "vincristine",
        "amiodarone",
        "apixaban",
        "rivaroxaban",
        "dabigatran",
        "lithium",
    )
    """Drugs whose every fact is high risk; start from your own pharmacy's list."""
    max_candidates_per_night: Count = 200
    """Candidates put before people in one night; the rest waits and is counted. A longer queue is not read."""
