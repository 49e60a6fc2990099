"""What the desk in memory knows of people: claims, comments, drafts, deputies, the lock, flagged answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from review_tui.errors import DeskError
from review_tui.protocol import (
    Action,
    CandidateView,
    ClaimResult,
    CommentLine,
    Deputy,
    Person,
    QueueRow,
    Reviewer,
    WrongAnswer,
)
from tests.review_tui.candidates import NOW, candidate
from tests.review_tui.memory_lists import MemoryLists, row_of

if TYPE_CHECKING:
    from tests.review_tui.memory_desk import Marked


class MemoryTeam(MemoryLists):
    """Working together; the desk gives the rest."""

    before_call: Callable[[str], None]
    reviewer: Reviewer
    _views: dict[str, CandidateView]
    _order: list[str]
    _marks: dict[str, Marked]

    def _set_up_team(self) -> None:
        self._set_up_lists()
        self.claims: dict[str, str] = {}
        self.flagged: list[WrongAnswer] = []
        self.drafts: dict[str, str] = {}
        self.commented: dict[str, tuple[CommentLine, ...]] = {}
        self._deputies: list[Deputy] = []

    def _holder(self, key: str) -> str:
        return self.claims.get(key, "")

    def claim(self, candidate_id: str, *, take_over: bool = False) -> ClaimResult:
        """Claim it, unless somebody else has."""
        self.before_call("claim")
        if take_over or self._holder(candidate_id) in {"", self.reviewer.name}:
            self.claims[candidate_id] = self.reviewer.name
        holder = self.claims[candidate_id]
        return ClaimResult(mine=holder == self.reviewer.name, holder=holder, until=NOW)

    def release_claim(self, candidate_id: str) -> None:
        """Give a claim back."""
        self.before_call("release_claim")
        if self._holder(candidate_id) == self.reviewer.name:
            del self.claims[candidate_id]

    def comment(self, candidate_id: str, text: str) -> None:
        """Add a comment."""
        self.before_call("comment")
        if not text.strip():
            raise DeskError("The comment is empty.")
        line = CommentLine(NOW, self.reviewer.name, text)
        self.commented[candidate_id] = (*self.commented.get(candidate_id, ()), line)
        self.drafts.pop(candidate_id, None)

    def keep_draft(self, candidate_id: str, text: str) -> None:
        """Keep a draft."""
        self.before_call("keep_draft")
        self.drafts[candidate_id] = text

    def people(self) -> Sequence[Person]:
        """List two people."""
        return (Person("berg", self.reviewer.name, self.reviewer.role), Person("ito", "B. Ito", "pharmacist"))

    def deputies(self) -> Sequence[Deputy]:
        """List who stands in for whom."""
        return tuple(self._deputies)

    def name_deputy(self, account: str, first_day: date, last_day: date) -> None:
        """Name a deputy."""
        if last_day < first_day:
            raise DeskError("The last day is before the first.")
        number = len(self._deputies) + 1
        self._deputies.append(Deputy(number, self.reviewer.name, account, first_day, last_day, True, True))

    def end_deputy(self, deputy_id: int) -> None:
        """End a deputy."""
        self._deputies = [deputy for deputy in self._deputies if deputy.deputy_id != deputy_id]

    def unlock(self, pin: str) -> str | None:
        """Take the one PIN."""
        self.before_call("unlock")
        return None if pin == "2468" else "Wrong PIN."

    def flag(self, wrong: WrongAnswer) -> str:
        """Put a wrong answer into the queue."""
        self.before_call("flag")
        if not (wrong.question.strip() and wrong.note.strip()):
            raise DeskError("The question or the note is empty.")
        self.flagged.append(wrong)
        made = candidate(90_000 + len(self.flagged), action=Action.FLAG, question=wrong.question, evidence=())
        self._views[made.candidate_id] = made
        self._order.insert(0, made.candidate_id)
        return made.candidate_id

    def _with_team(self, view: CandidateView) -> CandidateView:
        key = view.candidate_id
        return replace(
            view,
            claimed_by=self._holder(key),
            claimed_until=NOW if self._holder(key) else None,
            claim_is_mine=self._holder(key) == self.reviewer.name,
            draft=self.drafts.get(key, ""),
            comments=(*view.comments, *self.commented.get(key, ())),
        )

    def _row(self, view: CandidateView) -> QueueRow:
        mark = self._marks.get(view.candidate_id)
        return replace(
            row_of(view),
            mark=mark.request.verdict if mark else None,
            claimed_by=self._holder(view.candidate_id),
            has_draft=bool(self.drafts.get(view.candidate_id)),
            comments=len(self.commented.get(view.candidate_id, ())),
        )
