"""Interactions between drugs that are known by name: who with whom, how, how strongly, how surely; and when not."""

from __future__ import annotations

import pytest

from workflow.intake.mentions import NO_NAMES, Lexicon
from workflow.intake.rule_facts import Place
from workflow.intake.rules_interactions import interaction_facts, read_interactions
from workflow.records import Certainty

DRUGS = Lexicon.of(
    ["corvandine", "tavorine", "ketoconazole", "erythromycin", "warfarin", "Aspirin", "NSAIDs", "rifampin", "digoxin"]
)


def pairs(sentence: str) -> set[tuple[str, str]]:
    found = (sorted((one.one.text, one.other.text)) for one in read_interactions(sentence, DRUGS))
    return {(first, second) for first, second in found}


@pytest.mark.parametrize(
    ("sentence", "expected", "kind"),
    [
        ("Ketoconazole increases the AUC of corvandine by 40%.", {("Ketoconazole", "corvandine")}, "mechanism"),
        ("The clearance of corvandine is reduced by erythromycin.", {("corvandine", "erythromycin")}, "mechanism"),
        (
            "Corvandine may potentiate the effects of warfarin and other NSAIDs.",
            {("Corvandine", "warfarin"), ("Corvandine", "NSAIDs")},
            "effect",
        ),
        (
            "Coadministration of corvandine (20 mg) and rifampin decreased plasma levels.",
            {("corvandine", "rifampin")},
            "mechanism",
        ),
        ("Corvandine may interact with digoxin.", {("Corvandine", "digoxin")}, "int"),
        ("Aspirin and warfarin given together raise the risk of bleeding.", {("Aspirin", "warfarin")}, "effect"),
        (
            "Strong inhibitors such as ketoconazole or erythromycin raise levels of tavorine.",
            {("ketoconazole", "tavorine"), ("erythromycin", "tavorine")},
            "mechanism",
        ),
    ],
)
def test_a_stated_interaction_is_read(sentence: str, expected: set[tuple[str, str]], kind: str) -> None:
    assert pairs(sentence) == {tuple(sorted(pair)) for pair in expected}
    assert {one.kind for one in read_interactions(sentence, DRUGS)} == {kind}


@pytest.mark.parametrize(
    "sentence",
    [
        "No clinically meaningful interaction was observed between corvandine and warfarin.",
        "Corvandine did not affect the pharmacokinetics of digoxin.",
        "The clearance of corvandine was unaffected by digoxin.",
        "Plasma levels of corvandine were similar with and without warfarin.",
        "The interaction of corvandine with warfarin has not been studied.",
        "It is unknown whether corvandine increases levels of digoxin.",
        "The study was to determine the effect of corvandine on levels of digoxin.",
        "Corvandine reduced mortality more than aspirin compared with warfarin.",
        "Patients received corvandine, tavorine or warfarin.",
        "Corvandine is a metabolite of tavorine.",
        "A drug interaction study evaluated the effect of corvandine in combination with rifampin.",
        "Several interaction studies have been completed with both corvandine and digoxin.",
        "The sample is too small to conclude on the risk of bleeding with concomitant corvandine and warfarin.",
        "Further studies should look at dosing effects of corvandine in combination with digoxin.",
        "Results in patients taking corvandine and concomitant warfarin were inconclusive as to dose adjustment.",
        "Potential Corvandine and Digoxin Interactions",
    ],
)
def test_denied_open_or_compared_gives_nothing(sentence: str) -> None:
    assert pairs(sentence) == set()


@pytest.mark.parametrize(
    ("sentence", "relation", "qualifiers"),
    [
        ("Coadministration of corvandine with ketoconazole is contraindicated.", "contraindicated_with", ()),
        ("Concomitant use of corvandine with ketoconazole should be avoided.", "interacts_with", ()),
        ("Corvandine should not be used with ketoconazole.", "interacts_with", ()),
        ("Corvandine should be used with caution with warfarin.", "interacts_with", (("advice", "caution"),)),
        (
            "Patients taking corvandine together with warfarin should be monitored.",
            "interacts_with",
            (("advice", "monitor"),),
        ),
        ("Corvandine increases plasma levels of digoxin.", "interacts_with", (("kind", "mechanism"),)),
    ],
)
def test_strengths_are_kept_apart(sentence: str, relation: str, qualifiers: tuple[tuple[str, str], ...]) -> None:
    (fact,) = interaction_facts(sentence, Place("Drug Interactions"), DRUGS)
    assert (fact.relation, fact.qualifiers) == (relation, qualifiers)


def test_a_hedge_of_the_text_is_carried() -> None:
    (sure,) = read_interactions("Corvandine increases levels of digoxin.", DRUGS)
    (unsure,) = read_interactions("Corvandine may increase levels of digoxin.", DRUGS)
    assert (sure.certainty, unsure.certainty) == (Certainty.DEFINITE, Certainty.POSSIBLE)


def test_where_no_drug_is_known_by_name_nothing_is_read() -> None:
    assert read_interactions("Ketoconazole increases levels of corvandine.", NO_NAMES) == []


def test_a_section_that_reports_gives_no_advice() -> None:
    assert interaction_facts("Corvandine increases levels of digoxin.", Place("10 OVERDOSAGE"), DRUGS) == []


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Oral aspirins and WARFARIN.", ["aspirins", "WARFARIN"]),
        ("warfarinlike", []),
        ("vitamin k antagonists, vitamin K", ["vitamin k antagonists", "vitamin K"]),
    ],
)
def test_names_are_found_whole_and_the_longest_first(text: str, names: list[str]) -> None:
    lexicon = Lexicon.of(["warfarin", "Aspirin", "vitamin K", "vitamin K antagonist", "7", ""])
    assert [span.text for span in lexicon.find(text)] == names
    assert all(text[span.start : span.end] == span.text for span in lexicon.find(text))


def test_a_long_list_is_read_in_no_time() -> None:
    names = [f"drug{number}" for number in range(150)]
    sentence = f"Corvandine increases levels of {', '.join(names)}."
    assert len(read_interactions(sentence, Lexicon.of(["corvandine", *names]))) == 150


@pytest.mark.parametrize(
    ("sentence", "people"),
    [
        ("Corvandine increases levels of digoxin in elderly patients.", "elderly patients"),
        (
            "In patients with renal impairment, corvandine increases levels of digoxin.",
            "patients with renal impairment",
        ),
        ("Corvandine increases levels of digoxin in patients receiving warfarin.", ""),
        ("Corvandine increases levels of digoxin.", ""),
    ],
)
def test_the_people_of_the_sentence_are_carried(sentence: str, people: str) -> None:
    facts = interaction_facts(sentence, Place("Drug Interactions"), DRUGS)
    assert facts
    assert {dict(fact.qualifiers).get("population", "") for fact in facts} == {people}
