"""The checks of one round of the gate, each from the outcomes alone: counted, or judged by a Wilson bound."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from editor_engine.metrics import wilson_interval
from editor_engine.probes import ProbeKind
from workflow.change_control.gate_inputs import GateInputs
from workflow.change_control.gate_report import Check, CheckName, Failure
from workflow.change_control.question_sets import needed
from workflow.records import GateVerdict

if TYPE_CHECKING:
    from editor_engine import EditedModel, MemoryRow, RegressionReport

_COUNTED = (
    (CheckName.TAKES, ProbeKind.CHECK, ""),
    (CheckName.NEAR_MISSES, ProbeKind.NEAR_MISS, ""),
    (CheckName.PINNED, ProbeKind.SAFETY, "nothing is pinned yet: medrek-flow check --pin QUESTION"),
    (CheckName.PORTFOLIO, ProbeKind.PORTFOLIO, ""),
)


def counted_checks(report: RegressionReport, failures: Sequence[Failure]) -> tuple[Check, ...]:
    """The specification: one failure refuses."""
    return tuple(_counted(report, failures, name, kind, empty) for name, kind, empty in _COUNTED)


def _counted(
    report: RegressionReport, failures: Sequence[Failure], name: CheckName, kind: ProbeKind, empty: str
) -> Check:
    asked = sum(1 for outcome in report.outcomes if outcome.probe.kind is kind)
    failed = sum(1 for failure in failures if failure.check is name)
    verdict = GateVerdict.REFUSE if failed else GateVerdict.PASS
    return Check(name=name, verdict=verdict, asked=asked, failed=failed, detail="" if asked else empty)


def conflicts_check(asked: int, ejected: int) -> Check:
    """Edits of one functional key with different objects are out before anything is asked."""
    detail = f"{ejected} ejected" if ejected else ""
    return Check(name=CheckName.CONFLICTS, verdict=GateVerdict.PASS, asked=asked, failed=0, detail=detail)


def faq_check(inputs: GateInputs, report: RegressionReport | None, failures: Sequence[Failure]) -> Check:
    """The clinical sample: pass, refuse, or hold where it is too small to tell."""
    outcomes = report.outcomes if report is not None else ()
    asked = sum(1 for outcome in outcomes if outcome.probe.kind is ProbeKind.FAQ)
    moved = sum(1 for failure in failures if failure.check is CheckName.FAQ)
    bound = wilson_interval(moved, asked, confidence=inputs.confidence)[1]
    best_possible = wilson_interval(0, asked, confidence=inputs.confidence)[1]
    if bound <= inputs.faq_limit:
        verdict, detail = GateVerdict.PASS, ""
    elif best_possible > inputs.faq_limit:
        wanted = needed(inputs.faq_limit, inputs.confidence)
        verdict, detail = GateVerdict.HOLD, f"too few questions: {wanted} are needed for this limit"
    else:
        verdict, detail = GateVerdict.REFUSE, "more answers move than the limit allows"
    return Check(
        name=CheckName.FAQ,
        verdict=verdict,
        asked=asked,
        failed=moved,
        limit=inputs.faq_limit,
        bound=bound,
        detail=detail,
    )


def audit_check(report: RegressionReport) -> Check:
    """The unchanged probes that were run all the same: identical, or nobody knows what to believe."""
    asked, failed = len(report.audited), len(report.audit_differs)
    if failed:
        verdict, detail = GateVerdict.HOLD, "answers differ where nothing differs in front of the question"
    elif not asked:
        verdict, detail = GateVerdict.HOLD, "no unchanged question was run: gate.audit_share is too small"
    else:
        verdict, detail = GateVerdict.PASS, ""
    return Check(name=CheckName.AUDIT, verdict=verdict, asked=asked, failed=failed, detail=detail)


def undo_check(
    live: EditedModel, staged: EditedModel, ids: Sequence[str], reread: Callable[[], Mapping[str, MemoryRow]]
) -> Check:
    """Stage, undo, stage: undone equals live, and the rows read from disk once more give the staged digest."""
    undone = live.with_memory(staged.memory.without(ids))
    again = reread()
    restaged = live.with_memory(undone.memory.with_rows([again[edit_id] for edit_id in ids]))
    differ = [
        name
        for name, one, other in (
            ("undone against live", undone.digest, live.digest),
            ("staged again against staged", restaged.digest, staged.digest),
        )
        if one != other
    ]
    verdict = GateVerdict.REFUSE if differ else GateVerdict.PASS
    return Check(name=CheckName.UNDO, verdict=verdict, asked=2, failed=len(differ), detail="; ".join(differ))
