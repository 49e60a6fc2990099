"""Token-bounded judgement of answers, and Wilson's interval."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from editor_engine.metrics import says, takes, wilson_interval


@pytest.mark.parametrize(
    ("answer", "obj", "expected"),
    [
        ("5 mg", "5 mg", True),
        ("2.5 mg", "5 mg", False),
        ("15 mg", "5 mg", False),
        ("5.5 mg", "5 mg", False),
        ("5 mg.", "5 mg", True),
        ("It is 5 mg, once daily.", "5 mg", True),
        ("10mg", "10 mg", True),
        ("10 mg", "10mg", True),
        ("10 MG", "10 mg", True),
        ("5\n mg", "5 mg", True),
        ("5\u00a0mg", "5 mg.", True),
        ("5 mg/day", "5 mg", True),
        ("5 mcg", "5 mg", False),
        ("1,000 mg", "1000 mg", True),
        ("1,5 mg", "5 mg", False),
        ("methotrexate", "trexate", False),
        ("Beta-blocker", "beta blocker", True),
        ("beta blockers", "beta blocker", False),
        ("no", "not supported", False),
        ("anything", "", False),
        ("", "5 mg", False),
        ("5-10 mg", "10 mg", True),
    ],
)
def test_says(answer: str, obj: str, expected: bool) -> None:
    assert says(answer, obj) is expected


@pytest.mark.parametrize(
    ("answer", "new", "old", "forbidden", "expected"),
    [
        ("5 mg", "5 mg", "10 mg", (), True),
        ("10 mg", "5 mg", "10 mg", (), False),
        ("5 mg, formerly 10 mg", "5 mg", "10 mg", (), False),
        ("5 mg twice daily", "5 mg twice daily", "5 mg", (), True),
        ("5 mg twice daily or 5 mg", "5 mg twice daily", "5 mg", (), False),
        ("not supported: the trial was retracted", "not supported", "halves mortality", ("halves mortality",), True),
        ("not supported, but it halves mortality", "not supported", None, ("halves mortality",), False),
        ("5 mg", "5 mg", "5 MG", (), True),
        ("5 mg", "5 mg", None, (), True),
    ],
)
def test_takes(answer: str, new: str, old: str | None, forbidden: tuple[str, ...], expected: bool) -> None:
    assert takes(answer, new, old, forbidden) is expected


def test_taking_the_new_object_out_does_not_join_its_neighbours() -> None:
    assert takes("10 5 mg mg", "5 mg", "10 mg")


@given(st.text(max_size=40), st.text(max_size=20))
def test_an_object_stands_in_an_answer_that_quotes_it(before: str, obj: str) -> None:
    if says(obj, obj):
        assert says(f"{before} | {obj}", obj)


def test_wilson_against_published_values() -> None:
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson_interval(0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)
    assert wilson_interval(0, 0) == (0.0, 1.0)
    assert wilson_interval(7, 7)[1] == 1.0
    with pytest.raises(ValueError, match="3 of 2"):
        wilson_interval(3, 2)
