"""A review desk in memory: a small, real implementation of the protocol, with its rules, for tests and for trying.

Rules: two signers for high risk and never the same one twice; a fix makes its author the first signer; high risk
asks for the quote to have been seen; a stale hash is refused; a reject needs a reason. With ``journal`` every mark
is appended to a file and synced before ``mark`` returns, so that a killed screen can be checked against it.

``python -m tests.review_tui.memory_desk`` opens the screens on it.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from review_tui.errors import DeskUnavailableError, NoSuchCandidateError
from review_tui.protocol import (
    NO_FILTER,
    Action,
    CandidateState,
    CandidateView,
    HistoryLine,
    MarkedRow,
    MarkRequest,
    MarkResult,
    OutcomeLine,
    QueueCounts,
    QueueFilter,
    QueueOrder,
    QueueRow,
    QueueView,
    ReasonCode,
    Refusal,
    RefusalKind,
    Reviewer,
    Risk,
    SignerProfile,
    SignRefusal,
    SignResult,
    Summary,
    Verdict,
)
from tests.review_tui.candidates import NOW, candidate, demo_candidates, quoted
from tests.review_tui.memory_lists import MemoryLists, in_filter, searched
from tests.review_tui.memory_steps import MemorySteps
from tests.review_tui.memory_team import MemoryTeam

__all__ = ["NOW", "PIN", "MemoryDesk", "candidate", "demo_candidates", "quoted", "unavailable_on"]

PIN = "2468"

_REASONS = {
    Verdict.REJECT: (
        ReasonCode("not_in_quote", "the quote does not say this"),
        ReasonCode("out_of_scope", "not for this formulary"),
        ReasonCode("wrong_population", "wrong population, route or form"),
        ReasonCode("other", "other", needs_text=True),
    ),
    Verdict.CLOSE: (ReasonCode("known", "the model says it already"), ReasonCode("other", "other", needs_text=True)),
}
_AFTER = {
    Verdict.APPROVE: CandidateState.APPROVED,
    Verdict.FIX_AND_APPROVE: CandidateState.APPROVED,
    Verdict.REJECT: CandidateState.REJECTED,
    Verdict.DEFER: CandidateState.DEFERRED,
    Verdict.CLOSE: CandidateState.NO_EDIT_NEEDED,
}
_WAITS = frozenset({CandidateState.PENDING, CandidateState.AWAITING_SECOND})


@dataclass
class Marked:
    """A mark on the desk."""

    request: MarkRequest
    mark_id: str


@dataclass
class MemoryDesk(MemorySteps, MemoryTeam, MemoryLists):
    """Holds candidates and marks in dictionaries, behind one lock."""

    candidates: Iterable[CandidateView]
    reviewer: Reviewer = field(
        default_factory=lambda: Reviewer("A. Berg", "clinical pharmacist", True, "demo", SignerProfile.TWO_SIGNERS)
    )
    journal: Path | None = None
    before_call: Callable[[str], None] = lambda name: None
    """Called with the name of every method; a test makes it raise, or wait."""

    def __post_init__(self) -> None:
        """Take the candidates in and order them once: urgent, then risk, then oldest."""
        self._views = {view.candidate_id: view for view in self.candidates}
        self._order = sorted(self._views, key=self._precedence)
        self._marks: dict[str, Marked] = {}
        self._lock = threading.RLock()
        self._marked_so_far = 0
        self._set_up_team()
        self._set_up_steps()

    def _precedence(self, key: str) -> tuple[bool, bool, str]:
        view = self._views[key]
        return view.action is not Action.WITHDRAW, view.risk is Risk.LOW, key

    # reading

    def who(self) -> Reviewer:
        """Give the one reviewer."""
        self.before_call("who")
        return self.reviewer

    def summary(self) -> Summary:
        """Count what waits; yesterday is made up."""
        self.before_call("summary")
        waiting = [view for view in self._views.values() if self._in_view(view, QueueView.PENDING)]
        return Summary(
            items=len(waiting),
            minutes=len(waiting) * 45 // 60 + 1,
            urgent=sum(view.action is Action.WITHDRAW for view in waiting),
            unsigned=len(self._marks),
            outcomes=(
                OutcomeLine(7, "promoted in release 12"),
                OutcomeLine(1, "refused by the gate: a near miss moved"),
            ),
            stale_sources=("drug labels: nothing new since 2026-05-28 (4 days)",),
            high_left=sum(view.risk is Risk.HIGH for view in waiting),
        )

    def counts(self) -> QueueCounts:
        """Count each view."""
        self.before_call("counts")
        with self._lock:
            return QueueCounts(
                **{view.value: sum(self._in_view(each, view) for each in self._views.values()) for view in QueueView}
            )

    def queue(
        self,
        view: QueueView,
        search: str = "",
        filters: QueueFilter = NO_FILTER,
        order: QueueOrder = QueueOrder.RISK,
    ) -> Sequence[str]:
        """List a view in its order; every word of the search must stand somewhere."""
        self.before_call("queue")
        words = search.casefold().split()
        with self._lock:
            found = [
                key
                for key in self._order
                if self._in_view(self._views[key], view)
                and in_filter(self._views[key], filters, self._holder(key))
                and all(word in searched(self._views[key]) for word in words)
            ]
        return tuple(self._ordered(found, order))

    def rows(self, candidate_ids: Sequence[str]) -> Sequence[QueueRow]:
        """Give the rows of some ids."""
        self.before_call("rows")
        with self._lock:
            return tuple(self._row(self._views[key]) for key in candidate_ids if key in self._views)

    def candidate(self, candidate_id: str) -> CandidateView:
        """Give one candidate with this reviewer's mark, claim and comments on it."""
        self.before_call("candidate")
        with self._lock:
            if candidate_id not in self._views:
                raise NoSuchCandidateError(f"{candidate_id} is not on the desk any more; go back to the queue")
            mark = self._marks.get(candidate_id)
            view = self._with_team(self._views[candidate_id])
            is_open = view.state in _WAITS | {CandidateState.DEFERRED}
            return replace(
                view,
                reopen_refused="" if is_open else None,
                mark=mark.request.verdict if mark else None,
                marked_object=mark.request.fixed_object if mark else None,
            )

    def reasons(self, verdict: Verdict) -> Sequence[ReasonCode]:
        """List reasons for a reject or a close; nothing else asks for one."""
        self.before_call("reasons")
        return _REASONS.get(verdict, ())

    def marks(self) -> Sequence[MarkedRow]:
        """List the marks in the order in which they were made."""
        self.before_call("marks")
        with self._lock:
            return tuple(self._marked_row(mark) for mark in self._marks.values())

    # writing

    def mark(self, request: MarkRequest) -> MarkResult:
        """Save a mark, in memory and in the journal, unless the rules refuse it."""
        self.before_call("mark")
        with self._lock:
            if refusals := tuple(self._refusals(request)):
                return MarkResult(refusals)
            self._remember(f"marked {request.verdict}", (request.candidate_id,))
            self._put_mark(request)
            return MarkResult()

    def _put_mark(self, request: MarkRequest) -> None:
        self._marked_so_far += 1
        self._marks.pop(request.candidate_id, None)
        self._marks[request.candidate_id] = Marked(request, f"m-{self._marked_so_far}")
        self._write(asdict(request))

    def unmark(self, candidate_id: str) -> MarkResult:
        """Drop a mark."""
        self.before_call("unmark")
        with self._lock:
            if candidate_id not in self._marks:
                return MarkResult((Refusal(RefusalKind.NOT_ALLOWED, "There is no mark of yours on it."),))
            self._remember("took a mark back", (candidate_id,))
            del self._marks[candidate_id]
            self._write({"unmarked": candidate_id})
            return MarkResult()

    def sign(self, mark_ids: Sequence[str], pin: str) -> SignResult:
        """Sign the marks that were listed; one that changed since is refused by itself."""
        self.before_call("sign")
        if self.reviewer.needs_pin and pin != PIN:
            return SignResult(pin_refused="Wrong PIN; two tries left.")
        with self._lock:
            listed = {mark.mark_id: key for key, mark in self._marks.items()}
            self._remember("signed", tuple(listed[each] for each in mark_ids if each in listed))
            signed, refused = [], []
            for mark_id in mark_ids:
                if (key := listed.get(mark_id)) is None:
                    refused.append(SignRefusal(mark_id, "It was marked anew since it was listed."))
                elif self._views[key].shown_sha256 != self._marks[key].request.shown_sha256:
                    refused.append(SignRefusal(key, "It changed after it was marked; look at it again."))
                else:
                    self._sign_one(key)
                    signed.append(key)
            return SignResult(tuple(signed), tuple(refused))

    def change(self, candidate_id: str, **fields: object) -> None:
        """Change a candidate behind the reviewer's back, as a new source version would."""
        with self._lock:
            view = replace(self._views[candidate_id], **fields)  # type: ignore[arg-type]  # a test names the fields
            self._views[candidate_id] = replace(view, shown_sha256=view.shown_sha256 + "'")

    # rules

    def _refusals(self, request: MarkRequest) -> Iterable[Refusal]:
        view = self._views.get(request.candidate_id)
        if view is None:
            yield Refusal(RefusalKind.NOT_ALLOWED, "It is not on the desk any more.")
            return
        if view.shown_sha256 != request.shown_sha256:
            yield Refusal(RefusalKind.STALE, "Its source changed since you opened it.")
        if (holder := self._holder(request.candidate_id)) and holder != self.reviewer.name:
            yield Refusal(RefusalKind.CLAIMED, f"{holder} works on it until 09:00.")
        if self.reviewer.name in view.signed_by and request.verdict is not Verdict.REJECT:
            yield Refusal(RefusalKind.NOT_ALLOWED, "You signed it first: another signer is needed.")
        approves = request.verdict in {Verdict.APPROVE, Verdict.FIX_AND_APPROVE}
        if approves and view.risk is Risk.HIGH and not request.quote_seen:
            yield Refusal(RefusalKind.EVIDENCE_NOT_SEEN, "High risk: every quote must have been on the screen first.")
        if request.verdict is Verdict.REJECT and not request.reason_code:
            yield Refusal(RefusalKind.REASON_NEEDED, "A reject needs a reason.")

    def _sign_one(self, key: str) -> None:
        view, mark = self._views[key], self._marks.pop(key)
        signed_by = (*view.signed_by, self.reviewer.name)
        state = _AFTER[mark.request.verdict]
        if state is CandidateState.APPROVED and len(signed_by) < view.required_signatures:
            state = CandidateState.AWAITING_SECOND
        line = HistoryLine(NOW, self.reviewer.name, f"signed: {mark.request.verdict}", mark.request.reason_text)
        self._views[key] = replace(
            view,
            state=state,
            signed_by=signed_by,
            object_new=mark.request.fixed_object or view.object_new,
            deferred_until=mark.request.deferred_until,
            history=(*view.history, line),
        )

    def _in_view(self, view: CandidateView, queue_view: QueueView) -> bool:
        waits = view.state in _WAITS
        if queue_view is QueueView.MARKED:
            return view.candidate_id in self._marks
        if queue_view is QueueView.MINE:
            mine = self._holder(view.candidate_id) == self.reviewer.name or view.candidate_id in self._marks
            return waits and mine
        if queue_view is QueueView.CONFLICTS:
            return waits and bool(view.conflicts)
        if queue_view is QueueView.AFFECTED:
            return waits and view.action is not Action.EDIT
        if queue_view is QueueView.APPROVED:
            return view.state in {CandidateState.APPROVED, CandidateState.BATCHED}
        return view.state.value == queue_view.value

    def _marked_row(self, mark: Marked) -> MarkedRow:
        view, request = self._views[mark.request.candidate_id], mark.request
        return MarkedRow(
            mark_id=mark.mark_id,
            candidate_id=view.candidate_id,
            risk=view.risk,
            action=view.action,
            verdict=request.verdict,
            subject=view.subject,
            qualifiers=", ".join(value for _, value in view.qualifiers),
            relation=view.relation,
            object_new=request.fixed_object or view.object_new,
            reason=request.reason_text or request.reason_code or "",
            quote_seen=request.quote_seen,
            signatures_after=f"{len(view.signed_by) + 1}/{view.required_signatures}",
            warnings=view.flags if request.verdict in {Verdict.APPROVE, Verdict.FIX_AND_APPROVE} else (),
            deferred_until=request.deferred_until,
        )

    def _write(self, row: dict[str, object]) -> None:
        if self.journal is None:
            return
        with self.journal.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, default=str) + "\n")
            file.flush()
            os.fsync(file.fileno())


def unavailable_on(method: str) -> Callable[[str], None]:
    """Make a ``before_call`` that raises a desk error on one method."""

    def refuse(name: str) -> None:
        if name == method:
            raise DeskUnavailableError("The record is locked by a backup; try again in a minute.")

    return refuse


def main() -> int:
    """Open the screens on a demo morning."""
    from review_tui.app import run
    from tests.review_tui.memory_releases import MemoryReleases

    journal = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 12
    return run(MemoryDesk(demo_candidates(count), journal=journal), MemoryReleases())


if __name__ == "__main__":
    raise SystemExit(main())
