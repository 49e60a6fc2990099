"""The naive model of what is in force, and how all of it is undone: rollbacks, their undoing, withdrawals, stops."""

from __future__ import annotations

from collections.abc import Sequence

from workflow.histories.batch_books import BatchBooks
from workflow.histories.facts import RIVALLING, Fact
from workflow.histories.paper_site import PEOPLE
from workflow.histories.releases_on_paper import holds
from workflow.records import Action, Candidate, Risk

_AGAIN = "answers again since the rollback of {}: look at it before it is relied on"


class ReleaseBooks(BatchBooks):
    """What the naive model knows of all that is of record."""

    def roll_back(self, account: str, name: str, only: Sequence[str] = (), *, cause: str = "rollback") -> bool:
        """Take a batch, or edits of it, out; False where none of it is in force."""
        mine = [edit for edit in self.live.rows if self.edits[edit].batch == name]
        if not mine or not set(only) <= set(mine):
            return False
        gone = set(only) or set(mine)
        rows = {edit: row for edit, row in self.live.rows.items() if edit not in gone}
        check = "pending"
        if cause == "automatic_return":
            former = [one.check for one in self.releases if one.rows == rows]
            check = former[-1] if former else "pending"
        shadowed = self._answering_again(gone, rows)
        self._release(cause, check, rows, batch=name)
        for edit in gone:
            self.edits[edit].state = "withdrawn"
            self.facts[self.edits[edit].fact].state = "closed"
            self.facts[self.edits[edit].fact].why = "withdrawn"
        if not set(mine) - gone:
            self.batches[name].state = "rolled_back"
        for edit in shadowed if cause != "automatic_return" else ():
            self.propose_withdrawal(edit, _AGAIN.format(name))
        if cause == "rollback":
            self.sign(account, "roll_back", f"batch:{name}")
        self.commit()
        return True

    def _ordinal(self, edit: str) -> int:
        return self.batches[self.edits[edit].batch].ordinal

    def _key(self, edit: str) -> str:
        return self.facts[self.edits[edit].fact].key

    def _answering_again(self, gone: set[str], rows: dict[str, str]) -> list[str]:
        again = []
        for key in sorted({self._key(edit) for edit in gone}):
            stays = sorted((self._ordinal(edit), edit) for edit in rows if self._key(edit) == key)
            newest_gone = max(self._ordinal(edit) for edit in gone if self._key(edit) == key)
            if stays and stays[-1][0] < newest_gone:
                again.append(stays[-1][1])
        return again

    def propose_withdrawal(self, edit: str, why: str) -> str:
        """The withdrawal of an edit comes into the queue."""
        origin = self.facts[self.edits[edit].fact]
        body: Candidate = origin.body.model_copy(
            update={"action": Action.WITHDRAW, "withdraws": edit, "risk": Risk.LOW, "flags": (why,)}
        )
        self.propose(body, origin.version)
        return body.candidate_id

    def undo_rollback(self, account: str, release_id: int) -> bool:
        """Bring back what a rollback took out; False where it is refused.

        What people withdrew with their signatures since stays out.
        """
        undone = self.releases[release_id]
        if undone.cause not in ("rollback", "automatic_return") or undone.parent is None:
            return False
        left = set(self.releases[undone.parent].rows) - set(undone.rows)
        for number in range(release_id + 1, len(self.releases)):
            if self.releases[number].cause == "withdrawal":
                left -= set(self.releases[number - 1].rows) - set(self.releases[number].rows)
        coming = {edit: self.releases[undone.parent].rows[edit] for edit in left if edit not in self.live.rows}
        if not coming or not all(self.is_signed(self.facts[self.edits[edit].fact]) for edit in coming):
            return False
        if not holds(account, "release_manager"):
            return False
        hidden = [
            edit
            for edit in self.live.rows
            if any(self._key(one) == self._key(edit) and self._ordinal(one) > self._ordinal(edit) for one in coming)
        ]
        self.sign(account, "undo_rollback", f"release:{release_id}")
        self._release("undone_rollback", "pending", {**self.live.rows, **coming})
        for edit in coming:
            self.edits[edit].state = "live"
            self.facts[self.edits[edit].fact].state = "batched"
            batch = self.batches[self.edits[edit].batch]
            batch.state = "promoted" if batch.state == "rolled_back" else batch.state
        for fact in self.facts.values():
            is_again = bool(fact.body.flags) and fact.body.flags[0].startswith("answers again")
            if fact.body.withdraws in hidden and is_again and fact.state in RIVALLING:
                fact.state, fact.why = "closed", "a newer fact answers again"
        self.commit()
        return True

    def withdraw(self) -> None:
        """The night carries out the withdrawals that were signed."""
        self.void()
        self.commit()
        found = [(f.created, name) for name, f in self.facts.items() if not f.is_edit and f.state == "approved"]
        for _, name in sorted(found):
            self._withdraw(self.facts[name])

    def _withdraw(self, fact: Fact) -> None:
        edit = fact.body.withdraws or ""
        done = edit in self.live.rows
        if done:
            self.roll_back("night", self.edits[edit].batch, [edit], cause="withdrawal")
        fact.state = "closed"
        fact.why = f"done in release {self.live_id}" if done else "not in force"
        self.commit()

    def send_back(self, name: str) -> None:
        """The live model says something else than the gate heard: the batch goes back by itself."""
        self.roll_back("night", name, cause="automatic_return")

    def note_check(self, outcome: str) -> None:
        """The check of what is live came out."""
        self.live.check = outcome
        self.commit()

    def stop(self, account: str, *, stopped: bool) -> bool:
        """Stop serving, or lift the stop; False where it is refused."""
        if self.stopped is stopped or not (stopped or holds(account, "release_manager")):
            return False
        self.stopped = stopped
        self.sign(account, "stop" if stopped else "start", f"release:{self.live_id}")
        self.commit()
        return True

    def sign_envelope(self, account: str) -> bool:
        """Somebody signs the file as it stands; False where they did."""
        if account not in PEOPLE or account in self.envelope.signed:
            return False
        self.envelope.signed.append(account)
        self.sign(account, "sign_envelope", "envelope")
        self.commit()
        return True
