"""Gather a night's report from the ledger: every number in it is a row that can be looked up."""

from __future__ import annotations

import json
from datetime import date

from sqlalchemy import Connection, func, select

from workflow.change_control.gate_report import GateReport
from workflow.change_control.live_watch import last_check_line
from workflow.change_control.nightly_questions import wrong_lines
from workflow.change_control.release import read_live, release_edits
from workflow.clock import utc_text
from workflow.intake.flood import crowds
from workflow.ledger import audit, tables
from workflow.ledger.lost_signatures import lost_signatures
from workflow.records import Action, BatchState, CandidateState
from workflow.reports.night_report import (
    AffectedLine,
    BatchLine,
    CandidateLine,
    EjectedLine,
    LiveLine,
    LlmUse,
    NightReport,
    OutcomeLine,
    SourceLine,
)
from workflow.runs import Run
from workflow.source_lines import said_of
from workflow.status import ANCHOR_LINE, standing_warnings, waiting_batches


def gather_report(
    connection: Connection,
    run: Run,
    *,
    site_kind: str,
    signer_profile: str,
    sources: tuple[str, ...],
    llm_model: str = "",
    failed_documents: tuple[str, ...] = (),
    warnings: tuple[str, ...] = (),
    site_name: str = "",
    finished_at: str = "",
    exit_code: int = 0,
    anchor_line: str = ANCHOR_LINE,
) -> NightReport:
    """Read one night's report, as it stands now, from one snapshot."""
    length, head = audit.head(connection)
    counts = _states(connection)
    return NightReport(
        run_id=run.run_id,
        now=utc_text(run.now),
        started_at=run.started_at,
        finished_at=finished_at,
        site_name=site_name,
        site_kind=site_kind,
        signer_profile=signer_profile,
        sources=tuple(_source(connection, run, name) for name in sources),
        changes=_changes(connection, run.run_id),
        out_of_scope=_count_outcome(connection, run.run_id, "out_of_scope"),
        proposed=_candidates(connection, run, exclude=(CandidateState.REFUSED, CandidateState.NO_EDIT_NEEDED)),
        refused=_candidates(connection, run, only=CandidateState.REFUSED),
        no_edit_needed=_candidates(connection, run, only=CandidateState.NO_EDIT_NEEDED),
        pending=counts.get(CandidateState.PENDING, 0) + counts.get(CandidateState.AWAITING_SECOND, 0),
        awaiting_second=counts.get(CandidateState.AWAITING_SECOND, 0),
        affected=_affected(connection, run.run_id),
        live_check=last_check_line(connection),
        exposures=wrong_lines(connection, now=utc_text(run.now)),
        lost_signatures=tuple(one.line for one in lost_signatures(connection, now=run.now)),
        batches=_batches(connection, run.started_at),
        live=_live(connection),
        audit_head=head,
        audit_length=length,
        llm=_llm(connection, run.run_id, llm_model, failed_documents),
        yesterday=_outcomes(connection, run.started_at),
        warnings=(
            *warnings,
            *_left_over(connection, counts),
            *standing_warnings(site_kind, signer_profile, anchor_line),
        ),
        exit_code=exit_code,
    )


def _states(connection: Connection) -> dict[str, int]:
    column = tables.candidates.c.state
    return {row[0]: row[1] for row in connection.execute(select(column, func.count()).group_by(column))}


def _left_over(connection: Connection, counts: dict[str, int]) -> tuple[str, ...]:
    """What waits for its rehearsal: floods by their source, then the rest in one line."""
    groups = crowds(connection)
    rest = counts.get(CandidateState.PROPOSED, 0) - sum(group.candidates - group.shown for group in groups)
    others = f"{rest} candidates wait for their rehearsal: the night's limit (review.max_candidates_per_night)"
    return (*(group.words for group in groups), *([others] if rest > 0 else []))


