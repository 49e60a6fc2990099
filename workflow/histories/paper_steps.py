"""The steps of a batch as the night takes them, with what the model would say made up; all else is the real code."""

from __future__ import annotations

import hashlib
from collections.abc import Collection

from sqlalchemy import update

from workflow.batch_steps import LedgerBatchSteps
from workflow.change_control.batches import BatchRow, read_batch, set_state
from workflow.change_control.gate_inputs import GateInputs
from workflow.change_control.gate_report import Check, CheckName, Ejected, GateReport, verdict_of
from workflow.change_control.gate_step import Judged
from workflow.change_control.rehearsal import store_rehearsal
from workflow.change_control.release import LiveState, digest_of, read_live, release_edits
from workflow.errors import IllegalTransitionError
from workflow.fault_points import reached
from workflow.ledger import tables
from workflow.ledger.documents import write_durably
from workflow.ledger.ledger import Ledger, Transaction
from workflow.records import BatchState, Candidate, GateVerdict
from workflow.rehearsal_records import QuestionOutcome, Rehearsal
from workflow.site import Site
from workflow.workbench import Workbench


def row_sha256(edit_id: str, ordinal: int) -> str:
    """The digest of an edit's row, which a shard would give."""
    return hashlib.sha256(f"{edit_id} {ordinal}".encode()).hexdigest()


def rehearsal_of(candidate: Candidate, wording: int, release_id: int) -> Rehearsal:
    """What a model would say of a candidate, in one of many wordings."""
    said = f"It is {candidate.object_new}, in wording {wording}."
    return Rehearsal(
        candidate_id=candidate.candidate_id,
        content_sha256=candidate.content_sha256,
        release_id=release_id,
        carrier="text",
        outcomes=(QuestionOutcome(question=candidate.question, now="10 mg", would_say=said, takes=True),),
        moves=(),
        already_says=False,
    )


def rehearse_on_paper(ledger: Ledger, candidate: Candidate, wording: int) -> None:
    """Store a rehearsal against what is live now."""
    with ledger.write() as transaction:
        live = _live(transaction)
        store_rehearsal(transaction, candidate, rehearsal_of(candidate, wording, live.release_id))
        reached("rehearse.before_commit")


class PaperSteps(LedgerBatchSteps):
    """``LedgerBatchSteps`` without a model: rows and findings of the gate are made up, and recorded as ever."""

    def __init__(
        self,
        site: Site,
        ledger: Ledger,
        *,
        finding: GateVerdict = GateVerdict.PASS,
        ejects: Collection[str] = (),
        automatic: bool = False,
    ) -> None:
        """Remember what the gate is to find.

        Args:
            finding: its verdict on what it leaves in.
            ejects: edits that it takes out.
        """
        super().__init__(site, ledger, _no_model, guard=lambda _transaction: None, automatic=automatic)
        self._finding = finding
        self._ejects = ejects

    def stage(self, batch_id: str) -> None:
        """Write a shard of made-up rows, unless the batch is past it."""
        batch = self._batch(batch_id)
        if batch.state is not BatchState.OPEN:
            return
        content = "\n".join(row_sha256(edit.edit_id, batch.ordinal) for edit in batch.edits).encode()
        name = f"{batch_id}.safetensors"
        reached("stage.before_rename")
        write_durably(self._site.memory_folder / name, content)
        with self._ledger.write() as transaction:
            for edit in batch.edits:
                mine = update(tables.edits).where(tables.edits.c.edit_id == edit.edit_id)
                transaction.execute(mine.values(carrier="text", row_sha256=row_sha256(edit.edit_id, batch.ordinal)))
            sha256 = hashlib.sha256(content).hexdigest()
            set_state(transaction, batch_id, BatchState.STAGED, shard_path=name, shard_sha256=sha256)
            body = {"shard_sha256": sha256, "rows": len(batch.edits)}
            transaction.audit("batch.staged", f"batch:{batch_id}", body, actor="histories")
            reached("stage.before_commit")

    def judge(self, batch: BatchRow) -> Judged:
        """Find what this gate is to find."""
        with self._ledger.read() as connection:
            live = read_live(connection)
            if live is None:
                raise IllegalTransitionError("histories: expected a live release, got none")
            old = [edit.row_sha256 for edit in release_edits(connection, live.release_id)]
            standing = read_batch(connection, batch.batch_id).standing
        left = [edit for edit in standing if edit.edit_id not in self._ejects]
        out = [edit for edit in standing if edit.edit_id in self._ejects]
        checks = tuple(Check(name=name, verdict=GateVerdict.PASS, asked=len(left), failed=0) for name in CheckName)
        checks = (checks[0].model_copy(update={"verdict": self._finding}), *checks[1:])
        staged = digest_of(live.identity, (*old, *(str(edit.row_sha256) for edit in left)))
        report = GateReport(
            gate_id=f"g-{staged[:10]}",
            batch_id=batch.batch_id,
            base_release_id=live.release_id,
            verdict=verdict_of(checks, edits_left=len(left)),
            checks=checks,
            failures=(),
            ejected=tuple(
                Ejected(
                    edit_id=edit.edit_id,
                    candidate_id=edit.candidate_id,
                    subject="",
                    relation="",
                    reason="its question does not say the new object",
                    failures=(),
                )
                for edit in out
            ),
            passed_edits=tuple(edit.edit_id for edit in left),
            rounds=1,
            probes=len(left),
            questions_run=len(left),
            live_digest=live.digest,
            staged_digest=staged,
            inputs_sha256=staged,
            seconds=0.0,
        )
        return Judged(report, _no_inputs(batch, live), None)


def _no_model() -> Workbench:
    raise IllegalTransitionError("histories: expected no step to ask for a model")


def _no_inputs(batch: BatchRow, live: LiveState) -> GateInputs:
    return GateInputs(
        batch_id=batch.batch_id,
        live_release_id=live.release_id,
        edits=(),
        candidates={},
        in_force=(),
        faq=(),
        faq_limit=0.0,
        audit_share=0.0,
        confidence=0.95,
        max_new_tokens=1,
    )


def _live(transaction: Transaction) -> LiveState:
    live = read_live(transaction.connection)
    if live is None:
        raise IllegalTransitionError("histories: expected a live release, got none")
    return live
