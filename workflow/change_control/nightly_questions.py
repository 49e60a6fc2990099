"""What the live model says of facts that matter now: pending, promoted, withdrawn, and those that needed no edit.

Asked every night, as people would ask. So that what a site is exposed to is known, and for how long: "still says the
old thing for N days" is counted from the first night on which it was heard, not from an entry in a queue. A fact that
needed no edit and is said no more goes back to its rehearsal. Changes no memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import Connection, func, insert, select, update

from editor_engine.metrics import says, takes
from workflow.clock import utc_moment
from workflow.ledger import tables
from workflow.ledger.control_tables import fact_answers
from workflow.records import Action, Candidate, CandidateState
from workflow.rehearsal_records import Stance

if TYPE_CHECKING:
    from workflow.ledger.ledger import Transaction
    from workflow.workbench import Workbench

ACTOR = "medrek-flow"
Progress = Callable[[str, int, int], None]
_AT_ONCE = 64


class Standing(StrEnum):
    """Where a fact stands when it is asked."""

    PENDING = "pending"
    """Proposed or signed, and not in force yet."""
    PROMOTED = "promoted"
    """In force."""
    WITHDRAWN = "withdrawn"
    """Was in force, and was taken back: it should be said no more."""
    NO_EDIT_NEEDED = "no_edit_needed"
    """The model said it already when it was rehearsed."""


_PENDING = (
    CandidateState.PENDING,
    CandidateState.AWAITING_SECOND,
    CandidateState.DEFERRED,
    CandidateState.APPROVED,
)


@dataclass(frozen=True)
class AskedFact:
    """A fact and where it stands."""

    candidate: Candidate
    candidate_id: str
    standing: Standing

    @property
    def questions(self) -> tuple[str, ...]:
        """What is asked: every wording where one that fails counts, else the question alone."""
        if self.standing is Standing.NO_EDIT_NEEDED:
            return (self.candidate.question, *self.candidate.paraphrases)
        return (self.candidate.question,)


@dataclass(frozen=True)
class Exposure:
    """What the live model says of one fact, and since when."""

    candidate_id: str
    subject: str
    relation: str
    question: str
    standing: str
    says: str
    answer: str
    since: str
    days: int
    is_wrong: bool
    """It says the old thing though a new one is proposed, or not what is in force, or what was withdrawn."""

    @property
    def words(self) -> str:
        """In one line, for a report."""
        what = {
            Standing.PENDING: "still says the old thing",
            Standing.PROMOTED: "does not say what is in force",
            Standing.WITHDRAWN: "still says what was withdrawn",
        }.get(Standing(self.standing), "does not say it any more")
        days = "since today" if self.days == 0 else f"for {self.days} day{'s' if self.days > 1 else ''}"
        return f"{what} {days}: {self.question} ({self.candidate_id})"


@dataclass(frozen=True)
class NightlyAnswers:
    """What one night's questions came to."""

    asked: int
    wrong: tuple[Exposure, ...]
    reopened: tuple[str, ...]
    """Candidates that needed no edit and go back to their rehearsal."""


def facts_to_ask(connection: Connection, only: Sequence[str] | None = None) -> tuple[AskedFact, ...]:
    """Name the facts that are asked tonight, oldest first.

    Args:
        only: of these candidates; None asks of all.
    """
    candidates, edits = tables.candidates.c, tables.edits.c
    query = (
        select(candidates.candidate_id, candidates.body, candidates.state, edits.state.label("edit_state"))
        .join(tables.edits, edits.candidate_id == candidates.candidate_id, isouter=True)
        .where(candidates.action == Action.EDIT)
        .order_by(candidates.created_at, candidates.candidate_id)
    )
    if only is not None:
        query = query.where(candidates.candidate_id.in_(only))
    found = []
    for row in connection.execute(query):
        standing = _standing(str(row.state), row.edit_state)
        if standing is not None:
            found.append(AskedFact(Candidate.model_validate_json(row.body), row.candidate_id, standing))
    in_force = {fact.candidate.functional_key for fact in found if fact.standing is Standing.PROMOTED}
    return tuple(fact for fact in found if not _is_settled(fact, in_force))


