"""Comments on candidates, and unfinished ones: a comment is of record and stays, a draft is its writer's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select

from workflow.errors import UsageError
from workflow.identity import Reviewer
from workflow.ledger.desk_tables import comments, drafts
from workflow.ledger.ledger import Ledger, Transaction
from workflow.ledger.tables import candidates

LONGEST_TEXT = 4000
"""Characters of a comment, a note or a flagged answer."""


@dataclass(frozen=True)
class Comment:
    """What somebody said about a candidate."""

    signer_name: str
    said_at: str
    words: str


def add_comment(ledger: Ledger, candidate_id: str, reviewer: Reviewer, words: str) -> None:
    """Add a comment and forget the draft of it; on disk when this returns.

    Raises:
        UsageError: It is empty or too long, or there is no such candidate.
    """
    said = words.strip()
    if not said or len(said) > LONGEST_TEXT:
        raise UsageError(f"comment: expected 1 to {LONGEST_TEXT} characters, got {len(said)}")
    with ledger.write() as transaction:
        _require_candidate(transaction, candidate_id)
        transaction.execute(
            insert(comments).values(
                candidate_id=candidate_id,
                reviewer_id=reviewer.reviewer_id,
                signer_name=reviewer.name,
                said_at=transaction.now,
                words=said,
            )
        )
        _forget_draft(transaction, candidate_id, reviewer.reviewer_id)
        subject = f"candidate:{candidate_id}"
        transaction.audit("candidate.commented", subject, {"words": said}, actor=reviewer.reviewer_id)


def keep_draft(ledger: Ledger, candidate_id: str, reviewer_id: str, words: str) -> None:
    """Keep an unfinished comment in place of the last one; empty forgets it. Not of record: without an audit row.

    Raises:
        UsageError: It is too long, or there is no such candidate.
    """
    if len(words) > LONGEST_TEXT:
        raise UsageError(f"draft: expected at most {LONGEST_TEXT} characters, got {len(words)}")
    with ledger.write() as transaction:
        _require_candidate(transaction, candidate_id)
        _forget_draft(transaction, candidate_id, reviewer_id)
        if words:
            values = {"candidate_id": candidate_id, "reviewer_id": reviewer_id, "words": words}
            transaction.execute(insert(drafts).values(**values, saved_at=transaction.now))


def read_comments(connection: Connection, candidate_id: str) -> tuple[Comment, ...]:
    """Give the comments on a candidate, oldest first."""
    query = select(comments.c.signer_name, comments.c.said_at, comments.c.words)
    query = query.where(comments.c.candidate_id == candidate_id).order_by(comments.c.comment_id)
    return tuple(Comment(*row) for row in connection.execute(query))


def read_draft(connection: Connection, candidate_id: str, reviewer_id: str) -> str:
    """Give a reviewer's unfinished comment; empty where there is none."""
    query = select(drafts.c.words).where(drafts.c.candidate_id == candidate_id, drafts.c.reviewer_id == reviewer_id)
    return str(connection.execute(query).scalar() or "")


def count_comments(connection: Connection, candidate_ids: Sequence[str]) -> dict[str, int]:
    """Count the comments on a page of candidates."""
    query = select(comments.c.candidate_id, func.count()).where(comments.c.candidate_id.in_(candidate_ids))
    return {str(name): int(count) for name, count in connection.execute(query.group_by(comments.c.candidate_id))}


def drafted(connection: Connection, reviewer_id: str) -> frozenset[str]:
    """Name the candidates on which a reviewer has an unfinished comment."""
    query = select(drafts.c.candidate_id).where(drafts.c.reviewer_id == reviewer_id)
    return frozenset(connection.execute(query).scalars())


def _forget_draft(transaction: Transaction, candidate_id: str, reviewer_id: str) -> None:
    transaction.execute(
        delete(drafts).where(drafts.c.candidate_id == candidate_id, drafts.c.reviewer_id == reviewer_id)
    )


def _require_candidate(transaction: Transaction, candidate_id: str) -> None:
    known = select(candidates.c.candidate_id).where(candidates.c.candidate_id == candidate_id)
    if transaction.execute(known).first() is None:
        raise UsageError(f"candidate {candidate_id!r}: unknown; see `medrek-flow queue list`")
