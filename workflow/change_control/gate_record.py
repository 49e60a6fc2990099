"""From what a gate came to its verdict: stored with it, so that it can be run again and compared probe by probe.

Candidates, edits, rows and releases are on record and never change; named here by id and digest. What does change
(the standing questions, limits, seeds, the engine) is written down. Of the probes on which nothing fires and nobody was
asked, only their number and digest are kept.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy import Connection, insert, select

from editor_engine.probes import Probe
from workflow.change_control.environment import Environment
from workflow.change_control.gate import GateRun
from workflow.change_control.gate_inputs import GateInputs
from workflow.change_control.gate_report import GateReport
from workflow.change_control.probe_sets import probes_digest
from workflow.errors import UsageError
from workflow.ledger import tables
from workflow.ledger.control_tables import gate_records, question_sets
from workflow.records import Record

if TYPE_CHECKING:
    from editor_engine import MemoryRow, ProbeOutcome
    from workflow.ledger.ledger import Transaction

Triple = tuple[str | None, str | None, str | None]


class ProbeSeen(Record):
    """One probe of the last round on which an edit fired, or which was asked."""

    probe_id: str
    live: Triple
    staged: Triple
    live_sha256: str | None
    """Of the answer; None where it was not asked for."""
    staged_sha256: str | None
    takes: bool | None


class GateRecord(Record):
    """The recorded inputs of one gate, and what it saw."""

    format: str = "gate-record/1"
    batch_id: str
    release_id: int
    live_digest: str
    staged_digest: str
    edit_ids: tuple[str, ...]
    row_sha256s: tuple[str, ...]
    in_force: tuple[str, ...]
    """Edits in force that were asked as portfolio."""
    faq_digest: str
    pinned_digest: str
    faq_limit: float
    audit_share: float
    audit_most: int | None
    confidence: float
    max_new_tokens: int
    audit_seed: int
    audited: tuple[str, ...]
    probes: int
    probes_digest: str
    """Over ids, kinds and questions of the last round, in order."""
    seen: tuple[ProbeSeen, ...]
    environment: Environment


def record_of(inputs: GateInputs, run: GateRun, rows: Sequence[MemoryRow], environment: Environment) -> GateRecord:
    """Make the record of a gate that was run."""
    return GateRecord(
        batch_id=inputs.batch_id,
        release_id=inputs.live_release_id,
        live_digest=run.report.live_digest,
        staged_digest=run.report.staged_digest,
        edit_ids=tuple(row.edit_id for row in rows),
        row_sha256s=tuple(row.digest for row in rows),
        in_force=tuple(edit.edit_id for edit in inputs.in_force),
        faq_digest=probes_digest(inputs.faq),
        pinned_digest=probes_digest(inputs.pinned),
        faq_limit=inputs.faq_limit,
        audit_share=inputs.audit_share,
        audit_most=inputs.audit_most,
        confidence=inputs.confidence,
        max_new_tokens=inputs.max_new_tokens,
        audit_seed=run.audit_seed,
        audited=run.audited,
        probes=len(run.outcomes),
        probes_digest=probes_digest(outcome.probe for outcome in run.outcomes),
        seen=tuple(seen for outcome in run.outcomes if (seen := _seen(outcome)) is not None),
        environment=environment,
    )


def _seen(outcome: ProbeOutcome) -> ProbeSeen | None:
    silent = outcome.live.edit_id is None and outcome.staged.edit_id is None
    if silent and outcome.staged_answer is None:
        return None
    return ProbeSeen(
        probe_id=outcome.probe.probe_id,
        live=outcome.live.triple,
        staged=outcome.staged.triple,
        live_sha256=_sha256(outcome.live_answer),
        staged_sha256=_sha256(outcome.staged_answer),
        takes=outcome.takes,
    )


def _sha256(answer: str | None) -> str | None:
    return None if answer is None else hashlib.sha256(answer.encode()).hexdigest()


def named_apart(connection: Connection, report: GateReport) -> GateReport:
    """The report under an id of its own: the same inputs judged again are another gate."""
    taken = set(
        connection.execute(
            select(tables.gates.c.gate_id).where(tables.gates.c.gate_id.startswith(report.gate_id, autoescape=True))
        ).scalars()
    )
    taken |= set(
        connection.execute(
            select(gate_records.c.gate_id).where(gate_records.c.gate_id.startswith(report.gate_id, autoescape=True))
        ).scalars()
    )
    number, name = 1, report.gate_id
    while name in taken:
        number += 1
        name = f"{report.gate_id}-{number}"
    return report.model_copy(update={"gate_id": name})


def keep_record(transaction: Transaction, gate_id: str, record: GateRecord, inputs: GateInputs) -> None:
    """Write a gate's record, and the sets of questions that it names, inside the caller's transaction."""
    for name, digest, probes in (
        ("faq", record.faq_digest, inputs.faq),
        ("pinned", record.pinned_digest, inputs.pinned),
    ):
        known = transaction.execute(select(question_sets.c.digest).where(question_sets.c.digest == digest)).first()
        if known is None:
            body = json.dumps([[probe.probe_id, probe.question] for probe in probes], ensure_ascii=False)
            transaction.execute(
                insert(question_sets).values(digest=digest, name=name, recorded_at=transaction.now, body=body)
            )
    transaction.execute(
        insert(gate_records).values(gate_id=gate_id, recorded_at=transaction.now, body=record.model_dump_json())
    )


def read_record(connection: Connection, gate_id: str) -> GateRecord:
    """Read a gate's record.

    Raises:
        UsageError: there is none under this id.
    """
    body = connection.execute(select(gate_records.c.body).where(gate_records.c.gate_id == gate_id)).scalar()
    if body is None:
        raise UsageError(
            f"gate {gate_id!r}: expected one with recorded inputs, got none; `medrek-flow batch show` names a batch's "
            "gate, and a gate that was interrupted has nothing to run again"
        )
    return GateRecord.model_validate_json(body)


def recorded_probes(connection: Connection, digest: str, like: Probe) -> tuple[Probe, ...]:
    """Read a recorded set of questions as probes of the kind of ``like``."""
    body = connection.execute(select(question_sets.c.body).where(question_sets.c.digest == digest)).scalar()
    found: list[list[str]] = json.loads(body or "[]")
    return tuple(Probe(probe_id, question, like.kind) for probe_id, question in found)
