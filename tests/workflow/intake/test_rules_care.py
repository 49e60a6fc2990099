"""Monitoring, adjustments, durations, ends and screening; headings that narrow; the traps of label text, one by one."""

from __future__ import annotations

import pytest

from tests.workflow.intake.made_intake import IntakeSite, MemorySource, delivered, sectioned
from workflow.intake.headings import UNDERSTOOD_IN_PART
from workflow.intake.mentions import Lexicon
from workflow.intake.rule_facts import Fact, Place
from workflow.intake.rules import read_facts

NAMES = Lexicon.of(["corvandine", "tavorine", "warfarin", "ketoconazole", "omeprazole"])


def read(sentence: str, title: str = "") -> list[Fact]:
    return read_facts(sentence, Place(title), NAMES)


def said(sentence: str, title: str = "") -> list[tuple[str, str]]:
    return [(fact.relation, fact.value.text) for fact in read(sentence, title)]


@pytest.mark.parametrize(
    ("sentence", "title", "relation", "value"),
    [
        (
            "Monitor serum potassium every 4 weeks during treatment.",
            "5 Warnings",
            "monitor_with",
            "serum potassium every 4 weeks",
        ),
        (
            "Renal function should be monitored at baseline and every 3 months.",
            "Warnings",
            "monitor_with",
            "Renal function should be monitored at baseline and every 3 months",
        ),
        (
            "In patients with CrCl below 30 mL/min, reduce the dose by 50%.",
            "2 Dosage",
            "dose_adjust_in",
            "reduce the dose by 50%",
        ),
        (
            "Dose adjustment is recommended in patients with severe hepatic impairment.",
            "2 Dosage",
            "dose_adjust_in",
            "Dose adjustment is recommended",
        ),
        ("The recommended duration of treatment is 7 days.", "2 Dosage", "duration_of_therapy", "7 days"),
        (
            "Corvandine has been withdrawn from the market.",
            "",
            "withdrawn_from_market",
            "has been withdrawn from the market",
        ),
        (
            "The marketing authorisation for corvandine was suspended.",
            "",
            "withdrawn_from_market",
            "was suspended",
        ),
        (
            "Corvandine is no longer indicated for hypertension.",
            "1 Indications",
            "no_longer_indicated_for",
            "hypertension",
        ),
        (
            "The boxed warning on liver injury has been removed.",
            "",
            "boxed_warning",
            "boxed warning on liver injury has been removed",
        ),
        ("Screening for colorectal cancer should begin at age 45 years.", "", "screening_start_age", "45 years"),
        ("Screening for breast cancer is recommended every 2 years.", "", "screening_interval", "every 2 years"),
    ],
)
def test_a_plain_statement_is_read(sentence: str, title: str, relation: str, value: str) -> None:
    assert said(sentence, title) == [(relation, value)]


@pytest.mark.parametrize(
    ("title", "population"),
    [
        ("Pediatric Patients", "Pediatric Patients"),
        ("2.3 Pediatric Use", "Pediatric"),
        ("8.6 Renal Impairment", "patients with renal impairment"),
        ("Severe Hepatic Impairment", "patients with severe hepatic impairment"),
        ("8.5 Geriatric Use", "Geriatric"),
        ("Dosage in Patients with Heart Failure", "Patients with Heart Failure"),
        ("2 DOSAGE AND ADMINISTRATION", ""),
        ("17 Patient Counseling Information", ""),
    ],
)
def test_a_dose_carries_the_people_of_its_heading(title: str, population: str) -> None:
    (fact,) = read("The recommended dose of corvandine is 5 mg once daily.", title)
    assert dict(fact.qualifiers).get("population", "") == population


@pytest.mark.parametrize(
    ("title", "qualifier"),
    [
        ("2.2 Rheumatoid Arthritis", ("condition", "Rheumatoid Arthritis")),
        ("Dosage for Atrial Fibrillation", ("condition", "Atrial Fibrillation")),
        ("Intravenous Dosage", ("route", "intravenous")),
        ("Extended-Release Tablets", ("form", "extended-release")),
    ],
)
def test_a_dose_carries_illness_route_and_form_of_its_heading(title: str, qualifier: tuple[str, str]) -> None:
    (fact,) = read("The recommended dose of corvandine is 5 mg once daily.", title)
    assert qualifier in fact.qualifiers


def test_a_heading_that_may_narrow_is_told() -> None:
    (fact,) = read("The recommended dose of corvandine is 5 mg once daily.", "Cohort B")
    assert fact.flags == (UNDERSTOOD_IN_PART,)
    (plain,) = read("The recommended dose of corvandine is 5 mg once daily.", "2.1 Recommended Dosage")
    assert plain.flags == ()


def test_what_the_sentence_says_of_people_stands_before_the_heading() -> None:
    (fact,) = read("The recommended dose of corvandine in adults is 5 mg once daily.", "Renal Impairment")
    assert dict(fact.qualifiers)["population"] == "adults"


