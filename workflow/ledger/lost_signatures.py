"""Signed candidates that something ended before they were live: which, by what, and what a person does next.

A source that publishes a newer version, or takes a work back, closes or voids what people signed. Nothing of that is an
error, and none of it may end in silence: status, promotion, the first screen and the night's report all read it here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, select

from workflow.clock import utc_text
from workflow.ledger.case_file import CaseFile, read_case_files
from workflow.ledger.desk_tables import reversals, seeded_candidates
from workflow.ledger.tables import audit, candidates, decisions, edits, notices
from workflow.records import Action, CandidateState, Verdict

LOOKS_BACK = timedelta(days=14)
"""How long a closed one is told of, where nobody does anything about it: a holiday."""
CLOSED_EVENT = "candidate.closed"
_WAITS = (CandidateState.PROPOSED, CandidateState.PENDING, CandidateState.AWAITING_SECOND, CandidateState.DEFERRED)
_VOID = "signatures void: "


@dataclass(frozen=True)
class LostSignature:
    """One candidate that was signed, and is neither live nor on its way there any more."""

    candidate_id: str
    subject: str
    state: str
    """``closed``, or where it went back to: ``pending``, ``awaiting_second``."""
    signed_by: tuple[str, ...]
    since: str
    """When it was closed; empty where it went back to the queue."""
    why: str
    newer: str
    """The newer version that its source published; empty where that is not why."""
    successor: str
    """Candidate that says what the source says now; empty where there is none."""
    next_step: str

    @property
    def line(self) -> str:
        """All of it in one line."""
        signers = ", ".join(self.signed_by)
        day = f" on {self.since[:10]}" if self.since else ""
        became = (
            f"was closed{day}" if self.state == CandidateState.CLOSED else f"is {self.state.replace('_', ' ')} again"
        )
        newer = f" ({self.newer})" if self.newer else ""
        return (
            f"{self.candidate_id} ({self.subject}), signed by {signers}, {became}: {self.why}{newer}; {self.next_step}"
        )


def lost_signatures(connection: Connection, *, now: datetime) -> tuple[LostSignature, ...]:
    """List what was signed and lost, by candidate: what was closed lately, and what went back and still waits."""
    ids = connection.execute(select(candidates.c.candidate_id).where(_was_signed(), _is_lost())).scalars().all()
    found = []
    for file in read_case_files(connection, sorted(ids)):
        if file.state is not CandidateState.CLOSED:
            found.append(_lost(file, next_step="next: decide it again: medrek-flow review"))
        elif (lost := _closed(connection, file, since=utc_text(now - LOOKS_BACK))) is not None:
            found.append(lost)
    return tuple(found)


def _was_signed() -> ColumnElement[bool]:
    approved = (
        select(decisions.c.candidate_id)
        .outerjoin(reversals, reversals.c.decision_id == decisions.c.decision_id)
        .where(decisions.c.verdict == Verdict.APPROVE, reversals.c.decision_id.is_(None))
    )
    return candidates.c.candidate_id.in_(approved)


def _is_lost() -> ColumnElement[bool]:
    columns = candidates.c
    is_closed = and_(columns.state == CandidateState.CLOSED, columns.replaced_by.is_(None))
    waits = (CandidateState.PENDING, CandidateState.AWAITING_SECOND)
    is_back = and_(columns.state.in_(waits), columns.reason.startswith(_VOID))
    made = select(edits.c.candidate_id).where(edits.c.state != "cancelled")
    return and_(
        columns.action == Action.EDIT,
        is_closed | is_back,
        columns.candidate_id.not_in(made),
        columns.candidate_id.not_in(select(seeded_candidates.c.candidate_id)),
    )


def _closed(connection: Connection, file: CaseFile, *, since: str) -> LostSignature | None:
    """Tell of a closed one; None where a person closed it, it was told long enough, or its successor was decided."""
    if {one.verdict for one in file.counted} - {Verdict.APPROVE, Verdict.DEFER}:
        return None
    query = select(audit.c.at).where(audit.c.subject == f"candidate:{file.candidate_id}", audit.c.event == CLOSED_EVENT)
    closed_at = connection.execute(query.order_by(audit.c.seq.desc()).limit(1)).scalar()
    if closed_at is None or closed_at < since:
        return None
    after = _successor(connection, file, since=closed_at)
    if after is not None and after.state not in _WAITS:
        return None
    newer = _newer_version(connection, file)
    if after is None:
        what = "no candidate gives this fact anew" if newer else "nothing of it comes again by itself"
        step = f"{what}: look at the source, and medrek-flow queue reopen {file.candidate_id} --reason TEXT if it holds"
    elif after.state is CandidateState.PROPOSED:
        step = f"next: {after.candidate_id} proposes what the source says now; the worker rehearses it first"
    else:
        step = f"next: decide {after.candidate_id}, which proposes what the source says now: medrek-flow review"
    return _lost(file, since=closed_at, newer=newer, after=after, next_step=step)


def _successor(connection: Connection, file: CaseFile, *, since: str) -> CaseFile | None:
    """Give the newest candidate that came since and gives the same functional key an object."""
    columns = candidates.c
    query = select(columns.candidate_id).where(
        columns.functional_key == file.candidate.functional_key,
        columns.action == Action.EDIT,
        columns.candidate_id != file.candidate_id,
        columns.created_at >= since,
    )
    newest = query.order_by(columns.created_at.desc(), columns.candidate_id).limit(1)
    found = read_case_files(connection, list(connection.execute(newest).scalars()))
    return found[0] if found else None


def _newer_version(connection: Connection, file: CaseFile) -> str:
    """Name the newest version that a source of the claim published after the one that is quoted; empty for none."""
    quoted, newer = notices.alias("quoted"), notices.alias("newer")
    claims = [piece.notice_id for piece in file.candidate.evidence if piece.role == "claim"]
    query = (
        select(newer.c.source, newer.c.key, newer.c.version)
        .join(quoted, and_(newer.c.source == quoted.c.source, newer.c.key == quoted.c.key))
        .where(quoted.c.notice_id.in_(claims), newer.c.ordinal > quoted.c.ordinal)
        .order_by(newer.c.ordinal.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    return "" if row is None else f"{row.source} {row.key} version {row.version}"


def _lost(
    file: CaseFile, *, since: str = "", newer: str = "", after: CaseFile | None = None, next_step: str
) -> LostSignature:
    return LostSignature(
        candidate_id=file.candidate_id,
        subject=file.candidate.subject,
        state=file.state,
        signed_by=tuple(dict.fromkeys(one.signer_name for one in file.counted if one.verdict is Verdict.APPROVE)),
        since=since,
        why=(file.reason or "").removeprefix(_VOID),
        newer=newer,
        successor=after.candidate_id if after else "",
        next_step=next_step,
    )
