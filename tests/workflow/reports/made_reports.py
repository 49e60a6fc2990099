"""A night report that uses every part, and outside text that tries everything."""

from __future__ import annotations

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

HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=a>|\x1b[2J\u202e\u200b[a link](https://evil.example) ![i](http://x)"
    " **bold** `code`\n# heading\n- item &amp; www.evil.example {{ 7 * 7 }} {% raw %}"
)
PLAIN = "5 mg once daily"


def full_report(text: str = PLAIN) -> NightReport:
    """A report in which every outside text is ``text``."""
    line = CandidateLine(candidate_id="c-1", subject=text, relation=text, object_new=text, reason=text)
    gone = EjectedLine(edit_id="e-2", subject=text, relation=text, reason=text)
    return NightReport(
        run_id="r20260309-1",
        now="2026-03-09T02:00:00Z",
        site_name=text,
        started_at="2026-03-09T02:00:01Z",
        finished_at="2026-03-09T02:03:00Z",
        sources=(
            SourceLine(
                source="pubmed", status="done", window_first="2026-03-02", window_last="2026-03-09", documents=3
            ),
            SourceLine(source="openfda", status="failed", error=text, unreadable=(text,), stale_days=4),
        ),
        changes={"revised": 2, "retracted": 1},
        out_of_scope=5,
        proposed=(line,),
        refused=(line,),
        no_edit_needed=(line,),
        pending=2,
        awaiting_second=1,
        affected=(AffectedLine(edit_id="e-1", subject=text, relation=text, why=text, proposal_id="c-9"),),
        lost_signatures=(text,),
        batches=(
            BatchLine(
                batch_id="b0001",
                state="passed",
                edits=2,
                gate_id="g-1",
                verdict="pass",
                reasons=(text,),
                ejected=(gone,),
                waiting_for="medrek-flow promote b0001",
            ),
        ),
        live=LiveLine(release_id=3, digest="ab" * 32, edits=4, check_state="passed", stopped=True, stop_reason=text),
        audit_head="cd" * 32,
        audit_length=12,
        llm=LlmUse(model=text, calls=2, prompt_tokens=100, reply_tokens=20, seconds=1.5, failed_documents=("d-1",)),
        yesterday=(OutcomeLine(count=2, words=text),),
        warnings=(text,),
        exit_code=14,
    )
