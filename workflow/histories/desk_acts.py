"""What people do at the review desk, each act once on the naive model and once on the real code."""

from __future__ import annotations

from datetime import timedelta

from workflow.change_control.expedite import ask_expedite
from workflow.histories.acting import Picks, Stage
from workflow.histories.facts import Fact, Mark
from workflow.histories.paper_site import DOSES, PIN, SUBJECTS, make_fact, put_version
from workflow.histories.paper_steps import PaperSteps, rehearse_on_paper
from workflow.histories.picking import account, person, pick
from workflow.ledger.case_file import read_case_file
from workflow.ledger.claims import claim
from workflow.ledger.fixing import candidate_again, fixed_candidate, insert_candidate
from workflow.ledger.marks import list_marks, save_mark
from workflow.ledger.signing import settle, sign_marks
from workflow.ledger.taking_back import reopen, undo_step
from workflow.records import Candidate, Risk, Verdict
from workflow.review_policy import Choice

_VERDICTS = (
    Verdict.APPROVE,
    Verdict.APPROVE,
    Verdict.REJECT,
    Verdict.APPROVE,
    Verdict.DEFER,
    Verdict.APPROVE,
    Verdict.CLOSE,
    Verdict.FIX_AND_APPROVE,
    Verdict.APPROVE,
)
_STALE = "0" * 64
_LOOKED = "looked at again"
_LONG_AGO = timedelta(days=30)


