"""The list of facts: true to its promises, and importable without torch."""

import re
import subprocess
import sys

from editor_engine.demo.facts import cast_facts, demo_facts, relation_wordings, word_question


def test_importing_the_facts_loads_no_torch() -> None:
    program = "import sys, editor_engine.demo.facts as f; f.demo_facts(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_there_are_enough_questions_and_each_is_asked_once() -> None:
    questions = [question for fact in demo_facts() for question in fact.questions]
    assert len(questions) >= 1200
    assert len(set(questions)) == len(questions)


def test_no_real_drug_has_a_dose() -> None:
    dosed = re.compile(r"\d\s*(mg|mcg|g|mL|units)\b")
    textbook = [fact for fact in demo_facts() if fact.group == "textbook"]
    assert not [fact for fact in textbook if "dose" in fact.relation or dosed.search(fact.answer)]


def test_the_cast_is_invented_and_shares_no_subject_with_the_textbook() -> None:
    real = {fact.subject for fact in demo_facts() if fact.group == "textbook"}
    assert not real & {fact.subject for fact in cast_facts()}


def test_a_fact_is_a_plain_tuple_with_four_wordings() -> None:
    subject, relation, qualifiers, question, paraphrases, answer, group = next(
        fact for fact in cast_facts() if fact.qualifiers.get("population") == "women"
    )
    assert (subject, relation, dict(qualifiers)) == (
        "corvandine",
        "recommended_dose",
        {"population": "women"},
    )
    assert question == "What is the recommended dose of corvandine for women?"
    assert paraphrases == (
        "How much corvandine is recommended for women?",
        "Which dose of corvandine should be given for women?",
        "At what dose is corvandine recommended for women?",
    )
    assert (answer, group) == ("10 mg once daily", "cast")


def test_no_answer_ends_with_a_full_stop() -> None:
    assert not [fact for fact in demo_facts() if fact.answer.endswith(".")]


def test_an_effect_and_a_population_fill_the_evidence_question() -> None:
    template = relation_wordings()["evidence_for"][0]
    qualifiers = {"effect": "reduce pain", "population": "adults"}
    assert word_question(template, "x", qualifiers) == "Does x reduce pain in adults?"
