"""What every act has at hand: the site, its ledger, the naive model, and a way to do a thing for real."""

from __future__ import annotations

from collections.abc import Callable

from workflow.change_control.release import read_live
from workflow.errors import WorkflowError
from workflow.histories.paper_site import StillClock
from workflow.histories.paper_steps import PaperSteps
from workflow.histories.release_books import ReleaseBooks
from workflow.ledger.ledger import Ledger
from workflow.review_policy import ReviewPolicy
from workflow.site import Site

Picks = tuple[int, int, int, int]


class Stage:
    """Where acts are played."""

    site: Site
    ledger: Ledger
    books: ReleaseBooks
    clock: StillClock
    policy: ReviewPolicy

    def open(self) -> None:
        """Open the ledger."""
        raise NotImplementedError

    def close(self) -> None:
        """Close it."""
        raise NotImplementedError

    def real(self, expected: bool, call: Callable[[], object]) -> None:
        """Do it for real, and compare."""
        raise NotImplementedError

    def done(self, call: Callable[[], object]) -> bool:
        """Whether a thing was done; one that is refused raises, or gives something empty."""
        try:
            came = call()
            return came is None or bool(came)
        except WorkflowError:
            return False

    def promoted(self, steps: PaperSteps, batch: str) -> bool:
        """Carry an order out; whether another release is live then."""
        before = self._live_id()
        steps.promote(batch)
        return self._live_id() != before

    def _live_id(self) -> int:
        with self.ledger.read() as connection:
            live = read_live(connection)
        return -1 if live is None else live.release_id
