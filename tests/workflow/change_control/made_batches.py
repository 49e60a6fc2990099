"""Ledgers with approved candidates, and batches brought to any state without a model: row digests are made up."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from workflow.change_control.batches import create_batch, read_batch, set_state
from workflow.change_control.gate_report import Check, CheckName, GateReport
from workflow.change_control.impact_note import keep_note, make_note
from workflow.change_control.release import (
    EngineIdentity,
    LiveState,
    digest_of,
    ensure_initial_release,
    read_live,
    release_edits,
)
from workflow.ledger import tables
from workflow.ledger.ledger import Ledger, Transaction
from workflow.ledger.shown import shown_sha256
from workflow.records import (
    BatchState,
    Candidate,
    CandidateState,
    ChangeKind,
    GateVerdict,
    NearMiss,
    NearMissKind,
    Risk,
)
from workflow.rehearsal_records import QuestionOutcome, Rehearsal

IDENTITY = EngineIdentity("b" * 64, "e" * 64, "{}")


class TickingClock:
    """Gives a later second each time it is asked."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 20, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger of a two-signer hospital site, on disk, with its first release."""
    ledger = Ledger.create(
        tmp_path / "ledger.sqlite", kind="hospital", signer_profile="two_signer", actor="tests", clock=TickingClock()
    )
    ensure_initial_release(ledger, IDENTITY)
    yield ledger
    ledger.close()


def make_candidate(subject: str, object_new: str = "5 mg", **changes: object) -> Candidate:
    """A dose candidate for an invented drug."""
    fields: dict[str, object] = {
        "subject": subject,
        "relation": "recommended_dose",
        "object_new": object_new,
        "object_old": "10 mg",
        "question": f"What is the recommended dose of {subject}?",
        "paraphrases": (f"How much {subject} is recommended?",),
        "near_misses": (
            NearMiss(question=f"What is the maximum daily dose of {subject}?", kind=NearMissKind.OTHER_RELATION),
        ),
        "change_kind": ChangeKind.REVISED,
        "risk": Risk.HIGH,
        "extractor": "rules/1",
    }
    return Candidate.model_validate({**fields, **changes})


def approve(ledger: Ledger, candidate: Candidate, state: CandidateState = CandidateState.APPROVED) -> str:
    """Put a candidate into the ledger in ``state``; an approved one with its rehearsal and two people's signatures."""
    with ledger.write() as transaction:
        transaction.execute(
            insert(tables.candidates).values(
                candidate_id=candidate.candidate_id,
                run_id="r1",
                created_at=transaction.now,
                state=state,
                action=candidate.action,
                subject=candidate.subject,
                relation=candidate.relation,
                functional_key=candidate.functional_key,
                risk=candidate.risk,
                content_sha256=candidate.content_sha256,
                body=candidate.model_dump_json(),
            )
        )
        if state is CandidateState.APPROVED:
            sign(transaction, candidate)
    return candidate.candidate_id


def sign(transaction: Transaction, candidate: Candidate, signers: Sequence[str] = ("s1", "s2")) -> None:
    """Rehearse on paper and sign what would have been shown."""
    outcome = QuestionOutcome(question=candidate.question, now="", would_say=candidate.object_new, takes=True)
    rehearsal = Rehearsal(
        candidate_id=candidate.candidate_id,
        content_sha256=candidate.content_sha256,
        release_id=0,
        carrier="text",
        outcomes=(outcome,),
        moves=(),
        already_says=False,
    )
    transaction.execute(
        insert(tables.rehearsals).values(
            candidate_id=candidate.candidate_id,
            content_sha256=candidate.content_sha256,
            release_id=0,
            rehearsed_at=transaction.now,
            body=rehearsal.model_dump_json(),
        )
    )
    sign_shown(transaction, candidate, rehearsal, signers)


def enrol(ledger: Ledger, account: str, duties: str = "reviewer,second_signer,release_manager") -> None:
    """Enrol a person without a PIN."""
    person = {"reviewer_id": account, "name": f"Printed {account}", "role": "pharmacist", "pin_hash": "none"}
    with ledger.write() as transaction:
        transaction.execute(insert(tables.reviewers).values(**person, duties=duties, created_at=transaction.now))


