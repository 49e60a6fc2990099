"""``ReleaseDesk``: batches, releases and affected edits behind the screens.

Work that needs the model is only ordered here; the worker does it (``orders`` tells how far it is). What is refused
is a result with words (``ActResult``), not an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from review_tui.protocol.releases import (
    ActResult,
    AffectedLine,
    BatchLine,
    BatchView,
    OrderLine,
    ReadyLine,
    ReleaseLine,
    ReleaseView,
    RollbackView,
    ServingLine,
)


class ReleaseDesk(Protocol):
    """The record behind the screens of batches and releases."""

    def serving(self) -> ServingLine:
        """Say what is served now."""

    def ready(self) -> Sequence[ReadyLine]:
        """List the approved candidates that are in no batch yet, oldest first."""

    def batches(self) -> Sequence[BatchLine]:
        """List the batches, newest first."""

    def batch(self, batch_id: str) -> BatchView:
        """Give one batch as it stands now.

        Raises:
            DeskError: There is none such.
        """

    def assemble(self, candidate_ids: Sequence[str], note: str) -> ActResult:
        """Make a batch of approved candidates: of those named, or of all."""

    def submit(self, batch_id: str) -> ActResult:
        """Ask the worker to stage a batch and run its gate (again)."""

    def promote(self, batch_id: str) -> ActResult:
        """Order the promotion of a passed batch; the worker carries it out."""

    def cancel_batch(self, batch_id: str, reason: str) -> ActResult:
        """End a batch that is not live, or was refused whole; its candidates are approved again while signed."""

    def orders(self) -> Sequence[OrderLine]:
        """List what the worker was asked to do: what is not finished, and what was finished lately, newest first."""

    def cancel_order(self, order_id: int) -> ActResult:
        """Take back a promotion that the worker has not begun; a check goes on, its batch can be cancelled."""

    def releases(self) -> Sequence[ReleaseLine]:
        """List the releases, newest first."""

    def release(self, release_id: int) -> ReleaseView:
        """Give one release with what came and what left.

        Raises:
            DeskError: There is none such.
        """

    def preview_rollback(self, batch_id: str, only: Sequence[str] = ()) -> RollbackView:
        """Tell what a rollback of a batch, or of single edits of it, would do; changes nothing.

        Raises:
            DeskError: None of it is in force.
        """

    def roll_back(self, seen: RollbackView, reason: str, typed: str) -> ActResult:
        """Do what was shown, at once; refused where live moved since, or the id typed is another one."""

    def expedite(self, candidate_id: str, reason: str) -> ActResult:
        """Take one approved candidate through batch, gate and promotion before anything else."""

    def affected(self) -> Sequence[AffectedLine]:
        """List the edits that rest on something taken back or replaced, those without a proposal first."""

    def propose_withdrawal(self, edit_id: str, why: str) -> ActResult:
        """Put the withdrawal of a live edit into the queue; a person decides it there."""
