"""Puts one checked proposal beside what the queue and the memory hold: new, merged, known already, or refused.

Owns what counts as the same fact: functional key and new object. Runs inside one write transaction, with its audit
row; entering the same proposal twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.dialects.sqlite import insert

from workflow.engine_seam import edit_from_json
from workflow.intake import fact_sources
from workflow.intake.new_values import close_withdrawals
from workflow.intake.sentences import tokens
from workflow.ledger import tables
from workflow.ledger.ledger import Transaction
from workflow.records import Action, Candidate, CandidateState, Checked, Evidence, ObjectOrigin

ACTOR = "intake"
_OPEN = (
    CandidateState.NO_EDIT_NEEDED,
    CandidateState.PENDING,
    CandidateState.AWAITING_SECOND,
    CandidateState.DEFERRED,
    CandidateState.APPROVED,
    CandidateState.BATCHED,
)
_IN_FORCE = ("live", "in_batch")


@dataclass(frozen=True)
class Entry:
    """A proposal with the reasons for which it is refused; none where it passed."""

    candidate: Candidate
    change_id: str
    run_id: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Row:
    candidate_id: str
    state: CandidateState
    candidate: Candidate
    replaced_by: str | None


def enter(transaction: Transaction, entry: Entry) -> str:
    """Put a proposal on record and say what became of it: ``proposed``, ``merged``, ``known`` or ``refused``."""
    candidate = entry.candidate
    rows = _about(transaction, candidate)
    if any(_covers(row.candidate, candidate) for row in rows):
        return "known"
    if entry.reasons:
        _insert(transaction, entry, CandidateState.REFUSED, "; ".join(entry.reasons))
        return "refused"
    if _is_read_already(transaction, candidate):
        return "known"
    if (holder := _already(transaction, candidate, rows)) is not None:
        _note_sources(transaction, holder, candidate)
        return "known"
    alike = [row for row in rows if row.state is CandidateState.PROPOSED and _same_fact(row.candidate, candidate)]
    if alike:
        return _merge(transaction, entry, alike[0])
    fresh = _with_memory(transaction, candidate, rows)
    _insert(transaction, Entry(fresh, entry.change_id, entry.run_id), CandidateState.PROPOSED, None)
    close_withdrawals(transaction, fresh)
    return "proposed"


def _about(transaction: Transaction, candidate: Candidate) -> list[_Row]:
    columns = tables.candidates.c
    rows = transaction.execute(
        select(columns.candidate_id, columns.state, columns.body, columns.replaced_by)
        .where(columns.functional_key == candidate.functional_key, columns.action == Action.EDIT)
        .order_by(columns.created_at, columns.candidate_id)
    )
    return [
        _Row(row.candidate_id, CandidateState(row.state), Candidate.model_validate_json(row.body), row.replaced_by)
        for row in rows
    ]


def _same_fact(one: Candidate, other: Candidate) -> bool:
    return one.functional_key == other.functional_key and tokens(one.stated) == tokens(other.stated)


def _covers(stored: Candidate, candidate: Candidate) -> bool:
    """Say whether a stored proposal is this one, or this one with more evidence, whatever its flags and probes."""
    return (
        _same_fact(stored, candidate)
        and stored.extractor == candidate.extractor
        and bool(candidate.evidence)
        and _places(candidate.evidence) <= _places(stored.evidence)
    )


def _places(evidence: Sequence[Evidence]) -> set[tuple[str, str, int, int]]:
    return {(piece.notice_id, piece.role, piece.start, piece.end) for piece in evidence}


def _already(transaction: Transaction, candidate: Candidate, rows: list[_Row]) -> str | None:
    """Name the candidate by which the same fact waits or is in force already; None where it is news."""
    for row in rows:
        if row.state in _OPEN and _same_fact(row.candidate, candidate):
            return row.candidate_id
    for held in _in_force(transaction, candidate.functional_key):
        if tokens(held.stated) == tokens(candidate.stated):
            return held.candidate_id
    return None


def _note_sources(transaction: Transaction, candidate_id: str, other: Candidate, *, all_pieces: bool = True) -> None:
    """Note the documents of ``other`` as sources of a candidate that stands; its hash and signatures stay."""
    body = transaction.execute(
        select(tables.candidates.c.body).where(tables.candidates.c.candidate_id == candidate_id)
    ).scalar_one()
    holder = Candidate.model_validate_json(body)
    pieces = (
        [p for p in other.evidence if p.role != "previous"] if all_pieces else fact_sources.copies_in(holder, other)
    )
    quoted = _places(holder.evidence)
    fresh = [piece for piece in pieces if (piece.notice_id, piece.role, piece.start, piece.end) not in quoted]
    names = (holder.subject, *holder.aliases, *other.aliases)
    if fact_sources.keep(transaction, candidate_id, fresh, names):
        body = {"notices": sorted({piece.notice_id for piece in fresh})}
        transaction.audit("candidate.also_said", f"candidate:{candidate_id}", body, actor=ACTOR)
    fact_sources.warn(transaction, holder, candidate_id, other)


@dataclass(frozen=True)
class _Held:
    edit_id: str
    candidate_id: str
    object_new: str
    stated: str
    """See ``Candidate.stated``: the same whether its question names a list's item or not."""


