"""Batch states as a table, batches by policy, and a batch cancelled by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from tests.workflow.change_control.made_batches import approve, enrol, make_candidate, pass_gate
from workflow.change_control import acts
from workflow.change_control.batch_policy import create_batches, plan_batches
from workflow.change_control.batch_states import HoldReason, hold_text, may_become, standing_word, was_returned
from workflow.change_control.batches import eject, read_batch, set_state
from workflow.change_control.promotion import promote_batch
from workflow.errors import IllegalTransitionError
from workflow.ledger import tables
from workflow.ledger.ledger import Ledger
from workflow.records import BatchState, Candidate, CandidateState
from workflow.settings.control import BatchTable
from workflow.status import waiting_batches

B = BatchState
FOLLOWS = {
    (B.OPEN, B.STAGED), (B.OPEN, B.HELD), (B.OPEN, B.REFUSED), (B.OPEN, B.CANCELLED),
    (B.STAGED, B.STAGED), (B.STAGED, B.PASSED), (B.STAGED, B.HELD), (B.STAGED, B.REFUSED), (B.STAGED, B.CANCELLED),
    (B.PASSED, B.PROMOTED), (B.PASSED, B.STAGED), (B.PASSED, B.HELD), (B.PASSED, B.CANCELLED),
    (B.HELD, B.STAGED), (B.HELD, B.CANCELLED), (B.REFUSED, B.CANCELLED),
    (B.PROMOTED, B.ROLLED_BACK), (B.ROLLED_BACK, B.PROMOTED),
}  # fmt: skip


@pytest.mark.parametrize(("state", "target"), list(product(BatchState, BatchState)))
def test_what_may_follow_what(state: BatchState, target: BatchState) -> None:
    assert may_become(state, target) == ((state, target) in FOLLOWS)


def test_a_passed_batch_that_needs_a_person_is_waiting() -> None:
    words = hold_text(HoldReason.OUTSIDE_ENVELOPE, "closed")
    assert [standing_word(B.PASSED, words), standing_word(B.PASSED, None), standing_word(B.HELD, words)] == [
        "waiting",
        "passed",
        "held",
    ]
    assert was_returned(B.ROLLED_BACK, hold_text(HoldReason.RETURNED, "why"))
    assert not was_returned(B.ROLLED_BACK, None)


@given(
    relations=st.lists(st.sampled_from(["recommended_dose", "indicated_for", "evidence_for"]), max_size=30),
    size=st.integers(1, 7),
    night=st.integers(1, 5),
    apart=st.sets(st.sampled_from(["recommended_dose", "indicated_for"])),
    hasty=st.integers(0, 3),
)
def test_a_plan_keeps_sizes_relations_and_the_nights_number(
    relations: list[str], size: int, night: int, apart: set[str], hasty: int
) -> None:
    approved = [make_candidate(f"drug{n}", relation=relation) for n, relation in enumerate(relations)]
    by_id = {one.candidate_id: one for one in approved}
    urgent = {one.candidate_id for one in approved[:hasty]}
    policy = BatchTable(most_edits=size, most_per_night=night, apart=tuple(sorted(apart)))
    plan = plan_batches(approved, policy, hasty=urgent)
    taken = [name for ids in plan for name in ids]
    assert len(taken) == len(set(taken))
    assert {ids[0] for ids in plan if set(ids) & urgent} == urgent
    ordinary = [ids for ids in plan if not set(ids) & urgent]
    assert len(ordinary) <= night
    for ids in ordinary:
        assert 0 < len(ids) <= size
        kinds = {by_id[name].relation for name in ids}
        assert len(kinds) == 1 or not kinds & apart
    rest = [one for one in approved if one.candidate_id not in urgent]
    if len(rest) <= size and not apart:
        assert len(ordinary) == bool(rest)


def test_the_night_makes_the_batches_of_its_policy(ledger: Ledger) -> None:
    enrol(ledger, "ada")
    for number in range(5):
        approve(ledger, make_candidate(f"drug{number}"))
    urgent = make_candidate("melistat")
    acts.expedite(ledger, approve(ledger, urgent), reason="ward 3", account="ada")
    made = create_batches(ledger, BatchTable(most_edits=2, most_per_night=2), actor="medrek-flow", note="night")
    with ledger.read() as connection:
        batches = [read_batch(connection, batch_id) for batch_id in made]
    assert [(len(batch.edits), batch.expedited) for batch in batches] == [(1, 1), (2, 0), (2, 0)]
    assert [one.subject for one in acts.preview_batch(ledger)] == ["drug4"]


def test_a_cancelled_batch_gives_its_candidates_back_for_the_next(
    ledger: Ledger, passed_batch: Callable[..., str], tmp_path: Path
) -> None:
    enrol(ledger, "ada")
    candidate = make_candidate("corvandine")
    first = passed_batch(candidate)
    with pytest.raises(IllegalTransitionError, match="cancel batch is for: release manager; they are: service"):
        acts.cancel_batch(ledger, first, reason="wrong day", account="cron")
    acts.cancel_batch(ledger, first, reason="wrong day", account="ada")
    view = acts.show_batch(ledger, first)
    assert (view.batch.state, view.batch.hold_reason) == (B.CANCELLED, "cancelled: wrong day")
    assert [(act.signer_name, act.reason) for act in view.signed] == [("Printed ada", "wrong day")]
    with pytest.raises(IllegalTransitionError, match="expected state 'passed', got 'cancelled'"):
        promote_batch(ledger, tmp_path, first, actor="ada")
    second = acts.submit_batch(ledger, account="ada", note="again", candidate_ids=[candidate.candidate_id])
    assert second is not None
    pass_gate(ledger, tmp_path, second)
    promote_batch(ledger, tmp_path, second, actor="ada")
    with pytest.raises(IllegalTransitionError, match="is promoted, which cannot become cancelled"):
        acts.cancel_batch(ledger, second, reason="too late", account="ada")
    shown = acts.show_release(ledger)
    assert shown is not None
    assert [edit.subject for edit in shown[1]] == ["corvandine"]


def test_a_batch_that_was_refused_whole_is_ended_and_its_signatures_stand(ledger: Ledger, tmp_path: Path) -> None:
    enrol(ledger, "ada")
    names = [approve(ledger, make_candidate(subject)) for subject in ("corvandine", "melistat", "tavorine")]
    first = acts.submit_batch(ledger, account="ada")
    assert first is not None
    refuse(ledger, first, ejecting=names[2])
    with ledger.read() as connection:
        (stuck,) = waiting_batches(connection)
    assert (stuck.batch_id, stuck.state, stuck.to_do) == (
        first,
        "refused",
        f"medrek-flow batch cancel {first} --reason TEXT",
    )
    assert "2 signed candidate(s) wait in it" in stuck.why
    approve(ledger, make_candidate("melistat", "7 mg"), CandidateState.PENDING)  # a conflict that no signer could know
    done = acts.cancel_batch(ledger, first, reason="the two do not go together", account="ada")
    assert done.candidates == (names[0],)
    (back,) = done.sent_back
    assert back[0] == names[1]
    assert "proposes another object" in back[1]
    assert states(ledger, names) == ["approved", "pending", "closed"]
    with ledger.read() as connection:
        assert not waiting_batches(connection)
        body = connection.execute(select(tables.audit.c.body).where(tables.audit.c.event == "batch.cancelled")).scalar()
    assert json.loads(str(body))["was"] == "refused"
    second = acts.submit_batch(ledger, account="ada")
    assert second is not None
    pass_gate(ledger, tmp_path, second)
    promote_batch(ledger, tmp_path, second, actor="ada")
    shown = acts.show_release(ledger)
    assert shown is not None
    assert [edit.subject for edit in shown[1]] == ["corvandine"]


def test_a_batch_of_which_the_gate_left_nothing_has_nothing_to_give_back(ledger: Ledger) -> None:
    enrol(ledger, "ada")
    name = approve(ledger, make_candidate("corvandine"))
    batch_id = acts.submit_batch(ledger, account="ada")
    assert batch_id is not None
    refuse(ledger, batch_id, ejecting=name)
    with ledger.read() as connection:
        assert not waiting_batches(connection)
    with pytest.raises(IllegalTransitionError, match="every edit the gate ejected"):
        acts.cancel_batch(ledger, batch_id, reason="over", account="ada")


def refuse(ledger: Ledger, batch_id: str, *, ejecting: str) -> None:
    """Bring a batch to ``refused``, one edit ejected, as a gate does."""
    with ledger.write() as transaction:
        edit = next(one for one in read_batch(transaction.connection, batch_id).edits if one.candidate_id == ejecting)
        eject(transaction, edit.edit_id, ejecting, "it moved a near miss")
        set_state(transaction, batch_id, B.STAGED)
        set_state(transaction, batch_id, B.REFUSED)


def states(ledger: Ledger, names: Sequence[str]) -> list[str]:
    """Where candidates stand."""
    columns = tables.candidates.c
    with ledger.read() as connection:
        rows = connection.execute(select(columns.candidate_id, columns.state)).all()
    by_name: dict[str, str] = {row.candidate_id: row.state for row in rows}
    return [by_name[name] for name in names]


def test_a_batch_by_hand_holds_what_was_named(ledger: Ledger) -> None:
    enrol(ledger, "ada", "release_manager")
    names = [approve(ledger, make_candidate(subject)) for subject in ("corvandine", "melistat", "tavorine")]
    batch_id = acts.submit_batch(ledger, account="ada", note="one ward", candidate_ids=names[:2])
    assert batch_id is not None
    view = acts.show_batch(ledger, batch_id)
    assert {edit.candidate_id for edit in view.batch.edits} == set(names[:2])
    assert [act.meaning.partition(":")[0] for act in view.signed] == ["made by hand"]
    left: tuple[Candidate, ...] = acts.preview_batch(ledger)
    assert [one.candidate_id for one in left] == names[2:]
