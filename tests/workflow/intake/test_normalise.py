"""Names without salt and form, one spelling of a population, and no guess where a name means two things."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connectors.notice import NoticeKind
from tests.workflow.intake.made_intake import noticed
from workflow.intake.normalise import (
    AliasTable,
    names_stand,
    normalise,
    plain_name,
    population,
    population_stands,
    product_names,
)
from workflow.records import Candidate, ChangeKind, Risk


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Metformin Hydrochloride Tablets", "metformin"),
        ("metformin HCl 500 mg", "metformin"),
        ("potassium chloride", "potassium chloride"),
        ("insulin glargine", "insulin glargine"),
        ("Amoxicillin and clavulanate potassium", "amoxicillin and clavulanate"),
        ("tablets", "tablets"),
    ],
)
def test_an_ingredient_without_salt_and_form(written: str, name: str) -> None:
    assert plain_name(written) == name


@pytest.mark.parametrize(
    ("written", "usual"),
    [
        ("Women", "women"),
        ("female patients", "women"),
        ("Male patients", "men"),
        ("the elderly", "older adults"),
        ("pediatric patients", "children"),
        ("adult patients with kidney impairment", "adults with renal impairment"),
        ("patients with CrCl < 30 mL/min", "patients with CrCl < 30 mL/min"),
        ("most patients", ""),
    ],
)
def test_a_population_under_its_usual_name(written: str, usual: str) -> None:
    assert population(written) == usual
    assert population_stands(usual, f"The dose in {written} is 5 mg.")


def test_a_population_that_does_not_stand_there() -> None:
    assert not population_stands("women", "The dose in men is 5 mg.")
    assert not population_stands("patients with severe renal impairment", "in patients with renal impairment")


def test_names_stand_word_for_word() -> None:
    assert names_stand(["metformin hydrochloride"], "Take Metformin daily.")
    assert not names_stand(["form"], "Take metformin daily.")


def test_a_name_of_two_ingredients_leads_to_none() -> None:
    table = AliasTable.of([("corvandine", "Corvanex", "Sleepwell"), ("tavorine", "Sleepwell")])
    assert table.main("CORVANEX") == "corvandine"
    assert table.main("corvandine tartrate") == "corvandine"
    assert table.main("Sleepwell") is None
    assert table.main("warfarin") is None
    assert table.known == ("corvandine", "tavorine")


@pytest.mark.parametrize(
    ("title", "text", "names"),
    [
        ("Metformin label v2", "", ("metformin",)),
        ("DOSAGE AND ADMINISTRATION", "Zolpidem\n\nDOSAGE AND ADMINISTRATION\n", ("zolpidem",)),
        ("Information for patients of our ward", "Read this.\n", ()),
    ],
)
def test_a_label_without_names_is_named_by_its_title_or_first_line(
    title: str, text: str, names: tuple[str, ...]
) -> None:
    label = replace(noticed(text, names=()), title=title)
    assert product_names(label) == names
    assert product_names(replace(label, kind=NoticeKind.GUIDELINE)) == ()


def test_a_heading_is_no_product() -> None:
    assert product_names(noticed("", names=("DOSAGE AND ADMINISTRATION",))) == ("corvanex",)


def test_a_candidate_is_put_under_the_usual_names() -> None:
    candidate = Candidate(
        subject="CORVANEX tablets",
        relation="recommended_dose",
        qualifiers={"population": "Female patients", "route": ""},
        object_new="5  mg",
        question="",
        change_kind=ChangeKind.NEW,
        risk=Risk.HIGH,
        extractor="rules/1",
    )
    table = AliasTable.of([("Corvandine tartrate", "Corvanex")])
    found = normalise(candidate, table, ("Corvandine tartrate", "Corvanex"))
    assert found.subject == "corvandine"
    assert set(found.aliases) == {"Corvandine tartrate", "Corvanex"}
    assert found.qualifiers == {"population": "women"}
    assert found.object_new == "5 mg"
