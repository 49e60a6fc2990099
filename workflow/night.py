"""The night: collect, detect, affected, extract, rehearse, then batches, then the report; and promotion by a person.

One process at a time holds the worker's lease. A run that was killed is continued under its own clock before a new
one is started, so that nothing is skipped and nothing is done twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from editor_engine.errors import MemoryDamagedError
from workflow.after_night import NightOutcome, Problems, finish_night
from workflow.anchors import AnchorLostError, require_anchored
from workflow.batch_steps import Guard, LedgerBatchSteps
from workflow.change_control.automatic import consider
from workflow.change_control.batch_policy import create_batches
from workflow.change_control.batch_states import UNPROMOTED, was_returned
from workflow.change_control.batches import BatchRow, create_batch, list_batches, read_batch
from workflow.change_control.expiries import propose_expired
from workflow.change_control.gate_report import GateReport
from workflow.change_control.impact_note import ImpactNote, read_note
from workflow.change_control.live_watch import watch_live
from workflow.change_control.ordering import order_promotion
from workflow.change_control.promotion import verify_live
from workflow.change_control.promotion_checks import HeldError
from workflow.change_control.question_sets import require_passable
from workflow.change_control.release import read_live
from workflow.change_control.roles import Act, require_role
from workflow.change_control.signed_acts import person_of
from workflow.change_control.withdrawals import Withdrawn, carry_out_withdrawals
from workflow.errors import DamagedError, ExitCode, IllegalTransitionError
from workflow.graphs import advance_batch, run_intake
from workflow.intake_steps import LedgerIntakeSteps, Seams
from workflow.ledger import tables
from workflow.ledger.lease import Lease, lease
from workflow.ledger.ledger import Ledger, Transaction
from workflow.ledger.lost_signatures import LostSignature, lost_signatures
from workflow.ledger.signing import settle
from workflow.records import BatchState
from workflow.review_policy import ReviewPolicy
from workflow.runs import Run, open_run, unfinished_run
from workflow.site import Site
from workflow.status import WaitingBatch, waiting_batches
from workflow.time_cap import CapReachedError, TimeCap
from workflow.workbench import Bench, rehearse_if_needed

WORKER = "worker"
"""Name of the one lease for everything that needs the model or writes the memory."""
LEASE_TTL_S = 120.0

Progress = Callable[[str, int, int], None]
_ACTIVE = (BatchState.OPEN, BatchState.STAGED, BatchState.PASSED, BatchState.HELD)
_SETTLED = (BatchState.PROMOTED,)


@dataclass(frozen=True)
class GateSummary:
    """What a person is shown before a promotion."""

    batch: BatchRow
    report: GateReport
    note: ImpactNote | None = None


@dataclass(frozen=True)
class PromoteOutcome:
    """What a promotion came to."""

    batch_id: str | None
    release_id: int | None
    report: GateReport | None
    withdrawn: tuple[Withdrawn, ...]
    exit_code: ExitCode
    lost: tuple[LostSignature, ...] = ()
    """What was signed and closed or sent back, where there was nothing to promote."""
    refused: tuple[WaitingBatch, ...] = ()
    """Batches refused whole that still hold signed candidates, where there was nothing to promote."""


def run_night(
    site: Site,
    *,
    now: datetime,
    since: date | None = None,
    progress: Progress | None = None,
    only_sources: tuple[str, ...] = (),
) -> NightOutcome:
    """Run one night, or finish the one that was interrupted and then run this one.

    Raises:
        BusyError: another process holds the worker's lease.
        SettingsError: no batch could ever pass the gate; nothing was read from any source.
    """
    require_passable(site)
    ledger = site.open_ledger()
    try:
        with lease(ledger, WORKER, ttl_s=LEASE_TTL_S) as held:
            bench = Bench(site)
            with ledger.read() as connection:
                unfinished = unfinished_run(connection)
            if unfinished is not None:
                outcome = _one_run(site, ledger, held, bench, unfinished, only_sources, progress)
                if unfinished.today >= now.date():
                    return outcome
            run = open_run(ledger, now=now, since=since)
            return _one_run(site, ledger, held, bench, run, only_sources, progress)
    finally:
        ledger.close()


def _one_run(
    site: Site,
    ledger: Ledger,
    held: Lease,
    bench: Bench,
    run: Run,
    only_sources: tuple[str, ...],
    progress: Progress | None,
) -> NightOutcome:
    """Collect and propose whatever the memory's state; rehearse and gate only on a memory that is whole."""
    damage = _damage_of_live(ledger, site)
    cap = TimeCap(site.settings.night.max_minutes)
    with Seams.open(site, ledger, run, only_sources) as seams:
        steps = LedgerIntakeSteps(ledger, site, seams, None if damage else bench, progress=progress, cap=cap)
        at_once = site.settings.extraction.concurrency
        run_intake(site.checkpoints_path, run.run_id, steps, lane_b_concurrency=at_once)
    problems = dict(damage)
    if damage:
        carry_out_withdrawals(ledger)
    else:
        try:
            problems |= _advance_all(site, ledger, held, bench, cap.watching(progress))
            _check_pending_release(ledger, bench, cap.watching(progress))
        except CapReachedError as error:
            problems[str(error)] = error.exit_code
    if cap.was_reached:
        problems[cap.words] = CapReachedError.exit_code
    problems |= {flood.words: ExitCode.SOME_SOURCES_FAILED for flood in seams.floods.values()}
    if seams.failed:
        why = next(iter(seams.failed.values()))
        problems[f"{len(seams.failed)} document(s) wait for the next night: {why}"] = ExitCode.LLM_UNUSABLE
    return finish_night(site, ledger, run, problems, seams)


