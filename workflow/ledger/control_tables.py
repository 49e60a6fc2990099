"""The tables of change control that came after the first schema; the others stand in ``tables``."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text

from workflow.ledger.schema import metadata, text

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
