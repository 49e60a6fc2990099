"""The steps of the batch graph over ledger and workbench: stage, gate, promote, read back. Each may be run twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert

from editor_engine.edit import Edit
from workflow.change_control.automatic import BY_ENVELOPE, consider, require_inside
from workflow.change_control.batch_states import HoldReason, hold_text
from workflow.change_control.batches import BatchRow, eject, read_batch, set_state
from workflow.change_control.drift import remember
from workflow.change_control.expiries import expire_by_policy
from workflow.change_control.gate_report import GateReport
from workflow.change_control.gate_step import Judged, judge_batch
from workflow.change_control.impact_note import keep_note, make_note
from workflow.change_control.promotion import promote_batch
from workflow.change_control.read_back import read_back
from workflow.change_control.release import read_live
from workflow.change_control.staging import stage_batch
from workflow.engine_seam import edit_from_json
from workflow.errors import IllegalTransitionError
from workflow.fault_points import reached
from workflow.graphs import Next
from workflow.ledger import tables
from workflow.ledger.ledger import Ledger, Transaction
from workflow.records import BatchState, GateVerdict
from workflow.site import Site

if TYPE_CHECKING:
    from editor_engine import MemoryRow
    from workflow.workbench import Workbench

ACTOR = "medrek-flow"
Guard = Callable[[Transaction], None]
"""Called inside a transaction that must not happen after the worker's lease was lost."""
Progress = Callable[[str, int, int], None]


