"""Doses: the usual ways of writing one are read, with whom and when; what is not understood whole gives nothing."""

from __future__ import annotations

import pytest

from workflow.intake.rule_facts import Place
from workflow.intake.rules_dose import read_doses

RECOMMENDED, MAXIMUM = "recommended_dose", "max_daily_dose"
Read = tuple[str, str | None, str, dict[str, str]]


def read(sentence: str, title: str = "") -> list[Read]:
    return [(f.relation, f.subject, f.value.text, dict(f.qualifiers)) for f in read_doses(sentence, Place(title))]


@pytest.mark.parametrize(
    ("sentence", "subject", "value", "qualifiers"),
    [
        (
            "The recommended starting dose of metformin in adults is 850 mg once daily.",
            "metformin",
            "850 mg once daily",
            {"dose": "starting", "population": "adults"},
        ),
        (
            "For adults with type 2 diabetes, the recommended starting dose of metformin is 500 mg once daily.",
            "metformin",
            "500 mg once daily",
            {"dose": "starting", "population": "adults with type 2 diabetes"},
        ),
        (
            "The new recommended starting dose of metformin is 500 mg once daily for adults.",
            "metformin",
            "500 mg once daily",
            {"dose": "starting", "population": "adults"},
        ),
        ("Take 10 mg once daily.", None, "10 mg once daily", {}),
        (
            "Starting dose (adults): 500 mg once daily",
            None,
            "500 mg once daily",
            {"dose": "starting", "population": "adults"},
        ),
        (
            "Starting dose: 500 mg once daily (adults)",
            None,
            "500 mg once daily",
            {"dose": "starting", "population": "adults"},
        ),
        ("Recommended dose for adults - 500 mg once daily", None, "500 mg once daily", {"population": "adults"}),
        ("The recommended daily dose of metformin is 40 mg.", "metformin", "40 mg", {"dose": "daily"}),
        ("Oral: 250 mg every 8 hours", None, "250 mg every 8 hours", {"route": "oral"}),
        (
            "Adult patients should start on 500 mg once daily.",
            None,
            "500 mg once daily",
            {"dose": "starting", "population": "Adult patients"},
        ),
        (
            "Patients with eGFR 30–45 mL/min/1.73 m2: 500 mg once daily.",
            None,
            "500 mg once daily",
            {"population": "Patients with eGFR 30–45 mL/min/1.73 m2"},
        ),
        (
            "In patients with hepatic impairment reduce the dose to 5 mg once daily.",
            None,
            "5 mg once daily",
            {"population": "patients with hepatic impairment"},
        ),
        ("Lisinopril 10 mg daily for hypertension.", "Lisinopril", "10 mg daily", {"condition": "hypertension"}),
        ("Take one tablet twice daily with food.", None, "one tablet twice daily with food", {}),
        ("Prescribe 500 mg once daily.", None, "500 mg once daily", {}),
        (
            "We recommend metformin 500 mg once daily in adults.",
            "metformin",
            "500 mg once daily",
            {"population": "adults"},
        ),
        ("We recommend a dose of 500 mg once daily.", None, "500 mg once daily", {}),
        ("A dose of 5 mg once daily is recommended.", None, "5 mg once daily", {}),
        ("Metformin 500 mg once daily is recommended.", "Metformin", "500 mg once daily", {}),
        ("Metformin should be taken at a dose of 500 mg twice daily.", "Metformin", "500 mg twice daily", {}),
        ("Start metformin at 500 mg once daily.", "metformin", "500 mg once daily", {"dose": "starting"}),
        (
            "Initiate treatment with 5 mg once daily; increase to 10 mg after 2 weeks.",
            None,
            "5 mg once daily",
            {"dose": "starting"},
        ),
        ("Adults should take 20 mg twice daily.", None, "20 mg twice daily", {"population": "Adults"}),
        ("- Adults: 10 mg once daily", None, "10 mg once daily", {"population": "Adults"}),
        ("| Adults | 10 mg once daily |", None, "10 mg once daily", {"population": "Adults"}),
        (
            "Adults and children 12 years and older: take 2 tablets every 6 hours.",
            None,
            "2 tablets every 6 hours",
            {"population": "Adults and children 12 years and older"},
        ),
        ("Usual adult dose: 500 mg twice daily", None, "500 mg twice daily", {"population": "adults"}),
        (
            "Recommended start dose: 10 or 20 mg once daily ( 2.1 ).",
            None,
            "10 or 20 mg once daily",
            {"dose": "starting"},
        ),
        ("Dosage: 10 mg once daily", None, "10 mg once daily", {}),
        ("Corvandine: 10 mg once daily", "Corvandine", "10 mg once daily", {}),
        ("The usual dose is one 500 mg tablet every 6 hours.", None, "one 500 mg tablet every 6 hours", {}),
        (
            "The dosage of LIPITOR in patients with homozygous FH is 10 to 80 mg daily.",
            "LIPITOR",
            "10 to 80 mg daily",
            {"population": "patients with homozygous FH"},
        ),
        (
            "Give Corvandine 2 micrograms per kg intravenously over 10 minutes.",
            "Corvandine",
            "2 micrograms per kg intravenously over 10 minutes",
            {},
        ),
        (
            "The recommended dose of metformin hydrochloride tablets is 500 mg orally twice daily with meals.",
            "metformin hydrochloride tablets",
            "500 mg orally twice daily with meals",
            {},
        ),
        (
            "For children 6 to 12 years of age, the recommended dose is 0.5 mg/kg every 8 hours.",
            None,
            "0.5 mg/kg every 8 hours",
            {"population": "children 6 to 12 years of age"},
        ),
        (
            "In patients with severe renal impairment (CrCl < 30 mL/min), the recommended dose is 2.5 mg once daily.",
            None,
            "2.5 mg once daily",
            {"population": "patients with severe renal impairment (CrCl < 30 mL/min)"},
        ),
        (
            "Reduce the dose to 5 mg once daily in patients with severe renal impairment.",
            None,
            "5 mg once daily",
            {"population": "patients with severe renal impairment"},
        ),
        (
            "Increase gefitinib tablets to 500 mg daily in patients receiving a strong CYP3A4 inducer.",
            "gefitinib tablets",
            "500 mg daily",
            {"population": "patients receiving a strong CYP3A4 inducer"},
        ),
        (
            "The recommended dosage of apixaban is now 2.5 mg twice daily in patients aged 80 years or older.",
            "apixaban",
            "2.5 mg twice daily",
            {"population": "patients aged 80 years or older"},
        ),
        (
            "The recommended dose of immediate-release zolpidem for women is 5 mg.",
            "zolpidem",
            "5 mg",
            {"form": "immediate-release", "population": "women"},
        ),
        ("The recommended oral dose of tavorine is 5 mg.", "tavorine", "5 mg", {"route": "oral"}),
        (
            "The recommended dose of X for hypertension is 10 mg once daily.",
            "X",
            "10 mg once daily",
            {"condition": "hypertension"},
        ),
        (
            "The recommended dose is 10 mg once daily for the treatment of hypertension.",
            None,
            "10 mg once daily",
            {"condition": "hypertension"},
        ),
        (
            "The recommended dose is 5 mg once daily when coadministered with strong CYP3A4 inhibitors.",
            None,
            "5 mg once daily",
            {"circumstance": "when coadministered with strong CYP3A4 inhibitors"},
        ),
        (
            "If coadministered with ketoconazole, the recommended dose is 5 mg once daily.",
            None,
            "5 mg once daily",
            {"circumstance": "if coadministered with ketoconazole"},
        ),
        (
            "The recommended dose of tavorine is 500 mg on day 1, followed by 250 mg once daily on days 2 to 5.",
            "tavorine",
            "500 mg on day 1, followed by 250 mg once daily on days 2 to 5",
            {},
        ),
        (
            "The recommended dose is 5 mg once daily, which may be increased to 10 mg once daily.",
            None,
            "5 mg once daily",
            {},
        ),
        (
            "2.3 Children The recommended dose of corvandine for children is 2.5 mg once daily.",
            "corvandine",
            "2.5 mg once daily",
            {"population": "children"},
        ),
    ],
)
def test_a_recommended_dose_is_read(sentence: str, subject: str | None, value: str, qualifiers: dict[str, str]) -> None:
    assert read(sentence) == [(RECOMMENDED, subject, value, qualifiers)]


