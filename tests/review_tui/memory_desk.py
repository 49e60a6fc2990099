"""A review desk in memory: a small, real implementation of the protocol, with its rules, for tests and for trying.

Rules: two signers for high risk and never the same one twice; a fix makes its author the first signer; high risk
asks for the quote to have been seen; a stale hash is refused; a reject needs a reason. With ``journal`` every mark
is appended to a file and synced before ``mark`` returns, so that a killed screen can be checked against it.

``python -m tests.review_tui.memory_desk`` (or ``python tests/review_tui/memory_desk.py``) opens the screens on it.
"""

from __future__ import annotations

import hashlib
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
    EvidenceView,
    HistoryLine,
    MarkedRow,
    MarkRequest,
    MarkResult,
    MovedAnswer,
    OutcomeLine,
    QueueCounts,
    QueueFilter,
    QueueOrder,
    QueueRow,
    QueueView,
    ReasonCode,
    Refusal,
    RefusalKind,
    RehearsalView,
    RehearsedAnswer,
    Reviewer,
    Risk,
    SignerProfile,
    SignRefusal,
    SignResult,
    Summary,
    Verdict,
)
from tests.review_tui.memory_shared import NOW as NOW
from tests.review_tui.memory_shared import PIN as PIN
from tests.review_tui.memory_shared import Shared, age_days, fits

_REASONS = {
    Verdict.CLOSE: (
        ReasonCode("duplicate", "the same fact stands elsewhere"),
        ReasonCode("other", "other", needs_text=True),
    ),
    Verdict.REJECT: (
        ReasonCode("not_in_quote", "the quote does not say this"),
        ReasonCode("out_of_scope", "not for this formulary"),
        ReasonCode("wrong_population", "wrong population, route or form"),
        ReasonCode("other", "other", needs_text=True),
    ),
}
_AFTER = {
    Verdict.APPROVE: CandidateState.APPROVED,
    Verdict.FIX_AND_APPROVE: CandidateState.APPROVED,
    Verdict.REJECT: CandidateState.REJECTED,
    Verdict.DEFER: CandidateState.DEFERRED,
    Verdict.CLOSE: CandidateState.NO_EDIT_NEEDED,
}


@dataclass
class _Mark:
    request: MarkRequest
    mark_id: str


