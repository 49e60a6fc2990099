"""Rehearsal: one candidate staged alone on a copy of the live memory: now, would say, what moves.

Nothing that happens here can reach live: the copy is a value in this process. What is written is the record, and before
it the prompt that was rehearsed, where the carrier is one: staging takes that very value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Select, false, func, select, update
from sqlalchemy.dialects.sqlite import insert

from editor_engine.edit import Carrier
from editor_engine.metrics import says, takes
from workflow.change_control.release import LiveState, read_release
from workflow.change_control.unfit import fit_candidates
from workflow.engine_seam import make_edit, make_trial
from workflow.fault_points import reached
from workflow.ledger import tables
from workflow.ledger.ledger import Ledger, Transaction
from workflow.records import Action, Candidate, CandidateState, NearMiss
from workflow.rehearsal_records import ProbeMove, QuestionOutcome, Rehearsal, Stance

if TYPE_CHECKING:
    from editor_engine import EditedModel, Editor, MemoryRow
    from editor_engine.carriers import CarrierChoice

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many are done, and how many there are."""

ACTOR = "medrek-flow"


Neighbours = Callable[["MemoryRow"], tuple[str, ...]]
"""Names the edits in force whose keys lie near a row's, one line each."""

_OPEN = (CandidateState.PENDING, CandidateState.AWAITING_SECOND, CandidateState.DEFERRED, CandidateState.APPROVED)
_AT_ONCE = 8
"""Candidates whose carriers are measured together; a kill costs at most these."""


@dataclass(frozen=True)
class RehearsalRoom:
    """All that a rehearsal needs beside the candidate."""

    live: EditedModel
    editor: Editor
    release_id: int
    max_new_tokens: int
    memory_folder: Path
    """Where a rehearsed prompt is kept, under its sha256."""
    carriers: tuple[Carrier, ...] = (Carrier.TEXT,)
    neighbours: Neighbours | None = None
    """None are named without it."""


def rehearse(
    room: RehearsalRoom, candidates: Sequence[Candidate], progress: Progress | None = None
) -> list[tuple[Rehearsal, MemoryRow | None]]:
    """Stage each candidate alone on a copy of live, with the carrier that does best for it, and ask its questions.

    Gives the record, and the row that was rehearsed (None for a withdrawal), in order.
    """
    now = [_ask(room.live, candidate, room) for candidate in candidates]
    chosen = _choose(room, candidates, now, progress)
    return [
        (_record(room, candidate, before, choice), choice.row if choice else None)
        for candidate, before, choice in zip(candidates, now, chosen, strict=True)
    ]


def _ask(model: EditedModel, candidate: Candidate, room: RehearsalRoom) -> list[str]:
    """Answers to question, paraphrases and near misses, in this order."""
    asked = (candidate.question, *candidate.paraphrases, *(near.question for near in candidate.near_misses))
    return [answer.text for answer in model.answer(asked, max_new_tokens=room.max_new_tokens)]


def _says_already(candidate: Candidate, now: Sequence[str]) -> bool:
    own = now[: 1 + len(candidate.paraphrases)]
    return candidate.action is Action.EDIT and all(_takes(candidate, answer) for answer in own)


def _choose(
    room: RehearsalRoom, candidates: Sequence[Candidate], now: Sequence[Sequence[str]], progress: Progress | None
) -> list[CarrierChoice | None]:
    """The carrier of each edit, measured for all together; a fact that needs no edit is tried as text alone."""
    from editor_engine.carriers import CarrierSettings, choose_carriers

    chosen: dict[int, CarrierChoice] = {}
    needs = {
        number: not _says_already(candidate, before)
        for number, (candidate, before) in enumerate(zip(candidates, now, strict=True))
        if candidate.action is Action.EDIT
    }
    for needed in (True, False):
        numbers = [number for number, is_needed in needs.items() if is_needed is needed]
        edits = {number: make_edit(candidates[number]) for number in numbers}
        choices = choose_carriers(
            list(edits.values()),
            room.editor,
            near_misses={
                edit.edit_id: [near.question for near in candidates[number].near_misses]
                for number, edit in edits.items()
            },
            settings=CarrierSettings(
                allowed=room.carriers if needed else (Carrier.TEXT,), max_new_tokens=room.max_new_tokens
            ),
            sequence=room.live.memory.next_sequence,
            progress=progress,
        )
        chosen.update(zip(numbers, choices, strict=True))
    return [chosen.get(number) for number in range(len(candidates))]


