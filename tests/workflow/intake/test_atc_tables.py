"""The ATC/DDD differ: every kind of event from a small table of our own, and the WHO's own tables where they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from workflow.errors import UsageError
from workflow.extraction_bench.atc import measure_atc
from workflow.intake.atc_tables import AtcEvent, AtcTable, compare_atc
from workflow.intake.relations import DOSES
from workflow.intake.rule_facts import Place
from workflow.intake.rules import read_facts

HEAD = "atc_code,atc_name,ddd,uom,adm_r,note\n"
OLD = f"""{HEAD}X01,INVENTED DRUGS,NA,NA,NA,NA
X01AA01,corvandine,10,mg,O,NA
X01AA02,tavorine,5,mg,O,NA
X01AA02,tavorine,2,mg,P,NA
X01AA03,"melandine, combinations",NA,NA,NA,NA
X01AA04,serovine,1,g,O,NA
"""
NEW = f"""{HEAD}X01,INVENTED MEDICINES,NA,NA,NA,NA
X01AA01,corvandine,5,mg,O,NA
X01AA02,tavorine,5,mg,O,NA
X01AA03,melandine and zinc,NA,NA,NA,NA
X01AB01,serovine,1,g,O,NA
X01AB02,novadine,40,mg,O,depot
"""


def table(text: str) -> AtcTable:
    return AtcTable.read(text, what="made.csv")


def test_every_kind_of_difference_is_told_once() -> None:
    events = compare_atc(table(OLD), table(NEW))
    assert events == [
        AtcEvent("ddd_changed", "X01AA01", "corvandine", "O", "NA", (("10", "mg"),), (("5", "mg"),)),
        AtcEvent("ddd_removed", "X01AA02", "tavorine", "P", "NA", (("2", "mg"),), ()),
        AtcEvent("ddd_removed", "X01AA04", "serovine", "O", "NA", (("1", "g"),), ()),
        AtcEvent("ddd_added", "X01AB01", "serovine", "O", "NA", (), (("1", "g"),)),
        AtcEvent("ddd_added", "X01AB02", "novadine", "O", "depot", (), (("40", "mg"),)),
        AtcEvent("code_moved", name="serovine", old_codes=("X01AA04",), new_codes=("X01AB01",)),
        AtcEvent("code_added", "X01AB01", "serovine"),
        AtcEvent("code_added", "X01AB02", "novadine"),
        AtcEvent("renamed", "X01", "INVENTED MEDICINES", old_name="INVENTED DRUGS"),
        AtcEvent("renamed", "X01AA03", "melandine and zinc", old_name="melandine, combinations"),
    ]


def test_the_same_table_in_another_order_is_unchanged() -> None:
    rows = OLD.splitlines(keepends=True)
    assert compare_atc(table(OLD), table("".join([rows[0], *reversed(rows[1:])]))) == []


def test_a_defined_daily_dose_is_no_dose_to_give() -> None:
    assert not {event.kind for event in compare_atc(table(OLD), table(NEW))} & DOSES


@pytest.mark.parametrize("text", ["code,name\nX,y\n", HEAD + "X01AA01,corvandine\n", HEAD + ",corvandine,1,mg,O,NA\n"])
def test_a_table_that_is_none_is_told(text: str) -> None:
    with pytest.raises(UsageError, match=r"made\.csv"):
        table(text)


def test_the_event_list_of_the_whos_tables_is_reproduced_row_for_row(real_data: Path) -> None:
    result = measure_atc(real_data / "extraction/atc_ddd")
    assert result.exact
    assert result.events > 100


@pytest.mark.parametrize(
    "row", [*OLD.splitlines(), *NEW.splitlines(), "X01AA01\tcorvandine\t10\tmg\tO", "DDD: 10 mg O"]
)
def test_no_row_of_a_table_reads_as_a_dose(row: str) -> None:
    facts = read_facts(row, Place("ATC/DDD"))
    assert not {fact.relation for fact in facts} & DOSES