def _source(connection: Connection, run: Run, name: str) -> SourceLine:
    columns = tables.source_runs.c
    row = connection.execute(
        select(tables.source_runs).where(columns.run_id == run.run_id, columns.source == name)
    ).first()
    last_day = connection.execute(select(tables.cursors.c.last_day).where(tables.cursors.c.source == name)).scalar()
    stale = None if last_day is None else (run.today - date.fromisoformat(last_day)).days
    if row is None:
        return SourceLine(source=name, status="skipped", stale_days=stale)
    return SourceLine(
        source=name,
        status=row.status,
        window_first=row.window_first,
        window_last=row.window_last,
        documents=row.documents,
        notices_new=row.notices_new,
        unreadable=tuple(json.loads(row.unreadable)),
        error=said_of(name, row.error) if row.error else None,
        stale_days=stale,
    )


def _changes(connection: Connection, run_id: str) -> dict[str, int]:
    columns = tables.changes.c
    query = select(columns.kind, func.count()).where(columns.run_id == run_id).group_by(columns.kind)
    return {row[0]: row[1] for row in sorted(connection.execute(query))}


def _count_outcome(connection: Connection, run_id: str, outcome: str) -> int:
    columns = tables.changes.c
    query = select(func.count()).where(columns.run_id == run_id, columns.outcome == outcome)
    return int(connection.execute(query).scalar_one())


def _candidates(
    connection: Connection, run: Run, *, only: str | None = None, exclude: tuple[str, ...] = ()
) -> tuple[CandidateLine, ...]:
    columns = tables.candidates.c
    query = select(columns.candidate_id, columns.subject, columns.relation, columns.body, columns.reason).where(
        columns.run_id == run.run_id
    )
    if only is not None:
        query = query.where(columns.state == only)
    query = query.where(columns.state.not_in(exclude), columns.action == Action.EDIT)
    rows = connection.execute(query.order_by(columns.created_at, columns.candidate_id)).all()
    carriers = _carriers(connection, run.run_id)
    return tuple(
        CandidateLine(
            candidate_id=row.candidate_id,
            subject=row.subject,
            relation=row.relation,
            object_new=body["object_new"],
            object_old=body["object_old"],
            question=body["question"],
            reason=row.reason or "",
            carrier=carriers.get(row.candidate_id, ""),
        )
        for row, body in ((row, json.loads(row.body)) for row in rows)
    )


def _carriers(connection: Connection, run_id: str) -> dict[str, str]:
    """How each candidate of a run was carried in its newest rehearsal."""
    held = tables.rehearsals.c
    query = (
        select(held.candidate_id, func.json_extract(held.body, "$.carrier"))
        .join(tables.candidates, tables.candidates.c.candidate_id == held.candidate_id)
        .where(tables.candidates.c.run_id == run_id)
        .order_by(held.rehearsal_id)
    )
    return {row[0]: str(row[1]) for row in connection.execute(query)}


def _affected(connection: Connection, run_id: str) -> tuple[AffectedLine, ...]:
    columns = tables.candidates.c
    rows = connection.execute(
        select(columns.candidate_id, columns.body)
        .where(columns.run_id == run_id, columns.action == Action.WITHDRAW)
        .order_by(columns.candidate_id)
    )
    lines = []
    for row in rows:
        body = json.loads(row.body)
        lines.append(
            AffectedLine(
                edit_id=body["withdraws"] or "",
                subject=body["subject"],
                relation=body["relation"],
                why="; ".join(body["flags"]),
                proposal_id=row.candidate_id,
            )
        )
    return tuple(lines)


def _batches(connection: Connection, since: str) -> tuple[BatchLine, ...]:
    to_do = {batch.batch_id: batch.to_do for batch in waiting_batches(connection)}
    columns = tables.batches.c
    gated = select(tables.gates.c.batch_id).where(tables.gates.c.finished_at >= since)
    query = select(tables.batches).where(
        columns.batch_id.in_(gated) | columns.batch_id.in_(to_do) | (columns.created_at >= since)
    )
    return tuple(
        _batch(connection, dict(row), to_do) for row in connection.execute(query.order_by(columns.ordinal)).mappings()
    )