def _record(room: RehearsalRoom, candidate: Candidate, now: Sequence[str], choice: CarrierChoice | None) -> Rehearsal:
    staged = _copy_with(room.live, candidate, [choice.row] if choice else [])
    then = _ask(staged, candidate, room)
    questions = (candidate.question, *candidate.paraphrases)
    outcomes = tuple(
        QuestionOutcome(
            question=question,
            now=now[i],
            would_say=then[i],
            takes=_takes(candidate, then[i]),
            says_now=_stance(candidate, now[i]),
        )
        for i, question in enumerate(questions)
    )
    return Rehearsal(
        candidate_id=candidate.candidate_id,
        content_sha256=candidate.content_sha256,
        release_id=room.release_id,
        carrier=choice.row.carrier if choice else Carrier.TEXT,
        outcomes=outcomes,
        moves=_moves(candidate.near_misses, now[len(questions) :], then[len(questions) :]),
        already_says=_says_already(candidate, now),
        near_duplicates=room.neighbours(choice.row) if room.neighbours is not None and choice else (),
        value_sha256=choice.row.value_sha256 if choice else "",
        base_model_digest=room.editor.base.digest,
        encoder_digest=room.editor.encoder.digest,
        trials=tuple(make_trial(measure) for measure in choice.measures) if choice else (),
    )


def _copy_with(live: EditedModel, candidate: Candidate, rows: list[MemoryRow]) -> EditedModel:
    if candidate.action is Action.WITHDRAW:
        return live.with_memory(live.memory.without([candidate.withdraws or ""]))
    return live.with_memory(live.memory.with_rows(rows))


def _takes(candidate: Candidate, answer: str) -> bool:
    if candidate.action is Action.WITHDRAW:
        return not says(answer, candidate.object_new)
    return takes(answer, candidate.object_new, candidate.object_old, candidate.must_not_assert)


def _stance(candidate: Candidate, answer: str) -> Stance:
    """What an answer of live says: for a withdrawal the fact that would go is the old one."""
    if candidate.action is Action.WITHDRAW:
        return Stance.OLD if says(answer, candidate.object_new) else Stance.NEITHER
    if _takes(candidate, answer):
        return Stance.NEW
    held = [one for one in (candidate.object_old, *candidate.must_not_assert) if one]
    if any(says(answer, one) for one in held):
        return Stance.OLD
    shorter = any(_says_in_short(answer, one) for one in held) and not _says_in_short(answer, candidate.object_new)
    return Stance.OLD if shorter else Stance.NEITHER


def _says_in_short(answer: str, whole: str) -> bool:
    """Whether an answer is a good part of an object: "severe asthma" of "patients with severe asthma"."""
    words = answer.rstrip(" .").split()
    return 2 * len(words) >= len(whole.split()) and bool(words) and says(whole, " ".join(words))


def _moves(near_misses: tuple[NearMiss, ...], now: Sequence[str], then: Sequence[str]) -> tuple[ProbeMove, ...]:
    return tuple(
        ProbeMove(question=near.question, kind=near.kind, now=before, would_say=after)
        for near, before, after in zip(near_misses, now, then, strict=True)
        if before != after
    )