def _is_settled(fact: AskedFact, in_force: Set[str]) -> bool:
    """Whether a withdrawn fact has one in force in its place, which is asked itself."""
    return fact.standing is Standing.WITHDRAWN and fact.candidate.functional_key in in_force


def _standing(state: str, edit_state: str | None) -> Standing | None:
    if edit_state == "live":
        return Standing.PROMOTED
    if edit_state == "withdrawn":
        return Standing.WITHDRAWN
    if edit_state == "in_batch" or state in _PENDING:
        return Standing.PENDING
    return Standing.NO_EDIT_NEEDED if state == CandidateState.NO_EDIT_NEEDED else None


def ask_facts(bench: Workbench, progress: Progress | None = None) -> NightlyAnswers:
    """Ask the live model, record what changed in what it says, and reopen what needs an edit after all."""
    with bench.ledger.read() as connection:
        facts = [fact for fact in facts_to_ask(connection) if not _is_shadowed(bench, fact)]
    heard: list[tuple[AskedFact, Stance, str]] = []
    for start in range(0, len(facts), _AT_ONCE):
        heard += _hear(bench, facts[start : start + _AT_ONCE])
        if progress is not None:
            progress("ask facts", len(heard), len(facts))
    reopened = []
    with bench.ledger.write() as transaction:
        for fact, stance, answer in heard:
            _record(transaction, fact, stance, answer, bench.live.release_id)
            if fact.standing is Standing.NO_EDIT_NEEDED and stance is not Stance.NEW and reopen(transaction, fact):
                reopened.append(fact.candidate_id)
        wrong = tuple(one for one in read_exposures(transaction.connection, now=transaction.now) if one.is_wrong)
        if heard:
            body = {"asked": len(heard), "wrong": len(wrong), "reopened": reopened}
            transaction.audit("facts.asked", f"release:{bench.live.release_id}", body, actor=ACTOR)
    return NightlyAnswers(len(heard), wrong, tuple(reopened))


def _is_shadowed(bench: Workbench, fact: AskedFact) -> bool:
    """Whether a newer edit of the same functional key answers in place of one in force."""
    if fact.standing is not Standing.PROMOTED:
        return False
    mine = [edit.edit_id for edit in bench.edits.values() if edit.candidate_id == fact.candidate_id]
    return any(edit_id in bench.gated_model.memory.shadowed for edit_id in mine)


def _hear(bench: Workbench, facts: Sequence[AskedFact]) -> list[tuple[AskedFact, Stance, str]]:
    asked = [(fact, question) for fact in facts for question in fact.questions]
    answers = bench.model.answer([question for _, question in asked], max_new_tokens=bench.max_new_tokens)
    said: dict[str, list[str]] = {}
    for (fact, _), answer in zip(asked, answers, strict=True):
        said.setdefault(fact.candidate_id, []).append(answer.text)
    return [(fact, stance_of(fact, said[fact.candidate_id]), said[fact.candidate_id][0]) for fact in facts]


def stance_of(fact: AskedFact, answers: Sequence[str]) -> Stance:
    """What the answers to a fact's questions say of it together: the new only where all do, the old where one does."""
    candidate = fact.candidate
    if fact.standing is Standing.WITHDRAWN:
        return Stance.OLD if any(says(answer, candidate.object_new) for answer in answers) else Stance.NEITHER
    if all(takes(answer, candidate.object_new, candidate.object_old, candidate.must_not_assert) for answer in answers):
        return Stance.NEW
    held = [one for one in (candidate.object_old, *candidate.must_not_assert) if one]
    return Stance.OLD if any(says(answer, one) for answer in answers for one in held) else Stance.NEITHER


def reopen(transaction: Transaction, fact: AskedFact) -> bool:
    """Send a candidate that needed no edit back to its rehearsal, with its audit row; False where it has moved on."""
    columns = tables.candidates.c
    changed = transaction.execute(
        update(tables.candidates)
        .where(columns.candidate_id == fact.candidate_id, columns.state == CandidateState.NO_EDIT_NEEDED)
        .values(state=CandidateState.PROPOSED, reason=None)
    ).rowcount
    if changed:
        body = {"why": "the model does not say it any more"}
        transaction.audit("candidate.reopened", f"candidate:{fact.candidate_id}", body, actor=ACTOR)
    return bool(changed)


