"""The gate: the automatic checks between a staged batch and promotion.

Specification checks are counted, not estimated: one move that nobody meant is a refusal of the edit that made it.
That edit is ejected by name and the rest is judged again until nothing moves any more; the signatures of the others
stand. A failure for which no edit can be named is halved down to the edits that it needs. Samples (the clinical
question set) are judged by a Wilson bound against the site's limit. A check that is missing or undecided holds the
batch; nothing passes by default.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Protocol

from editor_engine.edit import Edit
from editor_engine.probes import Probe, ProbeKind
from workflow.change_control.culprits import CHECK_OF, conflicting, failures_of, reason_for
from workflow.change_control.gate_checks import audit_check, conflicts_check, counted_checks, faq_check, undo_check
from workflow.change_control.gate_inputs import GateInputs
from workflow.change_control.gate_report import Check, CheckName, Ejected, Failure, GateReport, verdict_of
from workflow.change_control.halving import guilty_among
from workflow.change_control.probe_sets import probes_for
from workflow.records import GateVerdict

if TYPE_CHECKING:
    from editor_engine import EditedModel, MemoryRow, ProbeOutcome, RegressionReport

__all__ = ["Comparison", "GateInputs", "GateRun", "Progress", "run_gate", "run_gate_on_record"]

Progress = Callable[[str, int, int], None]


class Comparison(Protocol):
    """How two memories are compared on probes: ``editor_engine.regression.compare``, or a rival that is measured."""

    def __call__(
        self,
        live: EditedModel,
        staged: EditedModel,
        probes: Sequence[Probe],
        *,
        max_new_tokens: int,
        ask_before: bool,
        progress: Progress | None,
    ) -> RegressionReport:
        """See ``editor_engine.regression.compare``."""
        ...


@dataclass(frozen=True)
class GateRun:
    """A gate's report, and what its last round saw of every probe."""

    report: GateReport
    outcomes: tuple[ProbeOutcome, ...]
    audited: tuple[str, ...]
    audit_seed: int


@dataclass
class _Round:
    """Where the gate stands: what is still in, what went out and why."""

    standing: list[Edit]
    audit_seed: int
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
    """Judge a staged batch; see ``run_gate_on_record``."""
    return run_gate_on_record(inputs, live, rows, reread=reread, progress=progress).report