def waiting_candidates(ledger: Ledger, release_id: int) -> tuple[Candidate, ...]:
    """Candidates to rehearse on ``release_id``.

    The proposed ones, those that needed no edit on another release, and the open ones that were rehearsed with
    another base model or checkpoint than the release fits: their value is for that one, and their signatures too.
    """
    columns, held = tables.candidates.c, tables.rehearsals.c
    done = select(held.candidate_id).where(held.release_id == release_id)
    asked_again = (columns.state == CandidateState.NO_EDIT_NEEDED) & columns.candidate_id.not_in(done)
    with ledger.read() as connection:
        live = read_release(connection, release_id)
        moved_on = columns.state.in_(_OPEN) & columns.candidate_id.in_(_of_another_engine(live)) if live else false()
        query = (
            select(columns.body)
            .where((columns.state == CandidateState.PROPOSED) | asked_again | moved_on)
            .order_by(columns.created_at, columns.candidate_id)
        )
        return tuple(Candidate.model_validate_json(body) for body in connection.execute(query).scalars())


def _of_another_engine(live: LiveState) -> Select[str]:
    """Candidates whose newest rehearsal names another base model or encoder; older records name none."""
    held = tables.rehearsals.c
    newest = select(func.max(held.rehearsal_id)).group_by(held.candidate_id)
    base = func.json_extract(held.body, "$.base_model_digest")
    encoder = func.json_extract(held.body, "$.encoder_digest")
    other = (base != live.base_model_digest) | (encoder != live.encoder_digest)
    return select(held.candidate_id).where(held.rehearsal_id.in_(newest), func.coalesce(base, "") != "", other)


def rehearse_waiting(
    ledger: Ledger, room: RehearsalRoom, *, progress: Progress | None = None, limit: int | None = None
) -> int:
    """Rehearse the waiting candidates, each recorded in a transaction of its own; return how many. Safe to run twice.

    Args:
        limit: how many to put before people at most; the rest stays proposed and waits for the next night.
    """
    from editor_engine.value_files import keep_value

    waiting = fit_candidates(
        ledger,
        room.editor,
        waiting_candidates(ledger, room.release_id)[:limit],
        max_new_tokens=room.max_new_tokens,
    )
    for start in range(0, len(waiting), _AT_ONCE):
        if progress is not None:
            progress("rehearse", start, len(waiting))
        some = [one for one in waiting[start : start + _AT_ONCE] if _can_become_a_row(ledger, room, one)]
        for candidate, (record, row) in zip(some, rehearse(room, some), strict=True):
            if row is not None and row.prompt is not None:
                keep_value(row.prompt, room.memory_folder)
            with ledger.write() as transaction:
                store_rehearsal(transaction, candidate, record)
                reached("rehearse.before_commit")
    if progress is not None and waiting:
        progress("rehearse", len(waiting), len(waiting))
    return len(waiting)


def _can_become_a_row(ledger: Ledger, room: RehearsalRoom, candidate: Candidate) -> bool:
    """Whether the engine can take a candidate at all; one that it cannot is refused by name, and holds up no other."""
    from editor_engine.edit_checks import check_edits
    from editor_engine.errors import EditError

    if candidate.action is Action.WITHDRAW:
        return True
    try:
        check_edits([make_edit(candidate)], room.editor.encoder, room.editor.base, max_new_tokens=room.max_new_tokens)
    except EditError as error:
        with ledger.write() as transaction:
            columns = tables.candidates.c
            transaction.execute(
                update(tables.candidates)
                .where(columns.candidate_id == candidate.candidate_id)
                .values(state=CandidateState.REFUSED, reason=str(error))
            )
            body = {"why": "the engine cannot take it", "release": room.release_id}
            transaction.audit("candidate.refused", f"candidate:{candidate.candidate_id}", body, actor=ACTOR)
        return False
    return True


def store_rehearsal(transaction: Transaction, candidate: Candidate, record: Rehearsal) -> None:
    """Write the record, in place of one of the same release: a fact that needed no edit may be said no more."""
    values = {
        "content_sha256": record.content_sha256,
        "rehearsed_at": transaction.now,
        "body": record.model_dump_json(),
    }
    statement = insert(tables.rehearsals).values(
        candidate_id=record.candidate_id, release_id=record.release_id, **values
    )
    key = ["candidate_id", "release_id"]
    transaction.execute(statement.on_conflict_do_update(index_elements=key, set_=values))
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
            "value_sha256": record.value_sha256,
            "takes": record.takes,
            "moves": len(record.moves),
            "state": state,
        },
        actor=ACTOR,
    )
