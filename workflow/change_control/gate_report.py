"""What the gate found: one frozen record, stored with the gate, shown in reports, and enough to replay the verdict."""

from __future__ import annotations

from enum import StrEnum

from workflow.records import GateVerdict, Record


class CheckName(StrEnum):
    """The checks of the gate; one that is missing from a report counts as not passed."""

    TAKES = "takes"
    """Each edit's question and paraphrases say the new object and not the old one."""
    NEAR_MISSES = "near_misses"
    """Questions next to an edit, of this batch and of every edit in force, keep their answers."""
    PINNED = "pinned"
    """The site's pinned safety set: not one answer moves, but where a newer edit of the same key takes over."""
    PORTFOLIO = "portfolio"
    """The edits in force still answer their questions and paraphrases, but for those that are superseded."""
    CONFLICTS = "conflicts"
    """No two edits of the batch claim different objects for one functional key."""
    FAQ = "faq"
    """The clinical question set: share of moved answers against a limit, with a Wilson bound."""
    AUDIT = "audit"
    """A random sample of questions that nothing should have touched was run all the same, and is identical."""
    UNDO = "undo"
    """Stage, undo, stage: the digests are equal, and undone equals live."""


class Check(Record):
    """One check: how many were asked, how many failed, and what that means."""

    name: CheckName
    verdict: GateVerdict
    asked: int
    failed: int
    limit: float = 0.0
    bound: float | None = None
    """Upper Wilson 95 % bound of the share that failed, where the check is a sample."""
    detail: str = ""


class Failure(Record):
    """One question that came out wrong, with both answers and the edit that did it."""

    check: CheckName
    question: str
    kind: str
    live_answer: str
    staged_answer: str
    culprit: str | None = None
    """The edit that fired, in words of the batch; None where nothing fired."""


class Ejected(Record):
    """An edit that was taken out of the batch, and why; the signatures of the others stand."""

    edit_id: str
    candidate_id: str
    subject: str
    relation: str
    reason: str
    failures: tuple[Failure, ...]


class GateReport(Record):
    """The gate's whole finding on one batch."""

    gate_id: str
    batch_id: str
    base_release_id: int
    verdict: GateVerdict
    checks: tuple[Check, ...]
    failures: tuple[Failure, ...]
    """Failures of the edits that stayed in; empty when the verdict is pass."""
    ejected: tuple[Ejected, ...]
    passed_edits: tuple[str, ...]
    rounds: int
    probes: int
    questions_run: int
    """Questions put to the language model in all rounds; what an earlier round asked is not generated again."""
    live_digest: str
    staged_digest: str
    inputs_sha256: str
    seconds: float
    trouble: str = ""
    """Why the gate ended before its verdict: one line; empty where it came to one."""

    @property
    def all_failures(self) -> tuple[Failure, ...]:
        """Every question that came out wrong: of the edits that stayed in, then of those that were taken out."""
        return (*self.failures, *(failure for gone in self.ejected for failure in gone.failures))

    @property
    def missing(self) -> tuple[CheckName, ...]:
        """Checks that did not run."""
        present = {check.name for check in self.checks}
        return tuple(name for name in CheckName if name not in present)


def verdict_of(checks: tuple[Check, ...], *, edits_left: int) -> GateVerdict:
    """The batch's verdict: refuse when nothing is left or a check refuses, hold when one is missing or undecided."""
    present = {check.name for check in checks}
    verdicts = {check.verdict for check in checks}
    if edits_left == 0 or GateVerdict.REFUSE in verdicts:
        return GateVerdict.REFUSE
    if any(name not in present for name in CheckName) or GateVerdict.HOLD in verdicts:
        return GateVerdict.HOLD
    return GateVerdict.PASS
