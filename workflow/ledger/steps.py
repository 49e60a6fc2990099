"""The steps that a reviewer's undo and redo go back and forth over: kept for ever, one row each, in order.

A step is one mark, one verdict on many, or one decision. Undoing it is another row that names it, and so is redoing
it; nothing is removed. What the stacks are follows from reading a reviewer's rows in order: a new step empties what
could be redone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, insert, select

from workflow.ledger.desk_tables import desk_steps
from workflow.ledger.ledger import Transaction
from workflow.records import Record, Verdict

LOOKS_BACK = 2000
"""Rows read: nobody undoes more than that by hand."""


class StepAct(StrEnum):
    """What a row of the steps says."""

    DID = "did"
    UNDID = "undid"
    REDID = "redid"
    PASSED = "passed"
    """It could not be undone or redone any more, which was told, and it is asked about no more."""


class MarkContent(Record):
    """A mark as it was made, without its name and its time."""

    verdict: Verdict
    reason_code: str
    reason_text: str
    fixed_object: str | None
    defer_until: str | None
    shown_sha256: str
    quote_seen: bool


class MarkChange(Record):
    """What a step did to the mark on one candidate."""

    candidate_id: str
    before: MarkContent | None
    after: MarkContent | None


class DecisionMade(Record):
    """What a step signed."""

    candidate_id: str
    decision_id: str
    mark: MarkContent


class StepBody(Record):
    """One step: changes of marks, or a decision."""

    marks: tuple[MarkChange, ...] = ()
    decision: DecisionMade | None = None

    @property
    def candidate_ids(self) -> tuple[str, ...]:
        """The candidates that it is about."""
        of_marks = tuple(change.candidate_id for change in self.marks)
        return of_marks if self.decision is None else (self.decision.candidate_id,)

    @property
    def words(self) -> str:
        """The step in words."""
        if self.decision is not None:
            return f"signed {_spoken(self.decision.mark.verdict)} of {self.decision.candidate_id}"
        first = self.marks[0]
        of = first.candidate_id if len(self.marks) == 1 else f"{len(self.marks)} candidates"
        return f"{_spoken(first.after.verdict)} mark on {of}" if first.after else f"taking the mark on {of} back"


@dataclass(frozen=True)
class Step:
    """One step on a stack, with what stands of it now."""

    step_id: int
    body: StepBody


@dataclass(frozen=True)
class Stacks:
    """What can be undone and redone, the next one last."""

    undo: tuple[Step, ...]
    redo: tuple[Step, ...]


def note_step(
    transaction: Transaction,
    reviewer_id: str,
    body: StepBody,
    *,
    act: StepAct = StepAct.DID,
    of_step: int | None = None,
) -> None:
    """Add a row to a reviewer's steps, inside the transaction of what it tells."""
    kind = "mark" if body.decision is None else "decision"
    values = {"reviewer_id": reviewer_id, "act": act, "of_step": of_step, "kind": kind, "at": transaction.now}
    transaction.execute(insert(desk_steps).values(**values, body=body.model_dump_json()))


def read_stacks(connection: Connection, reviewer_id: str) -> Stacks:
    """Read what a reviewer can undo and redo."""
    columns = desk_steps.c
    query = select(columns.step_id, columns.act, columns.of_step, columns.body)
    query = query.where(columns.reviewer_id == reviewer_id).order_by(columns.step_id.desc()).limit(LOOKS_BACK)
    undo: dict[int, str] = {}
    redo: dict[int, str] = {}
    for step_id, act, of_step, body in reversed(connection.execute(query).all()):
        if act == StepAct.DID:
            undo[step_id] = body
            redo.clear()
            continue
        found = undo.pop(of_step, None) or redo.pop(of_step, None)
        if act != StepAct.PASSED and found is not None:
            (redo if act == StepAct.UNDID else undo)[of_step] = body
    return Stacks(_steps(undo), _steps(redo))


def _steps(bodies: dict[int, str]) -> tuple[Step, ...]:
    return tuple(Step(step_id, StepBody.model_validate_json(body)) for step_id, body in bodies.items())


def _spoken(verdict: Verdict) -> str:
    return verdict.replace("_", " ")