@pytest.mark.parametrize(
    ("sentence", "subject", "value", "qualifiers"),
    [
        ("The maximum daily dose is 2,000 mg.", None, "2,000 mg", {}),
        (
            "The maximum recommended daily dose of ibuprofen in adults is 2400 mg.",
            "ibuprofen",
            "2400 mg",
            {"population": "adults"},
        ),
        ("Maximum dose: 40 mg per day.", None, "40 mg per day", {}),
        ("Do not exceed 20 mg atorvastatin daily", None, "20 mg atorvastatin daily", {}),
        ("The dose should not exceed 20 mg per day.", None, "20 mg per day", {}),
        (
            "The dose of LIPITOR should not exceed 20 mg daily and should be used with caution.",
            "LIPITOR",
            "20 mg daily",
            {},
        ),
        (
            "In patients taking cyclosporine, the dose of LIPITOR should not exceed 10 mg daily.",
            "LIPITOR",
            "10 mg daily",
            {"population": "patients taking cyclosporine"},
        ),
        ("Do not take more than 8 tablets in 24 hours.", None, "8 tablets in 24 hours", {}),
        ("Not more than 4 g per day should be taken.", None, "4 g per day", {}),
    ],
)
def test_a_maximum_daily_dose_is_read(
    sentence: str, subject: str | None, value: str, qualifiers: dict[str, str]
) -> None:
    assert read(sentence) == [(MAXIMUM, subject, value, qualifiers)]


