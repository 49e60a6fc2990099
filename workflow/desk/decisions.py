"""The deciding half of the desk: a candidate, marks one by one and many at once, signatures, undo and redo."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from review_tui import protocol as desk
from review_tui.errors import DeskError, NoSuchCandidateError
from workflow.desk.candidate_view import Viewer, view_candidate, view_mark
from workflow.desk.lists import ON_THE_DESK
from workflow.desk.reasons import REASONS
from workflow.desk.seat import Seat, told
from workflow.identity import WrongPinError
from workflow.ledger.case_file import CaseFile, effective_risk, read_case_file, read_case_files
from workflow.ledger.marks import Bulk, list_marks, mark_bulk, plan_bulk, save_mark, take_back_mark
from workflow.ledger.signing import Signed, sign_marks
from workflow.ledger.steps import read_stacks
from workflow.ledger.taking_back import Stepped, redo_step, reopen, undo_step
from workflow.records import CandidateState, Verdict
from workflow.review_policy import BULK_VERDICTS, Choice, PolicyRefusal

_SAMPLES = 3


class Decisions(Seat):
    """What a reviewer decides, and takes back."""

    def candidate(self, candidate_id: str) -> desk.CandidateView:
        """Give one candidate as it stands now.

        Raises:
            NoSuchCandidateError: It is not on the desk.
        """
        with self._read() as connection:
            onlooker = self._onlooker(connection)
            viewer = Viewer(self._me, self._policy, self._store, onlooker.now)
            return view_candidate(connection, self._file(connection, candidate_id), viewer)

    def reasons(self, verdict: desk.Verdict) -> Sequence[desk.ReasonCode]:
        """List the reason codes for a verdict."""
        return REASONS.get(Verdict(verdict.value), ())

    def mark(self, request: desk.MarkRequest) -> desk.MarkResult:
        """Save a mark, replacing this reviewer's earlier one; durable when this returns."""
        until = request.deferred_until.isoformat() if request.deferred_until else None
        choice = Choice(
            reviewer_id=self._reviewer().reviewer_id,
            verdict=Verdict(request.verdict.value),
            shown_sha256=request.shown_sha256,
            quote_seen=request.quote_seen,
            reason_code=request.reason_code or "",
            reason_text=request.reason_text,
            fixed_object=request.fixed_object,
        )
        with told():
            refusals = save_mark(self._ledger, self._policy, request.candidate_id, choice, defer_until=until)
        return _result(refusals)

    def unmark(self, candidate_id: str) -> desk.MarkResult:
        """Take this reviewer's own unsigned mark back."""
        with told():
            gone = take_back_mark(self._ledger, candidate_id, self._reviewer().reviewer_id)
        nothing = desk.Refusal(desk.RefusalKind.STALE, "there is no unsigned mark of yours on it")
        return desk.MarkResult(() if gone else (nothing,))

    def marks(self) -> Sequence[desk.MarkedRow]:
        """List this reviewer's unsigned marks in the order in which they were made."""
        with self._read() as connection:
            listed = list_marks(connection, self._me)
            files = read_case_files(connection, [mark.candidate_id for mark in listed])
            return [view_mark(file, mark, self._policy) for file, mark in zip(files, listed, strict=True)]

    def sign(self, mark_ids: Sequence[str], pin: str) -> desk.SignResult:
        """Sign exactly the marks that were listed, with one PIN."""
        try:
            with told():
                me = self._reviewer().reviewer_id
                return _signed(sign_marks(self._ledger, self._policy, me, mark_ids, pin=pin))
        except WrongPinError as error:
            return desk.SignResult(pin_refused=str(error))

    # many at once

    def plan_bulk(self, request: desk.BulkRequest) -> desk.BulkPlan:
        """Tell what one verdict on many would mark and what it leaves out."""
        choice = self._bulk_choice(request)
        with told(), self._ledger.read() as connection:
            bulk = plan_bulk(
                connection, self._policy, request.candidate_ids, choice, now=self._onlooker(connection).now
            )
        return _plan(bulk)

    def mark_bulk(self, request: desk.BulkRequest) -> desk.BulkResult:
        """Mark what ``plan_bulk`` takes; durable when this returns, and one step for ``undo``."""
        choice = self._bulk_choice(request)
        until = request.deferred_until.isoformat() if request.deferred_until else None
        with told():
            bulk = mark_bulk(self._ledger, self._policy, request.candidate_ids, choice, defer_until=until)
        plan = _plan(bulk)
        return desk.BulkResult(plan.taken, plan.excluded)

    def _bulk_choice(self, request: desk.BulkRequest) -> Choice:
        verdict = Verdict(request.verdict.value)
        if verdict not in BULK_VERDICTS:
            raise DeskError("many at once are rejected, deferred or closed, never approved")
        return Choice(
            reviewer_id=self._reviewer().reviewer_id,
            verdict=verdict,
            shown_sha256="",
            quote_seen=False,
            reason_code=request.reason_code or "",
            reason_text=request.reason_text,
        )

    # back and forth

    def steps(self) -> desk.Steps:
        """Say what undo and redo would do next."""
        with self._read() as connection:
            stacks = read_stacks(connection, self._me)
        redo = stacks.redo[-1].body if stacks.redo else None
        needs_pin = redo is not None and redo.decision is not None and not self._reviewer().scripted
        return desk.Steps(stacks.undo[-1].body.words if stacks.undo else "", redo.words if redo else "", needs_pin)

    def undo(self) -> desk.StepResult:
        """Take the last mark, unmark or decision of this reviewer back."""
        with told():
            return _stepped(undo_step(self._ledger, self._policy, self._reviewer().reviewer_id))

    def redo(self, pin: str = "") -> desk.StepResult:
        """Do again what was undone last; a signature asks for the PIN again."""
        try:
            with told():
                return _stepped(redo_step(self._ledger, self._policy, self._reviewer().reviewer_id, pin=pin))
        except WrongPinError as error:
            return desk.StepResult("nothing was done", pin_refused=str(error))

    def reopen(self, candidate_id: str, reason: str) -> desk.MarkResult:
        """Put an approved, rejected or closed candidate back into the queue; one that was an edit comes anew."""
        with told():
            refusals = reopen(self._ledger, candidate_id, reviewer_id=self._reviewer().reviewer_id, reason=reason)
            if refusals:
                return _result(refusals)
            with self._read() as connection:
                return desk.MarkResult(made=read_case_file(connection, candidate_id).replaced_by or "")

    def _file(self, connection: Connection, candidate_id: str) -> CaseFile:
        file = read_case_file(connection, candidate_id)
        if file.state.value not in ON_THE_DESK:
            step = "; run medrek-flow worker, which rehearses it" if file.state is CandidateState.PROPOSED else ""
            raise NoSuchCandidateError(f"{candidate_id} is {file.state.replace('_', ' ')}, not on the desk{step}")
        return file


