"""What counts as the same text, and where sentences begin and end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow.intake.sentences import split, tokens


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2.1 Recommended dose", "2.3 RECOMMENDED DOSE"),
        ("1 INDICATIONS AND USAGE", "3 Indications and Usage"),
        ("- Asthma", "• asthma."),
        ("a) Asthma", "(iv) Asthma"),
        ("5mg once-daily", "5 mg once daily"),
        ("Do not use [see Warnings (5.1)].", "Do not use [see Warnings (6.2)]."),
        ("Older patients need no other dose (8.5).", "Older patients need no other dose (7.4, 8.1)"),
        ("10-20 mg", "10 – 20 mg"),
        ("10-20 mg", "10 to 20 mg"),
        ("1,000 mg", "1000 mg"),
        ("the dose, however, is 5 mg", "The dose however is 5 mg"),
    ],
)
def test_form_is_no_difference(one: str, other: str) -> None:
    assert tokens(one) == tokens(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2.5 mg", "25 mg"),
        ("5 mg", "5 mcg"),
        ("X is contraindicated", "X is not contraindicated"),
        ("CrCl < 30 mL/min", "CrCl > 30 mL/min"),
        ("2 Tablets daily", "3 Tablets daily"),
        ("2 puffs", "3 puffs"),
        ("10 mg once daily", "20 mg once daily"),
        ("95% CI (0.31, 0.89)", "95% CI (0.31, 0.99)"),
        ("12 years", "18 years"),
        ("5 patients", "6 patients"),
    ],
)
def test_substance_is_a_difference(one: str, other: str) -> None:
    assert tokens(one) != tokens(other)


def test_sentences_headings_and_items_are_cut_and_wrapped_lines_are_not() -> None:
    text = (
        "Corvandine tablets\n\n2.1 Recommended dose\nThe recommended dose is 2.5 mg once daily. Do not\nexceed 20 mg "
        "per day. In E. coli infections, e.g. Sepsis, use 5 mg.\n- Asthma\n- Gout\n# Warnings\nStop."
    )
    assert [sentence.text for sentence in split(text, 0, len(text))] == [
        "Corvandine tablets",
        "2.1 Recommended dose",
        "The recommended dose is 2.5 mg once daily.",
        "Do not\nexceed 20 mg per day.",
        "In E. coli infections, e.g. Sepsis, use 5 mg.",
        "- Asthma",
        "- Gout",
        "# Warnings",
        "Stop.",
    ]


def test_a_heading_in_capitals_that_runs_on_is_cut_off() -> None:
    text = "4 CONTRAINDICATIONS Benzarolol is contraindicated in asthma. • Check the INR. • Stop."
    assert [sentence.text for sentence in split(text, 0, len(text))] == [
        "4 CONTRAINDICATIONS",
        "Benzarolol is contraindicated in asthma.",
        "• Check the INR.",
        "• Stop.",
    ]


@given(st.text(alphabet=st.sampled_from("Ab1. \n-•!?(2)µé"), max_size=80))
def test_sentences_are_exact_slices_that_lose_nothing_but_blanks(text: str) -> None:
    sentences = split(text, 0, len(text))
    assert all(text[sentence.start : sentence.end] == sentence.text for sentence in sentences)
    assert "".join("".join(sentence.text.split()) for sentence in sentences) == "".join(text.split())
