"""Questions carry every qualifier, never the answer, and near misses ask about something else."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from workflow.intake.questions import ask, problems, write
from workflow.intake.wordings import WORDINGS
from workflow.records import Candidate, ChangeKind, NearMissKind, Risk


def made(fields: Mapping[str, object] | None = None, *, relation: str = "recommended_dose") -> Candidate:
    values: dict[str, object] = {
        "subject": "corvandine",
        "relation": relation,
        "object_new": "5 mg once daily",
        "question": "",
        "change_kind": ChangeKind.REVISED,
        "risk": Risk.HIGH,
        "extractor": "rules/1",
        **(fields or {}),
    }
    return Candidate.model_validate(values)


def test_the_wordings_of_a_dose() -> None:
    asked = ask("recommended_dose", "zolpidem", {"population": "women"})
    assert asked == (
        "What is the recommended dose of zolpidem for women?",
        "How much zolpidem is recommended for women?",
        "Which dose of zolpidem should be given for women?",
        "At what dose is zolpidem recommended for women?",
    )


def test_every_qualifier_stands_in_every_question() -> None:
    qualifiers = {
        "dose": "starting",
        "form": "immediate-release",
        "population": "adults",
        "condition": "insomnia",
        "circumstance": "when taken with ketoconazole",
    }
    for question in ask("recommended_dose", "zolpidem", qualifiers):
        assert "starting" in question
        assert "immediate-release zolpidem" in question
        assert "for adults with insomnia when taken with ketoconazole?" in question


def test_a_claim_is_asked_by_its_effect() -> None:
    asked = ask("evidence_for", "cardexil", {"population": "patients with gout"}, effect="reduce mortality")
    assert asked[0] == "Does cardexil reduce mortality in patients with gout?"
    assert asked[3] == "In patients with gout, does cardexil reduce mortality?"


@pytest.mark.parametrize("relation", WORDINGS)
def test_every_relation_has_four_distinct_questions_and_near_misses_of_its_own(relation: str) -> None:
    candidate = write(
        made({"object_new": "uricolene", "qualifiers": {"population": "women"}}, relation=relation),
        ["corvandin", "tavorine", "hydrazepam"],
        effect="reduce mortality",
    )
    asked = (candidate.question, *candidate.paraphrases)
    assert len(set(asked)) == 4
    near = {miss.question for miss in candidate.near_misses}
    assert len(near) == len(candidate.near_misses) >= 2
    assert not near & set(asked)


def test_near_misses_name_other_people_other_drugs_and_look_alikes() -> None:
    candidate = write(made({"qualifiers": {"population": "women"}}), ["corvandin", "tavorine", "hydrazepam"])
    kinds = {kind: [m.question for m in candidate.near_misses if m.kind is kind] for kind in NearMissKind}
    assert kinds[NearMissKind.LOOK_ALIKE] == ["What is the recommended dose of corvandin for women?"]
    assert kinds[NearMissKind.OTHER_POPULATION] == [
        "What is the recommended dose of corvandine for men?",
        "What is the recommended dose of corvandine for children?",
        "What is the recommended dose of corvandine for patients with renal impairment?",
    ]
    assert len(kinds[NearMissKind.OTHER_RELATION]) == 2
    assert len(kinds[NearMissKind.OTHER_SUBJECT]) == 2


def test_no_near_miss_asks_about_a_part_of_the_population() -> None:
    candidate = write(made({"qualifiers": {"population": "adults"}}), [])
    assert not any("women" in miss.question or " men" in miss.question for miss in candidate.near_misses)


def test_what_a_lane_wrote_itself_is_kept() -> None:
    assert write(made({"question": "How much for women?"}), []).question == "How much for women?"


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"question": "Is it 5 mg once daily?"}, "a question contains the answer"),
        ({"question": "What?", "paraphrases": ("Is it 5 MG, once daily?",)}, "a question contains the answer"),
        ({"question": "What?", "qualifiers": {"population": "women"}}, "a question does not carry the population"),
        ({"question": " "}, "the question is empty"),
    ],
)
def test_a_bad_question_is_named(fields: dict[str, object], problem: str) -> None:
    assert problem in problems(made(fields))


def test_a_population_that_the_document_gives_its_own_value_is_a_near_miss() -> None:
    candidate = write(made({}), ["tavorine"], elsewhere=("patients taking verapamil",))
    asked = [miss.question for miss in candidate.near_misses if "verapamil" in miss.question]
    assert len(asked) == 1
    own = write(made({"qualifiers": {"population": "women"}}), ["tavorine"], elsewhere=("women",))
    assert not [miss for miss in own.near_misses if miss.question == own.question]


@pytest.mark.parametrize("relation", [name for name in WORDINGS if name not in {"evidence_for", "contraindicated_in"}])
def test_route_form_and_jurisdiction_stand_in_the_questions_of_every_relation(relation: str) -> None:
    candidate = write(
        made({"qualifiers": {"route": "intravenous", "form": "liposomal", "jurisdiction": "EU"}}, relation=relation), ()
    )
    assert problems(candidate) == ()
    assert all("intravenous" in question for question in (candidate.question, *candidate.paraphrases))


def test_a_question_that_leaves_out_a_route_is_refused() -> None:
    candidate = made({"qualifiers": {"route": "intravenous"}, "question": "What is the dose of corvandine?"})
    assert problems(candidate) == ("a question does not carry the route",)


def test_near_misses_ask_about_the_class_and_about_names_that_are_mistaken_for_the_subject() -> None:
    near = write(made({"subject": "hydroxyzine"}), ()).near_misses
    asked = {kind: [miss.question for miss in near if miss.kind is kind] for kind in NearMissKind}
    assert asked[NearMissKind.LOOK_ALIKE] == ["What is the recommended dose of hydralazine?"]
    assert asked[NearMissKind.OTHER_SUBJECT][0] == "What is the recommended dose of cetirizine?"


def test_a_condition_is_set_against_other_conditions() -> None:
    near = write(made({"subject": "gout", "object_new": "x"}, relation="first_line_treatment_for"), ()).near_misses
    others = [miss.question for miss in near if miss.kind is NearMissKind.OTHER_SUBJECT]
    assert len(others) == 2
    assert not any("gout" in question for question in others)
