"""Undo, redo and re-opening: any history of them keeps the books straight, and nothing on record is ever removed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from tests.workflow.ledger.made_ledgers import (
    PEOPLE,
    PIN,
    Desk,
    create_desk,
    decision_ids,
    make_candidate,
    put_candidate,
)
from tests.workflow.ledger.made_ledgers import rehearse as rehearse_now
from workflow.change_control.batches import create_batch, eject, read_batch
from workflow.change_control.cancelling import cancel_batch
from workflow.errors import IllegalTransitionError
from workflow.identity import WrongPinError
from workflow.ledger import audit, desk_tables, tables
from workflow.ledger.case_file import read_case_file, read_case_files
from workflow.ledger.ledger import Ledger
from workflow.ledger.marks import list_marks, mark_bulk, take_back_mark
from workflow.ledger.queue import Onlooker, QueueView, count_views, queue_ids
from workflow.ledger.signing import verify_decisions, void_outdated
from workflow.ledger.steps import read_stacks
from workflow.ledger.taking_back import Stepped, redo_step, reopen, undo_step, verify_reversals
from workflow.records import CandidateState, Risk, Verdict
from workflow.review_policy import Choice, PolicyRefusalKind

LOW = {"risk": Risk.LOW}
ACTS = ("mark", "mark", "mark", "unmark", "sign", "sign", "undo", "undo", "undo", "redo", "redo", "reopen", "bulk")


@dataclass(frozen=True)
class Step:
    """One thing that somebody does to one of the candidates."""

    act: str
    person: str
    which: int
    verdict: Verdict


histories = st.lists(
    st.builds(
        Step,
        act=st.sampled_from(ACTS),
        person=st.sampled_from(PEOPLE[:2]),
        which=st.integers(0, 2),
        verdict=st.sampled_from(Verdict),
    ),
    min_size=10,
    max_size=25,
)


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Desk]:
    """A two-signer demo site with scripted signers."""
    desk = create_desk(tmp_path / "site")
    yield desk
    desk.ledger.close()


def undo(made: Desk, person: str = "ada") -> Stepped:
    """Undo somebody's last step."""
    return undo_step(made.ledger, made.policy, person)


def redo(made: Desk, person: str = "ada", pin: str = PIN) -> Stepped:
    """Redo somebody's last undone step."""
    return redo_step(made.ledger, made.policy, person, pin=pin)


def marked(made: Desk, person: str) -> dict[str, Verdict]:
    """Give somebody's marks."""
    with made.ledger.read() as connection:
        return {mark.candidate_id: mark.choice.verdict for mark in list_marks(connection, person)}


def play(made: Desk, step: Step, names: list[str]) -> None:
    """Do one step; the rules may refuse it."""
    name = names[step.which]
    if step.act == "mark":
        made.mark(step.person, name, step.verdict, fixed="77 mg")
    elif step.act == "unmark":
        take_back_mark(made.ledger, name, step.person)
    elif step.act == "sign":
        for candidate_id in made.sign(step.person).made:
            rehearse_now(made, candidate_id)
            names.append(candidate_id)
    elif step.act == "undo":
        undo(made, step.person)
    elif step.act == "redo":
        redo(made, step.person)
    elif step.act == "reopen":
        reopen(made.ledger, name, reviewer_id=step.person, reason="look again")
    else:
        choice = Choice(step.person, Verdict.DEFER, "", quote_seen=False, reason_code="await_source")
        mark_bulk(made.ledger, made.policy, names, choice)


