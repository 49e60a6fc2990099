"""Halving finds a smallest guilty part, pairs too, with few questions."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from workflow.change_control.halving import guilty_among


@given(
    count=st.integers(1, 60),
    guilty=st.sets(st.integers(0, 59), min_size=1, max_size=3),
)
def test_the_one_guilty_part_is_found_whole_and_alone(count: int, guilty: set[int]) -> None:
    wanted = {number % count for number in guilty}
    asked = 0

    def fails(part: Sequence[int]) -> bool:
        nonlocal asked
        asked += 1
        return wanted <= set(part)

    assert set(guilty_among(range(count), fails)) == wanted
    assert asked <= 3 + 2 * len(wanted) * (1 + math.ceil(math.log2(count + 1)))


@given(parts=st.lists(st.sets(st.integers(0, 15), min_size=1, max_size=3), min_size=1, max_size=4))
def test_of_several_causes_one_is_found_from_which_nothing_can_be_taken(parts: list[set[int]]) -> None:
    def fails(part: Sequence[int]) -> bool:
        return any(cause <= set(part) for cause in parts)

    found = guilty_among(range(16), fails)
    assert fails(found)
    for one in found:
        assert not fails([other for other in found if other != one])


def test_what_does_not_fail_has_no_guilty_part() -> None:
    assert guilty_among([], lambda _: True) == ()
    assert guilty_among([1, 2, 3], lambda _: False) == ()
