"""The check of what is live, against the bare base model: does every edit in force take, and does nothing else move."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sqlalchemy import select

from editor_engine.edit import Edit
from workflow.change_control.gate_inputs import GateInputs, inputs_for
from workflow.change_control.gate_report import GateReport
from workflow.change_control.gate_step import Judged, judge
from workflow.change_control.probe_sets import candidates_of
from workflow.change_control.question_sets import QuestionSets, require_passable
from workflow.engine_seam import edit_from_json
from workflow.ledger import tables
from workflow.ledger.ledger import Ledger
from workflow.records import GateVerdict

if TYPE_CHECKING:
    from editor_engine import EditedModel
    from workflow.site import Site
    from workflow.workbench import Workbench

LIVE = "live"
"""Stands for the batch in the report of such a check."""


def check_live(workbench: Workbench, progress: Callable[[str, int, int], None] | None = None) -> GateReport:
    """Run the gate's checks on all edits in force together; changes nothing; see ``judge_live``."""
    judged = judge_live(workbench, progress)
    return judged.report if judged is not None else nothing_in_force(workbench)


def judge_live(workbench: Workbench, progress: Callable[[str, int, int], None] | None = None) -> Judged | None:
    """Run the gate's checks on all edits in force together; None where none is.

    Then the served model is the bare one by construction.

    Raises:
        SettingsError: limits that can never be met, or a question file that cannot be used.
    """
    model = workbench.gated_model
    answering = [edit_id for edit_id in workbench.edits if edit_id not in model.memory.shadowed]
    if not answering:
        return None
    sets = require_passable(workbench.site)
    inputs = live_inputs(workbench.site, workbench.ledger, workbench.live.release_id, answering, sets)
    rows = {edit_id: model.memory.row(edit_id) for edit_id in answering}
    return judge(workbench, inputs, bare(model), lambda: rows, LIVE, progress)


def live_inputs(
    site: Site, ledger: Ledger, release_id: int, answering: Sequence[str], sets: QuestionSets
) -> GateInputs:
    """Gather the inputs of a check of a release whose edits ``answering`` answer."""
    with ledger.read() as connection:
        candidates = candidates_of(connection, answering)
        columns = tables.edits.c
        query = select(columns.edit_id, columns.body).where(columns.edit_id.in_(answering)).order_by(columns.edit_id)
        edits: list[Edit] = [edit_from_json(row.body) for row in connection.execute(query)]
    return inputs_for(site, batch_id=LIVE, live_release_id=release_id, edits=edits, candidates=candidates, sets=sets)


def bare(model: EditedModel) -> EditedModel:
    """The same model without any edit."""
    return model.with_memory(model.memory.without([row.edit_id for row in model.memory]))


def nothing_in_force(workbench: Workbench) -> GateReport:
    """The report of a check where no edit is in force: a pass without checks."""
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
