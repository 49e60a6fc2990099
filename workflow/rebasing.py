"""A rebase by command: under the worker's lease, live is read and asked first, then the other model is loaded."""

from __future__ import annotations

from collections.abc import Callable

from workflow.change_control.promotion import verify_live
from workflow.change_control.question_sets import require_passable
from workflow.change_control.rebase import Before, RebaseReport, read_before, rebase
from workflow.change_control.release import read_live, release_edits
from workflow.errors import IllegalTransitionError
from workflow.ledger.lease import lease
from workflow.ledger.ledger import Ledger
from workflow.night import LEASE_TTL_S, WORKER
from workflow.site import Site
from workflow.workbench import Workbench, load_base, load_editor

Progress = Callable[[str, int, int], None]


def rebase_now(
    site: Site,
    *,
    model: str | None,
    checkpoint: str | None,
    limits_for: int | None = None,
    actor: str,
    dry_run: bool,
    progress: Progress | None = None,
) -> RebaseReport:
    """Prepare everything in force for another base model or checkpoint; live is left alone.

    Args:
        model: as ``model.base`` names it; None keeps the site's.
        checkpoint: as ``editor.checkpoint`` names it; None keeps the site's.
        limits_for: as ``editor.limits_for``; None keeps the site's.

    Raises:
        BusyError: another process holds the worker's lease.
        SettingsError: the site's own model does not fit live, or the other one cannot be used.
        DamagedError: a shard in force is not what was staged.
        IllegalTransitionError: nothing is in force, or live fits that model and editor already.
    """
    other = site.with_engine(base=model, checkpoint=checkpoint, limits_for=limits_for)
    require_passable(other)
    ledger = site.open_ledger()
    try:
        with lease(ledger, WORKER, ttl_s=LEASE_TTL_S):
            _require_edits(ledger)
            verify_live(ledger, site.memory_folder)
            before = _read_live(site, ledger)
            editor = load_editor(other, load_base(other))
            return rebase(other, ledger, before, editor, actor=actor, dry_run=dry_run, progress=progress)
    finally:
        ledger.close()


def _require_edits(ledger: Ledger) -> None:
    """Say before a model is loaded that nothing is in force."""
    with ledger.read() as connection:
        live = read_live(connection)
        if live is not None and release_edits(connection, live.release_id):
            return
    raise IllegalTransitionError(
        "rebase: expected edits in force, got none; set the other model in medrek-flow.toml, no rebase is needed"
    )


def _read_live(site: Site, ledger: Ledger) -> Before:
    """What is in force and what it answers; the site's own model is let go of afterwards."""
    bench = Workbench.open(site)
    try:
        edits = tuple(bench.edits.values())
        return read_before(ledger, bench.live, bench.gated_model, edits, tokens=bench.max_new_tokens)
    finally:
        bench.ledger.close()