class LedgerBatchSteps:
    """``BatchSteps`` over one site; the workbench is opened when the first step needs the model."""

    def __init__(
        self,
        site: Site,
        ledger: Ledger,
        bench: Callable[[], Workbench],
        *,
        guard: Guard,
        progress: Progress | None = None,
        automatic: bool = False,
    ) -> None:
        """Remember what the steps work on; nothing is loaded yet.

        Args:
            automatic: whether a batch that passes is promoted where the site's envelope allows it: the night and the
                worker do that, a person's command asks the person.
        """
        self._site = site
        self._ledger = ledger
        self._bench = bench
        self._guard = guard
        self._progress = progress
        self._automatic = automatic

    def stage(self, batch_id: str) -> None:
        """Write and verify the shard, unless the batch is past it."""
        if self._batch(batch_id).state is BatchState.OPEN:
            stage_batch(self._ledger, self._site.memory_folder, self._bench().editor, batch_id, actor=ACTOR)

    def gate(self, batch_id: str) -> None:
        """Judge the batch and record verdict and ejections, unless it was judged against the present live release."""
        batch = self._batch(batch_id)
        if batch.state is BatchState.PASSED and self._is_stale(batch):
            with self._ledger.write() as transaction:
                set_state(
                    transaction, batch_id, BatchState.STAGED, ordered_by=None, order_reason=None, hold_reason=None
                )
            batch = self._batch(batch_id)
        if batch.state is not BatchState.STAGED:
            return
        self._record(batch, self.judge(batch))
        if self._automatic:
            consider(self._site.root, self._ledger, batch_id)

    def judge(self, batch: BatchRow) -> Judged:
        """Ask the model about a staged batch; changes nothing."""
        bodies = self._edits(batch.batch_id)
        return judge_batch(
            self._bench(),
            batch.batch_id,
            [bodies[edit.edit_id] for edit in batch.standing],
            lambda: self._read_rows(batch),
            self._progress,
        )

    def next_step(self, batch_id: str) -> Next:
        """Tell from the ledger where the batch goes."""
        batch = self._batch(batch_id)
        if batch.state is BatchState.STAGED or (batch.state is BatchState.PASSED and self._is_stale(batch)):
            return Next.GATE
        if batch.state is BatchState.PASSED:
            ordered = self._ordered_by(batch_id) is not None
            return Next.PROMOTE if ordered else Next.WAIT
        return Next.WAIT if batch.state is BatchState.HELD else Next.END

    def promote(self, batch_id: str) -> None:
        """Make the batch live, unless it is."""
        if self._batch(batch_id).state is BatchState.PASSED:
            actor = self._ordered_by(batch_id)
            if actor is None:
                raise IllegalTransitionError(
                    f"batch {batch_id}: expected a person's order, got none; run medrek-flow promote"
                )
            if actor.startswith(BY_ENVELOPE):
                require_inside(self._site.root, self._ledger, batch_id, actor)
            promote_batch(self._ledger, self._site.memory_folder, batch_id, actor=actor, guard=self._guard)
            expire_by_policy(self._ledger, batch_id, days=self._site.settings.batch.review_after_days)

    def read_back(self, batch_id: str) -> None:
        """Ask the live model each edit's questions and record the answers; what fails there is sent back.

        Raises:
            DamagedError: the release that was promoted cannot be loaded; it was sent back.
        """
        if self._batch(batch_id).state is BatchState.PROMOTED:
            read_back(self._site, self._ledger, self._bench(), batch_id, self._edits(batch_id), self._progress)
            remember(self._bench())

    def _batch(self, batch_id: str) -> BatchRow:
        with self._ledger.read() as connection:
            return read_batch(connection, batch_id)

    def _is_stale(self, batch: BatchRow) -> bool:
        with self._ledger.read() as connection:
            live = read_live(connection)
        return live is None or live.release_id != batch.base_release_id

    def _ordered_by(self, batch_id: str) -> str | None:
        query = select(tables.batches.c.ordered_by).where(tables.batches.c.batch_id == batch_id)
        with self._ledger.read() as connection:
            ordered_by: str | None = connection.execute(query).scalar_one()
        return ordered_by

    def _edits(self, batch_id: str) -> dict[str, Edit]:
        query = select(tables.edits.c.edit_id, tables.edits.c.body).where(tables.edits.c.batch_id == batch_id)
        with self._ledger.read() as connection:
            return {row.edit_id: edit_from_json(row.body) for row in connection.execute(query.order_by("edit_id"))}

    def _read_rows(self, batch: BatchRow) -> Mapping[str, MemoryRow]:
        from editor_engine.memory_store import read_shard

        path = self._site.memory_folder / str(batch.shard_path)
        return {row.edit_id: row for row in read_shard(path, str(batch.shard_sha256))}

    def _record(self, batch: BatchRow, judged: Judged) -> None:
        target = {
            GateVerdict.PASS: BatchState.PASSED,
            GateVerdict.HOLD: BatchState.HELD,
            GateVerdict.REFUSE: BatchState.REFUSED,
        }[judged.report.verdict]
        with self._ledger.write() as transaction:
            self._guard(transaction)
            report = judged.keep(transaction)
            transaction.execute(
                insert(tables.gates)
                .values(
                    gate_id=report.gate_id,
                    batch_id=batch.batch_id,
                    release_id=report.base_release_id,
                    verdict=report.verdict,
                    started_at=transaction.now,
                    finished_at=transaction.now,
                    inputs_sha256=report.inputs_sha256,
                    report=report.model_dump_json(),
                )
                .on_conflict_do_nothing()
            )
            keep_note(transaction, make_note(transaction.connection, report))
            for out in report.ejected:
                eject(transaction, out.edit_id, out.candidate_id, out.reason)
            set_state(
                transaction,
                batch.batch_id,
                target,
                gate_id=report.gate_id,
                base_release_id=report.base_release_id,
                hold_reason=_undecided(report) if target is BatchState.HELD else None,
            )
            transaction.audit(
                "batch.gated",
                f"batch:{batch.batch_id}",
                {
                    "gate": report.gate_id,
                    "verdict": report.verdict,
                    "inputs_sha256": report.inputs_sha256,
                    "ejected": {out.edit_id: out.reason for out in report.ejected},
                    "probes": report.probes,
                },
                actor=ACTOR,
            )
            reached("gate.before_commit")


def _undecided(report: GateReport) -> str:
    """Why a gate holds, in words: what ended it early, or its undecided and its missing checks."""
    if report.trouble:
        return hold_text(HoldReason.GATE_UNDECIDED, report.trouble)
    open_checks = [f"{check.name}: {check.detail}" for check in report.checks if check.verdict is GateVerdict.HOLD]
    missing = [f"{name}: did not run" for name in report.missing]
    return hold_text(HoldReason.GATE_UNDECIDED, "; ".join([*open_checks, *missing]))
