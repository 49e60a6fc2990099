"""The tables of change control that came after the first schema; the others stand in ``tables``."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Float, ForeignKey, Index, Integer, Table, Text

from workflow.ledger.schema import metadata, optional, text

signatures = Table(  # acts of change control that a person signed; decisions on candidates stand in ``decisions``
    "signatures",
    metadata,
    Column("signature_id", Text, primary_key=True),
    text("act"),  # workflow.change_control.roles.Act
    text("subject"),  # batch:b0001, release:7, envelope:<sha256>, rebase:<id>, candidate:<id>
    text("account"),  # the operating system's name of the account
    text("signer_name"),
    text("roles"),  # what they were when they signed, comma-separated
    text("meaning"),
    text("reason"),
    text("bound_sha256"),  # what was shown and is bound by the signature
    text("proof"),  # pin, or account: known by the operating system alone
    text("signed_at"),
    Column("scripted", Integer, nullable=False, server_default="0"),
    Index("ix_signatures_subject", "subject"),
    CheckConstraint(
        "length(signer_name) > 0 AND length(meaning) > 0 AND length(reason) > 0 AND length(bound_sha256) = 64",
        name="whole",
    ),
)

impact_notes = Table(
    "impact_notes",
    metadata,
    Column("gate_id", Text, primary_key=True),
    Column("batch_id", Text, ForeignKey("batches.batch_id"), nullable=False),
    text("made_at"),
    text("sha256"),  # of the body
    text("body"),  # workflow.change_control.impact_note.ImpactNote
    Index("ix_impact_notes_batch", "batch_id"),
)

shards = Table(  # a release's own shard: what a rebase encoded anew; a batch's shard stands with the batch
    "shards",
    metadata,
    Column("path", Text, primary_key=True),  # relative to the site's memory folder
    text("sha256"),
    text("made_at"),
    text("made_by"),  # rebase:<id>
)

rebases = Table(
    "rebases",
    metadata,
    Column("rebase_id", Text, primary_key=True),
    text("state"),  # prepared, promoted
    Column("live_release_id", Integer, nullable=False),  # the release that it encoded anew
    text("prepared_at"),
    text("prepared_by"),
    text("report_sha256"),
    text("report"),
    Column("release_id", Integer, nullable=True),  # the release that it became
)

expiries = Table(  # until when a fact may stay without anybody looking at it again
    "expiries",
    metadata,
    Column("candidate_id", Text, ForeignKey("candidates.candidate_id"), primary_key=True),
    text("valid_until"),  # a day
    text("why"),
    text("set_by"),
    text("set_at"),
)

expedited = Table(  # candidates that somebody asked to have reviewed, gated and promoted within the hour
    "expedited",
    metadata,
    Column("candidate_id", Text, ForeignKey("candidates.candidate_id"), primary_key=True),
    text("asked_by"),
    text("asked_at"),
    text("due_at"),
    text("reason"),
)

gate_records = Table(  # from what a gate came to its verdict, so that it can be run again
    "gate_records",
    metadata,
    Column("gate_id", Text, primary_key=True),
    text("recorded_at"),
    text("body"),  # workflow.change_control.gate_record.GateRecord
)

question_sets = Table(  # sets of questions that gates asked, each once, by the digest of its content
    "question_sets",
    metadata,
    Column("digest", Text, primary_key=True),
    text("name"),  # faq, pinned
    text("recorded_at"),
    text("body"),  # JSON list of questions
)

gate_progress = Table(  # how far running gates are: a heartbeat, nothing of record, no audit rows
    "gate_progress",
    metadata,
    Column("subject", Text, primary_key=True),  # batch:b0001, live
    text("phase"),
    Column("done", Integer, nullable=False),
    Column("total", Integer, nullable=False),
    text("holder"),  # host:pid
    text("started_at"),
    text("beat_at"),
)

live_checks = Table(  # the trend: every check of what was live
    "live_checks",
    metadata,
    Column("check_id", Integer, primary_key=True, autoincrement=True),
    text("checked_at"),
    Column("release_id", Integer, nullable=False),
    text("verdict"),  # pass, refuse, hold, drift
    optional("gate_id"),
    Column("seconds", Float, nullable=False),
    text("body"),  # workflow.change_control.live_watch.LiveCheck
    Index("ix_live_checks_release", "release_id"),
)

answer_references = Table(  # the engine whose answers were taken as the measure of later ones
    "answer_references",
    metadata,
    Column("reference_id", Integer, primary_key=True, autoincrement=True),
    text("taken_at"),
    Column("release_id", Integer, nullable=False),
    text("environment"),  # workflow.change_control.environment.Environment
    text("actor"),
    text("reason"),
)

reference_answers = Table(
    "reference_answers",
    metadata,
    Column("reference_id", Integer, ForeignKey("answer_references.reference_id"), primary_key=True),
    Column("release_digest", Text, primary_key=True),
    Column("question_sha256", Text, primary_key=True),
    text("kind"),
    text("question"),
    optional("edit_id"),
    text("triple_sha256"),  # what was put in front of the question
    text("answer"),
    text("taken_at"),
    Index("ix_reference_answers_triple", "reference_id", "question_sha256", "triple_sha256"),
)

fact_answers = Table(  # what the live model says of pending, promoted and withdrawn facts, a row for each change
    "fact_answers",
    metadata,
    Column("fact_answer_id", Integer, primary_key=True, autoincrement=True),
    Column("candidate_id", Text, ForeignKey("candidates.candidate_id"), nullable=False),
    text("standing"),  # pending, promoted, withdrawn, no_edit_needed
    text("says"),  # new, old, other
    text("answer"),
    Column("release_id", Integer, nullable=False),
    text("first_at"),
    text("last_at"),
    Index("ix_fact_answers_candidate", "candidate_id"),
)
