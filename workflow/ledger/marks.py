"""Marks: what a reviewer chose and has not signed yet. Each is durable, with its audit row, when ``mark`` returns.

A reviewer has at most one mark on a candidate; marking again replaces it and gives it another name. A mark moves no
candidate: only a signature does. Each change of a mark is a step that the reviewer can undo.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, Row, delete, insert, select

from workflow.change_control.roles import Act, holds, roles_of
from workflow.ledger.case_file import CaseFile, read_case_file, read_case_files
from workflow.ledger.claims import held_by_other
from workflow.ledger.ledger import Ledger, Transaction
from workflow.ledger.steps import MarkChange, MarkContent, StepBody, note_step
from workflow.ledger.tables import marks, reviewers
from workflow.records import Verdict
from workflow.review_policy import Choice, PolicyRefusal, PolicyRefusalKind, ReviewPolicy

_MOST_PARAMETERS = 500


@dataclass(frozen=True)
class Mark:
    """One unsigned mark."""

    mark_id: str
    """Names this very mark; marking the candidate again makes another."""
    candidate_id: str
    choice: Choice
    defer_until: str | None
    marked_at: str

    @property
    def content(self) -> MarkContent:
        """What it says, without its name and its time."""
        return content_of(self.choice, self.defer_until)


@dataclass(frozen=True)
class LeftOut:
    """A candidate that a verdict on many leaves out, and why."""

    candidate_id: str
    words: str


@dataclass(frozen=True)
class Bulk:
    """What a verdict on many marks, or marked."""

    taken: tuple[CaseFile, ...]
    left_out: tuple[LeftOut, ...]


def save_mark(
    ledger: Ledger, policy: ReviewPolicy, candidate_id: str, choice: Choice, *, defer_until: str | None = None
) -> tuple[PolicyRefusal, ...]:
    """Save a mark in place of this reviewer's earlier one, or say why not.

    Raises:
        UsageError: There is no such candidate.
    """
    with ledger.write() as transaction:
        choice = with_duties(transaction.connection, choice)
        file = read_case_file(transaction.connection, candidate_id)
        refusals = refusals_of(transaction.connection, policy, file, choice, now=transaction.now)
        if refusals:
            return refusals
        change = put_mark(transaction, candidate_id, choice.reviewer_id, content_of(choice, defer_until))
        note_step(transaction, choice.reviewer_id, StepBody(marks=(change,)))
    return ()


def refusals_of(
    connection: Connection, policy: ReviewPolicy, file: CaseFile, choice: Choice, *, now: str
) -> tuple[PolicyRefusal, ...]:
    """List why a mark is not taken now: the rules, or somebody else's claim."""
    refusals = policy.refusals(file.case(), choice)
    holder = held_by_other(connection, file.candidate_id, choice.reviewer_id, now=now)
    if refusals or holder is None:
        return refusals
    words = f"{holder.name} works on it until {holder.until}; take it over first, or wait"
    return (PolicyRefusal(PolicyRefusalKind.CLAIMED, words),)


def take_back_mark(ledger: Ledger, candidate_id: str, reviewer_id: str) -> bool:
    """Take this reviewer's own mark back; False where there was none."""
    with ledger.write() as transaction:
        change = put_mark(transaction, candidate_id, reviewer_id, None)
        if change.before is None:
            return False
        note_step(transaction, reviewer_id, StepBody(marks=(change,)))
    return True


def put_mark(transaction: Transaction, candidate_id: str, reviewer_id: str, content: MarkContent | None) -> MarkChange:
    """Put a mark in place of what stood there, with its audit row; give what changed."""
    own = marks_on(transaction.connection, [candidate_id], reviewer_id).get(candidate_id)
    before = own.content if own else None
    subject = f"candidate:{candidate_id}"
    where = (marks.c.candidate_id == candidate_id, marks.c.reviewer_id == reviewer_id)
    transaction.execute(delete(marks).where(*where))
    if content is not None:
        body = {**content.model_dump(mode="json"), "quote_seen": int(content.quote_seen)}
        seq = transaction.audit("candidate.marked", subject, body, actor=reviewer_id)
        row = {**body, "candidate_id": candidate_id, "reviewer_id": reviewer_id}
        transaction.execute(insert(marks).values(**row, marked_at=transaction.now, audit_seq=seq))
    elif before is not None:
        transaction.audit("candidate.unmarked", subject, {}, actor=reviewer_id)
    return MarkChange(candidate_id=candidate_id, before=before, after=content)


