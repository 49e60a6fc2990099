"""An expedited candidate taken as far as it goes now: rehearsed, and once it is signed gated and promoted, alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from workflow.change_control.acts import expedite
from workflow.change_control.batches import create_batch
from workflow.change_control.expedite import Expedited, read_expedited
from workflow.clock import utc_text
from workflow.errors import ExitCode
from workflow.ledger.lease import lease
from workflow.ledger.ledger import Ledger
from workflow.night import LEASE_TTL_S, WORKER, GateSummary, PromoteOutcome, promote
from workflow.records import CandidateState
from workflow.site import Site
from workflow.workbench import Bench

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class ExpediteOutcome:
    """Where an expedited candidate stands after what could be done now."""

    standing: Expedited
    promotion: PromoteOutcome | None
    """What its promotion came to; None while it waits for a signature."""

    @property
    def exit_code(self) -> ExitCode:
        """Done once it is live or closed; held while a person is needed."""
        if self.promotion is not None and self.promotion.exit_code is not ExitCode.DONE:
            return self.promotion.exit_code
        return ExitCode.DONE if self.standing.done else ExitCode.HELD


def expedite_now(
    site: Site,
    candidate_id: str,
    *,
    actor: str,
    reason: str,
    confirm: Callable[[GateSummary], bool],
    progress: Progress | None = None,
) -> ExpediteOutcome:
    """Mark the candidate, rehearse it if nobody has, and once it is signed batch it alone, gate, show and promote it.

    Raises:
        BusyError: another process holds the worker's lease.
        UsageError, IllegalTransitionError: as ``expedite``.
    """
    ledger = site.open_ledger()
    try:
        standing = expedite(ledger, candidate_id, reason=reason, account=actor)
        if standing.state == CandidateState.PROPOSED:
            _rehearse(site, ledger, progress)
            standing = _read(ledger, candidate_id)
        batch_id = standing.batch_id
        if batch_id is None and standing.state == CandidateState.APPROVED:
            note = f"expedited by {actor}: {standing.reason}"
            batch_id = create_batch(
                ledger, actor=actor, note=note, candidate_ids=(candidate_id,), expedited=True, by_hand=True
            )
        if batch_id is None or standing.done:
            return ExpediteOutcome(_read(ledger, candidate_id), None)
        done = promote(site, batch_id, actor=actor, confirm=confirm, progress=progress)
        return ExpediteOutcome(_read(ledger, candidate_id), done)
    finally:
        ledger.close()


def _read(ledger: Ledger, candidate_id: str) -> Expedited:
    with ledger.read() as connection:
        return read_expedited(connection, candidate_id, now=utc_text(ledger.clock()))


def _rehearse(site: Site, ledger: Ledger, progress: Progress | None) -> None:
    with lease(ledger, WORKER, ttl_s=LEASE_TTL_S):
        bench = Bench(site)()
        try:
            bench.rehearse_waiting(progress)
        finally:
            bench.ledger.close()
