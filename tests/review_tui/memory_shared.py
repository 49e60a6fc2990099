"""The rest of the desk in memory: filters, saved views, many at once, undo and redo, claims, comments, deputies, flags.

Mixed into ``MemoryDesk``, which holds candidates and marks.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from review_tui.errors import DeskError
from review_tui.protocol import (
    Action,
    BulkPlan,
    BulkRequest,
    BulkResult,
    CandidateState,
    CandidateView,
    ClaimResult,
    CommentLine,
    Deputy,
    FilterChoices,
    FilterValue,
    HistoryLine,
    MarkRequest,
    MarkResult,
    Person,
    QueueFilter,
    QueueView,
    Refusal,
    RefusalKind,
    Reviewer,
    Risk,
    SavedView,
    SignRefusal,
    StepResult,
    Steps,
    Verdict,
    WrongAnswer,
)

if TYPE_CHECKING:
    from tests.review_tui.memory_desk import _Mark

NOW = datetime(2026, 6, 1, 8, 30, tzinfo=UTC)
PIN = "2468"
_CLAIMED_FOR = timedelta(minutes=30)
_LONGEST = 4000
_BULK = {Verdict.REJECT, Verdict.DEFER, Verdict.CLOSE}
_CLASSES = {"anticoagulants": ("warfarin",), "antiarrhythmics": ("amiodarone", "digoxin")}
_REOPENS = {CandidateState.APPROVED, CandidateState.REJECTED, CandidateState.CLOSED, CandidateState.NO_EDIT_NEEDED}


@dataclass
class _Step:
    """One thing that was done and can be taken back."""

    words: str
    candidate_ids: tuple[str, ...]
    back: Callable[[], None]
    again: Callable[[], None]
    is_signature: bool = False
    stands: Callable[[], bool] = field(default=lambda: True)


class Shared:
    """What ``MemoryDesk`` does besides marks and signatures; its attributes are made there."""

    reviewer: Reviewer
    before_call: Callable[[str], None]
    _views: dict[str, CandidateView]
    _order: list[str]
    _marks: dict[str, _Mark]
    _lock: threading.RLock

    def __post_shared__(self) -> None:
        """Start with an empty desk."""
        self._claims: dict[str, tuple[str, datetime]] = {}
        self._drafts: dict[str, str] = {}
        self._saved: dict[str, SavedView] = {}
        self._place = ""
        self._undone: list[_Step] = []
        self._done: list[_Step] = []
        self._deputies: list[Deputy] = []

    def _refusals(self, request: MarkRequest) -> Iterable[Refusal]:
        raise NotImplementedError

    def _put_mark(self, request: MarkRequest | None, candidate_id: str = "") -> None:
        raise NotImplementedError

    def _in_view(self, view: CandidateView, queue_view: QueueView) -> bool:
        raise NotImplementedError

    # lists

    def filter_choices(self, view: QueueView) -> FilterChoices:
        """Count the values that occur in a view."""
        self.before_call("filter_choices")
        with self._lock:
            views = [each for each in self._views.values() if self._in_view(each, view)]
            holders = [self._claims.get(each.candidate_id, ("", NOW))[0] for each in views]
        return FilterChoices(
            risks=_counted(each.risk for each in views),
            actions=_counted(each.action for each in views),
            relations=_counted(each.relation for each in views),
            subjects=_counted(each.subject for each in views),
            drug_classes=_counted(name for each in views for name in _classes_of(each)),
            sources=_counted(name for each in views for name in {one.source_title for one in each.evidence}),
            change_kinds=_counted(each.change_kind for each in views),
            claimed_by=_counted(holders),
            flagged=sum(bool(each.flags) for each in views),
            in_conflict=sum(bool(each.conflicts) for each in views),
        )

    def saved_views(self) -> Sequence[SavedView]:
        """List the saved views by name."""
        self.before_call("saved_views")
        return tuple(self._saved[name] for name in sorted(self._saved))

    def save_view(self, view: SavedView) -> None:
        """Keep a view."""
        self.before_call("save_view")
        if not view.name.strip():
            raise DeskError("A saved view needs a name.")
        self._saved[view.name] = view

    def drop_view(self, name: str) -> None:
        """Forget a view."""
        self.before_call("drop_view")
        self._saved.pop(name, None)

    def place(self) -> str:
        """Give the place back."""
        self.before_call("place")
        return self._place

    def keep_place(self, place: str) -> None:
        """Remember the place."""
        self.before_call("keep_place")
        if len(place) > _LONGEST:
            raise DeskError(f"The place is longer than {_LONGEST} characters.")
        self._place = place

    # many at once

    def plan_bulk(self, request: BulkRequest) -> BulkPlan:
        """Tell what would be marked."""
        self.before_call("plan_bulk")
        if request.verdict not in _BULK:
            raise DeskError("Many at once can be rejected, deferred or closed, never approved.")
        taken, excluded = [], []
        with self._lock:
            for key in request.candidate_ids:
                why = self._why_not_in_bulk(key, request)
                if why:
                    excluded.append(SignRefusal(key, why))
                else:
                    taken.append(key)
            risks = Counter(self._views[key].risk for key in taken)
            samples = tuple(
                f"{self._views[key].subject}: {self._views[key].relation}: {self._views[key].object_new}"
                for key in taken[:3]
            )
        return BulkPlan(tuple(taken), tuple(excluded), tuple(risks.items()), samples)

    def mark_bulk(self, request: BulkRequest) -> BulkResult:
        """Mark many as one step."""
        self.before_call("mark_bulk")
        plan = self.plan_bulk(request)
        with self._lock:
            before = {key: self._marks[key].request if key in self._marks else None for key in plan.taken}
            after = {key: self._bulk_mark(key, request) for key in plan.taken}
            self._put_marks(after)
            if plan.taken:
                self._do(
                    _Step(
                        f"{request.verdict} mark on {len(plan.taken)} candidates",
                        plan.taken,
                        back=lambda: self._put_marks(before),
                        again=lambda: self._put_marks(after),
                    )
                )
        return BulkResult(plan.taken, plan.excluded)

    def _put_marks(self, marks: Mapping[str, MarkRequest | None]) -> None:
        for key, mark in marks.items():
            self._put_mark(mark, key)

    def _bulk_mark(self, key: str, request: BulkRequest) -> MarkRequest:
        return MarkRequest(
            key,
            self._views[key].shown_sha256,
            request.verdict,
            quote_seen=False,
            reason_code=request.reason_code,
            reason_text=request.reason_text,
            deferred_until=request.deferred_until,
        )

    def _why_not_in_bulk(self, key: str, request: BulkRequest) -> str:
        view = self._views.get(key)
        if view is None:
            return "it is not on the desk any more"
        if view.action is not Action.EDIT:
            return "a withdrawal or a flagged answer is decided by itself"
        if view.risk is Risk.HIGH:
            return "high risk: decide it by itself"
        if view.conflicts:
            return "in conflict: decide it by itself"
        return "; ".join(refusal.words for refusal in self._refusals(self._bulk_mark(key, request)))

    # back and forth

    def steps(self) -> Steps:
        """Say what would be undone and redone."""
        self.before_call("steps")
        with self._lock:
            undo = self._done[-1].words if self._done else ""
            redo = self._undone[-1] if self._undone else None
            needs_pin = redo is not None and redo.is_signature and self.reviewer.needs_pin
            return Steps(undo, redo.words if redo else "", needs_pin)

    def undo(self) -> StepResult:
        """Take the last step back."""
        self.before_call("undo")
        with self._lock:
            if not self._done:
                return StepResult("There is nothing to undo.")
            step = self._done.pop()
            if not step.stands():
                return StepResult(f"It went on since and cannot be undone: {step.words}.")
            step.back()
            self._undone.append(step)
            return StepResult(f"Undone: {step.words}.", step.candidate_ids)

    def redo(self, pin: str = "") -> StepResult:
        """Do the last undone step again."""
        self.before_call("redo")
        with self._lock:
            if not self._undone:
                return StepResult("There is nothing to redo.")
            if self._undone[-1].is_signature and self.reviewer.needs_pin and pin != PIN:
                return StepResult("Nothing was done.", pin_refused="Wrong PIN; two tries left.")
            step = self._undone.pop()
            step.again()
            self._done.append(step)
            return StepResult(f"Done again: {step.words}.", step.candidate_ids)

    def _do(self, step: _Step) -> None:
        self._done.append(step)
        self._undone.clear()

    def _did_mark(self, key: str, before: MarkRequest | None, after: MarkRequest | None) -> None:
        words = f"{after.verdict} mark on {key}" if after else f"taking the mark on {key} back"
        self._do(
            _Step(
                words,
                (key,),
                back=lambda: self._put_mark(before, key),
                again=lambda: self._put_mark(after, key),
                stands=lambda: (self._marks[key].request if key in self._marks else None) == after,
            )
        )

    def _did_sign(self, before: CandidateView, request: MarkRequest) -> None:
        key = before.candidate_id
        after = self._views[key]

        def back() -> None:
            line = HistoryLine(NOW, self.reviewer.name, f"took back: {request.verdict}")
            self._views[key] = replace(before, history=(*self._views[key].history, line))
            self._put_mark(request)

        def again() -> None:
            self._put_mark(None, key)
            self._views[key] = replace(after, history=(*self._views[key].history, after.history[-1]))

        self._do(
            _Step(
                f"signed {request.verdict} of {key}",
                (key,),
                back=back,
                again=again,
                is_signature=True,
                stands=lambda: self._views[key].state is after.state,
            )
        )

    def reopen(self, candidate_id: str, reason: str) -> MarkResult:
        """Put a decided candidate back."""
        self.before_call("reopen")
        with self._lock:
            view = self._views[candidate_id]
            if not reason.strip():
                return MarkResult((Refusal(RefusalKind.REASON_NEEDED, "Re-opening needs a reason."),))
            if view.state not in _REOPENS:
                words = f"It is {view.state.replace('_', ' ')}: there is nothing to re-open."
                return MarkResult((Refusal(RefusalKind.NOT_ALLOWED, words),))
            line = HistoryLine(NOW, self.reviewer.name, "re-opened", reason)
            self._views[candidate_id] = replace(
                view, state=CandidateState.PENDING, signed_by=(), history=(*view.history, line)
            )
            return MarkResult()

    # working together

    def claim(self, candidate_id: str, *, take_over: bool = False) -> ClaimResult:
        """Claim a candidate."""
        self.before_call("claim")
        with self._lock:
            holder, until = self._claims.get(candidate_id, ("", NOW))
            if holder and holder != self.reviewer.name and not take_over:
                return ClaimResult(mine=False, holder=holder, until=until)
            self._claims[candidate_id] = (self.reviewer.name, NOW + _CLAIMED_FOR)
            return ClaimResult(mine=True, holder=self.reviewer.name, until=NOW + _CLAIMED_FOR)

    def release_claim(self, candidate_id: str) -> None:
        """Give a claim back."""
        self.before_call("release_claim")
        with self._lock:
            if self._claims.get(candidate_id, ("", NOW))[0] == self.reviewer.name:
                del self._claims[candidate_id]

    def claim_as(self, name: str, candidate_id: str) -> None:
        """Let somebody else claim a candidate, behind the reviewer's back."""
        self._claims[candidate_id] = (name, NOW + _CLAIMED_FOR)

    def comment(self, candidate_id: str, text: str) -> None:
        """Add a comment."""
        self.before_call("comment")
        if not text.strip() or len(text) > _LONGEST:
            raise DeskError(f"A comment has 1 to {_LONGEST} characters.")
        with self._lock:
            view = self._views[candidate_id]
            line = CommentLine(NOW, self.reviewer.name, text)
            self._views[candidate_id] = replace(view, comments=(*view.comments, line))
            self._drafts.pop(candidate_id, None)

    def keep_draft(self, candidate_id: str, text: str) -> None:
        """Keep a draft."""
        self.before_call("keep_draft")
        with self._lock:
            self._drafts.pop(candidate_id, None)
            if text:
                self._drafts[candidate_id] = text

    def people(self) -> Sequence[Person]:
        """List two people."""
        self.before_call("people")
        return (Person("berg", self.reviewer.name, self.reviewer.role), Person("cole", "C. Cole", "pharmacist"))

    def deputies(self) -> Sequence[Deputy]:
        """List the deputies."""
        self.before_call("deputies")
        return tuple(self._deputies)

    def name_deputy(self, account: str, first_day: date, last_day: date) -> None:
        """Name a deputy."""
        self.before_call("name_deputy")
        names = {person.account: person.name for person in self.people()}
        if account not in names or names[account] == self.reviewer.name or first_day > last_day:
            raise DeskError("A deputy is another person who is enrolled, from a day to a later one.")
        active = first_day <= NOW.date() <= last_day
        made = Deputy(
            len(self._deputies) + 1, self.reviewer.name, names[account], first_day, last_day, mine=True, active=active
        )
        self._deputies.append(made)

    def end_deputy(self, deputy_id: int) -> None:
        """End a deputy."""
        self.before_call("end_deputy")
        left = [one for one in self._deputies if one.deputy_id != deputy_id]
        if len(left) == len(self._deputies):
            raise DeskError("There is no such deputy of yours.")
        self._deputies = left

    def unlock(self, pin: str) -> str | None:
        """Check the PIN."""
        self.before_call("unlock")
        return None if pin == PIN or not self.reviewer.needs_pin else "Wrong PIN; two tries left."

    def flag(self, wrong: WrongAnswer) -> str:
        """Put a flagged answer into the queue."""
        self.before_call("flag")
        if not wrong.question.strip() or not wrong.note.strip():
            raise DeskError("A flag needs the question and what is wrong with the answer.")
        from tests.review_tui.memory_desk import candidate

        with self._lock:
            key = f"c-flag-{sum(view.action is Action.FLAG for view in self._views.values()) + 1}"
            self._views[key] = replace(
                candidate(0, risk=Risk.HIGH, subject="flagged answer"),
                candidate_id=key,
                shown_sha256=key,
                action=Action.FLAG,
                relation="flagged_answer",
                qualifiers=(),
                object_old=wrong.answer,
                object_new=wrong.note,
                question=wrong.question,
                paraphrases=(),
                evidence=(),
                rehearsal=None,
                required_signatures=1,
                withdraws=wrong.edit_id,
            )
            self._order.insert(0, key)
            return key

    def _with_desk(self, view: CandidateView) -> CandidateView:
        """Add what the desk knows of a candidate to its view."""
        holder, until = self._claims.get(view.candidate_id, ("", NOW))
        can_reopen = view.state in _REOPENS
        batched = "it is in a batch: roll the batch back instead"
        return replace(
            view,
            draft=self._drafts.get(view.candidate_id, ""),
            claimed_by=holder,
            claimed_until=until if holder else None,
            claim_is_mine=holder == self.reviewer.name,
            reopen_refused=None if can_reopen else batched if view.state is CandidateState.BATCHED else "",
        )


