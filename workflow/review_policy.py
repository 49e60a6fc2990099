"""Who may decide what, and when a candidate is approved: pure rules, without I/O.

The rules:

R1  A candidate can be decided while it is pending, awaiting a second signature, or deferred; never before its
    rehearsal, never once it is approved, in a batch, rejected or closed.
R2  Low risk asks for one signer; high risk for two distinct ones. A candidate in conflict with the memory or with
    another candidate counts as high. A withdrawal always asks for one: taking out is the safe direction. On a
    one-signer site everything asks for one.
R3  Who fixed the text may sign it. On a two-signer site a high-risk text that was fixed needs somebody else as well,
    which R2 already says: the same person counts once, however often they sign.
R4  An approval stands while what was shown is still what is on record (``shown_sha256``), and nothing came after it
    that it could not know: a new conflict, a newer version of the source, a warning about a document that says the
    same and came later. A new release alone voids nothing.
R5  A high-risk candidate is approved only after every quote was on the screen.
R6  An edit without a rehearsal is not approved: nobody has seen what the model would say. Moved near misses and
    answers that do not take warn and do not forbid; the gate decides on them.
R7  Reject, defer and close take one person and, for reject and close, a reason. Reject and close end the candidate
    whoever signed before.
R8  *Fix and approve* makes a new candidate of the corrected object, which is rehearsed and signed like any other;
    its author signs it then, having seen what the model would say. It must change something.
R9  Nothing is an approval by default: no verdict, no change.
R10 An answer that somebody flagged as wrong is confirmed (approve) or not (reject) by one person; it has no rehearsal
    and no wording to fix, and never becomes an edit.
R11 Many at once are rejected, deferred or closed, never approved; what is of high risk, in conflict, a withdrawal or a
    flagged answer is decided by itself.
R12 A decision that a person took back (undone by who signed it, or re-opened by anybody with a reason) counts no more.
    What was taken back is not in ``Case.signatures``.
R13 Who is enrolled as second signer only never gives the first signature.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from workflow.records import Action, CandidateState, Risk, Verdict

BULK_VERDICTS = (Verdict.REJECT, Verdict.DEFER, Verdict.CLOSE)
OPEN_STATES = (CandidateState.PENDING, CandidateState.AWAITING_SECOND, CandidateState.DEFERRED)
LONGEST_OBJECT = 300


class PolicyRefusalKind(StrEnum):
    """Why a verdict is not taken."""

    STALE = "stale"
    NOT_ALLOWED = "not_allowed"
    EVIDENCE_NOT_SEEN = "evidence_not_seen"
    REASON_NEEDED = "reason_needed"
    CLAIMED = "claimed"


@dataclass(frozen=True)
class PolicyRefusal:
    """Why a verdict is not taken, in one line for the reviewer."""

    kind: PolicyRefusalKind
    words: str


@dataclass(frozen=True)
class Signature:
    """One decision as the rules see it."""

    reviewer_id: str
    verdict: Verdict
    shown_sha256: str
    signed_at: str


@dataclass(frozen=True)
class Upset:
    """Something that earlier signers could not know: a conflict, a newer version of the source, a late warning."""

    at: str
    words: str


@dataclass(frozen=True)
class Case:
    """What the rules need to know of a candidate."""

    state: CandidateState
    action: Action
    risk: Risk
    in_conflict: bool
    rehearsed: bool
    shown_sha256: str
    object_new: str
    signatures: tuple[Signature, ...] = ()
    upsets: tuple[Upset, ...] = ()


@dataclass(frozen=True)
class Choice:
    """A verdict as a reviewer gave it."""

    reviewer_id: str
    verdict: Verdict
    shown_sha256: str
    quote_seen: bool
    reason_code: str = ""
    reason_text: str = ""
    fixed_object: str | None = None
    may_sign_first: bool = True
    """Whether the reviewer's duties let them decide where nobody has signed yet."""
    may_sign_second: bool = True
    """Whether their duties let them decide where somebody has."""


