"""What change control keeps: signed acts, impact notes, shards of releases, rebases, expiries, expedited candidates.

Frozen: a later change of the schema is a migration of its own.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_WRITTEN_ONCE = {
    "signatures": "signature_id",
    "impact_notes": "gate_id",
    "shards": "path",
    "gate_records": "gate_id",
    "question_sets": "digest",
}


def upgrade() -> None:
    """Add the tables and columns of change control."""
    _signed_acts()
    _releases()
    _deadlines()
    _gates()
    _live_checks()
    _columns()
    if op.get_bind().dialect.name == "sqlite":
        _guard_rows()


def _guard_rows() -> None:
    """What was written once is neither changed, nor taken away, nor put in its place."""
    for table, key in _WRITTEN_ONCE.items():
        refusal = f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        op.execute(f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} {refusal}")
        op.execute(f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} {refusal}")
        twice = f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {key} = NEW.{key})"  # noqa: S608 - our own names
        op.execute(f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} {twice} {refusal}")


def _signed_acts() -> None:
    op.create_table(
        "signatures",
        sa.Column("signature_id", sa.Text(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("signer_name", sa.Text(), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("meaning", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("bound_sha256", sa.Text(), nullable=False),
        sa.Column("proof", sa.Text(), nullable=False),
        sa.Column("signed_at", sa.Text(), nullable=False),
        sa.Column("scripted", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "length(signer_name) > 0 AND length(meaning) > 0 AND length(reason) > 0 AND length(bound_sha256) = 64",
            name=op.f("ck_signatures_whole"),
        ),
        sa.PrimaryKeyConstraint("signature_id", name=op.f("pk_signatures")),
    )
    op.create_index("ix_signatures_subject", "signatures", ["subject"], unique=False)
    op.create_table(
        "impact_notes",
        sa.Column("gate_id", sa.Text(), nullable=False),
        sa.Column("batch_id", sa.Text(), nullable=False),
        sa.Column("made_at", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.batch_id"], name=op.f("fk_impact_notes_batch_id_batches")),
        sa.PrimaryKeyConstraint("gate_id", name=op.f("pk_impact_notes")),
    )
    op.create_index("ix_impact_notes_batch", "impact_notes", ["batch_id"], unique=False)


def _releases() -> None:
    op.create_table(
        "shards",
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("made_at", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("path", name=op.f("pk_shards")),
    )
    op.create_table(
        "rebases",
        sa.Column("rebase_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("live_release_id", sa.Integer(), nullable=False),
        sa.Column("prepared_at", sa.Text(), nullable=False),
        sa.Column("prepared_by", sa.Text(), nullable=False),
        sa.Column("report_sha256", sa.Text(), nullable=False),
        sa.Column("report", sa.Text(), nullable=False),
        sa.Column("release_id", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("rebase_id", name=op.f("pk_rebases")),
    )


def _deadlines() -> None:
    op.create_table(
        "expiries",
        sa.Column("candidate_id", sa.Text(), nullable=False),
        sa.Column("valid_until", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column("set_at", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["candidate_id"], ["candidates.candidate_id"], name=op.f("fk_expiries_candidate_id_candidates")
        ),
        sa.PrimaryKeyConstraint("candidate_id", name=op.f("pk_expiries")),
    )
    op.create_table(
        "expedited",
        sa.Column("candidate_id", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.Text(), nullable=False),
        sa.Column("due_at", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["candidate_id"], ["candidates.candidate_id"], name=op.f("fk_expedited_candidate_id_candidates")
        ),
        sa.PrimaryKeyConstraint("candidate_id", name=op.f("pk_expedited")),
    )


def _gates() -> None:
    op.create_table(
        "gate_records",
        sa.Column("gate_id", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("gate_id", name=op.f("pk_gate_records")),
    )
    op.create_table(
        "question_sets",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_question_sets")),
    )
    op.create_table(
        "gate_progress",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("started_at", sa.Text(), nullable=False),
        sa.Column("beat_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_gate_progress")),
    )


def _live_checks() -> None:
    op.create_table(
        "live_checks",
        sa.Column("check_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("checked_at", sa.Text(), nullable=False),
        sa.Column("release_id", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("gate_id", sa.Text(), nullable=True),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("check_id", name=op.f("pk_live_checks")),
    )
    op.create_index("ix_live_checks_release", "live_checks", ["release_id"], unique=False)
    op.create_table(
        "answer_references",
        sa.Column("reference_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("taken_at", sa.Text(), nullable=False),
        sa.Column("release_id", sa.Integer(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("reference_id", name=op.f("pk_answer_references")),
    )
    op.create_table(
        "reference_answers",
        sa.Column("reference_id", sa.Integer(), nullable=False),
        sa.Column("release_digest", sa.Text(), nullable=False),
        sa.Column("question_sha256", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("edit_id", sa.Text(), nullable=True),
        sa.Column("triple_sha256", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("taken_at", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["reference_id"],
            ["answer_references.reference_id"],
            name=op.f("fk_reference_answers_reference_id_answer_references"),
        ),
        sa.PrimaryKeyConstraint("reference_id", "release_digest", "question_sha256", name=op.f("pk_reference_answers")),
    )
    op.create_index(
        "ix_reference_answers_triple",
        "reference_answers",
        ["reference_id", "question_sha256", "triple_sha256"],
        unique=False,
    )
    op.create_table(
        "fact_answers",
        sa.Column("fact_answer_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("candidate_id", sa.Text(), nullable=False),
        sa.Column("standing", sa.Text(), nullable=False),
        sa.Column("says", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("release_id", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.Text(), nullable=False),
        sa.Column("last_at", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["candidate_id"], ["candidates.candidate_id"], name=op.f("fk_fact_answers_candidate_id_candidates")
        ),
        sa.PrimaryKeyConstraint("fact_answer_id", name=op.f("pk_fact_answers")),
    )
    op.create_index("ix_fact_answers_candidate", "fact_answers", ["candidate_id"], unique=False)


def _columns() -> None:
    op.add_column(
        "reviewers",
        sa.Column("duties", sa.Text(), server_default="reviewer,second_signer,release_manager", nullable=False),
    )
    op.add_column("batches", sa.Column("order_reason", sa.Text(), nullable=True))
    op.add_column("batches", sa.Column("hold_reason", sa.Text(), nullable=True))
    op.add_column("batches", sa.Column("expedited", sa.Integer(), server_default="0", nullable=False))
    op.add_column("release_edits", sa.Column("shard_path", sa.Text(), nullable=True))
