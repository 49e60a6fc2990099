"""Rehearsal: one candidate staged alone on a copy of the live memory: now, would say, what moves.

Nothing that happens here can reach live: the copy is a value in this process, and only the record is written.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlalchemy import select, update
from sqlalchemy.dialects.sqlite import insert

from editor_engine.edit import Carrier
from editor_engine.metrics import says, takes
from workflow.engine_seam import make_edit
from workflow.fault_points import reached
from workflow.ledger import tables
from workflow.ledger.ledger import Ledger, Transaction
from workflow.records import Action, Candidate, CandidateState, NearMiss, ProbeMove, QuestionOutcome, Rehearsal

if TYPE_CHECKING:
    from editor_engine import EditedModel, Editor, MemoryRow

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many are done, and how many there are."""

ACTOR = "medrek-flow"


Neighbours = Callable[["MemoryRow"], tuple[str, ...]]
"""Names the edits in force whose keys lie near a row's, one line each."""


def rehearse(
    live: EditedModel,
    editor: Editor,
    candidate: Candidate,
    *,
    release_id: int,
    max_new_tokens: int,
    neighbours: Neighbours | None = None,
) -> Rehearsal:
    """Stage ``candidate`` alone on a copy of ``live`` and ask its questions and near misses on both."""
    rows = _rows(live, editor, candidate)
    staged = _copy_with(live, candidate, rows)
    questions = (candidate.question, *candidate.paraphrases)
    nearby = tuple(near.question for near in candidate.near_misses)
    now = [answer.text for answer in live.answer(questions + nearby, max_new_tokens=max_new_tokens)]
    then = [answer.text for answer in staged.answer(questions + nearby, max_new_tokens=max_new_tokens)]
    outcomes = tuple(
        QuestionOutcome(question=question, now=now[i], would_say=then[i], takes=_takes(candidate, then[i]))
        for i, question in enumerate(questions)
    )
    return Rehearsal(
        candidate_id=candidate.candidate_id,
        content_sha256=candidate.content_sha256,
        release_id=release_id,
        carrier=Carrier.TEXT,
        outcomes=outcomes,
        moves=_moves(candidate.near_misses, now[len(questions) :], then[len(questions) :]),
        already_says=candidate.action is Action.EDIT and all(_takes(candidate, outcome.now) for outcome in outcomes),
        near_duplicates=neighbours(rows[0]) if neighbours is not None and rows else (),
    )


def _rows(live: EditedModel, editor: Editor, candidate: Candidate) -> list[MemoryRow]:
    if candidate.action is Action.WITHDRAW:
        return []
    return editor.rows([make_edit(candidate)], Carrier.TEXT, sequence=live.memory.next_sequence)


def _copy_with(live: EditedModel, candidate: Candidate, rows: list[MemoryRow]) -> EditedModel:
    if candidate.action is Action.WITHDRAW:
        return live.with_memory(live.memory.without([candidate.withdraws or ""]))
    return live.with_memory(live.memory.with_rows(rows))


def _takes(candidate: Candidate, answer: str) -> bool:
    if candidate.action is Action.WITHDRAW:
        return not says(answer, candidate.object_new)
    return takes(answer, candidate.object_new, candidate.object_old, candidate.must_not_assert)


def _moves(near_misses: tuple[NearMiss, ...], now: list[str], then: list[str]) -> tuple[ProbeMove, ...]:
    return tuple(
        ProbeMove(question=near.question, kind=near.kind, now=before, would_say=after)
        for near, before, after in zip(near_misses, now, then, strict=True)
        if before != after
    )


def waiting_candidates(ledger: Ledger, release_id: int) -> tuple[Candidate, ...]:
    """Candidates to rehearse on ``release_id``: the proposed ones, and those that needed no edit on another release."""
    done = select(tables.rehearsals.c.candidate_id).where(tables.rehearsals.c.release_id == release_id)
    columns = tables.candidates.c
    asked_again = (columns.state == CandidateState.NO_EDIT_NEEDED) & columns.candidate_id.not_in(done)
    query = (
        select(columns.body)
        .where((columns.state == CandidateState.PROPOSED) | asked_again)
        .order_by(columns.created_at, columns.candidate_id)
    )
    with ledger.read() as connection:
        return tuple(Candidate.model_validate_json(body) for body in connection.execute(query).scalars())


def rehearse_waiting(
    ledger: Ledger,
    live: EditedModel,
    editor: Editor,
    *,
    release_id: int,
    max_new_tokens: int,
    progress: Progress | None = None,
    limit: int | None = None,
    neighbours: Neighbours | None = None,
) -> int:
    """Rehearse the waiting candidates, each in a transaction of its own; return how many. Safe to run twice.

    Args:
        limit: how many to put before people at most; the rest stays proposed and waits for the next night.
        neighbours: see ``Neighbours``; none are named without it.
    """
    waiting = waiting_candidates(ledger, release_id)[:limit]
    for number, candidate in enumerate(waiting):
        if progress is not None:
            progress("rehearse", number, len(waiting))
        record = rehearse(
            live,
            editor,
            candidate,
            release_id=release_id,
            max_new_tokens=max_new_tokens,
            neighbours=neighbours,
        )
        with ledger.write() as transaction:
            _store(transaction, candidate, record)
            reached("rehearse.before_commit")
    if progress is not None and waiting:
        progress("rehearse", len(waiting), len(waiting))
    return len(waiting)


def _store(transaction: Transaction, candidate: Candidate, record: Rehearsal) -> None:
    statement = insert(tables.rehearsals).values(
        candidate_id=record.candidate_id,
        content_sha256=record.content_sha256,
        release_id=record.release_id,
        rehearsed_at=transaction.now,
        body=record.model_dump_json(),
    )
    transaction.execute(statement.on_conflict_do_nothing())
    state = CandidateState.NO_EDIT_NEEDED if record.already_says else CandidateState.PENDING
    reason = "the model says it already, in the question and every paraphrase" if record.already_says else None
    columns = tables.candidates.c
    transaction.execute(
        update(tables.candidates)
        .where(columns.candidate_id == candidate.candidate_id)
        .where(columns.state.in_((CandidateState.PROPOSED, CandidateState.NO_EDIT_NEEDED)))
        .values(state=state, reason=reason)
    )
    transaction.audit(
        "candidate.rehearsed",
        f"candidate:{candidate.candidate_id}",
        {
            "release": record.release_id,
            "carrier": record.carrier,
            "takes": record.takes,
            "moves": len(record.moves),
            "state": state,
        },
        actor=ACTOR,
    )