def test_several_populations_in_one_sentence_are_several_facts() -> None:
    sentence = (
        "The recommended initial dose is 5 mg for women and either 5 or 10 mg for men, "
        "taken only once per night immediately before bedtime."
    )
    assert read(sentence) == [
        (RECOMMENDED, None, "5 mg", {"dose": "starting", "population": "women"}),
        (RECOMMENDED, None, "either 5 or 10 mg", {"dose": "starting", "population": "men"}),
    ]
    assert [
        (value, terms["population"]) for _, _, value, terms in read("Women: 5 mg once daily; men: 10 mg once daily.")
    ] == [
        ("5 mg once daily", "Women"),
        ("10 mg once daily", "men"),
    ]


def test_two_doses_of_a_sentence_are_two_facts() -> None:
    sentence = (
        "The recommended starting dose of LIPITOR is 10 mg/day; the maximum recommended dose is 20 mg/day "
        "(doses greater than 20 mg should be avoided)."
    )
    assert [(relation, value) for relation, _, value, _ in read(sentence)] == [
        (RECOMMENDED, "10 mg/day"),
        (MAXIMUM, "20 mg/day"),
    ]


@pytest.mark.parametrize(
    "sentence",
    [
        "The recommended initial dose for women has been lowered from 10 mg to 5 mg.",
        "The recommended initial dose for women has changed from 10 mg once daily to 5 mg once daily.",
    ],
)
def test_a_sentence_that_tells_both_values_gives_the_new_one(sentence: str) -> None:
    (fact,) = read_doses(sentence, Place())
    assert fact.value.text.startswith("5 mg")
    assert fact.old_value is not None
    assert fact.old_value.startswith("10 mg")


def test_the_section_names_the_population() -> None:
    assert read("The recommended starting dose is 10 mg once daily.", "2.2 Dosage in Pediatric Patients") == [
        (RECOMMENDED, None, "10 mg once daily", {"dose": "starting", "population": "Pediatric Patients"})
    ]
    assert read("10 mg once daily.", "Dosage and administration") == [(RECOMMENDED, None, "10 mg once daily", {})]


@pytest.mark.parametrize(
    "sentence",
    [
        "The recommended dose has not been established in children; 5 mg once daily was studied.",
        "Doses of 5 mg once daily are not recommended.",
        "Do not take 10 mg once daily.",
        "No dose adjustment is needed in patients with renal impairment.",
        "The maximum recommended human dose is 80 mg/day.",
        "Rats received a dose of 10 mg/kg/day.",
        "The previously recommended dose of 10 mg once daily is no longer recommended.",
        "It is not known whether the recommended dose is 5 mg once daily.",
        "The recommended dose is 5 mg once daily unless the patient is on dialysis.",
        "The recommended dose is 5 mg once daily, except in the elderly.",
        "Patients with CrCl below 30 mL/min were excluded.",
        "A dose of 10 mg once daily might be considered.",
        "The dose may be increased to 20 mg once daily.",
        "Reduce the dose to 5 mg once daily.",
        "Each tablet contains 10 mg of metformin.",
        "The recommended dose of metformin is not 850 mg once daily.",
        "10 mg tablets are white.",
        "Store at 20 to 25 degrees.",
        "Patients in the trial took 10 mg once daily.",
        "The recommended dose for adults with Crohn's disease is 160 mg initially on Day 1, followed by 80 mg.",
        "| Clarithromycin | Do not exceed 20 mg atorvastatin daily |",
        "10 mg once daily",
        "Do not exceed 1,200 mg in 24 hours unless directed by a doctor.",
    ],
)
def test_what_is_no_recommendation_gives_nothing(sentence: str) -> None:
    assert read(sentence) == []


@pytest.mark.parametrize("title", ["10 OVERDOSAGE", "Clinical Studies", "12.3 Pharmacokinetics", "adverse_reactions"])
def test_sections_that_report_are_not_read(title: str) -> None:
    assert read("The recommended dose is 10 mg once daily.", title) == []
