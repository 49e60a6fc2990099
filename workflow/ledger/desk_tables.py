"""The tables of the review desk that came after the first schema; the others stand in ``tables``.

Of record, written once and never changed: ``comments``, ``desk_steps``, ``reversals``, ``dismissals`` and
``wrong_answers``. Conveniences that may be lost: ``drafts``, ``claims``, ``saved_views`` and ``places``; these are
written without an audit row.
"""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text

from workflow.ledger.schema import metadata, optional, text


def _candidate(*, is_key: bool = False) -> Column[str]:
    return Column("candidate_id", Text, ForeignKey("candidates.candidate_id"), primary_key=is_key, nullable=False)


def _reviewer(name: str = "reviewer_id", *, is_key: bool = False) -> Column[str]:
    return Column(name, Text, ForeignKey("reviewers.reviewer_id"), primary_key=is_key, nullable=False)


comments = Table(
    "comments",
    metadata,
    Column("comment_id", Integer, primary_key=True, autoincrement=True),
    _candidate(),
    _reviewer(),
    text("signer_name"),
    text("said_at"),
    text("words"),
    Index("ix_comments_candidate", "candidate_id"),
)

drafts = Table("drafts", metadata, _candidate(is_key=True), _reviewer(is_key=True), text("words"), text("saved_at"))

claims = Table(
    "claims",
    metadata,
    _candidate(is_key=True),
    _reviewer(),
    text("claimed_at"),
    text("until"),
)

desk_steps = Table(  # what undo and redo go back and forth over; an undo is a row of its own
    "desk_steps",
    metadata,
    Column("step_id", Integer, primary_key=True, autoincrement=True),
    _reviewer(),
    text("act"),  # did, undid, redid, passed
    Column("of_step", Integer, nullable=True),  # the step that was undone, redone or passed over
    text("kind"),  # mark, decision
    text("body"),  # workflow.ledger.steps
    text("at"),
    Index("ix_desk_steps_reviewer", "reviewer_id", "step_id"),
)

reversals = Table(  # decisions that count no more because a person took them back; the decision itself stays
    "reversals",
    metadata,
    Column("decision_id", Text, ForeignKey("decisions.decision_id"), primary_key=True),
    _candidate(),
    _reviewer(),
    text("kind"),  # undone, by who had signed it; reopened, by anybody
    text("reason", default=""),
    text("at"),
    Index("ix_reversals_candidate", "candidate_id"),
)

dismissals = Table(  # warnings that stood on the screen of who approved all the same
    "dismissals",
    metadata,
    Column("decision_id", Text, ForeignKey("decisions.decision_id"), primary_key=True),
    Column("ordinal", Integer, primary_key=True, autoincrement=False),
    text("words"),
)

deputies = Table(
    "deputies",
    metadata,
    Column("deputy_id", Integer, primary_key=True, autoincrement=True),
    _reviewer(),
    _reviewer("deputy"),
    text("first_day"),
    text("last_day"),
    text("named_at"),
    optional("ended_at"),
)

saved_views = Table(
    "saved_views",
    metadata,
    _reviewer(is_key=True),
    Column("name", Text, primary_key=True),
    text("body"),
    text("saved_at"),
)

places = Table("places", metadata, _reviewer(is_key=True), text("body"), text("saved_at"))

wrong_answers = Table(  # answers that somebody called wrong; each is a candidate of its own kind in the queue
    "wrong_answers",
    metadata,
    _candidate(is_key=True),
    text("question"),
    text("answer"),
    text("note"),
    text("reported_by", default=""),
    optional("edit_id"),
    Column("release_id", Integer, nullable=True),
    text("trace", default=""),
    text("flagged_by"),
    text("flagged_at"),
)

seeded_candidates = Table(  # candidates made false on purpose; no screen reads this before the signature
    "seeded_candidates",
    metadata,
    _candidate(is_key=True),
    Column("origin_id", Text, ForeignKey("candidates.candidate_id"), nullable=False),
    text("how"),  # what was made of what, told when it is revealed
    text("seeded_at"),
    optional("revealed_at"),
    optional("reviewer_id"),  # who decided it
    optional("verdict"),
    Column("noticed", Integer, nullable=True),
)
