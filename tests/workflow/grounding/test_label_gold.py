"""Labels as a set of cases: doses with their amounts, subjects that the sentences do not name, aims kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workflow.errors import UsageError
from workflow.grounding.cases import read_case
from workflow.grounding.gold import read_gold
from workflow.grounding.making import make_cases
from workflow.grounding.measure import measure
from workflow.intake.normalise import names_stand

DOSING = (
    "The recommended starting dose of TAVOREX is {a} mg once daily in adults with hypertension. "
    "Increase to {b} mg twice daily. The maximum dose is {c} mg per day. "
    "Doses greater than {c} mg have not been studied. Store below 25 degrees."
)


def label(number: int) -> dict[str, object]:
    return {
        "set_id": f"set-{number}",
        "version": "3",
        "effective_time": "20260101",
        "openfda": {"brand_name": ["TAVOREX"], "generic_name": ["TAVORINE"]},
        "dosage_and_administration": [DOSING.format(a=number + 2, b=number + 20, c=number + 40)],
        "overdosage": ["A patient took 900 mg daily and recovered."],
    }


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    body = {"meta": {"results": {"total": 9}}, "results": [label(number) for number in range(9)]}
    (tmp_path / "label.json").write_text(json.dumps(body), encoding="utf-8")
    (tmp_path / "notes.json").write_text("{}", encoding="utf-8")
    return tmp_path


def test_every_dose_of_a_label_is_a_fact_with_its_place(labels: Path) -> None:
    facts = [fact for fact in read_gold(labels) if fact.group == "labels-doses"]
    said = {fact.said for fact in facts}
    assert {"2 mg once daily", "20 mg twice daily", "40 mg per day"} <= said
    assert "900 mg daily" not in said
    assert all(fact.said in fact.quote and fact.text[fact.start : fact.end] == fact.quote for fact in facts)
    assert any(not names_stand(fact.names, fact.quote) for fact in facts)


def test_cases_of_labels_keep_the_aims_and_each_fact_is_corrupted_in_several_ways(labels: Path) -> None:
    cases = list(make_cases(read_gold(labels), cases=300, seed=1))
    measured = measure(read_case(json.dumps(one)) for one in cases)
    by_kind = {line.kind: line for line in measured.lines}
    assert by_kind["number_x10"].refused == by_kind["number_x10"].cases >= 9
    assert by_kind["unit_changed"].refused == by_kind["unit_changed"].cases >= 9
    assert by_kind["population_removed"].admitted == 0 < by_kind["population_removed"].cases
    assert by_kind["right"].admitted >= 0.5 * by_kind["right"].cases
    assert measured.missed() == ()
    assert measured.with_numbers > 0


def test_a_folder_without_sets_and_labels_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="or drug labels"):
        list(read_gold(tmp_path))
