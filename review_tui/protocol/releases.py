"""Batches, releases and what the worker was asked to do, as the screens show them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from review_tui.protocol.kinds import Risk


class BatchState(StrEnum):
    """Where a batch stands."""

    OPEN = "open"
    STAGED = "staged"
    PASSED = "passed"
    HELD = "held"
    REFUSED = "refused"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"
    CANCELLED = "cancelled"


class OrderKind(StrEnum):
    """Work that needs the model, which the worker does."""

    CHECK = "check"
    """Stage a batch and run its gate."""
    PROMOTE = "promote"
    """Make a passed batch live, and ask the live model."""
    EXPEDITE = "expedite"
    """Take one candidate through batch, gate and promotion before anything else."""


class OrderState(StrEnum):
    """Where an order stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class OrderLine:
    """Something the worker was asked to do."""

    order_id: int
    kind: OrderKind
    subject: str
    """Batch or candidate."""
    state: OrderState
    words: str
    """What it is doing, or what came of it, in one line."""
    done: int
    total: int | None
    """None where nobody knows how much there is."""
    ordered_by: str
    ordered_at: datetime
    finished_at: datetime | None = None


@dataclass(frozen=True)
class ReadyLine:
    """An approved candidate that is in no batch yet."""

    candidate_id: str
    risk: Risk
    subject: str
    qualifiers: str
    relation: str
    question: str
    object_new: str
    signed_by: tuple[str, ...]


@dataclass(frozen=True)
class BatchEditLine:
    """One edit of a batch."""

    edit_id: str
    candidate_id: str
    question: str
    object_new: str
    state: str
    """``in_batch``, ``ejected``, ``live``, ``withdrawn`` or ``superseded``."""
    reason: str
    carrier: str


@dataclass(frozen=True)
class GateCheckLine:
    """One check of the gate."""

    name: str
    verdict: str
    """``pass``, ``refuse``, ``hold`` or ``missing``, which counts as not passed."""
    asked: int
    failed: int
    words: str


@dataclass(frozen=True)
class GateFailureLine:
    """A question that came out wrong, with both answers and what did it."""

    check: str
    question: str
    kind: str
    now: str
    would_say: str
    culprit: str
    """The edit that fired; empty where none did."""


@dataclass(frozen=True)
class EjectedLine:
    """An edit that the gate took out."""

    edit_id: str
    candidate_id: str
    fact: str
    reason: str
    failures: tuple[GateFailureLine, ...]


@dataclass(frozen=True)
class GateView:
    """What the gate found."""

    gate_id: str
    verdict: str
    compared_with: int
    """The release."""
    checks: tuple[GateCheckLine, ...]
    failures: tuple[GateFailureLine, ...]
    ejected: tuple[EjectedLine, ...]
    probes: int
    questions_run: int
    seconds: float


@dataclass(frozen=True)
class BatchLine:
    """One batch as lists show it."""

    batch_id: str
    state: BatchState
    standing: int
    """Edits that were not ejected."""
    edits: int
    created_at: datetime
    created_by: str
    note: str
    release_id: int | None
    order: OrderLine | None = None
    """What the worker has to do for it, or did last."""
    standing_word: str = ""
    """Why it stands still, in words; empty where it does not."""
    expedited: bool = False


@dataclass(frozen=True)
class BatchView:
    """One batch with its edits, its gate and what may be done with it now."""

    line: BatchLine
    edits: tuple[BatchEditLine, ...]
    gate: GateView | None
    why_not_submit: str | None
    """Why it cannot be sent to the worker, in one line; None where it can."""
    why_not_promote: str | None
    why_not_roll_back: str | None
    why_not_cancel: str | None = None
    """Why it cannot be ended, so that its candidates are approved again; None where it can."""


@dataclass(frozen=True)
class ReleasedLine:
    """One edit in force."""

    edit_id: str
    batch_id: str
    candidate_id: str
    fact: str
    question: str
    object_new: str


@dataclass(frozen=True)
class ReleaseLine:
    """One release as the history shows it."""

    release_id: int
    created_at: datetime
    cause: str
    batch_id: str
    actor: str
    reason: str
    check_state: str
    """``passed``, ``pending`` or ``failed``."""
    edits: int
    is_live: bool


@dataclass(frozen=True)
class ReleaseView:
    """One release, and what it changed."""

    line: ReleaseLine
    came: tuple[ReleasedLine, ...]
    left: tuple[ReleasedLine, ...]
    in_force: tuple[ReleasedLine, ...]
    digest: str


@dataclass(frozen=True)
class RollbackView:
    """The exact effect of a rollback, before it is done."""

    batch_id: str
    only: tuple[str, ...]
    live_release: int
    leaving: tuple[ReleasedLine, ...]
    answering_again: tuple[ReleasedLine, ...]
    """Older facts that will answer again, and will be sent to review."""
    staying: int
    digest_new: str
    type_this: str
    """What the person must type to do it: the batch, or the edit where it is one."""


@dataclass(frozen=True)
class AffectedLine:
    """A live edit whose evidence was taken back or replaced."""

    edit_id: str
    fact: str
    question: str
    object_new: str
    why: tuple[str, ...]
    proposal: str
    """Candidate that proposes the withdrawal; empty where none stands yet."""
    proposal_state: str
    in_force: bool
    severity: str = ""
    """``urgent``, ``high``, ``medium`` or ``routine``."""
    deadline: str = ""
    """The day to decide by."""
    overdue: bool = False


@dataclass(frozen=True)
class ServingLine:
    """What is served now."""

    release_id: int | None
    edits: int
    stopped: bool
    words: str


@dataclass(frozen=True)
class ActResult:
    """What became of an act on a batch or a release."""

    done: bool
    words: str
    """What was done, or why not, in one line."""
    made: str = ""
    """Id of what it made: a batch, an order, a release, a candidate."""
