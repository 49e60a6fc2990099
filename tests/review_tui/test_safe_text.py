"""Outside text: every character is shown or marked, none acts, and highlights stay where they belong."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.segment import Segment
from textual.color import Color

from review_tui.safe_text import (
    CONTEXT_LIMIT,
    FIELD_LIMIT,
    ControlNet,
    clean,
    clean_mapped,
    content,
    field_content,
    highlighted,
    is_cut,
    line_content,
    one_line,
)

any_text = st.text(st.characters(exclude_categories=())) | st.text("ab[/]\\\x1b\x9b\u202e\u200b\n\U000e0041 \ud800")


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain 5 mg", "plain 5 mg"),
        ("a\x1b]0;t\x07", "a␛]0;t␇"),
        ("\x00\x7f\x08", "␀␡␈"),
        ("\x9b31m", "<U+009B>31m"),
        ("5\u202e gm 05", "5<U+202E> gm 05"),
        ("zero\u200bwidth\ufeff", "zero<U+200B>width<U+FEFF>"),
        ("tag\U000e0041", "tag<U+E0041>"),
        ("selector\ufe0f\U000e0101", "selector<U+FE0F><U+E0101>"),
        ("filler\u3164\u2800", "filler<U+3164><U+2800>"),
        ("lone \ud800", "lone <U+D800>"),
        ("no\u00a0break", "no break"),
        ("two\nlines\r\n", "two\nlines␍\n"),
        ("line\u2028sep", "line<U+2028>sep"),
        ("µg → ≥ 5 é 薬", "µg → ≥ 5 é 薬"),
    ],
)
def test_what_acts_or_hides_is_shown_as_a_mark(raw: str, shown: str) -> None:
    assert clean(raw) == shown


def test_one_line_keeps_no_line_feed_and_cuts_with_an_ellipsis() -> None:
    assert one_line("a\nb") == "a␊b"
    assert one_line("x" * 500, 10) == "x" * 9 + "…"


@given(any_text)
def test_clean_text_holds_no_character_that_acts_or_hides(raw: str) -> None:
    cleaned = clean(raw)
    assert all(
        character == "\n" or unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
        for character in cleaned
    )
    cleaned.encode()


@given(any_text)
def test_cleaning_twice_changes_nothing(raw: str) -> None:
    assert clean(clean(raw)) == clean(raw)


@given(any_text, st.data())
def test_the_offset_map_cuts_text_where_cleaning_its_parts_would(raw: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(raw)))
    end = data.draw(st.integers(start, len(raw)))
    cleaned = clean_mapped(raw)
    assert cleaned.text[cleaned.offset(start) : cleaned.offset(end)] == clean(raw[start:end])
    assert cleaned.offset(len(raw)) == len(cleaned.text)


@given(any_text, any_text.filter(bool), any_text)
def test_a_highlight_covers_exactly_the_quote(before: str, quote: str, after: str) -> None:
    made = highlighted(before + quote + after, len(before), len(before) + len(quote), "bold")
    (span,) = made.spans
    assert made.plain[span.start : span.end] == clean(quote)


def test_a_highlight_far_inside_a_long_text_is_still_shown_and_the_cut_is_told() -> None:
    raw = "x" * 100_000 + "QUOTE" + "y" * 100_000
    made = highlighted(raw, 100_000, 100_005, "bold")
    span = next(span for span in made.spans if span.style == "bold")
    assert made.plain[span.start : span.end] == "QUOTE"
    assert made.plain.count("characters not shown") == 2
    assert len(made.plain) < CONTEXT_LIMIT + 200


@given(any_text)
def test_content_is_never_read_as_markup(raw: str) -> None:
    assert content(raw).plain == clean(raw)
    assert field_content(raw).plain == clean_mapped(raw, multi_line=False).text
    assert not content(raw).spans
    assert line_content(raw, "bold").plain == one_line(raw)


def test_a_text_over_the_limit_says_how_much_is_missing() -> None:
    raw = "z" * (FIELD_LIMIT + 7)
    assert is_cut(raw)
    assert "7 characters not shown" in content(raw).plain


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_the_net_lets_no_control_character_through(raw: str) -> None:
    (made,) = ControlNet().apply([Segment(raw)], Color(0, 0, 0))
    assert not any(unicodedata.category(character) == "Cc" for character in made.text)
    assert len(made.text) == len(raw)
