"""Automatic promotion: what the night does with a batch that passed, inside the envelope and nowhere else.

Inside: the promotion is ordered in the name of the envelope's digest, and asked again at the moment of promotion.
Outside: the batch waits for a person, and says which clauses it does not keep.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from sqlalchemy import Connection, func, select, update

from workflow.change_control.batch_states import HoldReason, hold_text
from workflow.change_control.batches import BatchRow, read_batch
from workflow.change_control.envelope import BatchFacts, Outside, clauses_broken, read_envelope
from workflow.change_control.envelope_signing import standing_of
from workflow.change_control.impact_note import read_note
from workflow.change_control.release import read_live
from workflow.clock import utc_moment, utc_text
from workflow.errors import IllegalTransitionError, SettingsError
from workflow.ledger import tables
from workflow.ledger.ledger import Ledger
from workflow.records import BatchState, Candidate

BY_ENVELOPE = "envelope:"
"""What the name of an automatic order begins with; the digest of the envelope follows."""
_A_NIGHT = timedelta(hours=24)


def consider(root: Path, ledger: Ledger, batch_id: str) -> bool:
    """Order a passed batch's promotion where the envelope allows it, else write down what it waits for.

    Returns:
        Whether its promotion is ordered.
    """
    with ledger.read() as connection:
        batch = read_batch(connection, batch_id)
        if batch.state is not BatchState.PASSED or _ordered(connection, batch_id):
            return False
    outside, sha256 = envelope_check(root, ledger, batch_id)
    with ledger.write() as transaction:
        columns = tables.batches.c
        passed = update(tables.batches).where(columns.batch_id == batch_id, columns.state == BatchState.PASSED)
        if outside:
            words = hold_text(HoldReason.OUTSIDE_ENVELOPE, "; ".join(one.line for one in outside))
            if words == batch.hold_reason:
                return False
            transaction.execute(passed.values(hold_reason=words))
            body = {"envelope": sha256, "clauses": [one.clause for one in outside]}
            transaction.audit("batch.waits", f"batch:{batch_id}", body, actor="medrek-flow")
            return False
        why = f"inside the signed envelope {str(sha256)[:12]}"
        transaction.execute(passed.values(ordered_by=f"{BY_ENVELOPE}{sha256}", order_reason=why, hold_reason=None))
        transaction.audit("promotion.ordered", f"batch:{batch_id}", {"envelope": sha256}, actor="medrek-flow")
    return True


def require_inside(root: Path, ledger: Ledger, batch_id: str, ordered_by: str) -> None:
    """Ask the envelope again at the moment of an automatic promotion; where it refuses now, the batch waits.

    Raises:
        IllegalTransitionError: the envelope is another one now, or refuses.
    """
    outside, sha256 = envelope_check(root, ledger, batch_id)
    if not outside and ordered_by == f"{BY_ENVELOPE}{sha256}":
        return
    clause = outside[0].line if outside else "the file was changed since the promotion was ordered"
    with ledger.write() as transaction:
        words = hold_text(HoldReason.OUTSIDE_ENVELOPE, clause)
        transaction.execute(
            update(tables.batches)
            .where(tables.batches.c.batch_id == batch_id)
            .values(ordered_by=None, order_reason=None, hold_reason=words)
        )
        transaction.audit("batch.waits", f"batch:{batch_id}", {"why": clause}, actor="medrek-flow")
    raise IllegalTransitionError(f"batch {batch_id}: not promoted by itself: envelope: {clause}")


def envelope_check(root: Path, ledger: Ledger, batch_id: str) -> tuple[tuple[Outside, ...], str | None]:
    """Tell which clauses a batch does not keep, the signatures among them, and the envelope's digest."""
    today = ledger.clock().date()
    try:
        file = read_envelope(root)
    except SettingsError as error:
        return (Outside("file", str(error)),), None
    if file is None:
        return (Outside("file", "expected envelope.toml in the site, got none"),), None
    with ledger.read() as connection:
        standing = standing_of(connection, file, signer_profile=_profile(connection), today=today)
        facts = facts_of(connection, read_batch(connection, batch_id), now=utc_text(ledger.clock()))
    broken = list(clauses_broken(file.envelope, facts, today=today))
    if not standing.holds and not file.envelope.closed:
        broken.append(Outside("signatures", f"expected {standing.required} on these bytes, got: {standing.words}"))
    return tuple(broken), file.sha256


def facts_of(connection: Connection, batch: BatchRow, *, now: str) -> BatchFacts:
    """Gather what the envelope's clauses look at, from the ledger alone."""
    candidates = _candidates(connection, [edit.candidate_id for edit in batch.standing])
    note, live = read_note(connection, batch.gate_id), read_live(connection)
    faq = [check.failed for check in note.checks if check.name == "faq"] if note else []
    return BatchFacts(
        batch_id=batch.batch_id,
        relations=frozenset(one.relation for one in candidates),
        sources=frozenset(name for one in candidates for name in _sources(connection, one)),
        risks=frozenset(str(one.risk) for one in candidates),
        edits=len(batch.standing),
        edits_tonight=_edits_tonight(connection, now),
        ejected=len(batch.edits) - len(batch.standing),
        faq_moved=sum(faq),
        supersedes=len(note.supersedes) if note else 0,
        expedited=bool(batch.expedited),
        base_model_digest=live.base_model_digest if live else "",
    )


def _candidates(connection: Connection, ids: list[str]) -> list[Candidate]:
    columns = tables.candidates.c
    bodies = connection.execute(select(columns.body).where(columns.candidate_id.in_(ids))).scalars()
    return [Candidate.model_validate_json(body) for body in bodies]


def _sources(connection: Connection, candidate: Candidate) -> set[str]:
    notices = {evidence.notice_id for evidence in candidate.evidence}
    columns = tables.notices.c
    found = set(connection.execute(select(columns.source).where(columns.notice_id.in_(notices))).scalars())
    return found or {""}


def _edits_tonight(connection: Connection, now: str) -> int:
    since = utc_text(utc_moment(now) - _A_NIGHT)
    releases, edits = tables.releases.c, tables.edits.c
    query = (
        select(func.count())
        .select_from(tables.edits)
        .join(tables.releases, releases.batch_id == edits.batch_id)
        .where(
            releases.cause == "promotion",
            releases.actor.startswith(BY_ENVELOPE),
            releases.created_at >= since,
            edits.state != "ejected",
        )
    )
    return int(connection.execute(query).scalar_one())


def _ordered(connection: Connection, batch_id: str) -> bool:
    query = select(tables.batches.c.ordered_by).where(tables.batches.c.batch_id == batch_id)
    return connection.execute(query).scalar() is not None


def _profile(connection: Connection) -> str:
    return str(connection.execute(select(tables.site.c.signer_profile)).scalar())
