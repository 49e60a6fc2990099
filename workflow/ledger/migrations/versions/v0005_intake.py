"""What intake keeps: the documents that repeat what a candidate says.

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
    """Add the sources of candidates."""
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
