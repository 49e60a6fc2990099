"""Outside text on its way to a terminal: harmless, and tampering stays visible."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow.reports.shown_text import shown, shown_line, shown_markdown

ACTING = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@given(st.text())
def test_nothing_that_acts_or_hides_is_left(text: str) -> None:
    assert not [c for c in shown(text) if c != "\n" and unicodedata.category(c) in ACTING]


@given(st.text())
def test_a_line_is_one_line(text: str) -> None:
    assert len(shown_line(text).splitlines()) <= 1


@given(st.text(alphabet=st.characters(categories=["L", "N", "P", "S"]), max_size=40))
def test_printable_text_comes_back_unchanged(text: str) -> None:
    if text.isprintable() and not any(unicodedata.category(c) in ACTING for c in text):
        assert len(shown(text)) >= len(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5 mg ≥ 2 × β", "5 mg ≥ 2 × β"),
        ("a\x1b[2Jb", "a␛[2Jb"),
        ("a\u202eb", "a<U+202E>b"),
        ("a\u200bb", "a<U+200B>b"),
        ("a\x7fb", "a␡b"),
        ("a\u3164b", "a<U+3164>b"),
        ("a\u00a0b", "a b"),
    ],
)
def test_tampering_stays_visible(text: str, expected: str) -> None:
    assert shown(text) == expected


def test_a_long_line_ends_in_an_ellipsis() -> None:
    assert shown_line("a" * 50, limit=10) == "a" * 9 + "…"


@pytest.mark.parametrize("text", ["2.5 mg", "recommended dose", "10 mg (oral)", "3 to 5 mg, twice"])
def test_medical_text_stays_readable_in_markdown(text: str) -> None:
    assert shown_markdown(text) == text