def run_gate_on_record(
    inputs: GateInputs,
    live: EditedModel,
    rows: Mapping[str, MemoryRow],
    *,
    reread: Callable[[], Mapping[str, MemoryRow]],
    progress: Progress | None = None,
    comparison: Comparison | None = None,
) -> GateRun:
    """Judge a staged batch on a copy of the live memory; changes nothing.

    Args:
        live: the live release, not stopped.
        rows: the batch's rows as staged, by edit id.
        reread: reads the same rows from the shard once more, for the undo check.
        comparison: how the two memories are compared; screening, running and auditing where none is given.
    """
    from editor_engine.regression import Decisions, compare

    started = time.perf_counter()
    digest = inputs.digest(live.digest, rows)
    state = _Round(standing=list(inputs.edits), audit_seed=int(digest[:8], 16))
    in_conflict = _eject_conflicts(inputs, state)
    compared: Comparison = comparison or partial(compare, decisions=Decisions())
    while state.standing and _one_round(inputs, live, rows, state, compared, progress):
        pass
    checks = _checks(inputs, live, state, reread, in_conflict)
    staged_digest = state.staged.digest if state.staged is not None and state.standing else live.digest
    report = GateReport(
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
    seen = state.report
    return GateRun(report, seen.outcomes if seen else (), seen.audited if seen else (), state.audit_seed)


def interrupted(inputs: GateInputs, live: EditedModel, rows: Mapping[str, MemoryRow], why: str) -> GateReport:
    """The report of a gate that could not come to its verdict: a hold, with every check missing."""
    digest = inputs.digest(live.digest, rows)
    return GateReport(
        gate_id=f"g-{digest[:10]}",
        batch_id=inputs.batch_id,
        base_release_id=inputs.live_release_id,
        verdict=GateVerdict.HOLD,
        checks=(),
        failures=(),
        ejected=(),
        passed_edits=tuple(edit.edit_id for edit in inputs.edits),
        rounds=0,
        probes=0,
        questions_run=0,
        live_digest=live.digest,
        staged_digest=live.digest,
        inputs_sha256=digest,
        seconds=0.0,
        trouble=why,
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
    comparison: Comparison,
    progress: Progress | None,
) -> bool:
    """Compare once; eject the culprits; tell whether another round is needed."""
    state.staged = live.with_memory(live.memory.with_rows([rows[edit.edit_id] for edit in state.standing]))
    probes = probes_for(
        state.standing,
        candidates=inputs.candidates,
        in_force=inputs.in_force,
        faq=inputs.faq,
        pinned=inputs.pinned,
    )
    state.report = comparison(
        live,
        state.staged,
        probes,
        max_new_tokens=inputs.max_new_tokens,
        ask_before=False,
        progress=progress,
    )
    state.rounds += 1
    state.questions_run += state.report.generations
    state.failures = failures_of(state.report.outcomes, state.standing, inputs.in_force)
    culprits = _culprits(inputs, state) or _halved(live, rows, state)
    for edit_id, (reason, failures) in culprits.items():
        edit = next(edit for edit in state.standing if edit.edit_id == edit_id)
        _eject(inputs, state, edit, reason, tuple(failures))
    if not culprits:
        _audit(inputs, live, state, progress)
    return bool(culprits)


def _audit(inputs: GateInputs, live: EditedModel, state: _Round, progress: Progress | None) -> None:
    """Audit the round that stands; a comparison that ran everything has done so."""
    from editor_engine.regression import with_audit

    if state.report is None or state.staged is None or state.report.audited or not inputs.audit_share:
        return
    before = state.report.generations
    state.report = with_audit(
        state.report,
        live,
        state.staged,
        share=inputs.audit_share,
        most=inputs.audit_most,
        seed=state.audit_seed,
        max_new_tokens=inputs.max_new_tokens,
        progress=progress,
    )
    state.questions_run += state.report.generations - before


Culprits = dict[str, tuple[str, Sequence[Failure]]]
"""By edit to eject: the reason in words, and the failures behind it."""


def _culprits(inputs: GateInputs, state: _Round) -> Culprits:
    """Failures by the edit to eject: the specification first; the clinical sample only once nothing else fails."""
    counted = [failure for failure in state.failures if failure.check is not CheckName.FAQ]
    if not counted and faq_check(inputs, state.report, state.failures).verdict is GateVerdict.REFUSE:
        counted = list(state.failures)
    by_edit: dict[str, list[Failure]] = {}
    for failure in counted:
        if failure.culprit is not None:
            by_edit.setdefault(failure.culprit, []).append(failure)
    return {edit_id: (reason_for(failures), failures) for edit_id, failures in by_edit.items()}


def _halved(live: EditedModel, rows: Mapping[str, MemoryRow], state: _Round) -> Culprits:
    """The edits that a failure without a name needs, found by halving the batch on the questions that moved."""
    nameless = [failure for failure in state.failures if failure.culprit is None and failure.check is not CheckName.FAQ]
    if not nameless or state.report is None:
        return {}
    wanted = {(failure.check, failure.question) for failure in nameless}
    moved = [
        outcome
        for outcome in state.report.outcomes
        if outcome.probe.kind is not ProbeKind.CHECK
        and (CHECK_OF[outcome.probe.kind], outcome.probe.question) in wanted
    ]

    def fails(part: Sequence[Edit]) -> bool:
        staged = live.with_memory(live.memory.with_rows([rows[edit.edit_id] for edit in part]))
        firings = staged.retrieve([outcome.probe.question for outcome in moved])
        return any(one.triple != outcome.live.triple for one, outcome in zip(firings, moved, strict=True))

    guilty = guilty_among(state.standing, fails)
    together = f", together with {len(guilty) - 1} other edit(s) of the batch" if len(guilty) > 1 else ""
    return {edit.edit_id: (reason_for(nameless) + together, nameless) for edit in guilty}


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
    ids = [edit.edit_id for edit in state.standing]
    return (
        *counted_checks(state.report, state.failures),
        conflicts_check(len(inputs.edits), in_conflict),
        faq_check(inputs, state.report, state.failures),
        audit_check(state.report),
        undo_check(live, state.staged, ids, reread),
    )
