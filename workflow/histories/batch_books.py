"""The naive model of batches on their way to the live memory: made, staged, gated, ordered, promoted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from workflow.histories.desk_books import DeskBooks
from workflow.histories.facts import RIVALLING, MadeEdit
from workflow.histories.paper_site import PEOPLE, StillClock
from workflow.histories.paper_steps import row_sha256
from workflow.histories.releases_on_paper import BY_ENVELOPE, UNPROMOTED, Batch, Envelope, Release, Signed, holds


class BatchBooks(DeskBooks):
    """What the naive model knows of batches, and which releases there are."""

    def __init__(self, profile: str, clock: StillClock) -> None:
        """Begin with the empty memory live, and an envelope that holds."""
        super().__init__(profile, clock)
        self.batches: dict[str, Batch] = {}
        self.releases = [Release("initial", None, "passed", {}, clock.now)]
        self.stopped = False
        self.acts: list[Signed] = []
        self.envelope = Envelope(1, ["ada", "dan"] if profile == "two_signer" else ["dan"])

    @property
    def live(self) -> Release:
        """What is served."""
        return self.releases[-1]

    @property
    def live_id(self) -> int:
        """Its number."""
        return len(self.releases) - 1

    def edits_of(self, batch: str, *states: str) -> list[str]:
        """Names of a batch's edits in these states, in order."""
        return sorted(name for name, edit in self.edits.items() if edit.batch == batch and edit.state in states)

    def sign(self, account: str, act: str, subject: str) -> None:
        """Note an act, where a person did it."""
        if account in PEOPLE:
            self.acts.append(Signed(act, subject, account))

    def expedite(self, account: str, name: str) -> bool:
        """Somebody asks for haste; False where it is refused."""
        fact = self.facts[name]
        if not fact.is_hasty:
            if not fact.is_edit or fact.state not in RIVALLING or not holds(account, "reviewer", "release_manager"):
                return False
            fact.is_hasty = True
            self.sign(account, "expedite", f"candidate:{name}")
        self.commit()
        return True

    def approved(self) -> list[str]:
        """Facts that may become edits, oldest first."""
        found = [(fact.created, name) for name, fact in self.facts.items() if fact.is_edit and fact.state == "approved"]
        return [name for _, name in sorted(found)]

    def make_batch(self, account: str, names: Sequence[str], *, by_hand: bool, is_hasty: bool = False) -> str:
        """Make a batch of what is approved; empty where nothing is, or it is refused."""
        before = {name: (fact.state, fact.why) for name, fact in self.facts.items()}
        self.void()
        approved = self.approved()
        if not set(names) <= set(approved):
            self._as_before(before)
            return ""
        chosen = list(names) or approved
        if not chosen:
            self.commit()
            return ""
        if by_hand and not holds(account, "release_manager", "service"):
            self._as_before(before)
            return ""
        ordinal = len(self.batches) + 1
        batch = f"b{ordinal:04d}"
        self.batches[batch] = Batch("open", ordinal, is_hasty=is_hasty)
        for name in chosen:
            self.facts[name].state = "batched"
            edit = f"e-{self.facts[name].body.content_sha256[:10]}"
            self.edits[edit] = MadeEdit(name, batch, "in_batch", self.now)
        if by_hand:
            self.sign(account, "create_batch", f"batch:{batch}")
        self.commit()
        return batch

    def _as_before(self, before: dict[str, tuple[str, str]]) -> None:
        for name, (state, why) in before.items():
            self.facts[name].state, self.facts[name].why = state, why

    def night_batches(self) -> None:
        """The night makes batches: what is hasty alone, the rest together."""
        self.void()
        self.commit()
        approved = self.approved()
        hasty = [name for name in approved if self.facts[name].is_hasty]
        rest = [name for name in approved if name not in hasty]
        for names, is_hasty in (*(([name], True) for name in hasty), (rest, False)):
            self.void()
            self.commit()
            if still := [name for name in names if self.facts[name].state == "approved"]:
                self.make_batch("night", still, by_hand=False, is_hasty=is_hasty)

    def cancel(self, account: str, name: str) -> bool:
        """Somebody ends a batch; False where it is refused."""
        batch = self.batches[name]
        left = self.edits_of(name, "in_batch")
        is_stuck = batch.state == "refused" and bool(left)
        if not holds(account, "release_manager") or not (batch.state in UNPROMOTED or is_stuck):
            return False
        for edit in left:
            self.edits[edit].state = "cancelled"
            self.facts[self.edits[edit].fact].state = "approved"
        batch.state = "cancelled"
        self.sign(account, "cancel_batch", f"batch:{name}")
        self.void()
        self.commit()
        return True

    def stage(self, name: str) -> None:
        """The worker writes the shard."""
        if self.batches[name].state == "open":
            self.batches[name].state = "staged"
            self.commit()

    def gate(self, name: str, finding: str, ejects: Sequence[str], *, automatic: bool) -> None:
        """The worker judges a batch that waits for it."""
        batch = self.batches[name]
        if batch.state == "passed" and batch.gated_on != self.live_id:
            batch.state, batch.ordered_by = "staged", ""
            self.commit()
        if batch.state == "staged":
            for edit in ejects:
                self.edits[edit].state = "ejected"
                self.facts[self.edits[edit].fact].state = "closed"
            left = self.edits_of(name, "in_batch")
            batch.state = {"pass": "passed", "hold": "held", "refuse": "refused"}[finding] if left else "refused"
            batch.gated_on = self.live_id
            held = {self.facts[self.edits[edit].fact].key for edit in self.live.rows}
            batch.supersedes = any(self.facts[self.edits[edit].fact].key in held for edit in left)
            self.commit()
            if automatic:
                self.consider(name)

    def consider(self, name: str) -> None:
        """The night orders what lies inside the envelope."""
        batch = self.batches[name]
        if batch.state == "passed" and not batch.ordered_by and self.is_inside(name):
            batch.ordered_by = f"{BY_ENVELOPE} {self.envelope.version}"
            self.commit()

    def is_inside(self, name: str) -> bool:
        """Whether the envelope allows a batch to go live by itself."""
        batch, edits = self.batches[name], self.edits_of(name, "in_batch", "live")
        signed = set(self.envelope.signed)
        required = 1 if self.profile == "one_signer" else 2
        is_signed = len(signed) >= required and any(holds(one, "release_manager") for one in signed)
        is_low = all(self.facts[self.edits[edit].fact].body.risk == "low" for edit in edits)
        since = self.now - timedelta(hours=24)
        tonight = [
            edit
            for release in self.releases
            if release.cause == "promotion" and release.order.startswith(BY_ENVELOPE) and release.at >= since
            for edit, made in self.edits.items()
            if made.batch == release.batch and made.state != "ejected"
        ]
        fits = len(edits) <= 2 and len(tonight) + len(edits) <= 4 and not self.edits_of(name, "ejected")
        return is_signed and is_low and fits and not batch.supersedes and not batch.is_hasty

    def check(self, name: str) -> bool:
        """Somebody sends a batch through the gate again; False where it never was there."""
        batch = self.batches[name]
        if batch.state not in ("held", "passed", "staged"):
            return False
        batch.state, batch.ordered_by = "staged", ""
        self.commit()
        return True

    def order(self, account: str, name: str) -> bool:
        """Somebody orders a promotion; False where it is refused."""
        if not holds(account, "release_manager") or self.batches[name].state != "passed":
            return False
        self.batches[name].ordered_by = account
        self.sign(account, "promote", f"batch:{name}")
        self.commit()
        return True

    def take_back_order(self, name: str) -> bool:
        """Somebody takes an order back; False where there is none."""
        batch = self.batches[name]
        if batch.state != "passed" or not batch.ordered_by:
            return False
        batch.ordered_by = ""
        self.commit()
        return True

    def promote(self, name: str, *, clock_is_behind: bool = False) -> bool:
        """The worker carries an order out; False where it is refused, or holds the batch."""
        batch = self.batches[name]
        if batch.state != "passed" or not batch.ordered_by:
            return False
        if batch.ordered_by.startswith(BY_ENVELOPE) and (
            batch.ordered_by != f"{BY_ENVELOPE} {self.envelope.version}" or not self.is_inside(name)
        ):
            batch.ordered_by = ""
            self.commit()
            return False
        edits = self.edits_of(name, "in_batch")
        if not all(self.is_signed(self.facts[self.edits[edit].fact]) for edit in edits):
            batch.state, batch.ordered_by = "held", ""
            self.commit()
            return False
        if batch.gated_on != self.live_id or clock_is_behind:
            return False
        rows = {**self.live.rows, **{edit: row_sha256(edit, batch.ordinal) for edit in edits}}
        self._release("promotion", "passed", rows, batch=name, order=batch.ordered_by)
        batch.state = "promoted"
        for edit in edits:
            self.edits[edit].state = "live"
        self.commit()
        return True

    def _release(self, cause: str, check: str, rows: dict[str, str], *, batch: str = "", order: str = "") -> None:
        self.releases.append(Release(cause, self.live_id, check, rows, self.now, batch, order))