def _damage_of_live(ledger: Ledger, site: Site) -> Problems:
    try:
        verify_live(ledger, site.memory_folder)
    except DamagedError as error:
        return {str(error): ExitCode.DAMAGED}
    return {}


def _advance_all(site: Site, ledger: Ledger, held: Lease, bench: Bench, progress: Progress | None) -> Problems:
    """Settle the queue, carry out withdrawals, then take every batch that is not settled as far as it goes."""
    settle(ledger, ReviewPolicy(ledger.signer_profile()))
    carry_out_withdrawals(ledger)
    propose_expired(ledger)
    create_batches(ledger, site.settings.batch, actor="medrek-flow", note="approved since the last batch")
    steps = LedgerBatchSteps(site, ledger, bench, guard=_guard(site, held), progress=progress, automatic=True)
    problems: Problems = {}
    with ledger.read() as connection:
        batches = list_batches(connection)
    for batch in batches:
        if batch.state in _ACTIVE or (batch.state in _SETTLED and not _was_read_back(ledger, batch.batch_id)):
            try:
                if batch.state is BatchState.PASSED:
                    consider(site.root, ledger, batch.batch_id)
                advance_batch(site.checkpoints_path, batch.batch_id, steps)
            except HeldError as error:
                problems[str(error)] = error.exit_code
            except (DamagedError, MemoryDamagedError) as error:
                problems[str(error)] = ExitCode.DAMAGED
            except AnchorLostError as error:
                problems[str(error)] = error.exit_code
            problems |= _problem_of(ledger, batch.batch_id)
    return problems


def _guard(site: Site, held: Lease) -> Guard:
    """What is asked in the transaction of a promotion: the lease is still ours, and the chain holds its anchors."""

    def guard(transaction: Transaction) -> None:
        held.assert_held(transaction)
        require_anchored(transaction.connection, site.settings.audit.anchor)

    return guard


def _was_read_back(ledger: Ledger, batch_id: str) -> bool:
    with ledger.read() as connection:
        row = connection.execute(tables.batches.select().where(tables.batches.c.batch_id == batch_id)).one()
    return row.read_back is not None


def _problem_of(ledger: Ledger, batch_id: str) -> Problems:
    with ledger.read() as connection:
        batch = read_batch(connection, batch_id)
    if was_returned(batch.state, batch.hold_reason):
        line = f"batch {batch_id} went live, failed its check there and was sent back: {batch.hold_reason}"
        return {line: ExitCode.HELD}
    code = {BatchState.REFUSED: ExitCode.GATE_REFUSED, BatchState.HELD: ExitCode.HELD}.get(batch.state)
    line = f"batch {batch_id} is {batch.state} by its gate; see `medrek-flow batch show {batch_id}`"
    return {line: code} if code else {}


def _check_pending_release(ledger: Ledger, bench: Bench, progress: Progress | None) -> None:
    """Check a live release that came from a rollback, and record how it came out."""
    with ledger.read() as connection:
        live = read_live(connection)
    if live is not None and live.check_state == "pending":
        watch_live(bench(), cause="rollback", progress=progress)


