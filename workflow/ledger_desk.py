"""The review desk over the ledger: translates ``review_tui``'s protocol, and decides nothing itself.

The rules are in ``workflow.review_policy``, the writes in ``workflow.ledger.marks`` and ``.signing``. Safe for
several threads: the ledger gives each call a connection of its own, and the search cache only ever grows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime

from sqlalchemy import Connection, select

from review_tui import protocol as desk
from review_tui.errors import DeskError, DeskUnavailableError, NoSuchCandidateError
from workflow.change_control.release import read_live
from workflow.clock import utc_moment
from workflow.errors import BusyError, UsageError, WorkflowError
from workflow.identity import Reviewer, WrongPinError
from workflow.intake.fact_sources import count_sources
from workflow.ledger import morning, queue
from workflow.ledger.case_file import CaseFile, effective_risk, read_case_file
from workflow.ledger.documents import DocumentStore
from workflow.ledger.evidence_context import EvidenceContext, read_context
from workflow.ledger.ledger import Ledger
from workflow.ledger.marks import Mark, list_marks, marks_on, save_mark, take_back_mark
from workflow.ledger.signing import settle, sign_marks
from workflow.ledger.tables import audit, edits
from workflow.records import Action, CandidateState, ObjectOrigin, Rehearsal, Verdict
from workflow.review_policy import Choice, PolicyRefusal, ReviewPolicy, Signature, with_signature
from workflow.status import stale_sources

REASONS: dict[Verdict, tuple[desk.ReasonCode, ...]] = {
    Verdict.REJECT: (
        desk.ReasonCode("not_in_source", "the quote does not say this"),
        desk.ReasonCode("wrong_object", "wrong value or wording, not worth fixing"),
        desk.ReasonCode("wrong_subject", "wrong drug or condition"),
        desk.ReasonCode("wrong_population", "population, route or form is wrong or missing"),
        desk.ReasonCode("outdated", "superseded by something newer"),
        desk.ReasonCode("not_for_us", "not relevant on this site"),
        desk.ReasonCode("bad_question", "the questions do not fit the fact"),
        desk.ReasonCode("moves_others", "it changes answers that must stay"),
        desk.ReasonCode("other", "other", needs_text=True),
    ),
    Verdict.DEFER: (
        desk.ReasonCode("read_source", "I want to read the whole source"),
        desk.ReasonCode("ask_colleague", "I want to ask a colleague"),
        desk.ReasonCode("await_source", "waiting for another source"),
        desk.ReasonCode("other", "other", needs_text=True),
    ),
}
_ON_THE_DESK = frozenset(state.value for state in desk.CandidateState)
_QUIET_EVENTS = frozenset({"candidate.signed"})  # told by the decisions themselves


class LedgerDesk:
    """One reviewer at the desk of one site."""

    def __init__(
        self, ledger: Ledger, store: DocumentStore, reviewer: Reviewer, *, sources: Sequence[str] = ()
    ) -> None:
        """Sit down.

        Args:
            ledger: The site's ledger.
            store: Its documents.
            reviewer: Who sits here; found by the operating system's account.
            sources: Names of the sources that the settings switch on, to say which are behind.
        """
        self._ledger = ledger
        self._store = store
        self._reviewer = reviewer
        self._sources = tuple(sources)
        self._kind = ledger.kind()
        self._policy = ReviewPolicy(ledger.signer_profile())
        self._texts: dict[str, str] = {}

    def who(self) -> desk.Reviewer:
        """Give the person at the desk and the rules of the site."""
        one = self._policy.signer_profile == "one_signer"
        return desk.Reviewer(
            name=self._reviewer.name,
            role=self._reviewer.role,
            needs_pin=not self._reviewer.scripted,
            site_kind=self._kind,
            signer_profile=desk.SignerProfile.ONE_SIGNER if one else desk.SignerProfile.TWO_SIGNERS,
        )

    def summary(self) -> desk.Summary:
        """Give the first screen's figures, once what was deferred until today or lost its signatures is back."""
        now = self._ledger.clock()
        with _told():
            settle(self._ledger, self._policy)
        with self._read() as connection:
            load = queue.workload(connection, self._reviewer.reviewer_id)
            stale = stale_sources(connection, self._sources, today=now.date())
            return desk.Summary(
                items=load.items,
                minutes=load.minutes,
                urgent=load.urgent,
                unsigned=load.unsigned,
                outcomes=tuple(
                    desk.OutcomeLine(outcome.count, outcome.words) for outcome in morning.outcomes(connection, now=now)
                ),
                stale_sources=tuple(source.words for source in stale),
                notices=self._notices(connection),
            )

    def counts(self) -> desk.QueueCounts:
        """Count every view."""
        with self._read() as connection:
            counts = queue.count_views(connection, self._reviewer.reviewer_id)
        return desk.QueueCounts(**{view.value: count for view, count in counts.items()})

    def queue(self, view: desk.QueueView, search: str = "") -> Sequence[str]:
        """List the candidate ids of a view in the order to review them; those that the search finds."""
        with self._read() as connection:
            ids = queue.queue_ids(connection, queue.QueueView(view.value), self._reviewer.reviewer_id)
            if not search.strip():
                return ids
            if any(candidate_id not in self._texts for candidate_id in ids):
                self._texts |= queue.search_texts(connection)
        return [name for name in ids if queue.matches(self._texts.get(name, ""), search)]

    def rows(self, candidate_ids: Sequence[str]) -> Sequence[desk.QueueRow]:
        """Give the lines of a page of ids."""
        now = self._ledger.clock()
        with self._read() as connection:
            rows = queue.queue_rows(connection, self._policy, candidate_ids, self._reviewer.reviewer_id)
        return [_row(row, now) for row in rows if row.state.value in _ON_THE_DESK]

    def candidate(self, candidate_id: str) -> desk.CandidateView:
        """Give one candidate as it stands now.

        Raises:
            NoSuchCandidateError: It is not on the desk.
        """
        with self._read() as connection:
            file = self._file(connection, candidate_id)
            contexts = tuple(
                _evidence(read_context(connection, self._store, evidence)) for evidence in file.candidate.evidence
            )
            mark = marks_on(connection, [candidate_id], self._reviewer.reviewer_id).get(candidate_id)
            said_by = count_sources(connection, [candidate_id])[candidate_id].words
            view = self._view(file, contexts, mark, _history(connection, file), _withdraws(connection, file))
            return replace(view, flags=(*view.flags, said_by)) if said_by else view

    def reasons(self, verdict: desk.Verdict) -> Sequence[desk.ReasonCode]:
        """List the reason codes for a verdict."""
        return REASONS.get(Verdict(verdict.value), ())

    def mark(self, request: desk.MarkRequest) -> desk.MarkResult:
        """Save a mark, replacing this reviewer's earlier one; durable when this returns."""
        until = request.deferred_until.isoformat() if request.deferred_until else None
        choice = Choice(
            reviewer_id=self._reviewer.reviewer_id,
            verdict=Verdict(request.verdict.value),
            shown_sha256=request.shown_sha256,
            quote_seen=request.quote_seen,
            reason_code=request.reason_code or "",
            reason_text=request.reason_text,
            fixed_object=request.fixed_object,
        )
        with _told():
            refusals = save_mark(self._ledger, self._policy, request.candidate_id, choice, defer_until=until)
        return desk.MarkResult(tuple(_refusal(refusal) for refusal in refusals))

    def unmark(self, candidate_id: str) -> desk.MarkResult:
        """Take this reviewer's own unsigned mark back."""
        with _told():
            gone = take_back_mark(self._ledger, candidate_id, self._reviewer.reviewer_id)
        nothing = desk.Refusal(desk.RefusalKind.STALE, "there is no unsigned mark of yours on it")
        return desk.MarkResult(() if gone else (nothing,))

    def marks(self) -> Sequence[desk.MarkedRow]:
        """List this reviewer's unsigned marks in the order in which they were made."""
        with self._read() as connection:
            listed = list_marks(connection, self._reviewer.reviewer_id)
            return [self._marked(read_case_file(connection, mark.candidate_id), mark) for mark in listed]

    def sign(self, mark_ids: Sequence[str], pin: str) -> desk.SignResult:
        """Sign exactly the marks that were listed, with one PIN."""
        try:
            with _told():
                result = sign_marks(self._ledger, self._policy, self._reviewer.reviewer_id, mark_ids, pin=pin)
        except WrongPinError as error:
            return desk.SignResult(pin_refused=str(error))
        refused = tuple(desk.SignRefusal(refusal.candidate_id, refusal.words) for refusal in result.refused)
        return desk.SignResult(signed=result.signed, refused=refused)

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        with _told(), self._ledger.read() as connection:
            yield connection

    def _file(self, connection: Connection, candidate_id: str) -> CaseFile:
        file = read_case_file(connection, candidate_id)
        if file.state.value not in _ON_THE_DESK:
            step = "; run medrek-flow worker, which rehearses it" if file.state is CandidateState.PROPOSED else ""
            raise NoSuchCandidateError(f"{candidate_id} is {file.state.replace('_', ' ')}, not on the desk{step}")
        return file

    def _notices(self, connection: Connection) -> tuple[str, ...]:
        lines = []
        live = read_live(connection)
        if live is not None and live.stopped:
            lines.append("the served model is stopped: the bare base model answers")
        waiting = morning.fixes_in_rehearsal(connection, self._reviewer.reviewer_id)
        if waiting:
            lines.append(f"{waiting} that you corrected wait for a rehearsal, and then for your signature")
        return tuple(lines)

    def _view(
        self,
        file: CaseFile,
        contexts: tuple[desk.EvidenceView, ...],
        mark: Mark | None,
        history: tuple[desk.HistoryLine, ...],
        withdraws: str | None,
    ) -> desk.CandidateView:
        candidate, case = file.candidate, file.case()
        rehearsal = file.rehearsal
        warnings = self._policy.warnings(
            case,
            moves=len(rehearsal.moves) if rehearsal else 0,
            takes=rehearsal.takes if rehearsal else False,
        )
        names = {decision.reviewer_id: decision.signer_name for decision in file.decisions}
        return desk.CandidateView(
            candidate_id=file.candidate_id,
            shown_sha256=case.shown_sha256,
            state=desk.CandidateState(file.state.value),
            action=desk.Action(candidate.action.value),
            risk=desk.Risk(effective_risk(file).value),
            subject=candidate.subject,
            relation=candidate.relation,
            qualifiers=tuple(sorted(candidate.qualifiers.items())),
            object_old=_old(file),
            object_old_origin=_old_origin(file),
            object_new=candidate.object_new,
            question=candidate.question,
            paraphrases=candidate.paraphrases,
            evidence=contexts,
            rehearsal=_rehearsal(file),
            flags=(*candidate.flags, *(upset.words for upset in file.newer_versions), *warnings),
            conflicts=(
                *(f"{rival.words}: {rival.object_new}" for rival in file.rivals),
                *(rehearsal.near_duplicates if rehearsal else ()),
            ),
            history=history,
            required_signatures=self._policy.required_signatures(case),
            signed_by=tuple(
                f"{names[signature.reviewer_id]}, {signature.signed_at}" for signature in self._policy.standing(case)
            ),
            extractor=candidate.extractor,
            change_kind=candidate.change_kind.replace("_", " "),
            withdraws=withdraws,
            mark=desk.Verdict(mark.choice.verdict.value) if mark else None,
            marked_object=mark.choice.fixed_object if mark else None,
            deferred_until=_day(file.defer_until),
            not_allowed=self._not_allowed(file),
        )

    def _not_allowed(self, file: CaseFile) -> tuple[tuple[desk.Verdict, str], ...]:
        """Try every verdict as if all else were given: what is still refused, this person may not give here."""
        case = file.case()
        found = []
        for verdict in Verdict:
            choice = Choice(
                reviewer_id=self._reviewer.reviewer_id,
                verdict=verdict,
                shown_sha256=case.shown_sha256,
                quote_seen=True,
                reason_code="given",
                fixed_object=f"{case.object_new} (fixed)"[-200:],
            )
            for refusal in self._policy.refusals(case, choice)[:1]:
                found.append((desk.Verdict(verdict.value), refusal.words))
        return tuple(found)

    def _marked(self, file: CaseFile, mark: Mark) -> desk.MarkedRow:
        case, choice = file.case(), mark.choice
        if choice.verdict is Verdict.APPROVE:
            mine = Signature(choice.reviewer_id, choice.verdict, choice.shown_sha256, "9999")
            case = with_signature(case, mine)
        return desk.MarkedRow(
            mark_id=mark.mark_id,
            candidate_id=file.candidate_id,
            risk=desk.Risk(effective_risk(file).value),
            action=desk.Action(file.candidate.action.value),
            verdict=desk.Verdict(choice.verdict.value),
            subject=file.candidate.subject,
            qualifiers=", ".join(file.candidate.qualifiers.values()),
            relation=file.candidate.relation,
            object_new=choice.fixed_object or file.candidate.object_new,
            reason=_reason(choice.verdict, choice.reason_code, choice.reason_text),
            quote_seen=choice.quote_seen,
            signatures_after=f"{len(self._policy.standing(case))}/{self._policy.required_signatures(case)}",
        )


