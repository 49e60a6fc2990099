"""After a promotion: the live model is asked, the whole memory is checked, and a batch that fails there goes back.

A promotion is not believed because a pointer moved. Every question of the batch is put to the live model as it is
served; then, where the site wants it, all edits in force are checked together. What fails by the batch's own fault is
sent back by itself: a new release equal to the former one, recorded, with the reason on the batch.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import update

from editor_engine.edit import Edit
from editor_engine.errors import MemoryDamagedError
from editor_engine.metrics import takes
from workflow.change_control.batch_states import HoldReason, hold_text
from workflow.change_control.live_check import check_live
from workflow.change_control.rollback import RollbackPlan, roll_back
from workflow.errors import DamagedError
from workflow.fault_points import reached
from workflow.ledger import tables
from workflow.ledger.ledger import Ledger
from workflow.live_index import rebuild_index

if TYPE_CHECKING:
    from workflow.site import Site
    from workflow.workbench import Workbench

ACTOR = "medrek-flow"
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class ReadBack:
    """What the live model said of a batch, and what was wrong with it."""

    release_id: int
    said: dict[str, str]
    """Answers to the edits' own questions, by edit id."""
    wrong: tuple[str, ...]
    """A line for each thing that is the batch's own fault; empty where all is well."""


def read_back(
    site: Site,
    ledger: Ledger,
    bench: Workbench,
    batch_id: str,
    bodies: Mapping[str, Edit],
    progress: Progress | None = None,
) -> RollbackPlan | None:
    """Ask the live model and record the answers; send the batch back where they are wrong.

    Returns:
        What was sent back; None where the batch stays.

    Raises:
        DamagedError: the live release cannot be loaded; the batch was sent back.
    """
    try:
        bench.refresh()
    except (DamagedError, MemoryDamagedError) as error:
        send_back(ledger, batch_id, why=f"the live release cannot be loaded: {error}")
        raise
    found = _ask(bench, batch_id, bodies)
    if not found.wrong and site.settings.batch.check_after:
        found = _check_whole(bench, found, progress)
    plan = send_back(ledger, batch_id, why="; ".join(found.wrong)) if found.wrong else None
    _record(ledger, batch_id, found)
    if plan is not None:
        bench.refresh()
    rebuild_index(site, ledger, tuple(bench.edits.values()))
    return plan


def _ask(bench: Workbench, batch_id: str, bodies: Mapping[str, Edit]) -> ReadBack:
    mine = [bodies[edit.edit_id] for edit in bench.edits.values() if edit.batch_id == batch_id]
    asked = [(edit, question) for edit in mine for question in (edit.question, *edit.paraphrases)]
    answers = bench.gated_model.answer([question for _, question in asked], max_new_tokens=bench.max_new_tokens)
    said: dict[str, str] = {}
    wrong: dict[str, str] = {}
    for (edit, question), answer in zip(asked, answers, strict=True):
        said.setdefault(edit.edit_id, answer.text)
        if not takes(answer.text, edit.object_new, edit.object_old, edit.must_not_assert):
            wrong.setdefault(edit.edit_id, f"edit {edit.edit_id} does not answer {question!r} as its gate did")
    return ReadBack(bench.live.release_id, said, tuple(wrong.values()))


def _check_whole(bench: Workbench, found: ReadBack, progress: Progress | None) -> ReadBack:
    """Check everything in force together; only what this batch is to blame for counts against it."""
    report = check_live(bench, progress)
    blamed = {out.edit_id: out.reason for out in report.ejected}
    blamed |= {one.culprit: f"moves {one.question!r}" for one in report.failures if one.culprit is not None}
    wrong = tuple(f"edit {edit_id}: {why}" for edit_id, why in sorted(blamed.items()) if edit_id in found.said)
    return ReadBack(found.release_id, found.said, wrong)


def _record(ledger: Ledger, batch_id: str, found: ReadBack) -> None:
    with ledger.write() as transaction:
        transaction.execute(
            update(tables.batches)
            .where(tables.batches.c.batch_id == batch_id)
            .values(read_back=json.dumps(found.said, ensure_ascii=False, sort_keys=True))
        )
        transaction.audit(
            "batch.read_back",
            f"batch:{batch_id}",
            {"release": found.release_id, "edits": len(found.said), "wrong": list(found.wrong)},
            actor=ACTOR,
        )
        reached("read_back.before_commit")


def send_back(ledger: Ledger, batch_id: str, *, why: str) -> RollbackPlan:
    """Make the former release's memory live again by a new release, and hold the batch with the reason."""
    plan = roll_back(ledger, batch_id, reason=why, actor=ACTOR, cause="automatic_return")
    with ledger.write() as transaction:
        transaction.execute(
            update(tables.batches)
            .where(tables.batches.c.batch_id == batch_id)
            .values(hold_reason=hold_text(HoldReason.RETURNED, why))
        )
        body = {"why": why, "release": plan.release_id_new}
        transaction.audit("batch.returned", f"batch:{batch_id}", body, actor=ACTOR)
    return plan