@pytest.mark.parametrize(
    ("trap", "sentence", "title"),
    [
        ("no interaction", "No clinically meaningful interaction was observed between corvandine and warfarin.", ""),
        ("not contraindicated", "Corvandine is not contraindicated in patients with asthma.", ""),
        ("cannot be excluded", "An interaction of corvandine with warfarin cannot be excluded.", "7 Drug Interactions"),
        ("not studied", "Corvandine has not been studied in patients with renal impairment.", ""),
        ("unaffected by", "The clearance of corvandine was unaffected by omeprazole.", "7 Drug Interactions"),
        ("few exceptions", "Bioequivalence of corvandine with tavorine was met with few exceptions.", ""),
        ("abruptly", "Corvandine should not be discontinued abruptly.", ""),
        ("unless", "Corvandine should not be used in pregnancy unless the benefit outweighs the risk.", ""),
        ("except in", "Corvandine is contraindicated in patients with asthma except in mild cases.", ""),
        ("no longer recommended", "Corvandine is no longer recommended as first-line treatment for hypertension.", ""),
        ("animal data", "In rats, the maximum dose of corvandine was 40 mg per day.", ""),
        ("overdose section", "The maximum dose is 400 mg per day.", "10 OVERDOSAGE"),
        ("comparator", "Patients received corvandine 5 mg once daily or warfarin 2 mg once daily.", ""),
        ("inducer as example", "Levels of sensitive substrates such as warfarin were not altered by corvandine.", ""),
        ("table row without header", "30 to 60 | 5 mg once daily", "2 Dosage"),
        ("may need monitoring", "Monitoring of serum potassium may be considered.", "5 Warnings"),
        ("adjust for nobody", "Dose adjustment is recommended.", "2 Dosage"),
        ("two adjustments", "Reduce the dose by 25% in adults and reduce the dose by 50% in children.", "2 Dosage"),
        ("not withdrawn", "Corvandine has not been withdrawn from the market.", ""),
        ("screening against", "The panel recommends against screening for gout every 2 years.", ""),
        ("duration not known", "The recommended duration of treatment is not known.", "2 Dosage"),
    ],
)
def test_traps_give_nothing(trap: str, sentence: str, title: str) -> None:
    assert said(sentence, title) == [], trap


@pytest.mark.parametrize(
    ("sentence", "strength"),
    [
        ("Avoid concomitant use of corvandine with ketoconazole.", {}),
        ("Corvandine should be used with caution with ketoconazole.", {"advice": "caution"}),
        ("Patients taking corvandine with ketoconazole should be monitored.", {"advice": "monitor"}),
    ],
)
def test_avoid_caution_and_monitor_are_three_facts(sentence: str, strength: dict[str, str]) -> None:
    (fact,) = read(sentence, "7 Drug Interactions")
    assert dict(fact.qualifiers) == strength


@pytest.mark.parametrize(
    ("sentence", "people"),
    [
        ("The recommended dose of corvandine in adults older than 65 years is 5 mg once daily.", "older than 65"),
        ("The recommended dose of corvandine in adults at least 65 years of age is 5 mg once daily.", "at least 65"),
    ],
)
def test_older_than_and_at_least_stay_what_they_are(sentence: str, people: str) -> None:
    (fact,) = read(sentence, "2 Dosage")
    assert people in dict(fact.qualifiers)["population"]


@pytest.mark.parametrize(
    ("old", "new", "relation", "said_new"),
    [
        (
            "Monitor serum potassium every 8 weeks.",
            "Monitor serum potassium every 4 weeks.",
            "monitor_with",
            "serum potassium every 4 weeks",
        ),
        (
            "Dose adjustment is recommended in patients with mild renal impairment.",
            "No dose adjustment is needed in patients with mild renal impairment.",
            "dose_adjust_in",
            "No dose adjustment is needed",
        ),
        (
            "Corvandine is indicated for hypertension.",
            "Corvandine is no longer indicated for hypertension.",
            "no_longer_indicated_for",
            "hypertension",
        ),
        (
            "Corvandine is on the market.",
            "Corvandine has been withdrawn from the market.",
            "withdrawn_from_market",
            "has been withdrawn from the market",
        ),
    ],
)
def test_a_changed_statement_passes_the_wall(
    site: IntakeSite, old: str, new: str, relation: str, said_new: str
) -> None:
    for version, sentence in (("1", old), ("2", new)):
        text, sections = sectioned(("5 Dosage and monitoring", sentence))
        site.night(MemorySource([delivered(text, version=version, sections=sections)]))
    (candidate,) = site.proposed()
    assert (candidate.relation, candidate.object_new) == (relation, said_new)


def test_text_that_only_moved_or_was_renumbered_says_nothing(site: IntakeSite) -> None:
    dose, watch = "The recommended dose is 5 mg once daily.", "Monitor serum potassium every 4 weeks."
    layouts = ((("2 Dosage", dose), ("5 Warnings", watch)), (("4 Warnings", watch), ("3 Dosage", dose)))
    for version, parts in enumerate(layouts, start=1):
        text, sections = sectioned(*parts)
        site.night(MemorySource([delivered(text, version=str(version), sections=sections)]))
    assert site.proposed() == []
