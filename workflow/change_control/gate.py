"""The gate: the automatic checks between a staged batch and promotion.

Specification checks are counted, not estimated: one move that nobody meant is a refusal of the edit that made it.
That edit is ejected by name and the rest is judged again until nothing moves any more; the signatures of the others
stand. Samples (the clinical question set) are judged by a Wilson bound against the site's limit. A check that is
missing or undecided holds the batch; nothing passes by default.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from editor_engine.edit import Edit
from editor_engine.metrics import wilson_interval
from editor_engine.probes import Probe, ProbeKind
from workflow.change_control.culprits import conflicting, failures_of, reason_for
from workflow.change_control.gate_report import Check, CheckName, Ejected, Failure, GateReport, verdict_of
from workflow.change_control.probe_sets import probes_digest, probes_for
from workflow.change_control.release import ReleasedEdit
from workflow.records import Candidate, GateVerdict

if TYPE_CHECKING:
    from editor_engine import EditedModel, MemoryRow, ProbeOutcome, RegressionReport

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class GateInputs:
    """All that a verdict depends on; its digest stands in the report."""

    batch_id: str
    live_release_id: int
    edits: tuple[Edit, ...]
    candidates: Mapping[str, Candidate]
    """Of the batch's edits and of the edits in force, by edit id."""
    in_force: tuple[ReleasedEdit, ...]
    faq: tuple[Probe, ...]
    faq_limit: float
    audit_share: float
    confidence: float
    max_new_tokens: int

    def digest(self, live_digest: str, rows: Mapping[str, MemoryRow]) -> str:
        """Hex digest over the live memory, the staged rows, the questions and the limits."""
        parts = [
            "gate/1",
            self.batch_id,
            live_digest,
            *(rows[edit.edit_id].digest for edit in self.edits),
            *(self.candidates[edit.edit_id].content_sha256 for edit in self.edits),
            probes_digest(self.faq),
            f"{self.faq_limit}/{self.audit_share}/{self.confidence}/{self.max_new_tokens}",
        ]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@dataclass
class _Round:
    """Where the gate stands: what is still in, what went out and why."""

    standing: list[Edit]
    ejected: list[Ejected] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    report: RegressionReport | None = None
    staged: EditedModel | None = None
    rounds: int = 0
    questions_run: int = 0


def run_gate(
    inputs: GateInputs,
    live: EditedModel,
    rows: Mapping[str, MemoryRow],
    *,
    reread: Callable[[], Mapping[str, MemoryRow]],
    progress: Progress | None = None,
) -> GateReport:
    """Judge a staged batch on a copy of the live memory; changes nothing.

    Args:
        live: the live release, not stopped.
        rows: the batch's rows as staged, by edit id.
        reread: reads the same rows from the shard once more, for the undo check.
    """
    started = time.perf_counter()
    digest = inputs.digest(live.digest, rows)
    state = _Round(standing=list(inputs.edits))
    in_conflict = _eject_conflicts(inputs, state)
    while state.standing and _one_round(inputs, live, rows, state, digest, progress):
        pass
    checks = _checks(inputs, live, state, reread, in_conflict)
    staged_digest = state.staged.digest if state.staged is not None and state.standing else live.digest
    return GateReport(
        gate_id=f"g-{digest[:10]}",
        batch_id=inputs.batch_id,
        base_release_id=inputs.live_release_id,
        verdict=verdict_of(checks, edits_left=len(state.standing)),
        checks=checks,
        failures=tuple(state.failures),
        ejected=tuple(state.ejected),
        passed_edits=tuple(edit.edit_id for edit in state.standing),
        rounds=state.rounds,
        probes=state.report.screened if state.report else 0,
        questions_run=state.questions_run,
        live_digest=live.digest,
        staged_digest=staged_digest,
        inputs_sha256=digest,
        seconds=round(time.perf_counter() - started, 3),
    )


def _eject_conflicts(inputs: GateInputs, state: _Round) -> int:
    clashing = conflicting(inputs.edits)
    for edit in clashing:
        others = [other for other in clashing if other.functional_key == edit.functional_key and other is not edit]
        said = ", ".join(f"{other.edit_id} says {other.object_new!r}" for other in others)
        _eject(inputs, state, edit, f"conflicts within the batch: {said}", ())
    return len(clashing)


def _eject(inputs: GateInputs, state: _Round, edit: Edit, reason: str, failures: tuple[Failure, ...]) -> None:
    candidate_id = inputs.candidates[edit.edit_id].candidate_id
    state.ejected.append(
        Ejected(
            edit_id=edit.edit_id,
            candidate_id=candidate_id,
            subject=edit.subject,
            relation=edit.relation,
            reason=reason,
            failures=failures,
        )
    )
    state.standing = [other for other in state.standing if other.edit_id != edit.edit_id]


