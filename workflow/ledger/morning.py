"""What the first screen of the review tells besides the queue: what became of decisions, and what waits elsewhere."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, func, select

from workflow.clock import utc_text
from workflow.ledger.tables import batches, candidates, decisions, edits
from workflow.records import CandidateState, Verdict

LOOKS_BACK = timedelta(days=4)
"""How far "yesterday" reaches: over a long weekend."""


@dataclass(frozen=True)
class Outcome:
    """What became of a number of decisions."""

    count: int
    words: str


def outcomes(connection: Connection, *, now: datetime) -> tuple[Outcome, ...]:
    """Say what became of the candidates that were decided lately, the most frequent first."""
    recent = select(decisions.c.candidate_id).where(decisions.c.signed_at >= utc_text(now - LOOKS_BACK))
    release, hold = batches.c.release_id, batches.c.hold_reason
    query = (
        select(candidates.c.state, candidates.c.reason, edits.c.state, edits.c.reason, batches.c.state, release, hold)
        .outerjoin(edits, edits.c.candidate_id == candidates.c.candidate_id)
        .outerjoin(batches, batches.c.batch_id == edits.c.batch_id)
        .where(candidates.c.candidate_id.in_(recent))
    )
    counted = Counter(_words(_Standing(*row)) for row in connection.execute(query))
    return tuple(Outcome(count, words) for words, count in counted.most_common() if words)


def fixes_in_rehearsal(connection: Connection, reviewer_id: str) -> int:
    """Count the candidates that this reviewer corrected and that are not rehearsed yet."""
    original, made = candidates.alias("original"), candidates.alias("made")
    query = (
        select(func.count(func.distinct(made.c.candidate_id)))
        .select_from(original)
        .join(made, made.c.candidate_id == original.c.replaced_by)
        .join(
            decisions,
            and_(
                decisions.c.candidate_id == original.c.candidate_id,
                decisions.c.reviewer_id == reviewer_id,
                decisions.c.verdict == Verdict.FIX_AND_APPROVE,
            ),
        )
        .where(made.c.state == CandidateState.PROPOSED)
    )
    return int(connection.execute(query).scalar_one())


@dataclass(frozen=True)
class _Standing:
    """Where a decided candidate stands now, and why, as its rows say."""

    state: str
    reason: str | None
    edit: str | None
    edit_reason: str | None
    batch: str | None
    release_id: int | None
    hold_reason: str | None


def _words(now: _Standing) -> str:
    """Say it in the line's words; what was refused, held or sent back says why."""
    if now.edit == "live":
        return f"live, since release {now.release_id}" if now.release_id is not None else "live"
    if now.edit == "ejected":
        return _because("refused by the gate", now.edit_reason or now.reason)
    if now.edit not in (None, "in_batch", "cancelled"):
        return _because(str(now.edit), now.edit_reason)
    if now.state == CandidateState.BATCHED:
        return _because(f"in a batch that is {(now.batch or 'gone').replace('_', ' ')}", now.hold_reason)
    if now.state in (CandidateState.CLOSED, CandidateState.NO_EDIT_NEEDED):
        return _because("closed or corrected", now.reason)
    return {
        CandidateState.APPROVED: "approved, in no batch yet",
        CandidateState.AWAITING_SECOND: "waiting for a second signature",
        CandidateState.REJECTED: "rejected",
        CandidateState.DEFERRED: "deferred",
        CandidateState.PENDING: "back in the queue: the signatures do not stand any more",
    }.get(CandidateState(now.state), "")


def _because(what: str, why: str | None) -> str:
    told = " ".join((why or "").replace("_", " ").split()).removeprefix("ejected by the gate: ")
    return f"{what}, because {told}" if told else what