def fits(view: CandidateView, filters: QueueFilter, *, holder: str) -> bool:
    """Tell whether a candidate passes a filter."""
    subjects = {subject.casefold() for subject in filters.subjects}
    return all(
        (
            not filters.risks or view.risk in filters.risks,
            not filters.actions or view.action in filters.actions,
            not filters.relations or view.relation in filters.relations,
            not subjects or view.subject.casefold() in subjects,
            not filters.drug_classes or bool(set(_classes_of(view)) & set(filters.drug_classes)),
            not filters.sources or bool({one.source_title for one in view.evidence} & set(filters.sources)),
            not filters.change_kinds or view.change_kind in filters.change_kinds,
            not filters.claimed_by or holder in filters.claimed_by,
            filters.flagged in (None, bool(view.flags)),
            filters.in_conflict in (None, bool(view.conflicts)),
            filters.at_least_days is None or age_days(view) >= filters.at_least_days,
            filters.at_most_days is None or age_days(view) <= filters.at_most_days,
        )
    )


def age_days(view: CandidateView) -> int:
    """Give the age in days: that of its first history line."""
    return (NOW - view.history[0].when).days if view.history else 0


def _classes_of(view: CandidateView) -> list[str]:
    return [name for name, subjects in _CLASSES.items() if view.subject.casefold() in subjects]


def _counted(values: Iterable[str]) -> tuple[FilterValue, ...]:
    return tuple(FilterValue(str(value), count) for value, count in Counter(values).most_common(100))
