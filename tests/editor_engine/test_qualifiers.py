"""What a question states about population, route and form, and what fits an edit."""

from __future__ import annotations

import pytest

from editor_engine.contrast_words import ask_alike, contrasts_in
from editor_engine.edit import Edit
from editor_engine.qualifiers import fits, stated
from editor_engine.subject_mention import SubjectIndex, mask_subject


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("for women", {"women"}),
        ("in a female patient", {"women"}),
        ("for men", {"men"}),
        ("in pregnant women", {"women", "pregnancy"}),
        ("while breastfeeding", {"breast-feeding"}),
        ("during breast-feeding", {"breast-feeding"}),
        ("for older adults", {"elderly"}),
        ("in geriatric patients", {"elderly"}),
        ("in paediatric patients", {"children"}),
        ("in neonates", {"infants"}),
        ("with renal impairment", {"renal impairment"}),
        ("on haemodialysis", {"renal impairment"}),
        ("with hepatic failure", {"hepatic impairment"}),
        ("for adults", {"adults"}),
        ("for the treatment of menorrhagia", set()),
        ("a recommended dose", set()),
    ],
)
def test_populations_are_read_from_the_words(text: str, expected: set[str]) -> None:
    assert stated("population", text) == expected


@pytest.mark.parametrize(
    ("qualifiers", "question", "expected"),
    [
        ({"population": "women"}, "dose of x for women", True),
        ({"population": "women"}, "dose of x for men", False),
        ({"population": "women"}, "dose of x", False),
        ({"population": "adults"}, "dose of x", True),
        ({"population": "adults"}, "dose of x for children", False),
        ({"population": "adults"}, "dose of x for elderly patients", False),
        ({"population": "general"}, "dose of x for children", True),
        ({"population": "elderly women"}, "dose of x for women", False),
        ({"population": "elderly women"}, "dose of x for elderly women", True),
        ({}, "dose of x for children", False),
        ({}, "dose of x during pregnancy", False),
        ({}, "dose of x for women", True),
        ({}, "dose of x for patients taking verapamil", True),
        ({"route": "oral"}, "dose of x", True),
        ({"route": "oral"}, "oral dose of x", True),
        ({"route": "oral"}, "intravenous dose of x", False),
        ({"form": "immediate release"}, "dose of immediate-release x", True),
        ({"form": "immediate release"}, "dose of extended-release x", False),
        ({"population": "women", "route": "oral"}, "intravenous dose of x for women", False),
    ],
)
def test_qualifiers_fit(qualifiers: dict[str, str], question: str, expected: bool) -> None:
    edit = Edit("e", "x", "dose", "5 mg", "dose of x", qualifiers=tuple(sorted(qualifiers.items())))
    assert fits(edit, question) is expected


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What is the maximum dose of it?", {"maximum"}),
        ("How much may be given at most?", {"maximum"}),
        ("What must not be exceeded?", {"maximum", "prohibition"}),
        ("What is the starting dose?", {"initial"}),
        ("How often is it given?", {"frequency"}),
        ("What is the recommended dose?", set()),
        ("What type of medicine is it?", {"drug class"}),
        ("What type of pain does it treat?", set()),
        ("Which values are checked under it?", {"monitoring"}),
    ],
)
def test_contrasts_are_read_from_the_words(question: str, expected: set[str]) -> None:
    assert contrasts_in(question) == expected


@pytest.mark.parametrize(
    ("question", "wordings", "expected"),
    [
        ("recommended dose?", ["dose?"], True),
        ("maximum dose?", ["dose?"], False),
        ("dose?", ["maximum dose?", "highest dose?"], False),
        ("dose?", ["maximum dose?", "dose?"], True),
        ("For what is it indicated?", ["For what is it contraindicated?"], False),
        ("What must not be combined with it?", ["What is it used for?"], False),
    ],
)
def test_questions_ask_alike(question: str, wordings: list[str], expected: bool) -> None:
    assert ask_alike(question, wordings) is expected


@pytest.mark.parametrize(
    ("question", "names", "expected"),
    [
        ("How is Ambien given?", ["zolpidem", "ambien"], "How is _ given?"),
        ("How is hydrazolam given?", ["hydrazepam"], None),
        ("Is co-trimoxazole safe?", ["Co Trimoxazole"], "Is _ safe?"),
        ("zolpidem tartrate or zolpidem?", ["zolpidem", "zolpidem tartrate"], "_ or _?"),
        ("How is it given?", ["", "  "], None),
        ("Was ist mit ÄTHANOL?", ["äthanol"], "Was ist mit _?"),
    ],
)
def test_subjects_are_masked(question: str, names: list[str], expected: str | None) -> None:
    assert mask_subject(question, names, mask="_") == expected


def test_the_subject_index_finds_what_masking_finds() -> None:
    names = {0: ["iron"], 1: ["iron dextran", "Cosmofer"], 2: ["vitamin B12"], 3: [""]}
    index = SubjectIndex(names)
    for question in ("Is iron dextran safe?", "Is COSMOFER safe?", "vitamin B12?", "vitamin B?", "environ", ""):
        expected = {row for row, own in names.items() if mask_subject(question, own) is not None}
        assert index.rows_named(question) == expected


@pytest.mark.parametrize(
    ("own", "asked", "fires"),
    [
        ("At what age does the kidney of an embryo form?", "At what gestational age does the kidney form?", True),
        ("What is low in milk after premature delivery?", "What is low in milk after preterm birth?", True),
        ("What treats premature beats?", "What is given for premature ventricular beats?", True),
        ("What is CRF associated with?", "What is chronic renal failure associated with?", True),
        ("What is the dose of hydrazepam?", "What is the dose of hydrazepam during gestation?", False),
        ("What is the dose of hydrazepam?", "What is the dose of hydrazepam in gestational diabetes?", False),
        ("What is the dose of hydrazepam?", "What is the dose of hydrazepam for premature babies?", False),
    ],
)
def test_a_word_of_time_is_no_population_and_an_abbreviation_may_be_one(own: str, asked: str, fires: bool) -> None:
    assert fits(Edit("e", "s", "r", "x", own), asked) is fires


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("May corvandine be given together with an MAO inhibitor?", True),
        ("Is corvandine allowed with MAO inhibitors?", True),
        ("May corvandine be given together with nitrates?", False),
        ("Which drug rules out corvandine?", False),
    ],
)
def test_a_question_about_one_item_of_a_list_names_it_as_one_or_many(asked: str, expected: bool) -> None:
    question = "May corvandine be given together with MAO inhibitors?"
    edit = Edit("e", "corvandine", "r", "contraindicated", question, qualifiers=(("object", "MAO inhibitors"),))
    assert fits(edit, asked) is expected