class DeskActs(Stage):
    """The acts of reviewers."""

    def do_propose(self, picks: Picks) -> None:
        """A fact is proposed."""
        subject, dose = SUBJECTS[picks[0] % len(SUBJECTS)], DOSES[picks[1] % len(DOSES)]
        version = len(self.books.versions[subject])
        body = make_fact(subject, dose, (Risk.LOW, Risk.HIGH)[picks[2] % 2], version=version)
        made = self.books.propose(body, version)
        self.books.commit()

        def insert() -> bool:
            with self.ledger.write() as transaction:
                insert_candidate(transaction, body, run_id="r1", change_id=None, actor="night")
            return True

        self.real(made, insert)

    def do_rehearse(self, picks: Picks) -> None:
        """The model is asked what it would say of a fact; now and then it says something else than before."""
        waiting = [n for n, f in self.books.facts.items() if f.state not in ("batched", "closed", "rejected")]
        name = pick(waiting, picks[0])
        if name is None:
            return
        fact = self.books.facts[name]
        wording = fact.wording + 1 if not fact.wording or picks[1] % 3 == 0 else fact.wording
        self.books.rehearse(name, wording)
        self.real(True, lambda: rehearse_on_paper(self.ledger, fact.body, wording))

    def do_mark(self, picks: Picks) -> None:
        """Somebody chooses, and does not sign yet."""
        name, who = pick(list(self.books.facts), picks[0]), person(picks[1])
        if name is not None:
            mark = self._choice(self.books.facts[name], picks)
            shown = self._shown(name, stale=mark.wording < 0)
            self.real(self.books.mark(who, name, mark), lambda: self._save(name, who, mark, shown))

    def do_decide(self, picks: Picks) -> None:
        """Somebody chooses and signs."""
        name, who = pick(list(self.books.facts), picks[0]), person(picks[1])
        if name is None:
            return
        mark = self._choice(self.books.facts[name], picks)
        fixed = self._fixed(self.books.facts[name], mark, who)
        shown = self._shown(name, stale=mark.wording < 0)
        taken = self.books.mark(who, name, mark)
        done = taken and self.books.pin(who, right=True) and self.books.decide(who, name, mark, fixed)
        self.books.commit()
        self.real(done, lambda: self._save(name, who, mark, shown) and self._sign(who, [name]))

    def do_sign(self, picks: Picks) -> None:
        """Somebody signs everything that they marked."""
        who = person(picks[0])
        self.real(self._sign_in_books(who), lambda: self._sign(who, None))

    def _sign_in_books(self, who: str) -> bool:
        if not self.books.pin(who, right=True):
            return False
        made = [(name, mark, self._fixed(self.books.facts[name], mark, who)) for name, mark in self.books.marks_of(who)]
        done = [self.books.decide(who, name, mark, fixed) for name, mark, fixed in made]
        self.books.commit()
        return any(done)

    def do_wrong_pin(self, picks: Picks) -> None:
        """Somebody mistypes their PIN."""
        who = person(picks[0])
        self.books.pin(who, right=False)
        self.real(False, lambda: sign_marks(self.ledger, self.policy, who, [], pin="wrong"))

    def do_clock_back(self, picks: Picks) -> None:
        """The clock was set back: nothing is signed, and nothing goes live."""
        who, batch = person(picks[0]), pick(list(self.books.batches), picks[1])
        self.clock.move(-_LONG_AGO)
        self.books.pin(who, right=True)
        if batch is not None:
            self.books.promote(batch, clock_is_behind=True)

        def both() -> bool:
            signed = self.done(lambda: self._sign(who, None))
            return signed or (
                batch is not None and self.done(lambda: self.promoted(PaperSteps(self.site, self.ledger), batch))
            )

        try:
            self.real(False, both)
        finally:
            self.clock.move(_LONG_AGO)

    def do_undo(self, picks: Picks) -> None:
        """Somebody takes their last step back."""
        who = person(picks[0])
        self.real(self.books.undo(who), lambda: undo_step(self.ledger, self.policy, who).candidate_ids)

    def do_reopen(self, picks: Picks) -> None:
        """Somebody puts back what is over."""
        over = [n for n, f in self.books.facts.items() if f.state not in ("proposed", "pending")]
        if picks[3] % 3 == 2:  # rather often what was an edit once
            over = [name for name in over if self.books.edit_of(name)[1] in ("ejected", "withdrawn")] or over
        name, who = pick(over, picks[0]), person(picks[1])
        if name is not None:
            edit, state = self.books.edit_of(name)
            body, by = self.books.facts[name].body, f"{who.title()} Person"
            done = self.books.reopen(name, candidate_again(body, edit, state, by=by, reason=_LOOKED))
            self.real(done, lambda: not reopen(self.ledger, name, reviewer_id=who, reason=_LOOKED))

    def do_claim(self, picks: Picks) -> None:
        """Somebody works on something now."""
        name, who, take_over = pick(list(self.books.facts), picks[0]), person(picks[1]), picks[2] % 2 == 0
        if name is not None:
            self.books.claim(who, name, take_over=take_over)
            lasts = timedelta(minutes=20)
            self.real(True, lambda: claim(self.ledger, name, who, lasts=lasts, take_over=take_over))

    def do_settle(self, _picks: Picks) -> None:
        """Somebody looks at the queue."""
        self.books.settle()
        self.real(True, lambda: settle(self.ledger, self.policy) or True)

    def do_new_version(self, picks: Picks) -> None:
        """A source publishes a new version of a label."""
        subject = SUBJECTS[picks[0] % len(SUBJECTS)]
        self.books.versions[subject].append(self.books.now)
        self.books.commit()
        version = len(self.books.versions[subject])
        self.real(True, lambda: put_version(self.site, self.ledger, subject, version))

    def do_expedite(self, picks: Picks) -> None:
        """Somebody asks for haste."""
        name, who = pick(list(self.books.facts), picks[0]), account(picks[1])
        if name is not None:
            done = self.books.expedite(who, name)
            self.real(done, lambda: ask_expedite(self.ledger, name, reason="at once", account=who))

    def do_days(self, picks: Picks) -> None:
        """Days go by, and somebody looks at the queue."""
        self.clock.move(timedelta(days=1 + picks[0] % 8))
        self.do_settle(picks)

    def do_restart(self, _picks: Picks) -> None:
        """The process ends and another one starts."""
        self.close()
        self.site.open_ledger(clock=self.clock).close()
        self.open()

    def _choice(self, fact: Fact, picks: Picks) -> Mark:
        verdict = _VERDICTS[picks[2] % len(_VERDICTS)]
        fixed = f"{DOSES[picks[3] % len(DOSES)]} mg" if verdict is Verdict.FIX_AND_APPROVE else ""
        wording = -1 if picks[3] % 17 == 3 else fact.wording
        return Mark(verdict, wording, fixed, picks[3] % 11 != 1, "" if picks[3] % 7 == 2 else "wrong_object")

    def _fixed(self, fact: Fact, mark: Mark, who: str) -> Candidate | None:
        if mark.verdict != Verdict.FIX_AND_APPROVE:
            return None
        return fixed_candidate(fact.body, mark.fixed, by=f"{who.title()} Person")

    def _shown(self, name: str, *, stale: bool) -> str:
        with self.ledger.read() as connection:
            return _STALE if stale else read_case_file(connection, name).shown_sha256

    def _save(self, name: str, who: str, mark: Mark, shown: str) -> bool:
        choice = Choice(who, Verdict(mark.verdict), shown, mark.seen, mark.reason, "", mark.fixed or None)
        return not save_mark(self.ledger, self.policy, name, choice)

    def _sign(self, who: str, names: list[str] | None) -> bool:
        with self.ledger.read() as connection:
            marks = list_marks(connection, who)
        ids = [mark.mark_id for mark in marks if names is None or mark.candidate_id in names]
        return bool(sign_marks(self.ledger, self.policy, who, ids, pin=PIN).signed)
