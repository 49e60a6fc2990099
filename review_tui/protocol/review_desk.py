"""``ReviewDesk``: the record behind the review screens."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Protocol

from review_tui.protocol.candidate import CandidateView
from review_tui.protocol.decision import (
    BulkPlan,
    BulkRequest,
    BulkResult,
    ClaimResult,
    MarkedRow,
    MarkRequest,
    MarkResult,
    ReasonCode,
    SignResult,
    StepResult,
    Steps,
    WrongAnswer,
)
from review_tui.protocol.kinds import QueueOrder, QueueView, Verdict
from review_tui.protocol.listing import (
    NO_FILTER,
    FilterChoices,
    QueueCounts,
    QueueFilter,
    QueueRow,
    SavedView,
)
from review_tui.protocol.person import Deputy, Person, Reviewer, Summary


class ReviewDesk(Protocol):
    """The record behind the review screens."""

    def who(self) -> Reviewer:
        """Give the person at the desk and the rules of the site."""

    def summary(self) -> Summary:
        """Give the first screen's figures."""

    def counts(self) -> QueueCounts:
        """Count every view."""

    def queue(
        self,
        view: QueueView,
        search: str = "",
        filters: QueueFilter = NO_FILTER,
        order: QueueOrder = QueueOrder.RISK,
    ) -> Sequence[str]:
        """List the candidate ids of a view that search and filter leave, in that order.

        ``search`` keeps those where every word of it stands somewhere (subject, relation, objects, question,
        source), whatever the case; empty keeps all. Must be fast for 50,000 candidates: ids only. What is outside
        the filter is ``counts().of(view)`` less the length of this.
        """

    def filter_choices(self, view: QueueView) -> FilterChoices:
        """List the values that a filter of this view can take, with their counts."""

    def saved_views(self) -> Sequence[SavedView]:
        """List this reviewer's saved views by name."""

    def save_view(self, view: SavedView) -> None:
        """Keep a view under its name, in place of an earlier one of that name."""

    def drop_view(self, name: str) -> None:
        """Forget a saved view; nothing where there is none."""

    def place(self) -> str:
        """Give back what ``keep_place`` was last given by this reviewer; empty where nothing was."""

    def keep_place(self, place: str) -> None:
        """Remember where the reviewer is (view, filter, cursor), in the screens' own words (4,000 characters)."""

    def rows(self, candidate_ids: Sequence[str]) -> Sequence[QueueRow]:
        """Give the lines of a page of ids, in that order; an id that is gone is left out."""

    def candidate(self, candidate_id: str) -> CandidateView:
        """Give one candidate as it stands now.

        Raises:
            NoSuchCandidateError: It is not on the desk (any more).
        """

    def reasons(self, verdict: Verdict) -> Sequence[ReasonCode]:
        """List the reason codes for a verdict; empty where none is asked for."""

    def mark(self, request: MarkRequest) -> MarkResult:
        """Save a mark, replacing this reviewer's earlier one; it is durable when this returns."""

    def unmark(self, candidate_id: str) -> MarkResult:
        """Take this reviewer's own unsigned mark back."""

    def marks(self) -> Sequence[MarkedRow]:
        """List this reviewer's unsigned marks, in the order in which they were made."""

    def sign(self, mark_ids: Sequence[str], pin: str) -> SignResult:
        """Sign exactly the marks that were listed, with one PIN (empty where none is needed).

        A mark that changed since, or that policy refuses, is refused by itself with its reason; the others
        are signed. Durable when this returns.
        """

    # many at once

    def plan_bulk(self, request: BulkRequest) -> BulkPlan:
        """Tell what one verdict on many would mark and what it leaves out; changes nothing.

        Raises:
            DeskError: The verdict is an approval.
        """

    def mark_bulk(self, request: BulkRequest) -> BulkResult:
        """Mark what ``plan_bulk`` takes; durable when this returns, and one step for ``undo``.

        Raises:
            DeskError: The verdict is an approval.
        """

    # back and forth

    def steps(self) -> Steps:
        """Say what undo and redo would do next: the last marks and decisions of this reviewer, across sittings."""

    def undo(self) -> StepResult:
        """Take the last mark, unmark or decision back, by an entry of its own; nothing on record is removed.

        A decision comes back as the mark that it was; one that is in a batch, or that somebody decided on since, stays.
        """

    def redo(self, pin: str = "") -> StepResult:
        """Do again what was undone last; a signature asks for the PIN again (``Steps.redo_needs_pin``)."""

    def reopen(self, candidate_id: str, reason: str) -> MarkResult:
        """Put an approved, rejected or closed candidate back into the queue; its signatures count no more.

        One whose edit was ejected or withdrawn stays as it is, and is proposed again (``MarkResult.made``).
        """

    # working together

    def claim(self, candidate_id: str, *, take_over: bool = False) -> ClaimResult:
        """Say that this reviewer works on it, for a time that the settings give; again to hold it longer.

        Where somebody else does it stays theirs, unless ``take_over``, which is recorded.
        """

    def release_claim(self, candidate_id: str) -> None:
        """Give this reviewer's own claim back; nothing where there is none."""

    def comment(self, candidate_id: str, text: str) -> None:
        """Add a comment and forget the draft of it; durable when this returns.

        Raises:
            DeskError: It is empty, or longer than 4,000 characters.
        """

    def keep_draft(self, candidate_id: str, text: str) -> None:
        """Keep an unfinished comment, in place of the last one; empty forgets it."""

    def people(self) -> Sequence[Person]:
        """List who is enrolled, this reviewer included."""

    def deputies(self) -> Sequence[Deputy]:
        """List who stands in for whom, now and later."""

    def name_deputy(self, account: str, first_day: date, last_day: date) -> None:
        """Name who stands in for this reviewer on these days, both included.

        Raises:
            DeskError: They are not enrolled, it is the reviewer themselves, or the days are the wrong way round.
        """

    def end_deputy(self, deputy_id: int) -> None:
        """End what this reviewer named, from today on.

        Raises:
            DeskError: There is none such of theirs.
        """

    def unlock(self, pin: str) -> str | None:
        """Let the reviewer back to a locked screen; why not, in one line, or None where the PIN is right."""

    def flag(self, wrong: WrongAnswer) -> str:
        """Put an answer that is called wrong into the queue; give its id there.

        Raises:
            DeskError: The question or the note is empty, or a field is longer than 4,000 characters.
        """
