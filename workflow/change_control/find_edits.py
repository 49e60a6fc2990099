"""From a drug or an answer to the batch and the edit that it came from: what to roll back, found by its words."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import Connection, Row, func, literal, or_, select

from workflow.change_control.release import read_live
from workflow.ledger import tables

_MOST = 50


@dataclass(frozen=True)
class FoundEdit:
    """One edit in which the words stand, and the command that takes it out of force."""

    edit_id: str
    batch_id: str
    state: str
    in_force: bool
    subject: str
    question: str
    object_new: str
    answer: str
    """What the live model said after its promotion; empty where it was never live."""
    found_in: str
    """``fact``: subject, alias, question or object; ``answer``: only what the live model said."""

    @property
    def command(self) -> str:
        """What takes it out of force."""
        return f"medrek-flow rollback {self.batch_id} --only {self.edit_id}"


def find_edits(connection: Connection, text: str, *, most: int = _MOST) -> tuple[FoundEdit, ...]:
    """Find the edits in whose fact, questions or read-back answer ``text`` stands; those in force first."""
    words = " ".join(text.split())
    if not words:
        return ()
    live = read_live(connection)
    here = select(tables.release_edits.c.edit_id).where(
        tables.release_edits.c.release_id == (live.release_id if live else -1)
    )
    edits, batches = tables.edits.c, tables.batches.c
    in_force = edits.edit_id.in_(here)
    said = func.json_extract(batches.read_back, literal('$."') + edits.edit_id + '"')
    found_in_fact = edits.body.icontains(words, autoescape=True)
    query = (
        select(
            edits.edit_id,
            edits.batch_id,
            edits.state,
            edits.body,
            in_force.label("in_force"),
            said.label("said"),
            found_in_fact.label("in_fact"),
        )
        .join(tables.batches, batches.batch_id == edits.batch_id)
        .where(or_(found_in_fact, func.coalesce(said, "").icontains(words, autoescape=True)))
        .order_by(in_force.desc(), batches.ordinal.desc(), edits.edit_id)
        .limit(most)
    )
    return tuple(_found(row) for row in connection.execute(query))


def _found(row: Row[tuple[object, ...]]) -> FoundEdit:
    fact = json.loads(row.body)
    return FoundEdit(
        edit_id=row.edit_id,
        batch_id=row.batch_id,
        state=row.state,
        in_force=bool(row.in_force),
        subject=fact["subject"],
        question=fact["question"],
        object_new=fact["object_new"],
        answer=row.said or "",
        found_in="fact" if row.in_fact else "answer",
    )
