"""The rule on pairs of its kinds, and that listing by index finds what comparing every pair finds."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from random import Random

import pytest

from editor_engine.datasets.near_duplicates import (
    Asked,
    duplicates_body,
    find_duplicates,
    read_duplicates,
    same_fact,
    weights_of,
)
from editor_engine.datasets.records import DataError, EditRecord, Locality

SAME = [
    ("What is the dose of examplol?", "5 mg", "What's the dose of Examplol?", "9 mg", "same_question"),
    (
        "In which disease are Foo-Bar cells seen?",
        "x",
        "In what condition are Foo-Bar cells found?",
        "y",
        "same_question",
    ),
    (
        "Which nerve supplies the soleus muscle?",
        "Tibial",
        "Which nerve supplies the soleus?",
        "Tibial nerve",
        "same_answer",
    ),
    (
        "Which tumour is seen in oesophageal rings?",
        "x",
        "Which tumor is seen in esophageal rings?",
        "x",
        "same_question",
    ),
]
SHARED = [
    (
        "What hormone inhibits the secretion of examplin?",
        "Dopamine",
        "What inhibits the hepatic secretion of examplin?",
    ),
    ("What is the Foo index a measure of?", "Air pollution", "What is the 'Foo Index' an indicator of?"),
]
MEANT = [
    ("What is the advised treatment for flu pain?", "Rest", "How is flu pain treated?", "Ice", "same_meaning"),
    ("In which flu is AFP raised?", "x", "What flu is indicated by increased alpha-fetoprotein?", "y", "same_meaning"),
    ("What is the causative agent of foo fever?", "Bar", "What is the cause of foo fever?", "Bar", "shared_answer"),
    ("What is a common cause of foo fever?", "Rats", "What is the most common cause of foo fever?", "Fleas", None),
    ("Which vaccine has the highest foo effect?", "A", "Which vaccine has the lowest foo effect?", "B", None),
    ("What is the fear of strangers called?", "Xenophobia", "What is xenophobia?", "Fear of strangers", None),
    ("How is exampline managed in children?", "Rest", "How is exampline managed in infants?", "Rest", None),
    ("How often is exampline given at home?", "Daily", "How is exampline given at home?", "By mouth", None),
]
OTHER = [
    ("What is the dose of examplol?", "5 mg", "What is the dose of exemplol?", "5 mg"),
    ("What does examplol 5 mg cost?", "x", "What does examplol 10 mg cost?", "x"),
    ("What is the most common sign of flu?", "Fever", "What is the least common sign of flu?", "Fever"),
    ("Where does the pain of flu begin?", "x", "When does the pain of flu begin?", "y"),
    ("Which nerve supplies the soleus muscle?", "Tibial", "Which nerve supplies the soleus?", "Femoral"),
    ("What is the dose of x in children?", "5 mg", "What is the dose of x?", "10 mg"),
    ("What is the dose of examplol in flu after 5 days?", "x", "What is the dose of examplol in flu?", "x"),
]


@pytest.mark.parametrize(("question", "answer", "other", "others_answer", "kind"), SAME)
def test_pairs_that_ask_for_the_same_fact(
    question: str, answer: str, other: str, others_answer: str, kind: str
) -> None:
    one, two = Asked(question, answer), Asked(other, others_answer)
    assert same_fact(one, two) == same_fact(two, one) == kind


@pytest.mark.parametrize(("question", "answer", "other", "others_answer"), OTHER)
def test_look_alikes_other_numbers_and_other_ends_are_no_duplicates(
    question: str, answer: str, other: str, others_answer: str
) -> None:
    assert same_fact(Asked(question, answer), Asked(other, others_answer)) is None


@pytest.mark.parametrize(("question", "answer", "other"), SHARED)
def test_half_of_the_words_and_the_same_answer(question: str, answer: str, other: str) -> None:
    one, two = Asked(question, answer), Asked(other, answer.lower().replace("pollution", "polution"))
    assert same_fact(one, two) == same_fact(two, one) == "shared_answer"
    assert same_fact(one, Asked(other, "something else")) is None
    assert same_fact(Asked(question, answer, subject="examplin"), two) is None


@pytest.mark.parametrize(("question", "answer", "other", "others_answer", "kind"), MEANT)
def test_pairs_that_mean_the_same_with_word_forms_and_clinical_names_levelled(
    question: str, answer: str, other: str, others_answer: str, kind: str | None
) -> None:
    one, two = Asked(question, answer), Asked(other, others_answer)
    assert same_fact(one, two) == same_fact(two, one) == kind
    assert same_fact(Asked(question, answer, subject="foo"), two) is None


def test_a_rare_name_shared_and_the_same_answer_are_one_fact_and_a_look_alike_is_none() -> None:
    asked = [Asked(f"What materials make up number {word}?", "x") for word in ("one", "two", "three", "four", "five")]
    made = Asked("What materials make up the composition of Examplotex?", "Copper")
    composed, look_alike = (
        Asked("What is Examplotex composed of?", "Copper"),
        Asked("What is Examplotux composed of?", "Copper"),
    )
    weights = weights_of([*asked, made, composed, look_alike])
    assert same_fact(composed, made, weights) == same_fact(made, composed, weights) == "shared_answer"
    assert same_fact(look_alike, made, weights) is None
    assert same_fact(composed, made) is None, "without weights no word is rare"
    assert same_fact(Asked(composed.question, "Zinc"), made, weights) is None


def test_another_subject_with_the_same_answer_is_a_look_alike() -> None:
    one = Asked("What disease does Insulin lispro treat?", "T1D", subject="Insulin lispro")
    assert same_fact(one, Asked("What disease does Insulin human treat?", "T1D", subject="Insulin lispro")) is None


def record(number: int, question: str, answer: str, locality: str, locality_answer: str) -> EditRecord:
    return EditRecord(f"r{number}", question, "new", ("r",), (Locality("Loc", locality, locality_answer),), answer)


def test_the_index_misses_nothing() -> None:
    random = Random(3)
    nouns = [
        "liver",
        "lung",
        "nerve",
        "tumor",
        "most",
        "examplol",
        "5",
        "first",
        "left",
        "child",
        "treated",
        "treatment",
    ]
    texts = [f"What is the {' '.join(random.sample(nouns, random.randint(1, 4)))}?" for _ in range(300)]
    answers = [random.choice(["x", "y", "x y"]) for _ in texts]
    records = [record(n, texts[n], answers[n], texts[n + 150], answers[n + 150]) for n in range(150)]
    questions = [(one.question, one.ground_truth or "") for one in records]
    questions += [(one.localities[0].question, one.localities[0].answer) for one in records]
    weights = weights_of([Asked(*one) for one in questions])
    slow = set()
    for mine, other in product(records, records):
        edit = Asked(other.question, other.ground_truth or "")
        if mine is not other and same_fact(Asked(mine.question, mine.ground_truth or ""), edit, weights):
            slow.add((mine.record_id, "question", other.record_id))
        if same_fact(Asked(mine.localities[0].question, mine.localities[0].answer), edit, weights):
            slow.add((mine.record_id, "Loc", other.record_id))
    assert len(slow) > 50
    assert {(one.record_id, one.slot, one.other_id) for one in find_duplicates(records)} == slow


def test_the_list_survives_its_file_and_names_its_rule(tmp_path: Path) -> None:
    found = find_duplicates([record(n, "What is x?", "a", "What is y?", "b") for n in range(2)])
    path = tmp_path / "duplicates.json"
    path.write_text(json.dumps(duplicates_body(found)))
    assert read_duplicates(path) == found
    assert len(found) == 2
    path.write_text(json.dumps({**duplicates_body(found), "rule": "near-duplicates/0"}))
    with pytest.raises(DataError, match="expected duplicates by rule near-duplicates/4, got near-duplicates/0"):
        read_duplicates(path)