@dataclass(frozen=True)
class ReviewPolicy:
    """The rules of one site."""

    signer_profile: str
    reasons_needing_words: frozenset[str] = field(default_factory=lambda: frozenset({"other"}))

    def required_signatures(self, case: Case) -> int:
        """Say how many distinct people must approve (R2)."""
        if self.signer_profile == "one_signer" or case.action is not Action.EDIT:
            return 1
        return 2 if case.risk is Risk.HIGH or case.in_conflict else 1

    def standing(self, case: Case) -> tuple[Signature, ...]:
        """Give the approvals that count now: each person's last word, of what is on record, nothing new since (R4)."""
        last = {signature.reviewer_id: signature for signature in case.signatures}
        return tuple(
            signature
            for signature in last.values()
            if signature.verdict is Verdict.APPROVE and not self.why_void(case, signature)
        )

    def why_void(self, case: Case, signature: Signature) -> str:
        """Say why an approval counts no more; empty while it stands (R4)."""
        if signature.shown_sha256 != case.shown_sha256:
            return "the fact, its evidence or the rehearsed answers changed"
        later = [upset.words for upset in case.upsets if upset.at >= signature.signed_at]
        return "; ".join(later)

    def state_of(self, case: Case) -> CandidateState:
        """Say where a candidate stands by its signatures alone: pending, awaiting a second one, or approved."""
        given = len(self.standing(case))
        if given >= self.required_signatures(case):
            return CandidateState.APPROVED
        return CandidateState.AWAITING_SECOND if given else CandidateState.PENDING

    def next_state(self, case: Case, choice: Choice, *, signed_at: str) -> CandidateState:
        """Say where the candidate goes once this choice is signed; the choice was not refused."""
        if choice.verdict is Verdict.REJECT:
            return CandidateState.REJECTED
        if choice.verdict is Verdict.DEFER:
            return CandidateState.DEFERRED
        if choice.verdict in (Verdict.FIX_AND_APPROVE, Verdict.CLOSE) or case.action is Action.FLAG:
            return CandidateState.CLOSED
        mine = Signature(choice.reviewer_id, choice.verdict, choice.shown_sha256, signed_at)
        return self.state_of(with_signature(case, mine))

    def refusals(self, case: Case, choice: Choice) -> tuple[PolicyRefusal, ...]:
        """List why this choice is not taken; empty where it is."""
        found = [*self._not_open(case), *self._stale(case, choice)]
        if not found:
            found = [*self._not_allowed(case, choice), *self._unseen(case, choice), *self._no_reason(choice)]
        return tuple(found)

    def bulk_refusal(self, case: Case, verdict: Verdict) -> str:
        """Say why a candidate is left out of a verdict on many; empty where it is taken (R11)."""
        if verdict not in BULK_VERDICTS:
            return "many at once are rejected, deferred or closed, never approved"
        if case.action is Action.WITHDRAW:
            return "a withdrawal: decide it by itself"
        if case.action is Action.FLAG:
            return "a flagged answer: decide it by itself"
        if case.in_conflict:
            return "in conflict with the memory or another candidate: decide it by itself"
        return "high risk: decide it by itself" if case.risk is Risk.HIGH else ""

    def warnings(self, case: Case, *, moves: int, takes: bool) -> tuple[str, ...]:
        """List what does not forbid an approval and should make a person think (R6)."""
        lines = []
        if case.rehearsed and not takes:
            lines.append("not every question got the new object in the rehearsal; the gate will eject it as it is")
        if moves:
            lines.append(f"{moves} near misses would move; the gate decides on them")
        if case.in_conflict:
            lines.append("in conflict with the memory or another candidate: it counts as high risk")
        return tuple(lines)

    def _not_open(self, case: Case) -> Sequence[PolicyRefusal]:
        if case.state in OPEN_STATES:
            return ()
        words = f"it is {case.state.replace('_', ' ')}: nothing to decide here any more"
        if case.state is CandidateState.PROPOSED:
            words = "it has not been rehearsed yet: nobody has seen what the model would say"
        return (PolicyRefusal(PolicyRefusalKind.NOT_ALLOWED, words),)

    def _stale(self, case: Case, choice: Choice) -> Sequence[PolicyRefusal]:
        if choice.shown_sha256 == case.shown_sha256:
            return ()
        return (
            PolicyRefusal(PolicyRefusalKind.STALE, "what was shown is no longer what is on record; look at it again"),
        )

    def _not_allowed(self, case: Case, choice: Choice) -> Sequence[PolicyRefusal]:
        words = ""
        if not (choice.may_sign_first or choice.may_sign_second):
            words = "your duties here do not hold deciding; see medrek-flow reviewer list"
        elif not choice.may_sign_first and not self.standing(case):
            words = "you are enrolled as second signer: somebody else signs first"
        elif choice.verdict is Verdict.APPROVE:
            if not case.rehearsed and case.action is Action.EDIT:
                words = "it has no rehearsal yet: nobody has seen what the model would say"
            elif any(signature.reviewer_id == choice.reviewer_id for signature in self.standing(case)):
                words = "you have signed it already; the second signature must be another person's"
        elif choice.verdict is Verdict.FIX_AND_APPROVE:
            words = self._bad_fix(case, choice.fixed_object)
        return (PolicyRefusal(PolicyRefusalKind.NOT_ALLOWED, words),) if words else ()

    def _bad_fix(self, case: Case, fixed: str | None) -> str:
        if case.action is not Action.EDIT:
            what = "a withdrawal" if case.action is Action.WITHDRAW else "a flagged answer"
            return f"{what} has no wording to fix; approve or reject it"
        if fixed is None or not fixed.strip():
            return "the fixed object is empty"
        if " ".join(fixed.split()) == " ".join(case.object_new.split()):
            return "the fixed object is the one proposed; approve it instead"
        if len(fixed) > LONGEST_OBJECT or not fixed.isprintable():
            return f"the fixed object must be one line of visible text, at most {LONGEST_OBJECT} characters"
        return ""

    def _unseen(self, case: Case, choice: Choice) -> Sequence[PolicyRefusal]:
        is_high = case.action is not Action.FLAG and (case.risk is Risk.HIGH or case.in_conflict)
        if choice.quote_seen or not is_high or choice.verdict not in (Verdict.APPROVE, Verdict.FIX_AND_APPROVE):
            return ()
        words = "high risk: every quote must have been on the screen first"
        return (PolicyRefusal(PolicyRefusalKind.EVIDENCE_NOT_SEEN, words),)

    def _no_reason(self, choice: Choice) -> Sequence[PolicyRefusal]:
        code, text = choice.reason_code, choice.reason_text.strip()
        words = ""
        if choice.verdict in (Verdict.REJECT, Verdict.CLOSE) and not code and not text:
            words = "a rejection needs a reason" if choice.verdict is Verdict.REJECT else "closing needs a reason"
        elif code in self.reasons_needing_words and not text:
            words = "this reason needs a few words"
        return (PolicyRefusal(PolicyRefusalKind.REASON_NEEDED, words),) if words else ()


def with_signature(case: Case, signature: Signature) -> Case:
    """Give the case as it is once one more decision is signed."""
    return replace(case, signatures=(*case.signatures, signature))
