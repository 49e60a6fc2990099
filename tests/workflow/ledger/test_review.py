"""Marks, signatures, fixes and what voids them, over a ledger."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, update

from tests.workflow.ledger.made_ledgers import (
    PIN,
    Desk,
    TickingClock,
    cite,
    create_desk,
    decision_ids,
    make_candidate,
    make_withdrawal,
    put_candidate,
    put_notice,
    rehearse,
)
from workflow.errors import IllegalTransitionError, UsageError
from workflow.identity import WrongPinError
from workflow.ledger import audit, tables
from workflow.ledger.case_file import read_case_file
from workflow.ledger.fixing import fixed_candidate
from workflow.ledger.marks import list_marks, save_mark, take_back_mark
from workflow.ledger.shown import shown_sha256
from workflow.ledger.signing import sign_marks, void_outdated, wake_deferred
from workflow.records import CandidateState, Risk, Verdict
from workflow.review_policy import Choice

LOW = {"risk": Risk.LOW}


def count_marks(desk: Desk) -> int:
    """Count all marks."""
    with desk.ledger.read() as connection:
        return int(connection.execute(select(func.count()).select_from(tables.marks)).scalar_one())


def void(desk: Desk) -> tuple[tuple[str, str], ...]:
    """Void what does not stand any more."""
    with desk.ledger.write() as transaction:
        return void_outdated(transaction, desk.policy)


def test_two_people_approve_a_dose(desk: Desk) -> None:
    name = put_candidate(desk, make_candidate())
    assert desk.decide("ada", name).signed == (name,)
    assert desk.state(name) is CandidateState.AWAITING_SECOND
    refusals = desk.mark("ada", name)
    assert "another person" in refusals[0].words
    desk.decide("ben", name)
    assert desk.state(name) is CandidateState.APPROVED
    with desk.ledger.read() as connection:
        rows = connection.execute(select(tables.decisions).order_by(tables.decisions.c.signed_at)).all()
    assert [(row.signer_name, row.verdict, row.scripted) for row in rows] == [
        ("Ada", "approve", 1),
        ("Ben", "approve", 1),
    ]
    assert all(row.signed_at.endswith("Z") and "quote" in row.meaning for row in rows)


def test_one_person_approves_low_risk_and_withdrawals(desk: Desk) -> None:
    low, withdrawal = put_candidate(desk, make_candidate(**LOW)), put_candidate(desk, make_withdrawal("warfarin"))
    desk.mark("ada", low)
    desk.mark("ada", withdrawal)
    assert set(desk.sign("ada").signed) == {low, withdrawal}
    assert desk.state(low) is desk.state(withdrawal) is CandidateState.APPROVED


def test_a_one_signer_site_asks_for_one(tmp_path: Path) -> None:
    desk = create_desk(tmp_path / "one", signer_profile="one_signer")
    name = put_candidate(desk, make_candidate())
    desk.decide("ada", name)
    assert desk.state(name) is CandidateState.APPROVED


def test_a_mark_is_saved_replaced_and_taken_back(desk: Desk) -> None:
    name = put_candidate(desk, make_candidate())
    desk.mark("ada", name)
    with desk.ledger.read() as connection:
        (first,) = list_marks(connection, "ada")
    desk.mark("ada", name, Verdict.REJECT)
    with desk.ledger.read() as connection:
        (second,) = list_marks(connection, "ada")
    assert first.mark_id != second.mark_id
    assert second.choice.verdict is Verdict.REJECT
    listed_before = sign_marks(desk.ledger, desk.policy, "ada", [first.mark_id], pin="")
    assert listed_before.signed == ()
    assert "changed since" in listed_before.refused[0].words
    assert take_back_mark(desk.ledger, name, "ada")
    assert not take_back_mark(desk.ledger, name, "ada")
    assert (count_marks(desk), desk.state(name)) == (0, CandidateState.PENDING)
    with desk.ledger.read() as connection:
        events = connection.execute(
            select(tables.audit.c.event)
            .where(tables.audit.c.subject == f"candidate:{name}")
            .order_by(tables.audit.c.seq)
        ).scalars()
        assert list(events) == ["candidate.proposed", "candidate.marked", "candidate.marked", "candidate.unmarked"]


def test_marks_of_one_person_are_not_another_persons(desk: Desk) -> None:
    name = put_candidate(desk, make_candidate())
    desk.mark("ada", name)
    assert desk.sign("ben").signed == ()
    assert not take_back_mark(desk.ledger, name, "ben")
    with desk.ledger.read() as connection:
        (mark,) = list_marks(connection, "ada")
    assert sign_marks(desk.ledger, desk.policy, "ben", [mark.mark_id], pin="").signed == ()
    assert desk.state(name) is CandidateState.PENDING


def test_a_mark_that_became_stale_is_refused_by_itself(desk: Desk) -> None:
    stale, fresh = put_candidate(desk, make_candidate()), put_candidate(desk, make_candidate("warfarin"))
    desk.mark("ada", stale)
    desk.mark("ada", fresh)
    rehearse(desk, stale, answer="something else", release_id=1)
    result = desk.sign("ada")
    assert result.signed == (fresh,)
    assert [refusal.candidate_id for refusal in result.refused] == [stale]
    assert count_marks(desk) == 1


def test_a_rejection_ends_it_and_clears_the_marks_of_all(desk: Desk) -> None:
    name = put_candidate(desk, make_candidate())
    desk.decide("ada", name)
    desk.mark("cem", name)
    desk.decide("ben", name, Verdict.REJECT)
    assert (desk.state(name), count_marks(desk)) == (CandidateState.REJECTED, 0)
    assert len(decision_ids(desk.ledger)) == 2


def test_a_deferred_candidate_wakes_where_it_was(desk: Desk) -> None:
    name = put_candidate(desk, make_candidate())
    desk.decide("ada", name)
    desk.decide("ben", name, Verdict.DEFER)
    assert desk.state(name) is CandidateState.DEFERRED
    clock = desk.ledger.clock
    assert isinstance(clock, TickingClock)
    clock.now += timedelta(days=6)
    with desk.ledger.write() as transaction:
        assert wake_deferred(transaction, desk.policy) == ()
    clock.now += timedelta(days=1)
    with desk.ledger.write() as transaction:
        assert wake_deferred(transaction, desk.policy) == (name,)
    assert desk.state(name) is CandidateState.AWAITING_SECOND
    desk.decide("ben", name)
    assert desk.state(name) is CandidateState.APPROVED


def test_fix_and_approve_makes_another_candidate_that_is_signed_after_its_rehearsal(desk: Desk) -> None:
    original = put_candidate(desk, make_candidate(must_not_assert=("10 mg", "5 mg")))
    result = desk.decide("ada", original, Verdict.FIX_AND_APPROVE, fixed="5 mg at bedtime")
    (made,) = result.made
    with desk.ledger.read() as connection:
        before, after = read_case_file(connection, original), read_case_file(connection, made)
    assert (before.state, before.replaced_by, before.reason) == (CandidateState.CLOSED, made, "fixed by Ada")
    assert (after.state, after.fixed_by) == (CandidateState.PROPOSED, "Ada")
    assert after.candidate.object_new == "5 mg at bedtime"
    assert after.candidate.must_not_assert == ("10 mg",)
    assert "fixed by Ada: 5 mg -> 5 mg at bedtime" in after.candidate.flags
    assert (after.candidate.question, after.candidate.evidence) == (
        before.candidate.question,
        before.candidate.evidence,
    )
    assert "rehearsed" in desk.mark("ada", made)[0].words
    rehearse(desk, made)
    desk.decide("ada", made)
    assert desk.state(made) is CandidateState.AWAITING_SECOND
    desk.decide("ben", made)
    assert desk.state(made) is CandidateState.APPROVED


def test_who_fixed_a_low_risk_text_may_sign_it_alone(desk: Desk) -> None:
    original = put_candidate(desk, make_candidate(**LOW))
    (made,) = desk.decide("ada", original, Verdict.FIX_AND_APPROVE, fixed="7 mg").made
    rehearse(desk, made)
    desk.decide("ada", made)
    assert desk.state(made) is CandidateState.APPROVED


def test_the_same_fix_twice_is_refused_and_nothing_changes(desk: Desk) -> None:
    original = make_candidate()
    name = put_candidate(desk, original)
    put_candidate(desk, fixed_candidate(original, "7 mg", by="Ada"))
    desk.mark("ada", name, Verdict.FIX_AND_APPROVE, fixed="7 mg")
    result = desk.sign("ada")
    assert "on record already" in result.refused[0].words
    assert desk.state(name) is CandidateState.PENDING


def test_numbers_that_no_quote_holds_are_flagged(desk: Desk) -> None:
    text = "The recommended dose is 5 mg once daily."
    candidate = make_candidate(evidence=(cite(text, text, put_notice(desk, text)),))
    assert any("7.5" in flag for flag in fixed_candidate(candidate, "7.5 mg", by="Ada").flags)
    assert not any("no quote" in flag for flag in fixed_candidate(candidate, "5 mg daily", by="Ada").flags)


def test_changed_answers_void_an_approval(desk: Desk) -> None:
    name = put_candidate(desk, make_candidate(**LOW))
    desk.decide("ada", name)
    rehearse(desk, name, release_id=1)
    assert void(desk) == ()  # a new release alone voids nothing
    rehearse(desk, name, answer="another answer", release_id=2)
    ((voided, why),) = void(desk)
    assert voided == name
    assert "answers changed" in why
    assert desk.state(name) is CandidateState.PENDING
    assert len(decision_ids(desk.ledger)) == 1
    desk.decide("ada", name)
    assert desk.state(name) is CandidateState.APPROVED


def test_a_new_conflict_voids_and_asks_for_two(desk: Desk) -> None:
    name = put_candidate(desk, make_candidate(**LOW))
    desk.decide("ada", name)
    rival = put_candidate(desk, make_candidate(object_new="7 mg", **LOW))
    ((voided, why),) = void(desk)
    assert (voided, rival in why) == (name, True)
    desk.decide("ada", name)
    assert desk.state(name) is CandidateState.AWAITING_SECOND
    desk.decide("ben", rival, Verdict.REJECT)
    void(desk)
    assert desk.state(name) is CandidateState.APPROVED  # the conflict is gone, and Ada signed knowing of it


def test_a_newer_version_of_the_source_voids(desk: Desk) -> None:
    text = "The recommended dose is 5 mg."
    evidence = cite(text, "5 mg", put_notice(desk, text))
    name = put_candidate(desk, make_candidate(evidence=(evidence,), **LOW))
    desk.decide("ada", name)
    put_notice(desk, "The recommended dose is 6 mg.", version="2", ordinal=2)
    ((voided, why),) = void(desk)
    assert (voided, "version 2" in why) == (name, True)


def test_an_edit_in_memory_with_another_object_is_a_conflict(desk: Desk) -> None:
    old = put_candidate(desk, make_candidate(object_new="10 mg", object_old=None, must_not_assert=()))
    with desk.ledger.write() as transaction:
        transaction.execute(
            insert(tables.batches).values(batch_id="b1", ordinal=1, state="promoted", created_at="t", created_by="a")
        )
        transaction.execute(
            insert(tables.edits).values(
                edit_id="e1",
                candidate_id=old,
                batch_id="b1",
                functional_key=make_candidate().functional_key,
                body='{"object_new": "10 mg"}',
                state="live",
                created_at="2026",
            )
        )
        transaction.execute(update(tables.candidates).values(state=CandidateState.BATCHED))
    name = put_candidate(desk, make_candidate(**LOW))
    with desk.ledger.read() as connection:
        file = read_case_file(connection, name)
    assert [rival.name for rival in file.rivals] == ["e1"]
    assert desk.policy.required_signatures(file.case()) == 2


def test_the_shown_hash_covers_what_matters_and_nothing_else(desk: Desk) -> None:
    text = "5 mg. Before, 10 mg."
    ids = put_notice(desk, text)
    candidate = make_candidate(evidence=(cite(text, "5 mg", ids), cite(text, "10 mg", ids, role="previous")))
    name = put_candidate(desk, candidate)
    with desk.ledger.read() as connection:
        rehearsal = read_case_file(connection, name).rehearsal
    assert rehearsal is not None
    shown = shown_sha256(candidate, rehearsal)
    first = rehearsal.outcomes[0]
    same = [
        (candidate.model_copy(update={"evidence": candidate.evidence[::-1], "flags": ("x",)}), rehearsal),
        (candidate, rehearsal.model_copy(update={"release_id": 9, "outcomes": rehearsal.outcomes[::-1]})),
        (
            candidate,
            rehearsal.model_copy(update={"outcomes": (first.model_copy(update={"now": "?"}), rehearsal.outcomes[1])}),
        ),
    ]
    assert {shown_sha256(*pair) for pair in same} == {shown}
    said = first.model_copy(update={"would_say": "?"})
    moved = candidate.evidence[0].model_copy(update={"notice_id": "n-other"})
    other = [
        (candidate, None),
        (candidate, rehearsal.model_copy(update={"carrier": "soft"})),
        (candidate, rehearsal.model_copy(update={"outcomes": (said, rehearsal.outcomes[1])})),
        *(
            (candidate.model_copy(update={field: value}), rehearsal)
            for field, value in {
                "subject": "x",
                "relation": "x",
                "object_new": "x",
                "object_old": "x",
                "qualifiers": {"population": "women"},
                "question": "x",
                "must_not_assert": ("x",),
                "evidence": (moved, candidate.evidence[1]),
            }.items()
        ),
    ]
    hashes = {shown_sha256(*pair) for pair in other}
    assert len(hashes) == len(other)
    assert shown not in hashes


def test_signing_takes_the_pin_of_a_person(tmp_path: Path) -> None:
    desk = create_desk(tmp_path / "people", scripted=False)
    name = put_candidate(desk, make_candidate())
    desk.mark("ada", name)
    with pytest.raises(WrongPinError, match="4 tries left"):
        desk.sign("ada", "wrong")
    assert desk.state(name) is CandidateState.PENDING
    assert desk.sign("ada", PIN).signed == (name,)


def test_nobody_signs_who_is_not_enrolled(desk: Desk) -> None:
    with pytest.raises(IllegalTransitionError, match="no reviewer"):
        desk.sign("mallory")


def test_an_unknown_candidate_is_named(desk: Desk) -> None:
    choice = Choice("ada", Verdict.APPROVE, "x", quote_seen=True)
    with pytest.raises(UsageError, match="c-unknown"):
        save_mark(desk.ledger, desk.policy, "c-unknown", choice)


def test_a_clock_behind_the_record_signs_nothing_on_a_hospital_site(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflow.identity._can_log_in", lambda user_id: True)
    desk = create_desk(tmp_path / "hospital", kind="hospital", scripted=False)
    name = put_candidate(desk, make_candidate())
    desk.mark("ada", name)
    clock = desk.ledger.clock
    assert isinstance(clock, TickingClock)
    clock.now -= timedelta(days=1)
    with pytest.raises(IllegalTransitionError, match="clock"):
        desk.sign("ada")
    with desk.ledger.read() as connection:
        assert audit.verify(connection).ok
    assert desk.state(name) is CandidateState.PENDING
