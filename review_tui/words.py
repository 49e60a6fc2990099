"""How states, tiers and verdicts are written: always a glyph and a word, so that colour never stands alone.

Glyphs are one cell wide, in the basic plane, and no emoji.
"""

from __future__ import annotations

from review_tui.protocol import Action, CandidateState, QueueOrder, QueueView, Risk, SignerProfile, Verdict

VERDICT_GLYPH = {
    Verdict.APPROVE: "✓",
    Verdict.FIX_AND_APPROVE: "±",
    Verdict.REJECT: "✗",
    Verdict.DEFER: "»",
    Verdict.CLOSE: "○",
}
VERDICT_WORD = {
    Verdict.APPROVE: "approve",
    Verdict.FIX_AND_APPROVE: "fix and approve",
    Verdict.REJECT: "reject",
    Verdict.DEFER: "defer",
    Verdict.CLOSE: "close",
}
VERDICT_SHORT = {
    Verdict.APPROVE: "approve",
    Verdict.FIX_AND_APPROVE: "fixed",
    Verdict.REJECT: "reject",
    Verdict.DEFER: "defer",
    Verdict.CLOSE: "close",
}
VERDICT_STYLE = {
    Verdict.APPROVE: "bold $text-success",
    Verdict.FIX_AND_APPROVE: "bold $text-success",
    Verdict.REJECT: "bold $text-error",
    Verdict.DEFER: "bold $text-warning",
    Verdict.CLOSE: "bold $text-warning",
}

RISK_LABEL = {Risk.HIGH: "▲ HIGH", Risk.LOW: "· low"}
RISK_STYLE = {Risk.HIGH: "bold $text-warning", Risk.LOW: ""}

ACTION_WORD = {Action.EDIT: "edit", Action.WITHDRAW: "withdrawal", Action.FLAG: "flagged answer"}

STATE_WORD = {
    CandidateState.PENDING: "pending",
    CandidateState.AWAITING_SECOND: "awaits a second signature",
    CandidateState.DEFERRED: "deferred",
    CandidateState.APPROVED: "approved",
    CandidateState.REJECTED: "rejected",
    CandidateState.BATCHED: "in a batch",
    CandidateState.CLOSED: "closed",
    CandidateState.NO_EDIT_NEEDED: "no edit needed",
}

VIEW_WORD = {
    QueueView.PENDING: "Pending",
    QueueView.MINE: "Mine",
    QueueView.MARKED: "Marked",
    QueueView.AWAITING_SECOND: "Second",
    QueueView.DEFERRED: "Deferred",
    QueueView.CONFLICTS: "Conflicts",
    QueueView.AFFECTED: "Affected",
    QueueView.APPROVED: "Approved",
    QueueView.REJECTED: "Rejected",
    QueueView.NO_EDIT_NEEDED: "No edit",
}
ORDER_WORD = {
    QueueOrder.RISK: "urgent, conflict, high risk, then oldest",
    QueueOrder.CONFLICT: "conflicts first",
    QueueOrder.AGE: "oldest first",
    QueueOrder.NEWEST: "newest first",
    QueueOrder.SUBJECT: "subject",
}
VIEW_EMPTY = {
    QueueView.PENDING: "Nothing waits for a decision.",
    QueueView.MINE: "Nothing is claimed, drafted, marked or corrected by you.",
    QueueView.MARKED: "Nothing is marked. Open a candidate and mark it; S signs what is marked.",
    QueueView.AWAITING_SECOND: "Nothing waits for a second signature.",
    QueueView.DEFERRED: "Nothing is deferred.",
    QueueView.CONFLICTS: "No conflicts.",
    QueueView.AFFECTED: "No live edit is proposed for withdrawal, and no answer is flagged.",
    QueueView.APPROVED: "Nothing is approved yet.",
    QueueView.REJECTED: "Nothing is rejected.",
    QueueView.NO_EDIT_NEEDED: "Nothing was closed without an edit.",
}

EVIDENCE_ROLE = {
    "claim": "says the new object",
    "previous": "said the old object",
    "retraction": "takes it back",
}

PROFILE_WORD = {SignerProfile.TWO_SIGNERS: "two signers", SignerProfile.ONE_SIGNER: "ONE signer"}


def counted(count: int, one: str, many: str | None = None) -> str:
    """Write a number with its noun: ``1 mark``, ``3 marks``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def fact_name(subject: str, qualifiers: str, relation: str) -> str:
    """Name a fact without its object: ``corvandine · women · recommended dose``."""
    return " · ".join(word for word in (subject, qualifiers, relation.replace("_", " ")) if word)