def plan_bulk(
    connection: Connection, policy: ReviewPolicy, candidate_ids: Sequence[str], choice: Choice, *, now: str
) -> Bulk:
    """Sort out which candidates a verdict on many takes, each as it is shown now."""
    choice = with_duties(connection, choice)
    files = {file.candidate_id: file for file in read_case_files(connection, candidate_ids)}
    taken, left_out = [], []
    for candidate_id in dict.fromkeys(candidate_ids):
        file = files.get(candidate_id)
        words = "it is not on record" if file is None else _bulk_refusal(connection, policy, file, choice, now=now)
        if file is None or words:
            left_out.append(LeftOut(candidate_id, words))
        else:
            taken.append(file)
    return Bulk(tuple(taken), tuple(left_out))


def mark_bulk(
    ledger: Ledger,
    policy: ReviewPolicy,
    candidate_ids: Sequence[str],
    choice: Choice,
    *,
    defer_until: str | None = None,
) -> Bulk:
    """Mark many at once, all in one transaction and one step; never an approval."""
    with ledger.write() as transaction:
        bulk = plan_bulk(transaction.connection, policy, candidate_ids, choice, now=transaction.now)
        changes = tuple(
            put_mark(
                transaction,
                file.candidate_id,
                choice.reviewer_id,
                content_of(replace(choice, shown_sha256=file.shown_sha256), defer_until),
            )
            for file in bulk.taken
        )
        if changes:
            note_step(transaction, choice.reviewer_id, StepBody(marks=changes))
    return bulk


def list_marks(connection: Connection, reviewer_id: str) -> tuple[Mark, ...]:
    """List a reviewer's unsigned marks in the order in which they were made."""
    query = select(marks).where(marks.c.reviewer_id == reviewer_id).order_by(marks.c.audit_seq)
    return tuple(_mark(row) for row in connection.execute(query))


def marks_on(connection: Connection, candidate_ids: Sequence[str], reviewer_id: str) -> dict[str, Mark]:
    """Give this reviewer's marks on these candidates, by candidate id."""
    found: dict[str, Mark] = {}
    for start in range(0, len(candidate_ids), _MOST_PARAMETERS):
        chunk = candidate_ids[start : start + _MOST_PARAMETERS]
        query = select(marks).where(marks.c.reviewer_id == reviewer_id, marks.c.candidate_id.in_(chunk))
        found |= {row.candidate_id: _mark(row) for row in connection.execute(query)}
    return found


def with_duties(connection: Connection, choice: Choice) -> Choice:
    """Fill in what the reviewer's duties let them decide."""
    duties = connection.execute(
        select(reviewers.c.duties).where(reviewers.c.reviewer_id == choice.reviewer_id)
    ).scalar()
    roles = roles_of(str(duties or ""))
    return replace(
        choice, may_sign_first=holds(roles, Act.DECIDE_FIRST), may_sign_second=holds(roles, Act.DECIDE_SECOND)
    )


def content_of(choice: Choice, defer_until: str | None) -> MarkContent:
    """Give what a mark of this choice says."""
    return MarkContent(
        verdict=choice.verdict,
        reason_code=choice.reason_code,
        reason_text=choice.reason_text,
        fixed_object=choice.fixed_object,
        defer_until=defer_until,
        shown_sha256=choice.shown_sha256,
        quote_seen=choice.quote_seen,
    )


def choice_of(content: MarkContent, reviewer_id: str) -> Choice:
    """Give the choice that a mark is."""
    fields: Iterable[str] = ("verdict", "shown_sha256", "quote_seen", "reason_code", "reason_text", "fixed_object")
    return Choice(reviewer_id=reviewer_id, **{name: getattr(content, name) for name in fields})


def _bulk_refusal(connection: Connection, policy: ReviewPolicy, file: CaseFile, choice: Choice, *, now: str) -> str:
    words = policy.bulk_refusal(file.case(), choice.verdict)
    shown = replace(choice, shown_sha256=file.shown_sha256)
    return words or "; ".join(refusal.words for refusal in refusals_of(connection, policy, file, shown, now=now))


def _mark(row: Row[tuple[object, ...]]) -> Mark:
    return Mark(
        mark_id=f"m{row.audit_seq}",
        candidate_id=row.candidate_id,
        choice=Choice(
            reviewer_id=row.reviewer_id,
            verdict=Verdict(row.verdict),
            shown_sha256=row.shown_sha256,
            quote_seen=bool(row.quote_seen),
            reason_code=row.reason_code,
            reason_text=row.reason_text,
            fixed_object=row.fixed_object,
        ),
        defer_until=row.defer_until,
        marked_at=row.marked_at,
    )