def _one_round(
    inputs: GateInputs,
    live: EditedModel,
    rows: Mapping[str, MemoryRow],
    state: _Round,
    digest: str,
    progress: Progress | None,
) -> bool:
    """Compare once; eject the culprits; tell whether another round is needed."""
    from editor_engine.regression import compare

    state.staged = live.with_memory(live.memory.with_rows([rows[edit.edit_id] for edit in state.standing]))
    probes = probes_for(state.standing, candidates=inputs.candidates, in_force=inputs.in_force, faq=inputs.faq)
    state.report = compare(
        live,
        state.staged,
        probes,
        audit_share=inputs.audit_share,
        audit_seed=int(digest[:8], 16),
        max_new_tokens=inputs.max_new_tokens,
        progress=progress,
    )
    state.rounds += 1
    state.questions_run += state.report.generations
    state.failures = failures_of(state.report.outcomes, state.standing)
    culprits = _culprits(inputs, state)
    for edit_id, failures in culprits.items():
        edit = next(edit for edit in state.standing if edit.edit_id == edit_id)
        _eject(inputs, state, edit, reason_for(failures), tuple(failures))
    return bool(culprits)


def _culprits(inputs: GateInputs, state: _Round) -> dict[str, list[Failure]]:
    """Failures by the edit to eject: the specification first; the clinical sample only once nothing else fails."""
    counted = [failure for failure in state.failures if failure.check is not CheckName.FAQ]
    if not any(failure.culprit for failure in counted) and _faq_check(inputs, state).verdict is GateVerdict.REFUSE:
        counted = list(state.failures)
    by_edit: dict[str, list[Failure]] = {}
    for failure in counted:
        if failure.culprit is not None:
            by_edit.setdefault(failure.culprit, []).append(failure)
    return by_edit


def _faq_check(inputs: GateInputs, state: _Round) -> Check:
    asked = sum(1 for outcome in _outcomes(state) if outcome.probe.kind is ProbeKind.FAQ)
    moved = sum(1 for failure in state.failures if failure.check is CheckName.FAQ)
    bound = wilson_interval(moved, asked, confidence=inputs.confidence)[1]
    best_possible = wilson_interval(0, asked, confidence=inputs.confidence)[1]
    if bound <= inputs.faq_limit:
        verdict, detail = GateVerdict.PASS, ""
    elif best_possible > inputs.faq_limit:
        verdict, detail = GateVerdict.HOLD, f"too few questions: {needed(inputs)} are needed for this limit"
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


def needed(inputs: GateInputs) -> int:
    """How many clinical questions it takes for a clean sample to be under the limit."""
    if inputs.faq_limit <= 0:
        return 10**9
    count = 1
    while wilson_interval(0, count, confidence=inputs.confidence)[1] > inputs.faq_limit:
        count += max(1, count // 50)
    return count


def _outcomes(state: _Round) -> Sequence[ProbeOutcome]:
    return state.report.outcomes if state.report is not None else ()


def _checks(
    inputs: GateInputs,
    live: EditedModel,
    state: _Round,
    reread: Callable[[], Mapping[str, MemoryRow]],
    in_conflict: int,
) -> tuple[Check, ...]:
    """The checks of the last round; none where nothing is left to judge."""
    if state.report is None or state.staged is None or not state.standing:
        return ()
    counted = [
        _counted(state, name, kinds)
        for name, kinds in (
            (CheckName.TAKES, (ProbeKind.CHECK,)),
            (CheckName.NEAR_MISSES, (ProbeKind.NEAR_MISS, ProbeKind.SAFETY)),
            (CheckName.PORTFOLIO, (ProbeKind.PORTFOLIO,)),
        )
    ]
    conflicts = Check(
        name=CheckName.CONFLICTS,
        verdict=GateVerdict.PASS,
        asked=len(inputs.edits),
        failed=0,
        detail=f"{in_conflict} ejected" if in_conflict else "",
    )
    return (*counted, conflicts, _faq_check(inputs, state), _audit_check(state), _undo_check(live, state, reread))


def _counted(state: _Round, name: CheckName, kinds: tuple[ProbeKind, ...]) -> Check:
    asked = sum(1 for outcome in _outcomes(state) if outcome.probe.kind in kinds)
    failed = sum(1 for failure in state.failures if failure.check is name)
    return Check(name=name, verdict=GateVerdict.REFUSE if failed else GateVerdict.PASS, asked=asked, failed=failed)


def _audit_check(state: _Round) -> Check:
    report = state.report
    asked = len(report.audited) if report else 0
    failed = len(report.audit_differs) if report else 0
    if failed:
        verdict, detail = GateVerdict.HOLD, "answers differ where nothing differs in front of the question"
    elif not asked:
        verdict, detail = GateVerdict.HOLD, "no unchanged question was run: gate.audit_share is too small"
    else:
        verdict, detail = GateVerdict.PASS, ""
    return Check(name=CheckName.AUDIT, verdict=verdict, asked=asked, failed=failed, detail=detail)


def _undo_check(live: EditedModel, state: _Round, reread: Callable[[], Mapping[str, MemoryRow]]) -> Check:
    """Stage, undo, stage: undone equals live, and the rows read from disk once more give the staged digest."""
    if state.staged is None:
        raise ValueError("the undo check needs a staged memory")
    ids = [edit.edit_id for edit in state.standing]
    undone = live.with_memory(state.staged.memory.without(ids))
    again = reread()
    restaged = live.with_memory(undone.memory.with_rows([again[edit_id] for edit_id in ids]))
    differ = [
        name
        for name, one, other in (
            ("undone against live", undone.digest, live.digest),
            ("staged again against staged", restaged.digest, state.staged.digest),
        )
        if one != other
    ]
    verdict = GateVerdict.REFUSE if differ else GateVerdict.PASS
    return Check(name=CheckName.UNDO, verdict=verdict, asked=2, failed=len(differ), detail="; ".join(differ))