def _result(refusals: tuple[PolicyRefusal, ...]) -> desk.MarkResult:
    return desk.MarkResult(tuple(desk.Refusal(desk.RefusalKind(one.kind.value), one.words) for one in refusals))


def _signed(signed: Signed) -> desk.SignResult:
    return desk.SignResult(
        signed=signed.signed,
        refused=tuple(desk.SignRefusal(one.candidate_id, one.words) for one in signed.refused),
        revealed=tuple(desk.Revealed(one.candidate_id, one.noticed, one.how) for one in signed.revealed),
    )


def _plan(bulk: Bulk) -> desk.BulkPlan:
    risks = [desk.Risk(effective_risk(file).value) for file in bulk.taken]
    facts = [file.candidate for file in bulk.taken[:_SAMPLES]]
    return desk.BulkPlan(
        taken=tuple(file.candidate_id for file in bulk.taken),
        excluded=tuple(desk.SignRefusal(one.candidate_id, one.words) for one in bulk.left_out),
        by_risk=tuple((risk, risks.count(risk)) for risk in desk.Risk if risk in risks),
        samples=tuple(f"{one.subject}, {one.relation.replace('_', ' ')}: {one.object_new}" for one in facts),
    )


def _stepped(stepped: Stepped) -> desk.StepResult:
    return desk.StepResult(stepped.words, stepped.candidate_ids)