def _in_force(transaction: Transaction, functional_key: str) -> list[_Held]:
    columns = tables.edits.c
    rows = transaction.execute(
        select(columns.edit_id, columns.candidate_id, columns.body)
        .where(columns.functional_key == functional_key, columns.state.in_(_IN_FORCE))
        .order_by(columns.created_at, columns.edit_id)
    )
    edits = [(row, edit_from_json(row.body)) for row in rows]
    return [
        _Held(row.edit_id, row.candidate_id, edit.object_new, dict(edit.qualifiers).get("object", edit.object_new))
        for row, edit in edits
    ]


def _is_read_already(transaction: Transaction, candidate: Candidate) -> bool:
    """Say whether another lane read the same object out of the same sentence, whatever the qualifiers it gave it."""
    columns = tables.candidates.c
    rows = transaction.execute(
        select(columns.body)
        .where(
            columns.relation == candidate.relation,
            columns.subject == candidate.subject,
            columns.action == Action.EDIT,
            columns.state.in_((CandidateState.PROPOSED, *_OPEN)),
        )
        .order_by(columns.candidate_id)
    )
    others = (Candidate.model_validate_json(body) for body in rows.scalars())
    return any(
        other.extractor != candidate.extractor
        and tokens(other.stated) == tokens(candidate.stated)
        and _overlap(other.evidence, candidate.evidence)
        for other in others
    )


def _overlap(one: Sequence[Evidence], other: Sequence[Evidence]) -> bool:
    return any(
        a.role == b.role == "claim" and a.notice_id == b.notice_id and a.start < b.end and b.start < a.end
        for a in one
        for b in other
    )


def _with_memory(transaction: Transaction, candidate: Candidate, rows: list[_Row]) -> Candidate:
    """Add what the memory and the queue know: the old object in force, an earlier rejection."""
    flags = list(candidate.flags)
    for row in rows:
        if row.state is CandidateState.REJECTED and _same_fact(row.candidate, candidate):
            flags.append(f"the same fact was rejected before, as {row.candidate_id}")
    changed: dict[str, object] = {"flags": tuple(dict.fromkeys(flags))}
    held = _in_force(transaction, candidate.functional_key)
    if candidate.object_old is None and held:
        changed |= {"object_old": held[-1].object_new, "object_old_origin": ObjectOrigin.LIVE_MEMORY}
    return candidate.model_copy(update=changed)


def _merge(transaction: Transaction, entry: Entry, row: _Row) -> str:
    """Give a proposed candidate the evidence of another document too: a new candidate takes its place.

    A document that only repeats a text which is quoted already is noted as a source and quoted no second time; what it
    has to be warned of (hidden text, text that addresses a reviewer) is told of the candidate all the same.
    """
    copies = fact_sources.copies_in(row.candidate, entry.candidate)
    only_repeats = len(copies) == len([piece for piece in entry.candidate.evidence if piece.role != "previous"])
    if only_repeats and set(entry.candidate.flags) <= set(row.candidate.flags):
        _note_sources(transaction, row.candidate_id, entry.candidate)
        return "merged"
    merged = _merged(row.candidate, entry.candidate, without=copies)
    _insert(transaction, Entry(merged, entry.change_id, entry.run_id), CandidateState.PROPOSED, None)
    fact_sources.hand_over(transaction, row.candidate_id, merged.candidate_id)
    _note_sources(transaction, merged.candidate_id, entry.candidate, all_pieces=False)
    transaction.execute(
        update(tables.candidates)
        .where(tables.candidates.c.candidate_id == row.candidate_id)
        .values(
            state=CandidateState.CLOSED,
            reason="another document says the same: merged",
            replaced_by=merged.candidate_id,
        )
    )
    return "merged"


def _merged(one: Candidate, other: Candidate, *, without: Sequence[Evidence]) -> Candidate:
    added = [piece for piece in other.evidence if piece not in without]
    pieces = {(piece.notice_id, piece.role, piece.start): piece for piece in (*one.evidence, *added)}
    return one.model_copy(
        update={
            "evidence": tuple(pieces[key] for key in sorted(pieces)),
            "flags": tuple(dict.fromkeys((*one.flags, *other.flags))),
            "aliases": tuple(dict.fromkeys((*one.aliases, *other.aliases))),
            "checks": _weaker(one.checks, other.checks),
            "object_old": one.object_old or other.object_old,
            "object_old_origin": one.object_old_origin if one.object_old else other.object_old_origin,
        }
    )


def _weaker(one: Sequence[Checked], other: Sequence[Checked]) -> tuple[Checked, ...]:
    """Give each check once, in the one of two words of it that promises less."""
    kept: dict[str, Checked] = {}
    for check in (*one, *other):
        if check.name not in kept or (kept[check.name].passed and not check.passed):
            kept[check.name] = check
    return tuple(kept.values())


def _insert(transaction: Transaction, entry: Entry, state: CandidateState, reason: str | None) -> None:
    candidate = entry.candidate
    added = transaction.execute(
        insert(tables.candidates)
        .values(
            candidate_id=candidate.candidate_id,
            run_id=entry.run_id,
            change_id=entry.change_id,
            created_at=transaction.now,
            state=state,
            action=candidate.action,
            subject=candidate.subject,
            relation=candidate.relation,
            functional_key=candidate.functional_key,
            risk=candidate.risk,
            content_sha256=candidate.content_sha256,
            body=candidate.model_dump_json(),
            reason=reason,
        )
        .on_conflict_do_nothing()
    ).rowcount
    if added:
        body = {"state": state.value, "extractor": candidate.extractor}
        transaction.audit(f"candidate.{state.value}", f"candidate:{candidate.candidate_id}", body, actor=ACTOR)
