"""Which candidates ask for two signatures, and how many a person is shown."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from workflow.settings.parts import Count, Line, Share, Table

DrugClass = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f:]+:[^\x00-\x1f\x7f:]+$")]
Minutes = Annotated[int, Field(ge=0, le=1440)]


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
    drug_classes: tuple[DrugClass, ...] = (
        "anticoagulants: warfarin, heparin, enoxaparin, apixaban, rivaroxaban, dabigatran, edoxaban",
        "opioids: morphine, fentanyl, hydromorphone, methadone, oxycodone, tramadol, codeine, buprenorphine",
        "insulins: insulin, insulin glargine, insulin lispro, insulin aspart, insulin degludec",
        "antiarrhythmics: amiodarone, digoxin, flecainide, sotalol, dronedarone",
        "cytotoxics: methotrexate, vincristine, cyclophosphamide, fluorouracil, cisplatin",
        "sedatives: zolpidem, midazolam, lorazepam, diazepam, clonazepam",
    )
    """Classes that the queue can be narrowed to, each with its drugs' generic names; a help for the eye, no rule."""
    claim_minutes: Annotated[int, Field(ge=1, le=1440)] = 30
    """How long a candidate stays with whoever claimed it; a forgotten claim ends by itself."""
    idle_lock_minutes: Minutes = 10
    """Minutes without a key after which the review screens lock and ask for the PIN; 0 for never."""
    attention_share: Share = 0.0
    """Share of the queue that is made false on purpose, to see whether it is noticed; 0 for none. Such a candidate
    never reaches the memory and is told after its signature. Agree on it with your reviewers first."""

    theme: Literal["dark", "light", "ansi", "ansi-light"] = "dark"
    """Colours of the review screens: two of their own (orange and blue, told apart by every common kind of colour
    blindness), or the terminal's. A reviewer's own choice on the screen goes before it."""
    keys: tuple[Line, ...] = ()
    """Other keys, one action each, like "candidate.approve: y" or "queue.down: j, down"; the names are in
    docs/review_keys.md, and what cannot be worked with is refused before the screens open."""
    web_identity_header: Line = ""
    """Header in which a trusted proxy names who is signed in (review --web); empty: every visitor is read only."""
    web_trusted_proxies: tuple[Line, ...] = ("127.0.0.1", "::1")
    """Addresses whose header is believed; from any other address it is as if there were none."""
    web_account: Line = ""
    """Account on this machine that runs review --web, and nothing else: only its processes may act for the person
    whom the header names. Empty: every visitor is read only."""

    @property
    def classes(self) -> dict[str, tuple[str, ...]]:
        """The drugs of each class, by its name."""
        pairs = (line.partition(":") for line in self.drug_classes)
        return {name.strip(): tuple(drug.strip() for drug in drugs.split(",")) for name, _, drugs in pairs}