def sign_shown(
    transaction: Transaction, candidate: Candidate, rehearsal: Rehearsal, signers: Sequence[str] = ("s1", "s2")
) -> None:
    """Sign a candidate as a rehearsal showed it."""
    for signer in signers:
        person = {"reviewer_id": signer, "name": f"Signer {signer}", "role": "pharmacist", "pin_hash": "none"}
        known = insert(tables.reviewers).prefix_with("OR IGNORE")
        transaction.execute(known.values(**person, created_at=transaction.now))
        transaction.execute(
            insert(tables.decisions).values(
                decision_id=f"{candidate.candidate_id}-{signer}",
                candidate_id=candidate.candidate_id,
                reviewer_id=signer,
                signer_name=person["name"],
                verdict="approve",
                meaning="approved",
                shown_sha256=shown_sha256(candidate, rehearsal),
                signed_at=transaction.now,
            )
        )


def pass_gate(ledger: Ledger, memory_folder: Path, batch_id: str) -> None:
    """Bring a batch to ``passed`` with a shard file and made-up row digests, as staging and gate would."""
    shard = memory_folder / f"{batch_id}.safetensors"
    shard.write_bytes(batch_id.encode())
    with ledger.write() as transaction:
        for edit_id in transaction.execute(select(tables.edits.c.edit_id).where(tables.edits.c.batch_id == batch_id)):
            digest = hashlib.sha256(edit_id[0].encode()).hexdigest()
            transaction.execute(
                update(tables.edits).where(tables.edits.c.edit_id == edit_id[0]).values(row_sha256=digest)
            )
        sha256 = hashlib.sha256(shard.read_bytes()).hexdigest()
        set_state(transaction, batch_id, BatchState.STAGED, shard_path=shard.name, shard_sha256=sha256)
        pass_on_paper(transaction, batch_id)


def pass_on_paper(transaction: Transaction, batch_id: str) -> None:
    """Bring a staged batch to ``passed``, with a gate that passed on record and its impact note."""
    live = read_live(transaction.connection)
    assert live is not None
    report = passed_report(transaction, batch_id, live)
    values = {"gate_id": report.gate_id, "release_id": live.release_id, "verdict": "pass"}
    times = {"started_at": transaction.now, "finished_at": transaction.now}
    body = {"inputs_sha256": report.inputs_sha256, "report": report.model_dump_json()}
    gate = insert(tables.gates).prefix_with("OR REPLACE")
    transaction.execute(gate.values(batch_id=batch_id, **values, **times, **body))
    keep_note(transaction, make_note(transaction.connection, report))
    set_state(transaction, batch_id, BatchState.PASSED, gate_id=report.gate_id, base_release_id=live.release_id)


def passed_report(transaction: Transaction, batch_id: str, live: LiveState) -> GateReport:
    """A gate's report on paper: every check passed, and the digest is the one that a promotion would make."""
    standing = read_batch(transaction.connection, batch_id).standing
    old = [edit.row_sha256 for edit in release_edits(transaction.connection, live.release_id)]
    staged = digest_of(live.identity, (*old, *(str(edit.row_sha256) for edit in standing)))
    return GateReport(
        gate_id=f"g-{hashlib.sha256(f'{batch_id}{staged}'.encode()).hexdigest()[:10]}",
        batch_id=batch_id,
        base_release_id=live.release_id,
        verdict=GateVerdict.PASS,
        checks=tuple(Check(name=name, verdict=GateVerdict.PASS, asked=len(standing), failed=0) for name in CheckName),
        failures=(),
        ejected=(),
        passed_edits=tuple(edit.edit_id for edit in standing),
        rounds=1,
        probes=2 * len(standing),
        questions_run=2 * len(standing),
        live_digest=live.digest,
        staged_digest=staged,
        inputs_sha256=staged,
        seconds=0.0,
    )


@pytest.fixture
def passed_batch(ledger: Ledger, tmp_path: Path) -> Callable[..., str]:
    """Make a batch of candidates that passed its gate; returns its id."""

    def make(*candidates: Candidate) -> str:
        for candidate in candidates:
            approve(ledger, candidate)
        batch_id = create_batch(ledger, actor="tests")
        assert batch_id is not None
        pass_gate(ledger, tmp_path, batch_id)
        with ledger.read() as connection:
            assert read_batch(connection, batch_id).state is BatchState.PASSED
        return batch_id

    return make