@contextmanager
def _told() -> Iterator[None]:
    """Turn the workflow's errors into the desk's, each one line; a wrong PIN is a result and passes."""
    try:
        yield
    except WrongPinError:
        raise
    except BusyError as error:
        raise DeskUnavailableError(str(error)) from error
    except UsageError as error:
        raise NoSuchCandidateError(str(error)) from error
    except WorkflowError as error:
        raise DeskError(str(error)) from error


def _row(row: queue.QueueRow, now: datetime) -> desk.QueueRow:
    return desk.QueueRow(
        candidate_id=row.candidate_id,
        state=desk.CandidateState(row.state.value),
        action=desk.Action(row.action.value),
        risk=desk.Risk(row.risk.value),
        subject=row.subject,
        qualifiers=", ".join(row.qualifiers),
        relation=row.relation,
        summary_old=row.object_old or "",
        summary_new=row.object_new,
        age_text=_age(row.created_at, now),
        flags_count=len(row.flags),
        conflict=row.in_conflict,
        mark=desk.Verdict(row.mark.value) if row.mark else None,
        signatures=f"{row.given}/{row.required}",
    )


def _evidence(context: EvidenceContext) -> desk.EvidenceView:
    return desk.EvidenceView(
        context=context.context,
        quote_start=context.quote_start,
        quote_end=context.quote_end,
        role=context.role,
        section=context.section,
        source_title=context.source_title,
        source_date=context.source_date,
        kind=context.kind.replace("_", " "),
        url=context.url,
    )


