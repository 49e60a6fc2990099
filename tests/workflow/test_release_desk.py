"""Batches and releases from the screens: what is shown is what the record says, and an act does what was shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import insert

from review_tui import protocol as p
from review_tui.errors import DeskError
from tests.workflow.change_control.made_batches import approve, enrol, ledger, make_candidate, pass_gate, passed_batch
from workflow.change_control.promotion import promote_batch
from workflow.desk.release_desk import LedgerReleases
from workflow.identity import Reviewer
from workflow.ledger.control_tables import gate_progress
from workflow.ledger.ledger import Ledger
from workflow.ledger.wrong_answers import WrongAnswer, flag_answer
from workflow.records import Candidate

__all__ = ["ledger", "passed_batch"]
Batches = Callable[..., str]


@pytest.fixture
def desk(ledger: Ledger) -> p.ReleaseDesk:
    """A release manager at the desk."""
    enrol(ledger, "rita")
    return LedgerReleases(ledger, Reviewer("rita", "Rita", "pharmacist", scripted=False))


def go_live(desk: p.ReleaseDesk, ledger: Ledger, folder: Path, batch_id: str) -> None:
    """Order a promotion, and carry it out as the worker does."""
    assert desk.promote(batch_id).done
    promote_batch(ledger, folder, batch_id, actor="rita")


def test_it_is_assembled_submitted_and_watched(desk: p.ReleaseDesk, ledger: Ledger, tmp_path: Path) -> None:
    assert not desk.assemble((), "nothing yet").done
    name = approve(ledger, make_candidate("zolpidem"))
    other = approve(ledger, make_candidate("warfarin"))
    assert [one.candidate_id for one in desk.ready()] == sorted([name, other], key=[name, other].index)
    made = desk.assemble([name], "the morning's")
    assert (made.done, made.made) == (True, "b0001")
    (line,) = desk.batches()
    assert line.order is not None
    assert (line.state, line.edits, line.order.state) == (p.BatchState.OPEN, 1, p.OrderState.WAITING)
    assert desk.submit("b0001").done
    with ledger.write() as transaction:
        beat = {"phase": "run", "done": 40, "total": 120, "holder": "here:1"}
        row = {"subject": "batch:b0001", "started_at": transaction.now, "beat_at": transaction.now}
        transaction.execute(insert(gate_progress).values(**beat, **row))
    (order,) = desk.orders()
    assert (order.state, order.done, order.total) == (p.OrderState.RUNNING, 40, 120)
    assert not desk.cancel_order(order.order_id).done
    with ledger.write() as transaction:
        transaction.execute(gate_progress.delete())
    pass_gate(ledger, tmp_path, "b0001")
    view = desk.batch("b0001")
    assert view.gate is not None
    assert (view.gate.verdict, view.why_not_promote, view.why_not_roll_back is None) == ("pass", None, False)
    assert desk.promote("b0001").done
    assert "ordered already" in desk.promote("b0001").words
    promotion = next(one for one in desk.orders() if one.kind is p.OrderKind.PROMOTE)
    assert desk.cancel_order(promotion.order_id).done
    assert desk.batch("b0001").why_not_promote is None
    assert not desk.cancel_batch("b0001", "").done
    assert desk.cancel_batch("b0001", "wrong mix").done
    assert {one.candidate_id for one in desk.ready()} == {name, other}
    with pytest.raises(DeskError):
        desk.batch("b9999")


def test_a_rollback_does_what_was_shown(
    desk: p.ReleaseDesk, ledger: Ledger, tmp_path: Path, passed_batch: Batches
) -> None:
    first = passed_batch(make_candidate("zolpidem", "10 mg"))
    go_live(desk, ledger, tmp_path, first)
    second = passed_batch(make_candidate("zolpidem", "5 mg"), make_candidate("warfarin", "2 mg"))
    go_live(desk, ledger, tmp_path, second)
    assert [one.release_id for one in desk.releases()] == [2, 1, 0]
    assert [one.is_live for one in desk.releases()] == [True, False, False]
    assert len(desk.release(2).came) == 2
    seen = desk.preview_rollback(second)
    assert (len(seen.leaving), [one.object_new for one in seen.answering_again], seen.staying) == (2, ["10 mg"], 1)
    assert not desk.roll_back(seen, "the label was misread", "b0001").done
    assert not desk.roll_back(seen, " ", second).done
    assert desk.serving().release_id == 2
    done = desk.roll_back(seen, "the label was misread", second)
    assert (done.done, done.made, desk.serving().edits) == (True, "3", 1)
    assert "nothing" in (desk.batch(second).why_not_roll_back or "")
    assert not desk.roll_back(seen, "again", second).done
    assert len(desk.release(3).left) == 2
    with pytest.raises(DeskError):
        desk.preview_rollback(second)
    with pytest.raises(DeskError):
        desk.release(77)


def test_a_withdrawal_is_proposed_and_waits_for_a_person(
    desk: p.ReleaseDesk, ledger: Ledger, tmp_path: Path, passed_batch: Batches
) -> None:
    batch_id = passed_batch(make_candidate("zolpidem"))
    go_live(desk, ledger, tmp_path, batch_id)
    (edit,) = desk.release(1).in_force
    assert not desk.propose_withdrawal("e-none", "why").done
    assert not desk.propose_withdrawal(edit.edit_id, " ").done
    made = desk.propose_withdrawal(edit.edit_id, "the source is gone")
    (line,) = desk.affected()
    assert (line.proposal, line.in_force, "the source is gone" in line.why[0]) == (made.made, True, True)
    assert desk.serving().edits == 1


def test_a_confirmed_flag_proposes_the_withdrawal_of_what_fired(
    desk: p.ReleaseDesk, ledger: Ledger, tmp_path: Path, passed_batch: Batches
) -> None:
    candidate: Candidate = make_candidate("zolpidem")
    go_live(desk, ledger, tmp_path, passed_batch(candidate))
    (edit,) = desk.release(1).in_force
    wrong = WrongAnswer("How much zolpidem?", "5 mg", "it is 10 mg here", edit_id=edit.edit_id, release_id=1)
    name = flag_answer(ledger, wrong, actor="rita")
    from workflow.ledger.case_file import read_case_file
    from workflow.ledger.wrong_answers import confirm_wrong_answer

    with ledger.write() as transaction:
        confirm_wrong_answer(transaction, read_case_file(transaction.connection, name), by="Rita")
    with ledger.read() as connection:
        file = read_case_file(connection, name)
    (line,) = desk.affected()
    assert (line.edit_id, line.proposal in (file.reason or "")) == (edit.edit_id, True)


def test_a_visitor_only_looks(ledger: Ledger) -> None:
    visitor = LedgerReleases(ledger, None)
    assert visitor.serving().release_id == 0
    for done in (
        visitor.assemble((), ""),
        visitor.submit("b0001"),
        visitor.promote("b0001"),
        visitor.expedite("c-1", "x"),
        visitor.propose_withdrawal("e-1", "x"),
        visitor.cancel_batch("b0001", "x"),
    ):
        assert (done.done, "read only" in done.words) == (False, True)


def test_who_may_not_promote_is_told_so(ledger: Ledger, tmp_path: Path, passed_batch: Batches) -> None:
    enrol(ledger, "rolf", "reviewer")
    batch_id = passed_batch(make_candidate("zolpidem"))
    refused = LedgerReleases(ledger, Reviewer("rolf", "Rolf", "pharmacist", scripted=False)).promote(batch_id)
    assert (refused.done, "release manager" in refused.words) == (False, True)
