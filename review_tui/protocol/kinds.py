"""The kinds of things at the desk: verdicts, states, views, orders, refusals."""

from __future__ import annotations

from enum import StrEnum


class Verdict(StrEnum):
    """A reviewer's choice on a candidate."""

    APPROVE = "approve"
    FIX_AND_APPROVE = "fix_and_approve"
    REJECT = "reject"
    DEFER = "defer"
    CLOSE = "close"
    """Nothing to do here: true or not, it needs no edit."""


class Action(StrEnum):
    """What the candidate does to the memory once approved."""

    EDIT = "edit"
    WITHDRAW = "withdraw"
    FLAG = "flag"
    """Somebody says that an answer is wrong; approving confirms it and proposes to withdraw the edit behind it."""


class Risk(StrEnum):
    """Tier of a candidate: it decides how many signers are asked for."""

    LOW = "low"
    HIGH = "high"


class CandidateState(StrEnum):
    """Where a candidate stands in the record; a mark alone does not change it, a signature does."""

    PENDING = "pending"
    AWAITING_SECOND = "awaiting_second"
    DEFERRED = "deferred"
    APPROVED = "approved"
    REJECTED = "rejected"
    BATCHED = "batched"
    CLOSED = "closed"
    NO_EDIT_NEEDED = "no_edit_needed"


class QueueView(StrEnum):
    """One tab of the queue. A candidate may stand in several."""

    PENDING = "pending"
    """Waits for a first decision; marked ones stay in it (with their mark) until they are signed."""
    MINE = "mine"
    """Open, and claimed, drafted, marked or corrected by this reviewer, or by whom they stand in for."""
    MARKED = "marked"
    """Marked by this reviewer and not yet signed."""
    AWAITING_SECOND = "awaiting_second"
    DEFERRED = "deferred"
    CONFLICTS = "conflicts"
    """Pending or awaiting a second signature, and in conflict with the memory or with another candidate."""
    AFFECTED = "affected"
    """Open proposals to withdraw a live edit whose evidence was taken back or replaced, and flagged answers."""
    APPROVED = "approved"
    """Has all its signatures (in a batch or not yet)."""
    REJECTED = "rejected"
    NO_EDIT_NEEDED = "no_edit_needed"
    """Closed because the model already says it, or because a reviewer said that there is nothing to do."""


class QueueOrder(StrEnum):
    """How a view is ordered; equal ones stand oldest first, then by id, so that an order is stable."""

    RISK = "risk"
    """Urgent ones first, then conflicts, then high risk."""
    CONFLICT = "conflict"
    AGE = "age"
    """Oldest first."""
    NEWEST = "newest"
    SUBJECT = "subject"


class SignerProfile(StrEnum):
    """Whether high risk asks for two distinct signers on this site."""

    TWO_SIGNERS = "two_signers"
    ONE_SIGNER = "one_signer"


class RefusalKind(StrEnum):
    """Why a mark or a signature was not taken; decides what the screen does next."""

    STALE = "stale"
    """What was shown is no longer what is on record: the screen reads it again."""
    NOT_ALLOWED = "not_allowed"
    """This person may not do that here (fixed it, signed it first, wrong role, wrong state)."""
    EVIDENCE_NOT_SEEN = "evidence_not_seen"
    """The policy wants the quote to have been on the screen first."""
    REASON_NEEDED = "reason_needed"
    """The policy wants a reason code, or words."""
    CLAIMED = "claimed"
    """Somebody else works on it until a time; it can be taken over, which is recorded."""