def _old(file: CaseFile) -> str | None:
    """What the candidate would replace: as documented, else what the model was heard to say in the rehearsal."""
    said = file.rehearsal.outcomes[0].now if file.rehearsal is not None and file.rehearsal.outcomes else None
    return file.candidate.object_old or said


def _old_origin(file: CaseFile) -> str:
    is_documented = file.candidate.object_old is not None or file.rehearsal is None
    origin = file.candidate.object_old_origin if is_documented else ObjectOrigin.BASE_MODEL
    return origin.replace("_", " ")


def _rehearsal(file: CaseFile) -> desk.RehearsalView | None:
    rehearsal: Rehearsal | None = file.rehearsal
    if rehearsal is None:
        return None
    return desk.RehearsalView(
        carrier=rehearsal.carrier,
        answers=tuple(desk.RehearsedAnswer(o.question, o.now, o.would_say, o.takes) for o in rehearsal.outcomes),
        moves=tuple(desk.MovedAnswer(m.question, m.kind, m.now, m.would_say) for m in rehearsal.moves),
        already_says=rehearsal.already_says,
        takes=rehearsal.takes,
        near_misses_asked=len(file.candidate.near_misses),
        trials=tuple(trial.line for trial in rehearsal.trials),
    )


def _history(connection: Connection, file: CaseFile) -> tuple[desk.HistoryLine, ...]:
    lines = [desk.HistoryLine(utc_moment(file.created_at), file.candidate.extractor, "proposed")]
    lines += [
        desk.HistoryLine(
            utc_moment(decision.signed_at),
            decision.signer_name + (" (scripted)" if decision.scripted else ""),
            decision.meaning,
            _reason(decision.verdict, decision.reason_code, decision.reason_text),
        )
        for decision in file.decisions
    ]
    subject = f"candidate:{file.candidate_id}"
    for row in connection.execute(select(audit).where(audit.c.subject == subject).order_by(audit.c.seq)):
        if row.event not in _QUIET_EVENTS:
            body = json.loads(row.body)
            what = " ".join(filter(None, (row.event.partition(".")[2], str(body.get("verdict") or ""))))
            lines.append(desk.HistoryLine(utc_moment(row.at), row.actor, what, str(body.get("why") or "")))
    return tuple(sorted(lines, key=lambda line: line.when))


def _withdraws(connection: Connection, file: CaseFile) -> str | None:
    if file.candidate.action is not Action.WITHDRAW or file.candidate.withdraws is None:
        return None
    row = connection.execute(select(edits).where(edits.c.edit_id == file.candidate.withdraws)).first()
    said = json.loads(row.body).get("object_new", "") if row is not None else "not on record"
    return f"{file.candidate.withdraws}: {file.candidate.subject}, {file.candidate.relation}: {said}"


def _refusal(refusal: PolicyRefusal) -> desk.Refusal:
    return desk.Refusal(desk.RefusalKind(refusal.kind.value), refusal.words)


def _reason(verdict: Verdict, code: str, text: str) -> str:
    words = {reason.code: reason.words for reason in REASONS.get(verdict, ())}.get(code, code)
    return ": ".join(filter(None, (words, text)))


def _age(created_at: str, now: datetime) -> str:
    minutes = max(0, int((now - utc_moment(created_at)).total_seconds() // 60))
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} d"


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