@dataclass
class MemoryDesk(Shared):
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
        self._marks: dict[str, _Mark] = {}
        self._lock = threading.RLock()
        self._marked_so_far = 0
        self.__post_shared__()

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
        urgent = sum(view.action is Action.WITHDRAW for view in waiting)
        outcomes = (OutcomeLine(7, "promoted in release 12"), OutcomeLine(1, "refused by the gate: a near miss moved"))
        stale = ("drug labels: nothing new since 2026-05-28 (4 days)",)
        return Summary(len(waiting), len(waiting) * 45 // 60 + 1, urgent, len(self._marks), outcomes, stale)

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
        """List a view in the order asked for; every word of the search must stand somewhere."""
        self.before_call("queue")
        words = search.casefold().split()
        with self._lock:
            found = [
                key
                for key in self._order
                if self._in_view(self._views[key], view)
                and all(word in _searched(self._views[key]) for word in words)
                and fits(self._views[key], filters, holder=self._claims.get(key, ("", NOW))[0])
            ]
            if order is QueueOrder.CONFLICT:
                found.sort(key=lambda key: not self._views[key].conflicts)
            elif order is QueueOrder.SUBJECT:
                found.sort(key=lambda key: self._views[key].subject.casefold())
            elif order in (QueueOrder.AGE, QueueOrder.NEWEST):
                found.sort(key=lambda key: age_days(self._views[key]), reverse=order is QueueOrder.AGE)
            return tuple(found)

    def rows(self, candidate_ids: Sequence[str]) -> Sequence[QueueRow]:
        """Give the rows of some ids."""
        self.before_call("rows")
        with self._lock:
            return tuple(self._row(self._views[key]) for key in candidate_ids if key in self._views)

    def candidate(self, candidate_id: str) -> CandidateView:
        """Give one candidate with this reviewer's mark on it."""
        self.before_call("candidate")
        with self._lock:
            if candidate_id not in self._views:
                raise NoSuchCandidateError(f"{candidate_id} is not on the desk any more; go back to the queue")
            view = self._with_desk(self._views[candidate_id])
            mark = self._marks.get(candidate_id)
            if mark is None:
                return view
            return replace(view, mark=mark.request.verdict, marked_object=mark.request.fixed_object)

    def reasons(self, verdict: Verdict) -> Sequence[ReasonCode]:
        """List reasons for a reject; nothing else asks for one."""
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
            before = self._marks.get(request.candidate_id)
            self._put_mark(request)
            self._did_mark(request.candidate_id, before.request if before else None, request)
            return MarkResult()

    def unmark(self, candidate_id: str) -> MarkResult:
        """Drop a mark."""
        self.before_call("unmark")
        with self._lock:
            before = self._marks.get(candidate_id)
            if before is None:
                return MarkResult((Refusal(RefusalKind.NOT_ALLOWED, "There is no mark of yours on it."),))
            self._put_mark(None, candidate_id)
            self._did_mark(candidate_id, before.request, None)
            return MarkResult()

    def sign(self, mark_ids: Sequence[str], pin: str) -> SignResult:
        """Sign the marks that were listed; one that changed since is refused by itself."""
        self.before_call("sign")
        if self.reviewer.needs_pin and pin != PIN:
            return SignResult(pin_refused="Wrong PIN; two tries left.")
        with self._lock:
            listed = {mark.mark_id: key for key, mark in self._marks.items()}
            signed, refused = [], []
            for mark_id in mark_ids:
                if (key := listed.get(mark_id)) is None:
                    refused.append(SignRefusal(mark_id, "It was marked anew since it was listed."))
                elif self._views[key].shown_sha256 != self._marks[key].request.shown_sha256:
                    refused.append(SignRefusal(key, "It changed after it was marked; look at it again."))
                else:
                    before, request = self._views[key], self._marks[key].request
                    self._sign_one(key)
                    self._did_sign(before, request)
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
        holder, until = self._claims.get(request.candidate_id, ("", NOW))
        if holder and holder != self.reviewer.name:
            yield Refusal(RefusalKind.CLAIMED, f"{holder} works on it until {until:%H:%M} UTC; take it over first.")
        if self.reviewer.name in view.signed_by and request.verdict is not Verdict.REJECT:
            yield Refusal(RefusalKind.NOT_ALLOWED, "You signed it first: another signer is needed.")
        approves = request.verdict in {Verdict.APPROVE, Verdict.FIX_AND_APPROVE}
        if approves and view.risk is Risk.HIGH and not request.quote_seen:
            yield Refusal(RefusalKind.EVIDENCE_NOT_SEEN, "High risk: every quote must have been on the screen first.")
        if request.verdict in {Verdict.REJECT, Verdict.CLOSE} and not request.reason_code:
            yield Refusal(RefusalKind.REASON_NEEDED, f"A {request.verdict} needs a reason.")

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
        waits = view.state in {CandidateState.PENDING, CandidateState.AWAITING_SECOND}
        if queue_view is QueueView.MARKED:
            return view.candidate_id in self._marks
        if queue_view is QueueView.CONFLICTS:
            return waits and bool(view.conflicts)
        if queue_view is QueueView.MINE:
            key = view.candidate_id
            holder = self._claims.get(key, ("", NOW))[0]
            return waits and (holder == self.reviewer.name or key in self._drafts or key in self._marks)
        if queue_view is QueueView.AFFECTED:
            return waits and view.action in {Action.WITHDRAW, Action.FLAG}
        if queue_view is QueueView.APPROVED:
            return view.state in {CandidateState.APPROVED, CandidateState.BATCHED}
        return view.state.value == queue_view.value

    def _row(self, view: CandidateView) -> QueueRow:
        mark = self._marks.get(view.candidate_id)
        return QueueRow(
            candidate_id=view.candidate_id,
            state=view.state,
            action=view.action,
            risk=view.risk,
            subject=view.subject,
            qualifiers=", ".join(value for _, value in view.qualifiers),
            relation=view.relation,
            summary_old=view.object_old or "",
            summary_new=view.object_new,
            age_text="2 d",
            flags_count=len(view.flags),
            conflict=bool(view.conflicts),
            mark=mark.request.verdict if mark else None,
            signatures=f"{len(view.signed_by)}/{view.required_signatures}",
            claimed_by=self._claims.get(view.candidate_id, ("", NOW))[0],
            has_draft=view.candidate_id in self._drafts,
            comments=len(view.comments),
        )

    def _marked_row(self, mark: _Mark) -> MarkedRow:
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
            warnings=view.flags,
            reason_code=request.reason_code or "",
            deferred_until=request.deferred_until,
        )

    def _put_mark(self, request: MarkRequest | None, candidate_id: str = "") -> None:
        self._marks.pop(request.candidate_id if request else candidate_id, None)
        if request is None:
            self._write({"unmarked": candidate_id})
            return
        self._marked_so_far += 1
        self._marks[request.candidate_id] = _Mark(request, f"m-{self._marked_so_far}")
        self._write(asdict(request))

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


