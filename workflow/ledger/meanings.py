"""What a signature means, in the words that are printed with it (21 CFR 11.50: name, time, meaning)."""

from __future__ import annotations

from collections.abc import Mapping

from workflow.records import Action, Verdict

MEANINGS: Mapping[tuple[Verdict, Action], str] = {
    (Verdict.APPROVE, Action.EDIT): "approved: I checked the quote and the rehearsed answers",
    (Verdict.APPROVE, Action.WITHDRAW): "approved: this edit is to be taken out of the memory",
    (Verdict.FIX_AND_APPROVE, Action.EDIT): "corrected: I put another object in its place, to be rehearsed and signed",
    (Verdict.REJECT, Action.EDIT): "rejected: this must not enter the memory",
    (Verdict.REJECT, Action.WITHDRAW): "rejected: this edit stays in the memory",
    (Verdict.DEFER, Action.EDIT): "deferred: to be decided later",
    (Verdict.DEFER, Action.WITHDRAW): "deferred: to be decided later",
    (Verdict.CLOSE, Action.EDIT): "closed: there is nothing to do here",
    (Verdict.CLOSE, Action.WITHDRAW): "closed: there is nothing to do here",
    (Verdict.APPROVE, Action.FLAG): "confirmed: this answer is wrong",
    (Verdict.REJECT, Action.FLAG): "not confirmed: this answer may stand",
    (Verdict.DEFER, Action.FLAG): "deferred: to be decided later",
    (Verdict.CLOSE, Action.FLAG): "closed: there is nothing to do here",
}
