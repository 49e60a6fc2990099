"""The closed vocabulary: every relation has types and a risk, doses need number and unit, lists keep company."""

from __future__ import annotations

import pytest

from workflow.engine_seam import make_edit
from workflow.intake.relations import HIGH_RISK, OTHER, VOCABULARY, relation_of, type_problems
from workflow.intake.wordings import WORDINGS
from workflow.records import LIST_RELATIONS, Candidate, ChangeKind, Risk
from workflow.settings.review import ReviewTable


def candidate(relation: str, said: str, **qualifiers: str) -> Candidate:
    return Candidate(
        subject="corvandine",
        relation=relation,
        object_new=said,
        qualifiers=qualifiers,
        question="?",
        change_kind=ChangeKind.NEW,
        risk=Risk.LOW,
        extractor="rules/1",
    )


def test_every_list_relation_and_every_wording_is_in_the_vocabulary() -> None:
    assert set(LIST_RELATIONS) <= set(VOCABULARY)
    assert set(WORDINGS) <= set(VOCABULARY)


def test_what_a_new_site_signs_twice_is_high_risk_here_too() -> None:
    assert set(ReviewTable().high_risk_relations) <= HIGH_RISK


def test_an_unknown_relation_is_other_and_other_never_goes_by_itself() -> None:
    entry = relation_of("cures_everything")
    assert entry.name == OTHER
    assert not entry.by_itself
    assert entry.risk is Risk.HIGH


@pytest.mark.parametrize("relation", sorted(VOCABULARY))
def test_two_objects_of_a_list_have_two_keys_and_of_a_function_one(relation: str) -> None:
    one, other = candidate(relation, "asthma"), candidate(relation, "stroke")
    assert (one.functional_key != other.functional_key) == (relation in LIST_RELATIONS)
    assert one.functional_key == candidate(relation, "ASTHMA").functional_key


@pytest.mark.parametrize("relation", ["contraindicated_in", "recommended_dose"])
def test_the_engine_writes_the_same_key(relation: str) -> None:
    asked = candidate(relation, "Severe  asthma", population="women", route="oral")
    assert make_edit(asked).functional_key == asked.functional_key


@pytest.mark.parametrize(
    ("relation", "said", "problem"),
    [
        ("recommended_dose", "10 mg once daily", ""),
        ("recommended_dose", "10", "a dose has no number with a unit"),
        ("recommended_dose", "a low dose", "a dose has no number with a unit"),
        ("max_daily_dose", "40 mg per day", ""),
        ("max_daily_dose", "40 mg", "a maximum daily dose has no period"),
        ("contraindicated_in", "severe asthma", ""),
        ("contraindicated_in", "10 mg", "the object is a dose, but the relation is not"),
        ("interacts_with", "40 mg daily", ""),
        ("interacts_with", "5 mg", "the object is a dose, but the relation is not"),
        ("screening_start_age", "45 years", ""),
        ("screening_start_age", "early", "the object of screening_start_age is no age"),
        ("screening_interval", "every 2 years", ""),
        ("screening_interval", "often", "the object of screening_interval is no span of time"),
        ("recommended_for", "B", ""),
        ("recommended_for", "grade D", ""),
        ("recommended_for", "E", "the object of recommended_for is no grade"),
        ("atc_code", "A10BA02", ""),
        ("atc_code", "metformin", "the object of atc_code is no code"),
        ("cures", "asthma", "the relation is not in the vocabulary"),
    ],
)
def test_types_are_checked(relation: str, said: str, problem: str) -> None:
    assert type_problems(relation, "corvandine", said) == ((problem,) if problem else ())


def test_a_dose_is_no_subject() -> None:
    assert type_problems("recommended_dose", "10 mg", "20 mg once daily") == ("the subject is a dose",)
