"""The review rules R1 to R9, without any I/O."""

from __future__ import annotations

from dataclasses import replace

import pytest

from workflow.records import Action, CandidateState, Risk, Verdict
from workflow.review_policy import Case, Choice, PolicyRefusalKind, ReviewPolicy, Signature, Upset, with_signature

SHOWN = "a" * 64
TWO = ReviewPolicy("two_signer")
ONE = ReviewPolicy("one_signer")
HIGH = Case(
    state=CandidateState.PENDING,
    action=Action.EDIT,
    risk=Risk.HIGH,
    in_conflict=False,
    rehearsed=True,
    shown_sha256=SHOWN,
    object_new="5 mg",
)
LOW = replace(HIGH, risk=Risk.LOW)
APPROVE = Choice("ada", Verdict.APPROVE, SHOWN, quote_seen=True)


def signed(case: Case, *people: str, verdict: Verdict = Verdict.APPROVE, shown: str = SHOWN, at: str = "2026") -> Case:
    """Give the case once these people have signed."""
    for person in people:
        case = with_signature(case, Signature(person, verdict, shown, at))
    return case


def kinds(policy: ReviewPolicy, case: Case, choice: Choice) -> list[PolicyRefusalKind]:
    """List the kinds of refusal."""
    return [refusal.kind for refusal in policy.refusals(case, choice)]


@pytest.mark.parametrize(
    ("policy", "case", "required"),
    [
        (TWO, LOW, 1),
        (TWO, HIGH, 2),
        (TWO, replace(LOW, in_conflict=True), 2),
        (TWO, replace(HIGH, action=Action.WITHDRAW), 1),
        (ONE, LOW, 1),
        (ONE, HIGH, 1),
        (ONE, replace(HIGH, in_conflict=True), 1),
    ],
)
def test_r2_signers_by_risk_and_profile(policy: ReviewPolicy, case: Case, required: int) -> None:
    assert policy.required_signatures(case) == required


@pytest.mark.parametrize("state", CandidateState)
def test_r1_only_open_candidates_are_decided(state: CandidateState) -> None:
    is_open = state in (CandidateState.PENDING, CandidateState.AWAITING_SECOND, CandidateState.DEFERRED)
    for verdict in Verdict:
        choice = replace(APPROVE, verdict=verdict, reason_code="x", fixed_object="7 mg")
        assert (kinds(TWO, replace(LOW, state=state), choice) == []) is is_open


def test_r3_the_same_person_counts_once() -> None:
    once = replace(signed(HIGH, "ada"), state=CandidateState.AWAITING_SECOND)
    assert kinds(TWO, once, APPROVE) == [PolicyRefusalKind.NOT_ALLOWED]
    assert TWO.state_of(signed(HIGH, "ada", "ada", "ada")) is CandidateState.AWAITING_SECOND
    assert TWO.next_state(once, replace(APPROVE, reviewer_id="ben"), signed_at="2026") is CandidateState.APPROVED


def test_the_last_word_of_a_person_counts() -> None:
    case = signed(signed(HIGH, "ada"), "ada", verdict=Verdict.DEFER)
    assert TWO.standing(case) == ()


def test_r4_what_voids_a_signature() -> None:
    case = signed(HIGH, "ada", "ben", at="2026-11-20T10:00:00Z")
    assert TWO.state_of(case) is CandidateState.APPROVED
    assert TWO.state_of(replace(case, shown_sha256="b" * 64)) is CandidateState.PENDING
    known = Upset("2026-11-20T09:59:59Z", "an old conflict")
    later = Upset("2026-11-20T10:00:00Z", "a new conflict")
    assert TWO.state_of(replace(case, upsets=(known,))) is CandidateState.APPROVED
    voided = replace(case, upsets=(known, later))
    assert TWO.state_of(voided) is CandidateState.PENDING
    assert TWO.why_void(voided, voided.signatures[0]) == "a new conflict"


def test_r4_nobody_signs_what_they_did_not_see() -> None:
    for verdict in Verdict:
        choice = replace(APPROVE, verdict=verdict, shown_sha256="b" * 64, reason_code="x", fixed_object="7 mg")
        assert kinds(TWO, LOW, choice) == [PolicyRefusalKind.STALE]


@pytest.mark.parametrize("verdict", Verdict)
def test_r5_high_risk_wants_the_quote_seen(verdict: Verdict) -> None:
    choice = replace(APPROVE, verdict=verdict, quote_seen=False, reason_code="x", fixed_object="7 mg")
    approves = verdict in (Verdict.APPROVE, Verdict.FIX_AND_APPROVE)
    expected = [PolicyRefusalKind.EVIDENCE_NOT_SEEN] if approves else []
    assert kinds(TWO, HIGH, choice) == expected
    assert kinds(TWO, replace(LOW, in_conflict=True), choice) == expected
    assert kinds(TWO, LOW, choice) == []


def test_r6_no_approval_without_a_rehearsal() -> None:
    unseen = replace(LOW, rehearsed=False)
    assert kinds(TWO, unseen, APPROVE) == [PolicyRefusalKind.NOT_ALLOWED]
    assert kinds(TWO, replace(unseen, action=Action.WITHDRAW), APPROVE) == []
    assert kinds(TWO, unseen, replace(APPROVE, verdict=Verdict.REJECT, reason_code="x")) == []


def test_r6_moves_warn_and_do_not_forbid() -> None:
    assert kinds(TWO, LOW, APPROVE) == []
    assert len(TWO.warnings(replace(LOW, in_conflict=True), moves=2, takes=False)) == 3
    assert TWO.warnings(LOW, moves=0, takes=True) == ()


def test_r7_reasons() -> None:
    reject = replace(APPROVE, verdict=Verdict.REJECT)
    assert kinds(TWO, LOW, reject) == [PolicyRefusalKind.REASON_NEEDED]
    assert kinds(TWO, LOW, replace(reject, reason_code="other")) == [PolicyRefusalKind.REASON_NEEDED]
    assert kinds(TWO, LOW, replace(reject, reason_code="other", reason_text="because")) == []
    assert kinds(TWO, LOW, replace(reject, verdict=Verdict.DEFER)) == []
    assert TWO.next_state(signed(HIGH, "ben"), reject, signed_at="2026") is CandidateState.REJECTED
    assert TWO.next_state(HIGH, replace(reject, verdict=Verdict.DEFER), signed_at="2026") is CandidateState.DEFERRED


@pytest.mark.parametrize("fixed", [None, "", "  ", "5 mg", " 5  mg ", "7\nmg", "7 mg\x1b[31m", "7\u202emg", "x" * 301])
def test_r8_what_is_no_fix(fixed: str | None) -> None:
    choice = replace(APPROVE, verdict=Verdict.FIX_AND_APPROVE, fixed_object=fixed)
    assert kinds(TWO, LOW, choice) == [PolicyRefusalKind.NOT_ALLOWED]


def test_r8_a_fix_closes_the_original_and_a_withdrawal_has_none() -> None:
    choice = replace(APPROVE, verdict=Verdict.FIX_AND_APPROVE, fixed_object="7 mg")
    assert kinds(TWO, LOW, choice) == []
    assert TWO.next_state(LOW, choice, signed_at="2026") is CandidateState.CLOSED
    assert kinds(TWO, replace(LOW, action=Action.WITHDRAW), choice) == [PolicyRefusalKind.NOT_ALLOWED]
