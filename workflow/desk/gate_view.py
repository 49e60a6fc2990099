"""A gate's report as the screens show it."""

from __future__ import annotations

from review_tui import protocol as desk
from workflow.change_control.gate_report import Failure, GateReport


def view_gate(report: GateReport) -> desk.GateView:
    """Translate a report; a check that did not run stands in it as missing, which counts as not passed."""
    checks = [
        desk.GateCheckLine(str(check.name), str(check.verdict), check.asked, check.failed, check.detail)
        for check in report.checks
    ]
    missing = [
        desk.GateCheckLine(str(name), "missing", 0, 0, "did not run: counts as not passed") for name in report.missing
    ]
    return desk.GateView(
        gate_id=report.gate_id,
        verdict=str(report.verdict),
        compared_with=report.base_release_id,
        checks=(*checks, *missing),
        failures=tuple(_failure(one) for one in report.failures),
        ejected=tuple(
            desk.EjectedLine(
                edit_id=gone.edit_id,
                candidate_id=gone.candidate_id,
                fact=f"{gone.subject}, {gone.relation.replace('_', ' ')}",
                reason=gone.reason,
                failures=tuple(_failure(one) for one in gone.failures),
            )
            for gone in report.ejected
        ),
        probes=report.probes,
        questions_run=report.questions_run,
        seconds=report.seconds,
    )


def _failure(one: Failure) -> desk.GateFailureLine:
    return desk.GateFailureLine(
        str(one.check), one.question, one.kind, one.live_answer, one.staged_answer, one.culprit or ""
    )