def promote(
    site: Site,
    batch_id: str | None,
    *,
    actor: str,
    confirm: Callable[[GateSummary], bool],
    reason: str = "",
    progress: Progress | None = None,
) -> PromoteOutcome:
    """Batch what is signed (or take ``batch_id``), gate it, show it, and make it live if ``confirm`` says so.

    Raises:
        BusyError: another process holds the worker's lease.
        UsageError: there is no such batch.
        DamagedError: a shard in force, or the batch's own, is not what was staged.
        IllegalTransitionError: the batch cannot be promoted any more.
    """
    require_passable(site)
    ledger = site.open_ledger()
    try:
        with lease(ledger, WORKER, ttl_s=LEASE_TTL_S) as held:
            with ledger.read() as connection:
                require_role(person_of(connection, actor).roles, Act.PROMOTE, who=actor)
                require_anchored(connection, site.settings.audit.anchor)
            withdrawn = carry_out_withdrawals(ledger)
            verify_live(ledger, site.memory_folder)
            bench = Bench(site)
            chosen = batch_id or _waiting_batch(ledger) or create_batch(ledger, actor=actor, note="promoted by hand")
            if chosen is None:
                _check_pending_release(ledger, bench, progress)
                return _nothing_to_promote(ledger, withdrawn)
            steps = LedgerBatchSteps(site, ledger, bench, guard=_guard(site, held), progress=progress)
            outcome = _promote(
                site, ledger, steps, chosen, actor=actor, reason=reason, confirm=confirm, withdrawn=withdrawn
            )
            _check_pending_release(ledger, bench, progress)
            return outcome
    finally:
        ledger.close()


def _nothing_to_promote(ledger: Ledger, withdrawn: tuple[Withdrawn, ...]) -> PromoteOutcome:
    """Tell what was signed all the same, and where it went."""
    with ledger.read() as connection:
        lost = lost_signatures(connection, now=ledger.clock())
        refused = tuple(one for one in waiting_batches(connection) if one.state == BatchState.REFUSED)
    return PromoteOutcome(None, None, None, withdrawn, ExitCode.DONE, lost, refused)


def _promote(
    site: Site,
    ledger: Ledger,
    steps: LedgerBatchSteps,
    batch_id: str,
    *,
    actor: str,
    reason: str,
    confirm: Callable[[GateSummary], bool],
    withdrawn: tuple[Withdrawn, ...],
) -> PromoteOutcome:
    with ledger.read() as connection:
        state = read_batch(connection, batch_id).state
    if state not in UNPROMOTED:
        raise IllegalTransitionError(
            f"batch {batch_id}: expected one that waits, got state {str(state)!r}; see `medrek-flow batch list`"
        )
    advance_batch(site.checkpoints_path, batch_id, steps)
    summary = read_gate_summary(ledger, batch_id)
    code = {BatchState.REFUSED: ExitCode.GATE_REFUSED, BatchState.HELD: ExitCode.HELD}.get(summary.batch.state)
    if code is not None:
        return PromoteOutcome(batch_id, None, summary.report, withdrawn, code)
    if summary.batch.state is BatchState.PASSED and confirm(summary):
        order_promotion(ledger, batch_id, actor=actor, reason=reason)
        advance_batch(site.checkpoints_path, batch_id, steps)
    batch = read_gate_summary(ledger, batch_id).batch
    release_id = batch.release_id if batch.state is BatchState.PROMOTED else None
    code = ExitCode.HELD if was_returned(batch.state, batch.hold_reason) else ExitCode.DONE
    return PromoteOutcome(batch_id, release_id, summary.report, withdrawn, code)


def _waiting_batch(ledger: Ledger) -> str | None:
    with ledger.read() as connection:
        waiting = [batch for batch in list_batches(connection) if batch.state in _ACTIVE]
    return waiting[0].batch_id if waiting else None


def read_gate_summary(ledger: Ledger, batch_id: str) -> GateSummary:
    """Read a batch with the report of its last gate.

    Raises:
        IllegalTransitionError: it has not been through a gate.
    """
    with ledger.read() as connection:
        batch = read_batch(connection, batch_id)
        body = connection.execute(tables.gates.select().where(tables.gates.c.gate_id == batch.gate_id)).first()
        note = read_note(connection, batch.gate_id)
    if body is None:
        raise IllegalTransitionError(
            f"batch {batch_id}: expected one that has been through the gate; run `medrek-flow check {batch_id}`"
        )
    return GateSummary(batch, GateReport.model_validate_json(body.report), note)


def advance_batches(site: Site, *, progress: Progress | None = None, bench: Bench | None = None) -> set[ExitCode]:
    """Take every batch as far as it goes and rehearse what waits: one pass of the worker.

    Args:
        site: Whose batches.
        progress: Is told how far it is.
        bench: The model of an earlier pass, brought up to what is live now.

    Raises:
        BusyError: another process holds the worker's lease.
        DamagedError: a shard in force is not what was staged.
    """
    require_passable(site)
    ledger = site.open_ledger()
    try:
        with lease(ledger, WORKER, ttl_s=LEASE_TTL_S) as held:
            verify_live(ledger, site.memory_folder)
            bench = bench or Bench(site)
            if bench.is_open:
                bench().refresh()
            rehearse_if_needed(ledger, bench, progress)
            problems = _advance_all(site, ledger, held, bench, progress)
            _check_pending_release(ledger, bench, progress)
            rehearse_if_needed(ledger, bench, progress)
            return set(problems.values())
    finally:
        ledger.close()
