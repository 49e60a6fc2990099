"""Milligrams, micrograms and grams on one scale."""

from __future__ import annotations

import pytest

from tests.workflow.intake.made_intake import changed
from workflow.intake.amounts import on_one_scale
from workflow.intake.extractor import DocumentChanges
from workflow.intake.rules import RulesExtractor


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("0.5 mg once daily", "500 mcg once daily", True),
        ("500 micrograms daily", "0.5 milligrams daily", True),
        ("1,000 mg", "1 g", True),
        (".5 mg", "500 µg", True),
        ("5 mg", "5 mcg", False),
        ("2.5 mg", "25 mg", False),
        ("5 mg/kg", "5000 mcg/kg", True),
        ("5 mg", "5 mL", False),
        ("10 units", "10 units", True),
    ],
)
def test_equal_amounts_are_equal_and_others_never(one: str, other: str, same: bool) -> None:
    assert (on_one_scale(one) == on_one_scale(other)) == same


@pytest.mark.parametrize(("new", "proposed"), [("500 mcg", 0), ("500 mg", 1)])
def test_a_dose_in_another_unit_is_no_news(new: str, proposed: int) -> None:
    old = "The recommended dose of corvandine is 0.5 mg once daily."
    change = changed(old.replace("0.5 mg", new), old)
    given = list(RulesExtractor().propose(DocumentChanges("d-2", (change,))))
    assert len(given) == proposed