def _batch(connection: Connection, row: dict[str, object], to_do: dict[str, str]) -> BatchLine:
    batch_id = str(row["batch_id"])
    body = connection.execute(select(tables.gates.c.report).where(tables.gates.c.gate_id == row["gate_id"])).scalar()
    gate = None if body is None else GateReport.model_validate_json(body)
    edits = connection.execute(
        select(func.count()).where(tables.edits.c.batch_id == batch_id, tables.edits.c.state != "ejected")
    ).scalar_one()
    release_id = row["release_id"]
    return BatchLine(
        batch_id=batch_id,
        state=BatchState(str(row["state"])),
        edits=int(edits),
        gate_id=gate.gate_id if gate else None,
        verdict=gate.verdict if gate else None,
        reasons=tuple(f"{check.name}: {check.verdict}: {check.detail}" for check in gate.checks if check.detail)
        if gate
        else (),
        ejected=_ejected(connection, batch_id),
        release_id=int(str(release_id)) if release_id is not None else None,
        waiting_for=to_do.get(batch_id, ""),
    )


def _ejected(connection: Connection, batch_id: str) -> tuple[EjectedLine, ...]:
    columns = tables.edits.c
    rows = connection.execute(
        select(columns.edit_id, columns.body, columns.reason)
        .where(columns.batch_id == batch_id, columns.state == "ejected")
        .order_by(columns.edit_id)
    )
    return tuple(
        EjectedLine(
            edit_id=row.edit_id,
            subject=json.loads(row.body)["subject"],
            relation=json.loads(row.body)["relation"],
            reason=row.reason or "",
        )
        for row in rows
    )


def _live(connection: Connection) -> LiveLine | None:
    live = read_live(connection)
    if live is None:
        return None
    return LiveLine(
        release_id=live.release_id,
        digest=live.digest,
        edits=len(release_edits(connection, live.release_id)),
        check_state=live.check_state,
        stopped=live.stopped,
        stop_reason=live.stop_reason,
    )


def _llm(connection: Connection, run_id: str, model: str, failed: tuple[str, ...]) -> LlmUse:
    columns = tables.llm_calls.c
    row = connection.execute(
        select(
            func.count(),
            func.coalesce(func.sum(columns.prompt_tokens), 0),
            func.coalesce(func.sum(columns.reply_tokens), 0),
            func.coalesce(func.sum(columns.seconds), 0.0),
        ).where(columns.run_id == run_id)
    ).one()
    return LlmUse(
        model=model,
        calls=int(row[0]),
        prompt_tokens=int(row[1]),
        reply_tokens=int(row[2]),
        seconds=round(float(row[3]), 2),
        failed_documents=failed,
    )


def _outcomes(connection: Connection, started_at: str) -> tuple[OutcomeLine, ...]:
    """What became of the decisions signed since the night before this one started."""
    runs = tables.runs.c
    before = connection.execute(select(func.max(runs.started_at)).where(runs.started_at < started_at)).scalar()
    signed = select(tables.decisions.c.candidate_id).where(tables.decisions.c.signed_at >= (before or ""))
    columns = tables.candidates.c
    rows = connection.execute(
        select(columns.state, columns.reason, tables.edits.c.state, tables.edits.c.reason)
        .join(tables.edits, tables.edits.c.candidate_id == columns.candidate_id, isouter=True)
        .where(columns.candidate_id.in_(signed))
    )
    counted: dict[str, int] = {}
    for state, reason, edit_state, edit_reason in rows:
        words = _outcome_words(state, reason, edit_state, edit_reason)
        counted[words] = counted.get(words, 0) + 1
    return tuple(OutcomeLine(count=count, words=words) for words, count in sorted(counted.items()))


def _outcome_words(state: str, reason: str | None, edit_state: str | None, edit_reason: str | None) -> str:
    if edit_state == "live":
        return "live"
    if edit_state == "ejected":
        return f"refused by the gate: {edit_reason}"
    if edit_state == "in_batch":
        return "in a batch that is not live yet"
    return f"{state}: {reason}" if reason else str(state).replace("_", " ")
