"""What the review desk keeps: comments, claims, undo, reversals, deputies, flagged answers, seeded candidates.

Frozen: a later change of the schema is a migration of its own.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_WRITTEN_ONCE = {
    "comments": "comment_id",
    "desk_steps": "step_id",
    "reversals": "decision_id",
    "dismissals": "decision_id",
    "wrong_answers": "candidate_id",
}


def upgrade() -> None:
    """Add the tables of the review desk, and the rule that a seeded candidate never becomes an edit."""
    _working_together()
    _back_and_forth()
    _other_ways_in()
    if op.get_bind().dialect.name == "sqlite":
        _guard_rows()


def _guard_rows() -> None:
    """What was written once is neither changed nor taken away; what was made false on purpose never becomes an edit."""
    for table, key in _WRITTEN_ONCE.items():
        refusal = f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        op.execute(f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} {refusal}")
        op.execute(f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} {refusal}")
        same = "ordinal = NEW.ordinal AND " if table == "dismissals" else ""
        twice = f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {same}{key} = NEW.{key})"  # noqa: S608 - our own names
        op.execute(f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} {twice} {refusal}")
    seeded = "WHEN EXISTS (SELECT 1 FROM seeded_candidates WHERE candidate_id = NEW.candidate_id)"
    never = "BEGIN SELECT RAISE(ABORT, 'edits is append-only for facts: a seeded candidate is none'); END"
    op.execute(f"CREATE TRIGGER edits_never_seeded BEFORE INSERT ON edits {seeded} {never}")
    op.execute(f"CREATE TRIGGER edits_never_seeded_later BEFORE UPDATE OF candidate_id ON edits {seeded} {never}")
    forget = "BEGIN SELECT RAISE(ABORT, 'seeded_candidates is append-only'); END"
    op.execute(f"CREATE TRIGGER seeded_candidates_no_delete BEFORE DELETE ON seeded_candidates {forget}")
    sealed = "OF candidate_id, origin_id, how, seeded_at"
    op.execute(f"CREATE TRIGGER seeded_candidates_sealed BEFORE UPDATE {sealed} ON seeded_candidates {forget}")


def _working_together() -> None:
    op.create_table(
        "comments",
        sa.Column("comment_id", sa.Integer(), nullable=False),
        sa.Column("candidate_id", sa.Text(), nullable=False),
        sa.Column("reviewer_id", sa.Text(), nullable=False),
        sa.Column("signer_name", sa.Text(), nullable=False),
        sa.Column("said_at", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["candidate_id"], ["candidates.candidate_id"], name=op.f("fk_comments_candidate_id_candidates")
        ),
        sa.ForeignKeyConstraint(
            ["reviewer_id"], ["reviewers.reviewer_id"], name=op.f("fk_comments_reviewer_id_reviewers")
        ),
        sa.PrimaryKeyConstraint("comment_id", name=op.f("pk_comments")),
    )
    op.create_index("ix_comments_candidate", "comments", ["candidate_id"], unique=False)
    op.create_table(
        "drafts",
        sa.Column("candidate_id", sa.Text(), nullable=False),
        sa.Column("reviewer_id", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("saved_at", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["candidate_id"], ["candidates.candidate_id"], name=op.f("fk_drafts_candidate_id_candidates")
        ),
        sa.ForeignKeyConstraint(
            ["reviewer_id"], ["reviewers.reviewer_id"], name=op.f("fk_drafts_reviewer_id_reviewers")
        ),
        sa.PrimaryKeyConstraint("candidate_id", "reviewer_id", name=op.f("pk_drafts")),
    )
    op.create_table(
        "claims",
        sa.Column("candidate_id", sa.Text(), nullable=False),
        sa.Column("reviewer_id", sa.Text(), nullable=False),
        sa.Column("claimed_at", sa.Text(), nullable=False),
        sa.Column("until", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["candidate_id"], ["candidates.candidate_id"], name=op.f("fk_claims_candidate_id_candidates")
        ),
        sa.ForeignKeyConstraint(
            ["reviewer_id"], ["reviewers.reviewer_id"], name=op.f("fk_claims_reviewer_id_reviewers")
        ),
        sa.PrimaryKeyConstraint("candidate_id", name=op.f("pk_claims")),
    )
    op.create_table(
        "deputies",
        sa.Column("deputy_id", sa.Integer(), nullable=False),
        sa.Column("reviewer_id", sa.Text(), nullable=False),
        sa.Column("deputy", sa.Text(), nullable=False),
        sa.Column("first_day", sa.Text(), nullable=False),
        sa.Column("last_day", sa.Text(), nullable=False),
        sa.Column("named_at", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["reviewer_id"], ["reviewers.reviewer_id"], name=op.f("fk_deputies_reviewer_id_reviewers")
        ),
        sa.ForeignKeyConstraint(["deputy"], ["reviewers.reviewer_id"], name=op.f("fk_deputies_deputy_reviewers")),
        sa.PrimaryKeyConstraint("deputy_id", name=op.f("pk_deputies")),
    )
    op.create_table(
        "saved_views",
        sa.Column("reviewer_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("saved_at", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["reviewer_id"], ["reviewers.reviewer_id"], name=op.f("fk_saved_views_reviewer_id_reviewers")
        ),
        sa.PrimaryKeyConstraint("reviewer_id", "name", name=op.f("pk_saved_views")),
    )
    op.create_table(
        "places",
        sa.Column("reviewer_id", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("saved_at", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["reviewer_id"], ["reviewers.reviewer_id"], name=op.f("fk_places_reviewer_id_reviewers")
        ),
        sa.PrimaryKeyConstraint("reviewer_id", name=op.f("pk_places")),
    )


def _back_and_forth() -> None:
    op.create_table(
        "desk_steps",
        sa.Column("step_id", sa.Integer(), nullable=False),
        sa.Column("reviewer_id", sa.Text(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("of_step", sa.Integer(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["reviewer_id"], ["reviewers.reviewer_id"], name=op.f("fk_desk_steps_reviewer_id_reviewers")
        ),
        sa.PrimaryKeyConstraint("step_id", name=op.f("pk_desk_steps")),
    )
    op.create_index("ix_desk_steps_reviewer", "desk_steps", ["reviewer_id", "step_id"], unique=False)
    op.create_table(
        "reversals",
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("candidate_id", sa.Text(), nullable=False),
        sa.Column("reviewer_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["reviewer_id"], ["reviewers.reviewer_id"], name=op.f("fk_reversals_reviewer_id_reviewers")
        ),
        sa.ForeignKeyConstraint(
            ["candidate_id"], ["candidates.candidate_id"], name=op.f("fk_reversals_candidate_id_candidates")
        ),
        sa.ForeignKeyConstraint(
            ["decision_id"], ["decisions.decision_id"], name=op.f("fk_reversals_decision_id_decisions")
        ),
        sa.PrimaryKeyConstraint("decision_id", name=op.f("pk_reversals")),
    )
    op.create_index("ix_reversals_candidate", "reversals", ["candidate_id"], unique=False)
    op.create_table(
        "dismissals",
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("ordinal", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["decision_id"], ["decisions.decision_id"], name=op.f("fk_dismissals_decision_id_decisions")
        ),
        sa.PrimaryKeyConstraint("decision_id", "ordinal", name=op.f("pk_dismissals")),
    )


def _other_ways_in() -> None:
    op.create_table(
        "wrong_answers",
        sa.Column("candidate_id", sa.Text(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("reported_by", sa.Text(), server_default="", nullable=False),
        sa.Column("edit_id", sa.Text(), nullable=True),
        sa.Column("release_id", sa.Integer(), nullable=True),
        sa.Column("trace", sa.Text(), server_default="", nullable=False),
        sa.Column("flagged_by", sa.Text(), nullable=False),
        sa.Column("flagged_at", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["candidate_id"], ["candidates.candidate_id"], name=op.f("fk_wrong_answers_candidate_id_candidates")
        ),
        sa.PrimaryKeyConstraint("candidate_id", name=op.f("pk_wrong_answers")),
    )
    op.create_table(
        "seeded_candidates",
        sa.Column("candidate_id", sa.Text(), nullable=False),
        sa.Column("origin_id", sa.Text(), nullable=False),
        sa.Column("how", sa.Text(), nullable=False),
        sa.Column("seeded_at", sa.Text(), nullable=False),
        sa.Column("revealed_at", sa.Text(), nullable=True),
        sa.Column("reviewer_id", sa.Text(), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("noticed", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["candidate_id"], ["candidates.candidate_id"], name=op.f("fk_seeded_candidates_candidate_id_candidates")
        ),
        sa.ForeignKeyConstraint(
            ["origin_id"], ["candidates.candidate_id"], name=op.f("fk_seeded_candidates_origin_id_candidates")
        ),
        sa.PrimaryKeyConstraint("candidate_id", name=op.f("pk_seeded_candidates")),
    )
