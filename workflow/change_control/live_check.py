"""The check of what is live, against the bare base model: does every edit in force take, and does nothing else move."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select

from workflow.change_control.gate import GateInputs, run_gate
from workflow.change_control.gate_report import GateReport
from workflow.change_control.probe_sets import candidates_of, faq_probes
from workflow.engine_seam import edit_from_json
from workflow.ledger import tables
from workflow.records import GateVerdict

if TYPE_CHECKING:
    from workflow.workbench import Workbench

LIVE = "live"
"""Stands for the batch in the report of such a check."""


def check_live(workbench: Workbench, progress: Callable[[str, int, int], None] | None = None) -> GateReport:
    """Run the gate's checks on all edits in force together; changes nothing.

    With no edit in force the served model is the bare one by construction, and the report has no checks.
    """
    model = workbench.gated_model
    answering = [edit for edit in workbench.edits.values() if edit.edit_id not in model.memory.shadowed]
    ids = [edit.edit_id for edit in answering]
    with workbench.ledger.read() as connection:
        candidates = candidates_of(connection, ids)
        bodies = connection.execute(select(tables.edits.c.edit_id, tables.edits.c.body).order_by("edit_id")).all()
        edits = tuple(edit_from_json(body) for edit_id, body in bodies if edit_id in candidates)
    if not edits:
        return _nothing_in_force(workbench)
    settings = workbench.site.settings.gate
    inputs = GateInputs(
        batch_id=LIVE,
        live_release_id=workbench.live.release_id,
        edits=edits,
        candidates=candidates,
        in_force=(),
        faq=tuple(faq_probes(None if settings.faq_file is None else Path(workbench.site.root, settings.faq_file))),
        faq_limit=settings.limits.faq_moved,
        audit_share=settings.audit_share,
        confidence=settings.limits.confidence,
        max_new_tokens=workbench.max_new_tokens,
    )
    rows = {edit_id: model.memory.row(edit_id) for edit_id in ids}
    bare = model.with_memory(model.memory.without([row.edit_id for row in model.memory]))
    return run_gate(inputs, bare, rows, reread=lambda: rows, progress=progress)


def _nothing_in_force(workbench: Workbench) -> GateReport:
    digest = workbench.gated_model.digest
    return GateReport(
        gate_id=f"g-{digest[:10]}",
        batch_id=LIVE,
        base_release_id=workbench.live.release_id,
        verdict=GateVerdict.PASS,
        checks=(),
        failures=(),
        ejected=(),
        passed_edits=(),
        rounds=0,
        probes=0,
        questions_run=0,
        live_digest=digest,
        staged_digest=digest,
        inputs_sha256=digest,
        seconds=0.0,
    )
