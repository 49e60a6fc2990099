"""Verdicts on many, and back and forth, of the desk in memory."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from review_tui.errors import DeskError
from review_tui.protocol import (
    BulkPlan,
    BulkRequest,
    BulkResult,
    CandidateState,
    CandidateView,
    MarkRequest,
    MarkResult,
    Refusal,
    RefusalKind,
    Reviewer,
    Risk,
    SignRefusal,
    StepResult,
    Steps,
    Verdict,
)

if TYPE_CHECKING:
    from tests.review_tui.memory_desk import Marked

_MANY = frozenset({Verdict.REJECT, Verdict.DEFER, Verdict.CLOSE})


@dataclass
class _Step:
    words: str
    keys: tuple[str, ...]
    views: dict[str, CandidateView]
    marks: dict[str, Marked]


class MemorySteps:
    """Undo and redo by what stood before; the desk gives the rest."""

    before_call: Callable[[str], None]
    reviewer: Reviewer
    _views: dict[str, CandidateView]
    _marks: dict[str, Marked]
    _lock: threading.RLock

    def _put_mark(self, request: MarkRequest) -> None:
        raise NotImplementedError

    def _set_up_steps(self) -> None:
        self._done: list[_Step] = []
        self._undone: list[_Step] = []

    def _remember(self, words: str, keys: tuple[str, ...]) -> None:
        self._done.append(self._now(words, keys))
        self._undone.clear()

    def _now(self, words: str, keys: tuple[str, ...]) -> _Step:
        return _Step(words, keys, {key: self._views[key] for key in keys}, dict(self._marks))

    def steps(self) -> Steps:
        """Say what comes next."""
        self.before_call("steps")
        again = self._undone[-1] if self._undone else None
        return Steps(
            undo=self._done[-1].words if self._done else "",
            redo=again.words if again else "",
            redo_needs_pin=bool(again and again.words == "signed" and self.reviewer.needs_pin),
        )

    def undo(self) -> StepResult:
        """Go one step back."""
        self.before_call("undo")
        return self._step(self._done, self._undone, "taken back")

    def redo(self, pin: str = "") -> StepResult:
        """Go one step on again."""
        self.before_call("redo")
        if self.steps().redo_needs_pin and pin != "2468":
            return StepResult("", pin_refused="Wrong PIN.")
        return self._step(self._undone, self._done, "done again")

    def _step(self, from_: list[_Step], to: list[_Step], words: str) -> StepResult:
        with self._lock:
            if not from_:
                return StepResult(f"There is nothing to be {words}.")
            step = from_.pop()
            to.append(self._now(step.words, step.keys))
            self._views.update(step.views)
            self._marks.clear()
            self._marks.update(step.marks)
            return StepResult(f"{step.words}: {words}", step.keys)

    def reopen(self, candidate_id: str, reason: str) -> MarkResult:
        """Put it back into the queue."""
        self.before_call("reopen")
        if not reason.strip():
            return MarkResult((Refusal(RefusalKind.REASON_NEEDED, "A re-opening needs a reason."),))
        with self._lock:
            self._remember("re-opened", (candidate_id,))
            self._views[candidate_id] = replace(
                self._views[candidate_id], state=CandidateState.PENDING, signed_by=(), deferred_until=None
            )
        return MarkResult()

    def plan_bulk(self, request: BulkRequest) -> BulkPlan:
        """Leave out what asks for a look of its own."""
        self.before_call("plan_bulk")
        if request.verdict not in _MANY:
            raise DeskError("Many at once can be rejected, deferred or closed, never approved.")
        taken, excluded = [], []
        for key in request.candidate_ids:
            view = self._views[key]
            why = "high risk" if view.risk is Risk.HIGH else "in conflict" if view.conflicts else ""
            if why:
                excluded.append(SignRefusal(key, why))
            else:
                taken.append(key)
        risks = Counter(self._views[key].risk for key in taken)
        samples = tuple(f"{self._views[key].subject}: {self._views[key].object_new}" for key in taken[:3])
        return BulkPlan(tuple(taken), tuple(excluded), tuple(risks.items()), samples)

    def mark_bulk(self, request: BulkRequest) -> BulkResult:
        """Mark what the plan takes, in one step."""
        self.before_call("mark_bulk")
        plan = self.plan_bulk(request)
        with self._lock:
            self._remember(f"marked {request.verdict} on {len(plan.taken)}", plan.taken)
            for key in plan.taken:
                self._put_mark(
                    MarkRequest(
                        key,
                        self._views[key].shown_sha256,
                        request.verdict,
                        quote_seen=False,
                        reason_code=request.reason_code,
                        reason_text=request.reason_text,
                        deferred_until=request.deferred_until,
                    )
                )
        return BulkResult(plan.taken, plan.excluded)
