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

_WRITTEN_ONCE = {"signatures": "signature_id", "impact_notes": "gate_id", "shards": "path"}


def upgrade() -> None:
    """Add the tables and columns of change control."""
    _signed_acts()
    _releases()
    _deadlines()
    _columns()
    if op.get_bind().dialect.name == "sqlite":
        _guard_rows()


def _guard_rows() -> None:
    """What was written once is neither changed, nor taken away, nor put in its place."""
    for table, key in _WRITTEN_ONCE.items():
        refusal = f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        op.execute(f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} {refusal}")
        op.execute(f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} {refusal}")
        op.execute(
            f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table}"
            f" WHEN EXISTS (SELECT 1 FROM {table} WHERE {key} = NEW.{key}) {refusal}"
        )


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


def _columns() -> None:
    op.add_column(
        "reviewers",
        sa.Column("duties", sa.Text(), server_default="reviewer,second_signer,release_manager", nullable=False),
    )
    op.add_column("batches", sa.Column("order_reason", sa.Text(), nullable=True))
    op.add_column("batches", sa.Column("hold_reason", sa.Text(), nullable=True))
    op.add_column("batches", sa.Column("expedited", sa.Integer(), server_default="0", nullable=False))
    op.add_column("release_edits", sa.Column("shard_path", sa.Text(), nullable=True))
