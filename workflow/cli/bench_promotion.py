"""Promote and roll back on a ledger with thousands of synthetic edits: pointer and audit, without a model.

The edits are made up and the shard is an empty file with its sha256: neither is read by what is measured.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sqlalchemy import insert, update

from workflow.change_control.batches import create_batch, read_batch
from workflow.change_control.gate_report import GateReport
from workflow.change_control.impact_note import keep_note, make_note
from workflow.change_control.promotion import check_before, move_pointer, promote_batch
from workflow.change_control.release import EngineIdentity, digest_of, ensure_initial_release, release_edits
from workflow.change_control.rollback import roll_back
from workflow.cli.output import Progress
from workflow.ledger import tables
from workflow.ledger.ledger import Ledger, Transaction
from workflow.ledger.shown import shown_sha256
from workflow.records import BatchState, Candidate, CandidateState, ChangeKind, GateVerdict, Risk, Verdict
from workflow.site import Site

LIMIT_S = 1.0
_ACTOR = "bench"
_NAME = "batch.safetensors"
_IDENTITY = EngineIdentity("0" * 64, "1" * 64, "{}")
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class PromotionTiming:
    """Seconds of wall time."""

    edits: int
    batch_edits: int
    checks_s: float
    """Shard and signatures counted again, before anything is locked."""
    promote_s: float
    """Pointer, rows and audit."""
    rollback_one_s: float
    rollback_s: float
    torch_imported: bool


def measure_promotion(*, edits: int, progress: Progress) -> PromotionTiming:
    """Fill a new demo site with two promoted batches, timing the second one on its way in and out."""
    with tempfile.TemporaryDirectory(prefix="medrek-flow-bench-") as folder:
        site = Site.create(Path(folder, "site"), demo=True, signer_profile="one_signer")
        (site.memory_folder / _NAME).write_bytes(b"")
        ledger = site.open_ledger()
        try:
            _enrol(ledger)
            ensure_initial_release(ledger, _IDENTITY)
            return _measure(site, ledger, edits, progress)
        finally:
            ledger.close()


def _enrol(ledger: Ledger) -> None:
    with ledger.write() as transaction:
        person = {"reviewer_id": _ACTOR, "name": _ACTOR, "role": "script", "pin_hash": "none", "scripted": 1}
        transaction.execute(insert(tables.reviewers).values(**person, created_at=transaction.now))


def _measure(site: Site, ledger: Ledger, edits: int, progress: Progress) -> PromotionTiming:
    half = edits // 2
    progress("writing edits", 0, edits)
    first = _passed_batch(ledger, range(half), base_release=0)
    promote_batch(ledger, site.memory_folder, first, actor=_ACTOR)
    progress("writing edits", half, edits)
    second = _passed_batch(ledger, range(half, edits), base_release=1)
    checks_s, checked = _timed(lambda: check_before(ledger, site.memory_folder, second))
    promote_s, promoted = _timed(lambda: move_pointer(ledger, checked, actor=_ACTOR))
    one = promoted.edits[0]
    one_s, _ = _timed(lambda: roll_back(ledger, second, only=(one,), reason="bench", actor=_ACTOR))
    all_s, _ = _timed(lambda: roll_back(ledger, second, reason="bench", actor=_ACTOR))
    return PromotionTiming(edits, edits - half, checks_s, promote_s, one_s, all_s, "torch" in sys.modules)


def _timed(act: Callable[[], _Result]) -> tuple[float, _Result]:
    began = time.perf_counter()
    result = act()
    return time.perf_counter() - began, result


def _passed_batch(ledger: Ledger, numbers: range, *, base_release: int) -> str:
    """Write approved candidates, make a batch of them and mark it as gated, all without a model."""
    with ledger.write() as transaction:
        made = [_candidate(number) for number in numbers]
        transaction.execute(insert(tables.candidates), [_row(one, transaction.now) for one in made])
        transaction.execute(insert(tables.decisions), [_signature(one, transaction.now) for one in made])
    batch_id = create_batch(ledger, actor=_ACTOR, note="synthetic")
    with ledger.write() as transaction:
        digest = hashlib.sha256(b"").hexdigest()
        mine = tables.edits.c.batch_id == batch_id
        transaction.execute(
            update(tables.edits).where(mine).values(carrier="text", row_sha256=tables.edits.c.candidate_id)
        )
        transaction.execute(
            update(tables.batches)
            .where(tables.batches.c.batch_id == batch_id)
            .values(state=BatchState.PASSED, shard_path=_NAME, shard_sha256=digest, base_release_id=base_release)
        )
        _write_gate(transaction, str(batch_id), base_release)
        transaction.audit("bench.gated", f"batch:{batch_id}", {}, actor=_ACTOR)
    return str(batch_id)


def _write_gate(transaction: Transaction, batch_id: str, base_release: int) -> None:
    """A gate on paper, with the digest that the promotion will make, and its impact note."""
    standing = read_batch(transaction.connection, batch_id).standing
    old = [edit.row_sha256 for edit in release_edits(transaction.connection, base_release)]
    staged = digest_of(_IDENTITY, (*old, *(str(edit.row_sha256) for edit in standing)))
    report = GateReport(
        gate_id=f"g-{staged[:10]}",
        batch_id=batch_id,
        base_release_id=base_release,
        verdict=GateVerdict.PASS,
        checks=(),
        failures=(),
        ejected=(),
        passed_edits=tuple(edit.edit_id for edit in standing),
        rounds=1,
        probes=0,
        questions_run=0,
        live_digest="",
        staged_digest=staged,
        inputs_sha256=staged,
        seconds=0.0,
    )
    times = {"started_at": transaction.now, "finished_at": transaction.now}
    transaction.execute(
        insert(tables.gates).values(
            gate_id=report.gate_id,
            batch_id=batch_id,
            release_id=base_release,
            verdict=report.verdict,
            inputs_sha256=staged,
            report=report.model_dump_json(),
            **times,
        )
    )
    keep_note(transaction, make_note(transaction.connection, report))
    gated = update(tables.batches).where(tables.batches.c.batch_id == batch_id)
    transaction.execute(gated.values(gate_id=report.gate_id))


def _candidate(number: int) -> Candidate:
    return Candidate(
        subject=f"substance {number}",
        relation="recommended_dose",
        object_new=f"{number} mg",
        question=f"What is the recommended dose of substance {number}?",
        change_kind=ChangeKind.REVISED,
        risk=Risk.LOW,
        extractor="bench/1",
    )


def _signature(candidate: Candidate, now: str) -> dict[str, object]:
    return {
        "decision_id": f"d-{candidate.candidate_id}",
        "candidate_id": candidate.candidate_id,
        "reviewer_id": _ACTOR,
        "signer_name": _ACTOR,
        "verdict": Verdict.APPROVE,
        "meaning": "synthetic",
        "shown_sha256": shown_sha256(candidate, None),
        "signed_at": now,
        "scripted": 1,
    }


def _row(candidate: Candidate, now: str) -> dict[str, object]:
    return {
        "candidate_id": candidate.candidate_id,
        "run_id": "bench",
        "created_at": now,
        "state": CandidateState.APPROVED,
        "action": candidate.action,
        "subject": candidate.subject,
        "relation": candidate.relation,
        "functional_key": candidate.functional_key,
        "risk": candidate.risk,
        "content_sha256": candidate.content_sha256,
        "body": candidate.model_dump_json(),
    }
