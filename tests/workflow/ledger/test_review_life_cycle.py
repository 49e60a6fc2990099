"""Any history of marks, signatures, fixes, new rehearsals and new conflicts, against a model that keeps its own books.

What must hold after each step: a candidate is approved exactly when as many distinct people as its risk asks for
signed what is on record now, knowing all that stands against it. And at the end: no acknowledged signature was lost,
the audit chain verifies, and the signatures agree with it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.workflow.ledger.made_ledgers import (
    PEOPLE,
    create_desk,
    decision_ids,
    make_candidate,
    put_candidate,
    rehearse,
)
from workflow.ledger import audit
from workflow.ledger.case_file import read_case_file
from workflow.ledger.ledger import Ledger
from workflow.ledger.signing import verify_decisions, void_outdated
from workflow.records import CandidateState, Risk, Verdict

ENDED = (CandidateState.REJECTED, CandidateState.CLOSED)
ACTS = ("propose", "approve", "approve", "approve", "mark", "mark", "sign", "rehearse", "change", "reopen")


@dataclass(frozen=True)
class Step:
    """One thing that somebody does; ``which`` chooses among the candidates there are."""

    act: str
    person: str
    which: int
    verdict: Verdict
    quote_seen: bool


steps = st.builds(
    Step,
    act=st.sampled_from(ACTS),
    person=st.sampled_from(PEOPLE),
    which=st.integers(0, 5),
    verdict=st.sampled_from(Verdict),
    quote_seen=st.booleans(),
)


@dataclass
class Book:
    """What the test itself knows of one candidate."""

    risk: Risk
    subject: str
    object_new: str
    answer: str
    releases: int = 0
    ended: bool = False
    approvals: dict[str, tuple[str, frozenset[str]]] = field(default_factory=dict)
    """By person: the answer they saw, and the rivals they knew."""


class Review:
    """A two-signer site where every person does anything at any time."""

    def __init__(self, folder: Path) -> None:
        self.desk = create_desk(folder)
        self.books: dict[str, Book] = {}
        self.marked: dict[tuple[str, str], Verdict] = {}
        self.signatures = 0
        self.objects = 0

    def play(self, step: Step) -> None:
        """Do one step."""
        name = sorted(self.books)[step.which % len(self.books)] if self.books else ""
        if step.act == "propose" or not name:
            self.propose(("zolpidem", "warfarin")[step.which % 2], Risk.HIGH if step.quote_seen else Risk.LOW)
        elif step.act == "approve":
            self.mark(step.person, name, Verdict.APPROVE)
            self.sign(step.person)
        elif step.act == "mark":
            self.mark(step.person, name, step.verdict, quote_seen=step.quote_seen)
        elif step.act == "sign":
            self.sign(step.person)
        elif step.act == "reopen":
            self.desk.ledger.close()
            self.desk.ledger = Ledger.open(self.desk.ledger.path, clock=self.desk.ledger.clock)
        else:
            self.rehearse_again(name, changes=step.act == "change")
        with self.desk.ledger.write() as transaction:
            void_outdated(transaction, self.desk.policy)

    def rivals(self, name: str) -> frozenset[str]:
        """Name the open candidates that say something else of the same fact."""
        book = self.books[name]
        return frozenset(
            other
            for other, its in self.books.items()
            if other != name and its.subject == book.subject and its.object_new != book.object_new and not its.ended
        )

    def required(self, name: str) -> int:
        """Count the people that a candidate asks for."""
        return 2 if self.books[name].risk is Risk.HIGH or self.rivals(name) else 1

    def standing(self, name: str) -> set[str]:
        """Name the people whose approval holds."""
        book = self.books[name]
        return {
            person
            for person, (answer, known) in book.approvals.items()
            if answer == book.answer and self.rivals(name) <= known
        }

    def propose(self, subject: str, risk: Risk) -> None:
        """A night brings a candidate, maybe against others."""
        if sum(not book.ended for book in self.books.values()) >= 4:
            return
        self.objects += 1
        candidate = make_candidate(subject, f"{self.objects} mg", risk=risk)
        name = put_candidate(self.desk, candidate)
        self.books[name] = Book(risk, subject, candidate.object_new, answer=f"It is {candidate.object_new}.")

    def mark(self, person: str, name: str, verdict: Verdict, *, quote_seen: bool = True) -> None:
        """Somebody marks something; the rules may refuse it."""
        self.objects += 1
        if self.desk.mark(person, name, verdict, fixed=f"{self.objects} mg", quote_seen=quote_seen) == ():
            self.marked[person, name] = verdict

    def sign(self, person: str) -> None:
        """Somebody signs all they marked."""
        known = {name: self.rivals(name) for name in self.books}  # not what a fix in this very sitting makes
        result = self.desk.sign(person)
        made = list(result.made)
        for name in result.signed:
            book, verdict = self.books[name], self.marked.pop((person, name))
            self.signatures += 1
            book.approvals.pop(person, None)
            if verdict is Verdict.APPROVE:
                book.approvals[person] = (book.answer, known[name])
            if verdict in (Verdict.REJECT, Verdict.FIX_AND_APPROVE):
                book.ended = True
            if verdict is Verdict.FIX_AND_APPROVE:
                self.note_fix(book, made.pop(0))

    def note_fix(self, book: Book, name: str) -> None:
        """Enter the candidate that a fix made, and rehearse it."""
        rehearse(self.desk, name)
        with self.desk.ledger.read() as connection:
            fixed = read_case_file(connection, name).candidate.object_new
        self.books[name] = Book(book.risk, book.subject, fixed, answer=f"It is {fixed}.")

    def rehearse_again(self, name: str, *, changes: bool) -> None:
        """A new release: the model would say the same, or something else."""
        book = self.books[name]
        book.releases += 1
        if changes:
            book.answer = f"{book.object_new}, says release {book.releases}"
        rehearse(self.desk, name, answer=book.answer, release_id=book.releases)

    def check_states(self) -> None:
        """Compare every state with the books."""
        for name, book in self.books.items():
            state = self.desk.state(name)
            if book.ended:
                assert state in ENDED
                continue
            given, asked = len(self.standing(name)), self.required(name)
            waiting = CandidateState.AWAITING_SECOND if given else CandidateState.PENDING
            expected = CandidateState.APPROVED if given >= asked else waiting
            assert state in (expected, CandidateState.DEFERRED), (name, given, asked)
            assert state is not CandidateState.APPROVED or given >= asked

    def check_records(self) -> None:
        """Count the decisions, and verify chain and binding."""
        assert len(decision_ids(self.desk.ledger)) == self.signatures
        with self.desk.ledger.read() as connection:
            assert audit.verify(connection).ok
            assert verify_decisions(connection) == ()


@contextmanager
def review() -> Iterator[Review]:
    """Open a fresh site, and throw it away afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        site = Review(Path(folder) / "site")
        yield site
        site.desk.ledger.close()


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(history=st.lists(steps, min_size=15, max_size=30))
def test_approved_means_signed_by_enough_people_and_nothing_signed_is_lost(history: list[Step]) -> None:
    with review() as site:
        site.propose("zolpidem", Risk.HIGH)
        site.propose("warfarin", Risk.LOW)
        for step in history:
            site.play(step)
            site.check_states()
        site.check_records()
