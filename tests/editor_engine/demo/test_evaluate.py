"""Counting: Wilson bounds and groups."""

import pytest

from editor_engine.demo.evaluate import Rate, count_rates, table
from editor_engine.demo.examples import plain_example
from editor_engine.demo.trials import Trial, contradicting_trials, plain_trials, reading_trials


@pytest.mark.parametrize(
    ("right", "asked", "low", "high"), [(9, 10, 0.5958, 0.9821), (0, 10, 0.0, 0.2775), (50, 50, 0.9287, 1.0)]
)
def test_wilson_bounds(right: int, asked: int, low: float, high: float) -> None:
    assert Rate("x", right, asked).bounds == pytest.approx((low, high), abs=1e-4)


def test_rates_are_counted_for_each_group_and_wording() -> None:
    short = Trial(plain_example("q?", "two words"), "dose", "same")
    long = Trial(plain_example("q?", "one two three four five six seven"), "sentence", "same")
    counted = {rate.name: (rate.right, rate.asked) for rate in count_rates("r", [short, long], [True, False])}
    assert counted == {
        "r, all": (1, 2),
        "r, objects of up to 6 words": (1, 1),
        "r, longer objects": (0, 1),
        "r, dose": (1, 1),
        "r, sentence": (0, 1),
        "r, same wording": (1, 2),
    }


def test_the_table_has_a_line_for_each_rate() -> None:
    assert table([Rate("plain, all", 9, 10)]).splitlines()[-1] == "| plain, all | 9 | 10 | 90.0 | 59.6-98.2 |"


def test_the_trials_are_fixed_by_their_seed() -> None:
    assert reading_trials(1, per_cell=2) == reading_trials(1, per_cell=2)
    assert reading_trials(1, per_cell=2) != reading_trials(2, per_cell=2)
    assert contradicting_trials(1) == contradicting_trials(1)
    assert len(plain_trials()) >= 1200