def check(made: Desk, names: list[str]) -> None:
    """Compare states, counts and lists with what the record itself says."""
    with made.ledger.read() as connection:
        files = read_case_files(connection, names)
        for file in files:
            case = file.case()
            signers = {one.reviewer_id for one in made.policy.standing(case)}
            if file.state in (CandidateState.PENDING, CandidateState.AWAITING_SECOND, CandidateState.APPROVED):
                assert file.state is made.policy.state_of(case), file.candidate_id
            if file.state is CandidateState.APPROVED:
                assert len(signers) >= made.policy.required_signatures(case)
            if file.state is CandidateState.REJECTED:
                assert file.counted[-1].verdict is Verdict.REJECT
        counts = count_views(connection, Onlooker("ada", (), "2026-11-20T12:00:00Z"))
        for view in QueueView:
            listed = queue_ids(connection, view, Onlooker("ada", (), "2026-11-20T12:00:00Z"))
            assert counts[view] == len(listed) == len(set(listed)), view


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(history=histories)
def test_any_history_keeps_counts_and_four_eyes(history: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        made = create_desk(Path(folder) / "site")
        names = [put_candidate(made, make_candidate(s, f"{n} mg", risk=r)) for n, (s, r) in enumerate(_FACTS, 1)]
        decided = 0
        for step in history:
            play(made, step, names)
            with made.ledger.write() as transaction:
                void_outdated(transaction, made.policy)
            check(made, names)
            now = len(decision_ids(made.ledger))
            assert now >= decided
            decided = now
        with made.ledger.read() as connection:
            assert audit.verify(connection).ok
            assert verify_decisions(connection) == verify_reversals(connection) == ()
        made.ledger.close()


_FACTS = (("zolpidem", Risk.HIGH), ("aspirin", Risk.LOW), ("digoxin", Risk.LOW))


def test_marks_go_back_and_forth_across_runs(made: Desk) -> None:
    name = put_candidate(made, make_candidate(**LOW))
    made.mark("ada", name, Verdict.REJECT)
    made.mark("ada", name, Verdict.DEFER)
    take_back_mark(made.ledger, name, "ada")
    made.ledger.close()
    made.ledger = Ledger.open(made.ledger.path, clock=made.ledger.clock)
    seen = []
    while undo(made).candidate_ids:
        seen.append(marked(made, "ada").get(name))
    assert seen == [Verdict.DEFER, Verdict.REJECT, None]
    again = []
    while redo(made).candidate_ids:
        again.append(marked(made, "ada").get(name))
    assert again == [Verdict.REJECT, Verdict.DEFER, None]
    made.mark("ada", name, Verdict.CLOSE)
    assert redo(made).candidate_ids == ()
    assert undo(made, "ben").words == "there is nothing to undo"


def test_an_undone_signature_stays_on_record_and_counts_no_more(made: Desk) -> None:
    name = put_candidate(made, make_candidate())
    made.decide("ada", name)
    made.decide("ben", name)
    assert made.state(name) is CandidateState.APPROVED
    assert undo(made).candidate_ids == (name,)
    assert made.state(name) is CandidateState.AWAITING_SECOND
    assert marked(made, "ada") == {name: Verdict.APPROVE}
    assert len(decision_ids(made.ledger)) == 2
    with made.ledger.read() as connection:
        (ada, ben) = read_case_file(connection, name).decisions
        assert (bool(ada.taken_back), bool(ben.taken_back)) == (True, False)
    assert redo(made).candidate_ids == (name,)
    assert (made.state(name), len(decision_ids(made.ledger))) == (CandidateState.APPROVED, 3)
    assert undo(made).candidate_ids == (name,)


def test_redoing_a_signature_takes_the_pin(tmp_path: Path) -> None:
    made = create_desk(tmp_path / "people", scripted=False)
    name = put_candidate(made, make_candidate(**LOW))
    made.decide("ada", name, Verdict.REJECT)
    undo(made)
    with pytest.raises(WrongPinError):
        redo(made, pin="wrong")
    assert made.state(name) is CandidateState.PENDING
    redo(made)
    assert made.state(name) is CandidateState.REJECTED
    made.ledger.close()


def test_what_is_in_a_batch_stays(made: Desk) -> None:
    name = put_candidate(made, make_candidate(**LOW))
    made.decide("ada", name)
    create_batch(made.ledger, actor="ada")
    told = undo(made)
    assert (told.candidate_ids, "in batch" in told.words or "of batch" in told.words) == ((), True)
    assert made.state(name) is CandidateState.BATCHED
    (refusal,) = reopen(made.ledger, name, reviewer_id="ben", reason="look again")
    assert "of batch" in refusal.words
    assert undo(made).candidate_ids == ()  # the mark before it was used up: passed over too
    assert undo(made).words == "there is nothing to undo"


@pytest.mark.parametrize("state", ["ejected", "withdrawn"])
def test_what_was_an_edit_comes_again_as_a_candidate_of_its_own_and_its_history_stays(made: Desk, state: str) -> None:
    name = put_candidate(made, make_candidate(**LOW))
    made.decide("ada", name)
    batch_id = create_batch(made.ledger, actor="ada")
    assert batch_id is not None
    with made.ledger.write() as transaction:
        (edit,) = read_batch(transaction.connection, batch_id).edits
        eject(transaction, edit.edit_id, name, "it moved a near miss")
        transaction.execute(update(tables.edits).values(state=state))
    with made.ledger.read() as connection:
        assert queue_ids(connection, QueueView.NO_EDIT_NEEDED, Onlooker("ben")) == [name]
    assert reopen(made.ledger, name, reviewer_id="ben", reason="the near miss was wrong") == ()
    with made.ledger.read() as connection:
        old = read_case_file(connection, name)
        again = read_case_file(connection, str(old.replaced_by))
        assert queue_ids(connection, QueueView.NO_EDIT_NEEDED, Onlooker("ben")) == []
        assert verify_reversals(connection) == ()
    assert (old.state, len(old.counted), old.fixed_by) == (CandidateState.CLOSED, 1, None)
    assert (again.state, again.decisions, again.fixed_by) == (CandidateState.PROPOSED, (), None)
    words = (
        f"proposed again by Ben, after edit {edit.edit_id} was {'ejected by its gate' if state == 'ejected' else state}"
    )
    assert again.candidate.flags[-1] == f"{words}: the near miss was wrong"
    (refusal,) = reopen(made.ledger, name, reviewer_id="cem", reason="me too")
    assert f"{again.candidate_id} was made of it and stands in its place" in refusal.words
    rehearse_now(made, again.candidate_id)
    made.decide("ben", again.candidate_id, Verdict.REJECT)
    (refusal,) = reopen(made.ledger, name, reviewer_id="ben", reason="the near miss was wrong")
    assert "on record already" in refusal.words
    assert reopen(made.ledger, again.candidate_id, reviewer_id="ben", reason="too harsh") == ()
    made.decide("cem", again.candidate_id)
    second = create_batch(made.ledger, actor="ada")
    assert second is not None
    with made.ledger.read() as connection:
        (other,) = read_batch(connection, second).edits
        assert (other.candidate_id, other.edit_id != edit.edit_id) == (again.candidate_id, True)


def test_a_candidate_of_a_cancelled_batch_is_reopened_like_any_approved_one(made: Desk) -> None:
    name = put_candidate(made, make_candidate(**LOW))
    made.decide("ada", name)
    batch_id = create_batch(made.ledger, actor="ada")
    cancel_batch(made.ledger, str(batch_id), reason="not today", account="ada")
    assert undo(made).candidate_ids == (name,)
    assert made.state(name) is CandidateState.PENDING
    made.decide("ben", name)
    assert reopen(made.ledger, name, reviewer_id="ada", reason="look again") == ()
    assert made.state(name) is CandidateState.PENDING


def test_a_correction_is_taken_back_with_what_it_made(made: Desk) -> None:
    name = put_candidate(made, make_candidate(**LOW))
    (fixed,) = made.decide("ada", name, Verdict.FIX_AND_APPROVE, fixed="7 mg").made
    assert undo(made).candidate_ids == (name,)
    assert (made.state(name), made.state(fixed)) == (CandidateState.PENDING, CandidateState.CLOSED)
    assert redo(made).candidate_ids == (name,)
    assert (made.state(name), made.state(fixed)) == (CandidateState.CLOSED, CandidateState.PROPOSED)
    rehearse_now(made, fixed)
    made.decide("ben", fixed)
    assert "decide that one" in undo(made).words
    (refusal,) = reopen(made.ledger, name, reviewer_id="ben", reason="look again")
    assert "stands in its place" in refusal.words


def test_somebody_else_went_on(made: Desk) -> None:
    name = put_candidate(made, make_candidate())
    made.decide("ada", name)
    made.decide("ben", name, Verdict.REJECT)
    assert "rejected since" in undo(made).words
    assert made.state(name) is CandidateState.REJECTED
    assert undo(made, "ben").candidate_ids == (name,)
    assert made.state(name) is CandidateState.AWAITING_SECOND


def test_reopening_needs_a_reason_and_voids_every_signature(made: Desk) -> None:
    name = put_candidate(made, make_candidate())
    (closed,) = reopen(made.ledger, name, reviewer_id="ada", reason="x")
    assert closed.kind is PolicyRefusalKind.NOT_ALLOWED
    made.decide("ada", name)
    made.decide("ben", name)
    (refusal,) = reopen(made.ledger, name, reviewer_id="cem", reason=" ")
    assert refusal.kind is PolicyRefusalKind.REASON_NEEDED
    assert reopen(made.ledger, name, reviewer_id="cem", reason="the label was misread") == ()
    assert made.state(name) is CandidateState.PENDING
    with made.ledger.read() as connection:
        file = read_case_file(connection, name)
        assert made.policy.standing(file.case()) == ()
        assert verify_reversals(connection) == ()
    assert "taken back already" in undo(made).words
    made.decide("ada", name, Verdict.REJECT)
    assert reopen(made.ledger, name, reviewer_id="ben", reason="too harsh") == ()
    assert made.state(name) is CandidateState.PENDING


def test_many_at_once_are_one_step_and_never_what_is_grave(made: Desk) -> None:
    low = [put_candidate(made, make_candidate(drug, **LOW)) for drug in ("aspirin", "digoxin", "lithium")]
    high = put_candidate(made, make_candidate("warfarin"))
    rivals = [put_candidate(made, make_candidate("zolpidem", f"{n} mg", **LOW)) for n in (5, 7)]
    choice = Choice("ada", Verdict.CLOSE, "", quote_seen=False, reason_code="duplicate")
    bulk = mark_bulk(made.ledger, made.policy, [*low, high, *rivals, low[0], "c-none"], choice)
    assert [file.candidate_id for file in bulk.taken] == low
    assert {one.candidate_id: one.words.partition(":")[0] for one in bulk.left_out} == {
        high: "high risk",
        rivals[0]: "in conflict with the memory or another candidate",
        rivals[1]: "in conflict with the memory or another candidate",
        "c-none": "it is not on record",
    }
    assert set(marked(made, "ada")) == set(low)
    made.mark("ada", low[1], Verdict.DEFER)
    undo(made)
    assert undo(made).candidate_ids == tuple(low)
    assert marked(made, "ada") == {}
    redo(made)
    assert set(made.sign("ada").signed) == set(low)
    assert {made.state(name) for name in low} == {CandidateState.CLOSED}
    approve = mark_bulk(made.ledger, made.policy, [high], Choice("ada", Verdict.APPROVE, "", quote_seen=True))
    assert (approve.taken, "never approved" in approve.left_out[0].words) == ((), True)


@pytest.mark.parametrize("table", ["desk_steps", "reversals", "comments", "dismissals", "wrong_answers"])
def test_what_the_desk_writes_once_stays(made: Desk, table: str) -> None:
    with made.ledger.read() as connection:
        names = set(connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars().all())
    assert {f"{table}_no_update", f"{table}_no_delete", f"{table}_no_replace"} <= names
    if table == "desk_steps":
        made.mark("ada", put_candidate(made, make_candidate()))
        with pytest.raises(IllegalTransitionError, match="append-only"), made.ledger.write() as transaction:
            transaction.execute(desk_tables.desk_steps.delete())


def test_a_reversal_without_its_audit_row_is_found(made: Desk) -> None:
    name = put_candidate(made, make_candidate())
    made.decide("ada", name)
    with made.ledger.write() as transaction:
        decision = transaction.execute(select(tables.decisions.c.decision_id)).scalar_one()
        row = {"decision_id": decision, "candidate_id": name, "reviewer_id": "ben", "kind": "undone"}
        transaction.execute(desk_tables.reversals.insert().values(**row, at=transaction.now))
    with made.ledger.read() as connection:
        (line,) = verify_reversals(connection)
        assert "without an audit row" in line
        assert connection.execute(select(func.count()).select_from(desk_tables.desk_steps)).scalar_one() == 2
        assert len(read_stacks(connection, "ada").undo) == 2