def _record(transaction: Transaction, fact: AskedFact, stance: Stance, answer: str, release_id: int) -> None:
    """A new row where something changed; else the last one was true until now."""
    columns = fact_answers.c
    last = transaction.execute(
        select(fact_answers)
        .where(columns.candidate_id == fact.candidate_id)
        .order_by(columns.fact_answer_id.desc())
        .limit(1)
    ).first()
    if last is not None and (last.standing, last.says, last.answer) == (fact.standing, stance, answer):
        transaction.execute(
            update(fact_answers)
            .where(columns.fact_answer_id == last.fact_answer_id)
            .values(last_at=max(last.last_at, transaction.now), release_id=release_id)
        )
        return
    transaction.execute(
        insert(fact_answers).values(
            candidate_id=fact.candidate_id,
            standing=fact.standing,
            says=stance,
            answer=answer,
            release_id=release_id,
            first_at=transaction.now,
            last_at=transaction.now,
        )
    )


def wrong_lines(connection: Connection, *, now: str, most: int = 5) -> tuple[str, ...]:
    """What the live model says wrongly, a line for each of the longest ones and one for the rest; reads few rows."""
    columns = fact_answers.c
    newest = select(func.max(columns.fact_answer_id)).group_by(columns.candidate_id)
    is_wrong = (columns.says == Stance.OLD) | (
        columns.standing.in_((Standing.PROMOTED, Standing.NO_EDIT_NEEDED)) & (columns.says != Stance.NEW)
    )
    query = select(columns.candidate_id).where(columns.fact_answer_id.in_(newest), is_wrong)
    ids = list(connection.execute(query).scalars())
    wrong = [one for one in read_exposures(connection, now=now, only=ids) if one.is_wrong] if ids else []
    more = len(wrong) - most
    return (
        *(one.words for one in wrong[:most]),
        *((f"and {more} more: medrek-flow check --facts",) if more > 0 else ()),
    )


def read_exposures(connection: Connection, *, now: str, only: Sequence[str] | None = None) -> tuple[Exposure, ...]:
    """Read what the live model said of each fact when it was last asked, longest wrong first.

    Only facts that are still asked: one that was rejected or closed since has no exposure.

    Args:
        only: of these candidates; None reads all.
    """
    facts = {fact.candidate_id: fact for fact in facts_to_ask(connection, only)}
    columns = fact_answers.c
    query = select(fact_answers).order_by(columns.fact_answer_id)
    rows = connection.execute(query if only is None else query.where(columns.candidate_id.in_(only))).all()
    history: dict[str, list[tuple[str, str, str, str]]] = {}
    for row in rows:
        if row.candidate_id in facts and row.standing == facts[row.candidate_id].standing:
            history.setdefault(row.candidate_id, []).append((row.standing, row.says, row.answer, row.first_at))
    found = [_exposure(facts[candidate_id], seen, now) for candidate_id, seen in history.items()]
    return tuple(sorted(found, key=lambda one: (not one.is_wrong, -one.days, one.candidate_id)))


def _exposure(fact: AskedFact, seen: Sequence[tuple[str, str, str, str]], now: str) -> Exposure:
    _, stance, answer, since = seen[-1]
    for _, earlier, _, first_at in reversed(seen[:-1]):
        if earlier != stance:
            break
        since = min(since, first_at)
    return Exposure(
        candidate_id=fact.candidate_id,
        subject=fact.candidate.subject,
        relation=fact.candidate.relation,
        question=fact.candidate.question,
        standing=fact.standing,
        says=stance,
        answer=answer,
        since=since,
        days=max(0, (utc_moment(now) - utc_moment(since)).days),
        is_wrong=_is_wrong(fact.standing, Stance(stance)),
    )


def _is_wrong(standing: Standing, stance: Stance) -> bool:
    if standing in (Standing.PENDING, Standing.WITHDRAWN):
        return stance is Stance.OLD
    return stance is not Stance.NEW
