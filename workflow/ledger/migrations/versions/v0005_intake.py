"""What intake keeps: the documents that repeat what a candidate says, and what a language model failed to answer.

Frozen: a later change of the schema is a migration of its own.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the sources of candidates and the failures of language models."""
    op.create_table(
        "candidate_sources",
        sa.Column("candidate_id", sa.Text(), nullable=False),
        sa.Column("notice_id", sa.Text(), nullable=False),
        sa.Column("start", sa.Integer(), nullable=False),
        sa.Column("end", sa.Integer(), nullable=False),
        sa.Column("text_id", sa.Text(), nullable=False),
        sa.Column("added_at", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["candidate_id"],
            ["candidates.candidate_id"],
            name=op.f("fk_candidate_sources_candidate_id_candidates"),
        ),
        sa.ForeignKeyConstraint(
            ["notice_id"], ["notices.notice_id"], name=op.f("fk_candidate_sources_notice_id_notices")
        ),
        sa.PrimaryKeyConstraint("candidate_id", "notice_id", "start", name=op.f("pk_candidate_sources")),
    )
    op.create_index("ix_candidate_sources_notice", "candidate_sources", ["notice_id"], unique=False)
    op.create_table(
        "llm_failures",
        sa.Column("failure_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("document_sha256", sa.Text(), nullable=False),
        sa.Column("prompt_sha256", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("seconds", sa.Float(), server_default="0", nullable=False),
        sa.Column("called_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("failure_id", name=op.f("pk_llm_failures")),
    )
    op.create_index("ix_llm_failures_run", "llm_failures", ["run_id"], unique=False)
