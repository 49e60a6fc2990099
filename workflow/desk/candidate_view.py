"""One candidate as the screens show it, put together from its case file. Translates; decides nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, select

from review_tui import protocol as desk
from workflow.clock import utc_moment
from workflow.desk.disguised_names import disguised_names
from workflow.desk.reasons import reason_words
from workflow.intake.fact_sources import count_sources
from workflow.ledger.case_file import CaseFile, effective_risk, read_case_files
from workflow.ledger.claims import claims_on
from workflow.ledger.comments import read_comments, read_draft
from workflow.ledger.dismissals import read_dismissals, warnings_of
from workflow.ledger.documents import DocumentStore
from workflow.ledger.evidence_context import EvidenceContext, read_context
from workflow.ledger.marks import Mark, marks_on, with_duties
from workflow.ledger.tables import audit, candidates, edits
from workflow.ledger.taking_back import why_not_reopened
from workflow.records import Action, ObjectOrigin, Verdict
from workflow.rehearsal_records import Rehearsal
from workflow.review_policy import Choice, ReviewPolicy, Signature, with_signature

_QUIET_EVENTS = frozenset({"candidate.signed", "candidate.commented"})  # told by decisions and comments themselves


@dataclass(frozen=True)
class Viewer:
    """Who looks at a candidate, when, and by which rules."""

    reviewer_id: str
    policy: ReviewPolicy
    store: DocumentStore
    now: str


def view_candidate(connection: Connection, file: CaseFile, viewer: Viewer) -> desk.CandidateView:
    """Put everything together that a reviewer sees of a candidate.

    Raises:
        DamagedError: A document is missing from the store, or changed.
    """
    candidate, case, policy = file.candidate, file.case(), viewer.policy
    contexts = tuple(_evidence(read_context(connection, viewer.store, one)) for one in candidate.evidence)
    mark = marks_on(connection, [file.candidate_id], viewer.reviewer_id).get(file.candidate_id)
    held = claims_on(connection, [file.candidate_id], now=viewer.now).get(file.candidate_id)
    said_by = count_sources(connection, [file.candidate_id])[file.candidate_id].words
    names = {decision.reviewer_id: decision.signer_name for decision in file.decisions}
    standing = policy.standing(case)
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
        flags=(*warnings_of(file, policy), *disguised_names(candidate), *filter(None, (said_by,))),
        conflicts=tuple(f"{rival.words}: {rival.object_new}" for rival in file.rivals),
        history=_history(connection, file),
        required_signatures=policy.required_signatures(case),
        signed_by=tuple(f"{names[one.reviewer_id]}, {one.signed_at}" for one in standing),
        extractor=candidate.extractor,
        change_kind=candidate.change_kind.replace("_", " "),
        withdraws=_withdraws(connection, file),
        mark=desk.Verdict(mark.choice.verdict.value) if mark else None,
        marked_object=mark.choice.fixed_object if mark else None,
        deferred_until=_day(file.defer_until),
        not_allowed=_not_allowed(connection, file, viewer),
        near_duplicates=file.rehearsal.near_duplicates if file.rehearsal else (),
        checks=_checks(file, contexts),
        comments=tuple(
            desk.CommentLine(utc_moment(one.said_at), one.signer_name, one.words)
            for one in read_comments(connection, file.candidate_id)
        ),
        draft=read_draft(connection, file.candidate_id, viewer.reviewer_id),
        dismissed=tuple(
            desk.DismissedWarning(one.words, one.signer_name, utc_moment(one.signed_at))
            for one in read_dismissals(connection, file.candidate_id)
        ),
        claimed_by=held.name if held else "",
        claimed_until=utc_moment(held.until) if held else None,
        claim_is_mine=held is not None and held.reviewer_id == viewer.reviewer_id,
        fixed_from=_fixed_from(connection, file),
        fixed_by=file.fixed_by or "",
        reopen_refused=why_not_reopened(connection, file),
        signatures_void=tuple(
            f"{one.signer_name}, {one.signed_at}: {why}"
            for one in file.counted
            if one.verdict is Verdict.APPROVE
            and (why := policy.why_void(case, Signature(one.reviewer_id, one.verdict, one.shown_sha256, one.signed_at)))
        ),
    )


def view_mark(file: CaseFile, mark: Mark, policy: ReviewPolicy) -> desk.MarkedRow:
    """Put a mark together as the signature lists it."""
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
        reason=reason_words(choice.verdict, choice.reason_code, choice.reason_text),
        quote_seen=choice.quote_seen,
        signatures_after=f"{len(policy.standing(case))}/{policy.required_signatures(case)}",
        warnings=warnings_of(file, policy) if choice.verdict is Verdict.APPROVE else (),
        reason_code=choice.reason_code,
        deferred_until=_day(mark.defer_until),
    )


def _not_allowed(connection: Connection, file: CaseFile, viewer: Viewer) -> tuple[tuple[desk.Verdict, str], ...]:
    """Try every verdict as if all else were given: what is still refused, this person may not give here."""
    if not viewer.reviewer_id:
        return tuple((verdict, "read only: nobody is signed in here") for verdict in desk.Verdict)
    case = file.case()
    found = []
    for verdict in Verdict:
        choice = Choice(
            reviewer_id=viewer.reviewer_id,
            verdict=verdict,
            shown_sha256=case.shown_sha256,
            quote_seen=True,
            reason_code="given",
            fixed_object=f"{case.object_new} (fixed)"[-200:],
        )
        for refusal in viewer.policy.refusals(case, with_duties(connection, choice))[:1]:
            found.append((desk.Verdict(verdict.value), refusal.words))
    return tuple(found)


def _checks(file: CaseFile, contexts: tuple[desk.EvidenceView, ...]) -> tuple[desk.CheckLine, ...]:
    """Say what the machinery looked at: on record with the candidate or its rehearsal, or computed anew."""
    astray = sum(one.quote_start == one.quote_end for one in contexts)
    words = f"{len(contexts) - astray} of {len(contexts)} quotes stand at their place in the document as received"
    lines = [desk.CheckLine(check.name, check.passed, check.words) for check in file.candidate.checks]
    if file.fixed_by is not None:
        lines.append(desk.CheckLine("wall", None, "not asked: a reviewer wrote this object"))
    lines.append(desk.CheckLine("quotes", None if not contexts else not astray, words))
    rehearsal = file.rehearsal
    if rehearsal is not None:
        taken = sum(outcome.takes for outcome in rehearsal.outcomes)
        asked = f"{taken} of {len(rehearsal.outcomes)} questions get the new object in the rehearsal"
        lines.append(desk.CheckLine("takes", rehearsal.takes, asked))
        near = len(file.candidate.near_misses)
        moved = f"{len(rehearsal.moves)} of {near} near misses would move"
        lines.append(desk.CheckLine("near misses", not rehearsal.moves if near else None, moved))
    return tuple(lines)


def _fixed_from(connection: Connection, file: CaseFile) -> str | None:
    """Give the object of the candidate that this one was corrected from."""
    if file.fixed_by is None:
        return None
    original = select(candidates.c.candidate_id).where(candidates.c.replaced_by == file.candidate_id)
    found = read_case_files(connection, list(connection.execute(original).scalars()))
    return found[0].candidate.object_new if found else None


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
        says_now=rehearsal.says_now,
        trials=tuple(trial.line for trial in rehearsal.trials),
    )


def _history(connection: Connection, file: CaseFile) -> tuple[desk.HistoryLine, ...]:
    lines = [desk.HistoryLine(utc_moment(file.created_at), file.candidate.extractor, "proposed")]
    lines += [
        desk.HistoryLine(
            utc_moment(decision.signed_at),
            decision.signer_name + (" (scripted)" if decision.scripted else ""),
            decision.meaning + (f" ({decision.taken_back})" if decision.taken_back else ""),
            reason_words(decision.verdict, decision.reason_code, decision.reason_text),
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
    """Name the edit that a withdrawal would take out, or that gave a flagged answer."""
    if file.candidate.action is Action.EDIT or file.candidate.withdraws is None:
        return None
    row = connection.execute(select(edits).where(edits.c.edit_id == file.candidate.withdraws)).first()
    fields = json.loads(row.body) if row is not None else {}
    said = fields.get("object_new", "") if row is not None else "not on record"
    relation = fields.get("relation", file.candidate.relation)
    return f"{file.candidate.withdraws}: {file.candidate.subject}, {relation}: {said}"


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
