"""A history played: each act on the naive model and on the real code, and what came of it compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from workflow.histories.crash import Aborted, abort, ended_at, killed_in
from workflow.histories.desk_acts import DeskActs
from workflow.histories.paper_site import BEGAN, IDENTITY, SUBJECTS, StillClock, Template
from workflow.histories.promises import Broken, Promises
from workflow.histories.release_acts import ReleaseActs
from workflow.histories.release_books import ReleaseBooks
from workflow.histories.story import Step
from workflow.histories.views import first_difference, of_books, of_ledger
from workflow.ledger.ledger import Ledger
from workflow.review_policy import ReviewPolicy
from workflow.site import Site


class Play(DeskActs, ReleaseActs):
    """One history on one site."""

    def __init__(self, template: Template, site: Site, profile: str) -> None:
        """Open the site."""
        self.template = template
        self.site = site
        self.clock = StillClock()
        self.books = ReleaseBooks(profile, self.clock)
        self.books.versions = {subject: [BEGAN - timedelta(days=1)] for subject in SUBJECTS}
        self.policy = ReviewPolicy(profile)
        self.promises = Promises(site)
        self.crash, self.crash_at = "", 0
        self.act = ""
        self.crashes = 0
        self.open()
        with self.ledger.read() as connection:
            acts = connection.exec_driver_sql("SELECT act, account FROM signatures").all()
        for act, account in acts:
            self.books.sign(account, act, "envelope")

    def open(self) -> None:
        """Open the ledger, as a process does that starts."""
        self.ledger: Ledger = self.template.ledger(self.site, self.clock)

    def close(self) -> None:
        """Close it."""
        self.ledger.close()

    def step(self, step: Step) -> None:
        """Play one step, and ask the promises.

        Raises:
            Broken: the record is not what the naive model says, or a promise does not hold.
        """
        self.clock.move(timedelta(minutes=1))
        self.act, self.crash, self.crash_at = step.act, step.crash, step.at
        self.books.snapshots, self.books.is_recording = [], bool(step.crash)
        if step.crash:
            self.books.commit()
        do: Callable[[tuple[int, int, int, int]], None] = getattr(self, f"do_{step.act}")
        do(step.picks)
        self.books.snapshots, self.books.is_recording = [], False
        self.promises.ask(self.ledger, self.books)

    def real(self, expected: bool, call: Callable[[], object]) -> None:
        """Do it for real, and compare whether it was done; or end it in the middle, and see what stands."""
        if self.crash == "kill":
            self._kill(expected, call)
        elif self.crash == "abort":
            self._abort(expected, call)
        else:
            self._compare(expected, self.done(call))

    def _compare(self, expected: bool, done: bool) -> None:
        if done is not expected:
            words = ("refused", "done")
            raise Broken(f"{self.act}: expected it to be {words[expected]}, and it was {words[done]}")

    def _abort(self, expected: bool, call: Callable[[], object]) -> None:
        try:
            with ended_at(self.crash_at, abort):
                done = self.done(call)
        except Aborted:
            self._find_what_stands()
        else:
            self._compare(expected, done)

    def _kill(self, expected: bool, call: Callable[[], object]) -> None:
        del expected

        def play() -> None:
            self.open()
            call()

        self.close()
        killed = killed_in(self.act, self.crash_at, play)
        self.open()
        if killed:
            self._find_what_stands()

    def _find_what_stands(self) -> None:
        """A crash leaves what one of the act's transactions left, never anything between (P6)."""
        self.crashes += 1
        with self.ledger.read() as connection:
            found = of_ledger(connection)
        kept = [books for books in self.books.snapshots if isinstance(books, ReleaseBooks)]
        words = ""
        for books in reversed(kept):
            words = first_difference(found, of_books(books))
            if not words:
                self.books = books
                self.close()
                self.open()
                return
        raise Broken(f"P6 {self.act} was ended in the middle and left neither before nor after: {words}")


def whole_life(play: Play, steps: Sequence[Step]) -> int:
    """Play every step, then walk the whole record, and take everything out of force again; return the steps.

    Raises:
        Broken: with the number of the step in front of its words.
    """
    for number, step in enumerate(steps, start=1):
        try:
            play.step(step)
        except Exception as error:
            raise Broken(f"step {number} ({step}): {_words(error)}") from error
    try:
        play.promises.ask_whole(play.ledger)
        taken = _take_all_out(play)
    except Exception as error:
        raise Broken(f"after step {len(steps)}: {_words(error)}") from error
    return len(steps) + taken


def _words(error: Exception) -> str:
    """What was broken; an error that nobody foresaw is a finding like any other."""
    return str(error) if isinstance(error, Broken) else f"{type(error).__name__}: {error}"


def _take_all_out(play: Play) -> int:
    """P5: whatever is in force can be taken out, batch by batch, and the empty memory is what remains."""
    taken = 0
    for batch in sorted(play.books.batches, reverse=True):
        if any(play.books.edits[edit].batch == batch for edit in play.books.live.rows):
            play.step(Step("roll_back", (play.books.batches[batch].ordinal - 1, 1, 0, 1)))
            taken += 1
    empty = ReleaseBooks(play.books.profile, play.clock).live.digest
    if play.books.live.digest != empty or play.books.live.rows:
        raise Broken(f"P5 everything was rolled back, and the digest is not that of nothing on {IDENTITY}")
    return taken
