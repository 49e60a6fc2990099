"""What the desk adds to a candidate for the reviewer's eye: what was checked, names in disguise, what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from review_tui import protocol as p
from tests.workflow.ledger.made_ledgers import Desk, create_desk, make_candidate, put_candidate
from workflow.change_control.batches import create_batch, eject
from workflow.desk.disguised_names import disguised_names
from workflow.identity import find_reviewer
from workflow.ledger import tables
from workflow.ledger.fixing import fixed_candidate
from workflow.ledger_desk import LedgerDesk
from workflow.records import Checked, Risk, Verdict

WALL = Checked(name="wall", passed=True, words="13 of 13 rules hold")
ENTAILMENT = Checked(name="entailment", words="not stated")


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Desk]:
    """A scripted site."""
    desk = create_desk(tmp_path / "site")
    yield desk
    desk.ledger.close()


def sit(made: Desk) -> LedgerDesk:
    """Sit down as the first reviewer."""
    return LedgerDesk(made.ledger, made.store, find_reviewer(made.ledger, "ada"))


def test_what_wall_and_entailment_said_is_shown(made: Desk) -> None:
    name = put_candidate(made, make_candidate(checks=(WALL, ENTAILMENT)))
    shown = sit(made).candidate(name).checks[:2]
    assert shown == (
        p.CheckLine("wall", True, "13 of 13 rules hold"),
        p.CheckLine("entailment", None, "not stated"),
    )


def test_what_was_checked_is_not_said_of_a_corrected_object() -> None:
    assert fixed_candidate(make_candidate(checks=(WALL,)), "6 mg", by="Ada").checks == ()


def test_a_check_that_was_not_made_leaves_the_candidates_name_as_it_was() -> None:
    plain = make_candidate()
    assert "checks" in plain.model_dump()
    assert plain.candidate_id == make_candidate(checks=()).candidate_id != make_candidate(checks=(WALL,)).candidate_id


def test_a_drug_written_in_letters_of_another_script_is_told(made: Desk) -> None:
    disguised = "\u03a1\u0397\u0395\u039d\u03a5\u03a4\u039f\u0399\u039d"  # Greek capitals
    name = put_candidate(made, make_candidate(disguised))
    assert any("PHENYTOIN" in flag for flag in sit(made).candidate(name).flags)


@pytest.mark.parametrize("word", ["\u0441\u043e\u043a", "\u0391\u039d\u03a4\u0399", "phenytoin", "IL-1\u03b2"])
def test_honest_words_of_another_script_are_not(word: str) -> None:
    assert disguised_names(make_candidate(word)) == ()


def test_the_first_screen_says_why_the_gate_refused_one(made: Desk) -> None:
    names = [put_candidate(made, make_candidate(f"drug{number}", risk=Risk.LOW)) for number in range(3)]
    for name in names:
        made.decide("ada", name, Verdict.APPROVE)
    create_batch(made.ledger, actor="ada")
    with made.ledger.write() as transaction:
        row = transaction.execute(tables.edits.select().where(tables.edits.c.candidate_id == names[0])).one()
        eject(transaction, row.edit_id, names[0], "a near miss moved")
        transaction.execute(
            tables.edits.update().where(tables.edits.c.edit_id != row.edit_id).values(state="live", reason=None)
        )
    assert sit(made).summary().outcomes == (
        p.OutcomeLine(2, "live"),
        p.OutcomeLine(1, "refused by the gate, because a near miss moved"),
    )