def _searched(view: CandidateView) -> str:
    sources = " ".join(evidence.source_title for evidence in view.evidence)
    words = (view.subject, view.relation, view.object_old or "", view.object_new, view.question, sources)
    return " ".join(words).casefold()


def quoted(before: str, quote: str, after: str, title: str, role: str = "claim") -> EvidenceView:
    """Make evidence with its quote between two pieces of context."""
    return EvidenceView(
        context=before + quote + after,
        quote_start=len(before),
        quote_end=len(before) + len(quote),
        role=role,
        section="2.1 Recommended dosage",
        source_title=title,
        source_date="2026-05-28",
        kind="label version",
        url="https://labels.example/spl/8",
    )


def candidate(number: int, *, risk: Risk = Risk.LOW, subject: str = "zolpidem", **fields: object) -> CandidateView:
    """Make a plain candidate; ``fields`` replace what a test is about."""
    new = str(fields.get("object_new", "5 mg"))
    context = (
        "Use the lowest effective dose for the patient.\n",
        f"The recommended initial dose is {new} for women",
        " and either 5 mg or 10 mg for men, taken only once per night\nimmediately before bedtime.",
    )
    view = CandidateView(
        candidate_id=f"c-{number:05d}",
        shown_sha256=hashlib.sha256(f"{number}".encode()).hexdigest(),
        state=CandidateState.PENDING,
        action=Action.EDIT,
        risk=risk,
        subject=subject,
        relation="recommended_dose",
        qualifiers=(("population", "women"), ("route", "oral"), ("form", "immediate release")),
        object_old="10 mg",
        object_old_origin="previous version",
        object_new="5 mg",
        question=f"What is the recommended initial dose of immediate-release {subject} for women?",
        paraphrases=(f"Which dose of {subject} should a woman start with?",),
        evidence=(quoted(*context, f"{subject} tablets, label version 8"),),
        rehearsal=RehearsalView(
            carrier="refined",
            answers=(
                RehearsedAnswer(f"What is the initial dose of {subject} for women?", "10 mg", "5 mg", takes=True),
                RehearsedAnswer(f"Which dose of {subject} for a woman?", "10 mg", "5 mg", takes=True),
            ),
            moves=(),
            already_says=False,
            takes=True,
            near_misses_asked=6,
        ),
        flags=(),
        conflicts=(),
        history=(HistoryLine(NOW, "night run", "proposed", "label version 8 against 7"),),
        required_signatures=2 if risk is Risk.HIGH else 1,
        signed_by=(),
        extractor="rules/1",
        change_kind="revised",
        withdraws=None,
        mark=None,
    )
    return replace(view, **fields)  # type: ignore[arg-type]  # a test names the fields


def demo_candidates(count: int = 12) -> list[CandidateView]:
    """Make a small morning's queue with one of everything."""
    drugs = ("zolpidem", "warfarin", "methotrexate", "amiodarone", "colchicine", "digoxin")
    views = [
        candidate(number, subject=drugs[number % len(drugs)], risk=Risk.HIGH if number % 3 == 0 else Risk.LOW)
        for number in range(count)
    ]
    views[0] = replace(
        views[0],
        flags=("The document holds 14 invisible characters after the quote.", "A sentence addresses the reviewer."),
        conflicts=("c-00004 proposes 7.5 mg for the same fact (label of another maker)",),
        evidence=(*views[0].evidence, quoted("Changes: ", "5 mg for women", ".", "Safety letter 2026-05", "claim")),
    )
    moved = MovedAnswer("What is the maximum dose of amiodarone?", "other_relation", "400 mg a day", "5 mg")
    rehearsal = views[3].rehearsal
    views[3] = replace(views[3], rehearsal=replace(rehearsal, moves=(moved,)) if rehearsal else None)
    views[5] = replace(
        views[5],
        action=Action.WITHDRAW,
        change_kind="retracted",
        relation="evidence_for",
        qualifiers=(("outcome", "mortality"), ("population", "heart failure")),
        object_old="halves mortality (PMID 111)",
        object_new="not supported: the trial was retracted",
        withdraws="e-17: digoxin halves mortality in heart failure (release 9)",
        evidence=(
            quoted("Retraction of PMID 111. ", "This article has been retracted", " by the journal.", "Retraction"),
        ),
    )
    return views


def main() -> int:
    """Open the screens on a demo morning."""
    from review_tui.app import run

    journal = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 12
    return run(MemoryDesk(demo_candidates(count), journal=journal))


if __name__ == "__main__":
    raise SystemExit(main())
