"""What a document that came after a candidate was proposed has to be warned of.

Frozen: a later change of the schema is a migration of its own.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the late warnings."""
    op.create_table(
        "late_warnings",
        sa.Column("candidate_id", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("notice_id", sa.Text(), nullable=False),
        sa.Column("warned_at", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["candidate_id"], ["candidates.candidate_id"], name=op.f("fk_late_warnings_candidate_id_candidates")
        ),
        sa.ForeignKeyConstraint(["notice_id"], ["notices.notice_id"], name=op.f("fk_late_warnings_notice_id_notices")),
        sa.PrimaryKeyConstraint("candidate_id", "words", name=op.f("pk_late_warnings")),
    )
