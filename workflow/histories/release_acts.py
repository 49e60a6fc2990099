"""What people, the night and the worker do with batches and releases, on the naive model and on the real code."""

from __future__ import annotations

from workflow.change_control.batch_policy import create_batches
from workflow.change_control.batches import create_batch
from workflow.change_control.cancelling import cancel_batch
from workflow.change_control.ordering import order_check, order_promotion, take_back_promotion
from workflow.change_control.proposals import propose_withdrawal
from workflow.change_control.read_back import send_back
from workflow.change_control.release import read_live, release_edits, set_check_state
from workflow.change_control.rollback import roll_back
from workflow.change_control.serving import start, stop
from workflow.change_control.undo_rollback import undo_rollback
from workflow.change_control.withdrawals import carry_out_withdrawals
from workflow.histories.acting import Picks, Stage
from workflow.histories.paper_site import sign_the_envelope, write_envelope
from workflow.histories.paper_steps import PaperSteps
from workflow.histories.picking import account, person, pick
from workflow.records import GateVerdict

_FINDINGS = ("pass", "pass", "hold", "eject", "pass", "refuse", "pass", "pass", "eject")
_NOT_SO = ("rollback", "automatic_return")


class ReleaseActs(Stage):
    """The acts of change control."""

    def do_batch(self, picks: Picks) -> None:
        """Somebody makes a batch by hand, of everything approved or of one fact by name."""
        who, name = account(picks[1]), pick(list(self.books.facts), picks[0])
        names = [] if name is None or picks[2] % 2 else [name]
        made = self.books.make_batch(who, names, by_hand=True)
        self.real(
            bool(made),
            lambda: create_batch(self.ledger, actor=who, note="by hand", candidate_ids=names, by_hand=True) is not None,
        )

    def do_night_batches(self, _picks: Picks) -> None:
        """The night makes batches by the site's policy."""
        self.books.night_batches()
        policy = self.site.settings.batch
        self.real(True, lambda: (create_batches(self.ledger, policy, actor="night", note="night"), True))

    def _batch(self, which: int, *states: str) -> str | None:
        """A batch, rather one of these states where there is one and the number does not say otherwise."""
        every = list(self.books.batches)
        fitting = [name for name in every if self.books.batches[name].state in states]
        return pick(every if which % 8 == 1 or not fitting else fitting, which)

    def do_cancel(self, picks: Picks) -> None:
        """Somebody ends a batch; rather often one that its gate refused whole."""
        name, who = self._batch(picks[0], "open", "held", "passed", "refused"), account(picks[1])
        if picks[3] % 3 == 2:
            every = self.books.batches
            stuck = [one for one in every if every[one].state == "refused" and self.books.edits_of(one, "in_batch")]
            name, who = pick(stuck, picks[0]) or name, "dan"
        if name is not None:
            done = self.books.cancel(who, name)
            self.real(done, lambda: cancel_batch(self.ledger, name, reason="not now", account=who))

    def do_stage(self, picks: Picks) -> None:
        """The worker writes a shard."""
        name = self._batch(picks[0], "open")
        if name is not None:
            self.books.stage(name)
            self.real(True, lambda: PaperSteps(self.site, self.ledger).stage(name))

    def do_gate(self, picks: Picks) -> None:
        """The worker judges a batch."""
        name = self._batch(picks[0], "staged")
        if name is None:
            return
        found = _FINDINGS[picks[1] % len(_FINDINGS)]
        edits = self.books.edits_of(name, "in_batch")
        out = edits[:1] if found == "eject" else []
        verdict = GateVerdict.PASS if found == "eject" else GateVerdict(found)
        automatic = picks[2] % 2 == 0
        self.books.gate(name, verdict, out, automatic=automatic)

        def judge() -> bool:
            steps = PaperSteps(self.site, self.ledger, finding=verdict, ejects=out, automatic=automatic)
            steps.gate(name)
            return True

        self.real(True, judge)

    def do_check(self, picks: Picks) -> None:
        """Somebody sends a batch through the gate again."""
        name, who = self._batch(picks[0], "passed", "held"), account(picks[1])
        if name is not None:
            self.real(self.books.check(name), lambda: order_check(self.ledger, name, actor=who))

    def do_order(self, picks: Picks) -> None:
        """Somebody orders a promotion."""
        name, who = self._batch(picks[0], "passed"), account(picks[1])
        if name is not None:
            self.real(self.books.order(who, name), lambda: order_promotion(self.ledger, name, actor=who))

    def do_take_back_order(self, picks: Picks) -> None:
        """Somebody takes an order back."""
        name, who = self._batch(picks[0], "passed"), account(picks[1])
        if name is not None:
            done = self.books.take_back_order(name)
            self.real(done, lambda: take_back_promotion(self.ledger, name, actor=who))

    def do_promote(self, picks: Picks) -> None:
        """The worker carries an order out."""
        name = self._batch(picks[0], "passed")
        if name is not None:
            done = self.books.promote(name)
            self.real(done, lambda: self.promoted(PaperSteps(self.site, self.ledger), name))

    def do_read_back(self, picks: Picks) -> None:
        """The live model is asked; now and then it says something else than the gate heard."""
        name = self._batch(picks[0], "promoted")
        if name is None or self.books.batches[name].state != "promoted" or picks[1] % 2:
            return
        self.books.send_back(name)
        self.real(True, lambda: send_back(self.ledger, name, why="it says something else"))

    def do_roll_back(self, picks: Picks) -> None:
        """Somebody takes a batch, or one edit, out of force."""
        every = list(self.books.batches)
        name = pick(every, picks[0]) if picks[3] == 1 else self._batch(picks[0], "promoted")
        if name is None:
            return
        one = pick(sorted(self.books.live.rows if picks[1] % 13 == 5 else self.books.edits_of(name, "live")), picks[2])
        only = [one] if one is not None and picks[1] % 3 == 2 else []
        who = account(picks[3])
        done = self.books.roll_back(who, name, only)
        self.real(done, lambda: roll_back(self.ledger, name, only=only, reason="wrong", actor=who))

    def do_undo_rollback(self, picks: Picks) -> None:
        """Somebody brings back what a rollback took out."""
        numbers = [number for number, one in enumerate(self.books.releases) if one.cause in _NOT_SO]
        number = pick(numbers if numbers and picks[1] % 9 else list(range(len(self.books.releases))), picks[0])
        who = "dan" if picks[2] % 4 else account(picks[2])
        if number is not None:
            done = self.books.undo_rollback(who, number)
            self.real(done, lambda: undo_rollback(self.ledger, number, reason="it was right", account=who))

    def do_affected(self, picks: Picks) -> None:
        """A source was taken back: the withdrawal of a fact in force is proposed."""
        edit = pick(sorted(self.books.live.rows), picks[0])
        if edit is None:
            return
        why = f"its source was retracted ({picks[1] % 3})"
        self.books.propose_withdrawal(edit, why)
        self.books.commit()

        def propose() -> bool:
            with self.ledger.write() as transaction:
                live = read_live(transaction.connection)
                found = release_edits(transaction.connection, live.release_id if live else -1)
                name = propose_withdrawal(transaction, next(one for one in found if one.edit_id == edit), why=why)
                transaction.audit("withdrawal.proposed", f"candidate:{name}", {"edit": edit}, actor="night")
            return True

        self.real(True, propose)

    def do_withdraw(self, _picks: Picks) -> None:
        """The night carries out the withdrawals that were signed."""
        self.books.withdraw()
        self.real(True, lambda: (carry_out_withdrawals(self.ledger), True))

    def do_live_check(self, picks: Picks) -> None:
        """What is live was checked."""
        if self.books.live.check != "pending":
            return
        outcome, release = ("passed", "failed")[picks[0] % 2], self.books.live_id
        self.books.note_check(outcome)
        self.real(
            True,
            lambda: set_check_state(self.ledger, release, outcome, actor="night", detail={}),
        )

    def do_stop(self, picks: Picks) -> None:
        """Somebody stops serving."""
        who = account(picks[0])
        done = self.books.stop(who, stopped=True)
        self.real(done, lambda: stop(self.ledger, reason="wrong answers", actor=who))

    def do_start(self, picks: Picks) -> None:
        """Somebody lifts the stop."""
        who = account(picks[0])
        self.real(self.books.stop(who, stopped=False), lambda: start(self.ledger, actor=who))

    def do_envelope(self, picks: Picks) -> None:
        """Somebody changes the envelope, which takes its signatures away, or signs it."""
        if picks[0] % 3 == 0:
            self.books.envelope.version += 1
            self.books.envelope.signed = []
            write_envelope(self.site, self.books.envelope.version)
            return
        who = person(picks[1])
        is_new = who not in self.books.envelope.signed
        done = is_new and self.books.pin(who, right=True) and self.books.sign_envelope(who)
        self.real(done, lambda: sign_the_envelope(self.site, self.ledger, who))
