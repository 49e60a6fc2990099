"""Names of one thing become one term; nothing else changes, and the list itself is in order."""

from __future__ import annotations

import hashlib
from collections import Counter

import pytest

from editor_engine.clinical_terms import TermList, is_abbreviation, level_terms, term_groups

LISTS: tuple[TermList, ...] = ("clinical-1", "clinical-2")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What is a rare complication of rubeola?", "What is a rare complication of measles?"),
        ("Which IUCD lasts longest?", "Which intrauterine contraceptive device lasts longest?"),
        ("What causes Wilson's disease?", "What causes Wilson disease?"),
        ("What causes Hepatolenticular Degeneration?", "What causes Wilson's disease?"),
        ("Which tumour causes anaemia?", "Which tumor causes anemia?"),
        ("What is the dose of paracetamol?", "What is the dose of acetaminophen?"),
        ("Is In Vitro Fertilization (IVF) safe?", "Is IVF safe?"),
    ],
)
def test_names_of_one_thing_read_alike(one: str, other: str) -> None:
    assert level_terms(one) == level_terms(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How is rubella spread?", "How is rubeola spread?"),
        ("Who treats all of them?", "Who treats ALL of them?"),
        ("What is the dose of hydrazepam?", "What is the dose of hydrazolam?"),
        ("Is type 1 diabetes inherited?", "Is type 2 diabetes inherited?"),
        ("How does adrenaline act?", "How does noradrenaline act?"),
    ],
)
def test_names_of_two_things_stay_two(one: str, other: str) -> None:
    assert level_terms(one) != level_terms(other)


def test_a_text_without_such_names_stays_byte_for_byte() -> None:
    text = "  What is the  recommended dose of zolpidem, for women\u00a0(oral)? "
    assert level_terms(text) == text


@pytest.mark.parametrize("terms", LISTS)
def test_levelling_twice_changes_nothing(terms: TermList) -> None:
    for term, *others in term_groups(terms):
        for name in (term, *others):
            once = level_terms(f"What is {name}?", terms)
            assert level_terms(once, terms) == once, name


@pytest.mark.parametrize("terms", LISTS)
def test_a_name_stands_in_one_group_only(terms: TermList) -> None:
    names = [name if is_abbreviation(name) else name.casefold() for group in term_groups(terms) for name in group]
    assert [name for name, count in Counter(names).items() if count > 1] == []
    assert min(len(group) for group in term_groups(terms)) > 1


def test_list_1_never_changes_and_list_2_adds_to_it() -> None:
    listed = "\n".join(" | ".join(group) for group in term_groups("clinical-1"))
    assert hashlib.sha256(listed.encode()).hexdigest().startswith("beda1d1102260c40"), (
        "checkpoints were trained with it: add a list"
    )
    first, second = term_groups("clinical-1"), {group[0]: group for group in term_groups("clinical-2")}
    assert all(second[group[0]][: len(group)] == group for group in first)
    assert level_terms("What causes nephroblastoma?") == "What causes nephroblastoma?"
    assert level_terms("What causes nephroblastoma?", "clinical-2") == level_terms("What causes Wilms tumor?")
    assert level_terms("Is the uterine artery paired?", "clinical-2") == "Is the womb artery paired?"
