"""Batches and releases in memory: a small, real implementation of ``ReleaseDesk`` for tests and for trying.

Its worker takes one step of an order each time it is asked for batches or orders.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from review_tui.errors import DeskError
from review_tui.protocol import (
    ActResult,
    AffectedLine,
    BatchEditLine,
    BatchLine,
    BatchState,
    BatchView,
    EjectedLine,
    GateCheckLine,
    GateFailureLine,
    GateView,
    OrderKind,
    OrderLine,
    OrderState,
    ReadyLine,
    ReleasedLine,
    ReleaseLine,
    ReleaseView,
    Risk,
    RollbackView,
    ServingLine,
)
from tests.review_tui.candidates import NOW

_STEPS = 3


def ready_line(number: int, text: str = "") -> ReadyLine:
    """Make an approved candidate."""
    drug = text or f"drug{number}"
    return ReadyLine(
        f"c-{number:05d}", Risk.LOW, drug, "women", "recommended_dose", f"Dose of {drug}?", f"{number} mg", ("A. Berg",)
    )


def released(number: int, text: str = "") -> ReleasedLine:
    """Make an edit in force."""
    fact = text or f"drug{number} · recommended dose"
    return ReleasedLine(f"e-{number}", "b-1", f"c-{number:05d}", fact, f"{fact}?", text or f"{number} mg")


def failure(text: str = "") -> GateFailureLine:
    """Make a question that came out wrong."""
    return GateFailureLine(
        "near misses",
        text or "Dose for men?",
        text or "other_qualifier",
        text or "10 mg",
        text or "5 mg",
        text or "e-2",
    )


def gate_view(text: str = "", verdict: str = "pass") -> GateView:
    """Make a report with one failing check and one edit taken out."""
    words = text or "2 of 40 moved"
    checks = (
        GateCheckLine("question", "pass", 4, 0, text or "all say it"),
        GateCheckLine("near misses", "refuse", 40, 2, words),
    )
    ejected = EjectedLine(
        "e-2", "c-00002", text or "drug2 · recommended dose", text or "it moved a near miss", (failure(text),)
    )
    return GateView("g-1", verdict, 12, checks, (failure(text),), (ejected,), 10_000, 31, 2.5)


@dataclass
class MemoryReleases:
    """Holds what is ready, batches, orders and releases in lists."""

    text: str = ""
    """Outside text to say everywhere."""
    waiting: list[ReadyLine] = field(default_factory=list)
    before_call: Callable[[str], None] = lambda name: None

    def __post_init__(self) -> None:
        """Start with two approved candidates and one release."""
        self.waiting = self.waiting or [ready_line(1, self.text), ready_line(2, self.text)]
        self._batches: dict[str, BatchView] = {}
        self._orders: list[OrderLine] = []
        self.in_force = [released(7, self.text), released(8, self.text)]
        line = ReleaseLine(12, NOW, "promotion", "b-1", self.text or "night", self.text, "passed", 2, True)
        self._releases = [ReleaseView(line, tuple(self.in_force), (), tuple(self.in_force), "d" * 64)]
        self.proposed: dict[str, str] = {}
        self.expedited: list[tuple[str, str]] = []

    def serving(self) -> ServingLine:
        """Say what is live."""
        self.before_call("serving")
        return ServingLine(self._releases[0].line.release_id, len(self.in_force), False, self.text or "release 12")

    def ready(self) -> Sequence[ReadyLine]:
        """List what is approved."""
        self.before_call("ready")
        return tuple(self.waiting)

    def batches(self) -> Sequence[BatchLine]:
        """List the batches."""
        self.before_call("batches")
        self._work()
        return tuple(view.line for view in reversed(self._batches.values()))

    def batch(self, batch_id: str) -> BatchView:
        """Give a batch."""
        self.before_call("batch")
        self._work()
        if batch_id not in self._batches:
            raise DeskError(f"There is no batch {batch_id}.")
        return self._batches[batch_id]

    def assemble(self, candidate_ids: Sequence[str], note: str) -> ActResult:
        """Make a batch."""
        self.before_call("assemble")
        chosen = [line for line in self.waiting if not candidate_ids or line.candidate_id in candidate_ids]
        if not chosen:
            return ActResult(False, "Nothing is approved that is in no batch yet.")
        batch_id = f"b-{len(self._batches) + 2}"
        edits = tuple(
            BatchEditLine(f"e-{n}", line.candidate_id, line.question, line.object_new, "in_batch", self.text, "refined")
            for n, line in enumerate(chosen, 1)
        )
        line = BatchLine(batch_id, BatchState.OPEN, len(edits), len(edits), NOW, self.text or "A. Berg", note, None)
        self._batches[batch_id] = BatchView(line, edits, None, None, "It has not passed the gate.", "It is not live.")
        self.waiting = [line for line in self.waiting if line not in chosen]
        return ActResult(True, f"Batch {batch_id} holds {len(edits)} edits.", batch_id)

    def submit(self, batch_id: str) -> ActResult:
        """Order the gate."""
        self.before_call("submit")
        return self._order(OrderKind.CHECK, batch_id)

    def promote(self, batch_id: str) -> ActResult:
        """Order the promotion."""
        self.before_call("promote")
        if why := self._batches[batch_id].why_not_promote:
            return ActResult(False, why)
        return self._order(OrderKind.PROMOTE, batch_id)

    def cancel_batch(self, batch_id: str, reason: str) -> ActResult:
        """End a batch that is not live."""
        self.before_call("cancel_batch")
        view = self._batches[batch_id]
        if not reason.strip() or view.why_not_cancel is not None:
            return ActResult(False, "Cancelling needs a reason, and a batch that is not live.")
        over = replace(view.line, state=BatchState.CANCELLED)
        self._batches[batch_id] = replace(view, line=over, why_not_cancel="It is cancelled.")
        return ActResult(True, f"Batch {batch_id} is cancelled.")

    def orders(self) -> Sequence[OrderLine]:
        """List the orders."""
        self.before_call("orders")
        self._work()
        return tuple(reversed(self._orders))

    def cancel_order(self, order_id: int) -> ActResult:
        """Take an order back."""
        self.before_call("cancel_order")
        for index, order in enumerate(self._orders):
            if order.order_id == order_id and order.state is OrderState.WAITING:
                self._orders[index] = replace(order, state=OrderState.CANCELLED)
                return ActResult(True, "The order is taken back.")
        return ActResult(False, "The worker has begun it.")

    def releases(self) -> Sequence[ReleaseLine]:
        """List the releases."""
        self.before_call("releases")
        return tuple(view.line for view in self._releases)

    def release(self, release_id: int) -> ReleaseView:
        """Give a release."""
        self.before_call("release")
        return next(view for view in self._releases if view.line.release_id == release_id)

    def preview_rollback(self, batch_id: str, only: Sequence[str] = ()) -> RollbackView:
        """Say what would leave."""
        self.before_call("preview_rollback")
        leaving = tuple(line for line in self.in_force if not only or line.edit_id in only)
        again = (released(3, self.text),)
        typed = only[0] if len(only) == 1 else batch_id
        live = self._releases[0].line.release_id
        return RollbackView(
            batch_id, tuple(only), live, leaving, again, len(self.in_force) - len(leaving), "e" * 64, typed
        )

    def roll_back(self, seen: RollbackView, reason: str, typed: str) -> ActResult:
        """Take the edits out of force."""
        self.before_call("roll_back")
        if typed != seen.type_this or not reason.strip():
            return ActResult(False, f"Expected {seen.type_this} and a reason.")
        self.in_force = [line for line in self.in_force if line not in seen.leaving]
        self._releases[0] = replace(self._releases[0], line=replace(self._releases[0].line, is_live=False))
        number = self._releases[0].line.release_id + 1
        line = ReleaseLine(
            number, NOW, "rollback", seen.batch_id, "A. Berg", reason, "pending", len(self.in_force), True
        )
        self._releases.insert(0, ReleaseView(line, (), seen.leaving, tuple(self.in_force), seen.digest_new))
        return ActResult(True, f"Release {number} is live; {len(seen.leaving)} edits are out.", str(number))

    def expedite(self, candidate_id: str, reason: str) -> ActResult:
        """Note the wish."""
        self.before_call("expedite")
        self.expedited.append((candidate_id, reason))
        return self._order(OrderKind.EXPEDITE, candidate_id)

    def affected(self) -> Sequence[AffectedLine]:
        """List one edit with a proposal, and one without."""
        self.before_call("affected")
        why = (self.text or "PMID 111 was retracted on 2026-05-30",)
        return tuple(
            AffectedLine(
                line.edit_id,
                line.fact,
                line.question,
                line.object_new,
                why,
                self.proposed.get(line.edit_id, ""),
                "",
                True,
            )
            for line in self.in_force
        )

    def propose_withdrawal(self, edit_id: str, why: str) -> ActResult:
        """Propose it once."""
        self.before_call("propose_withdrawal")
        if edit_id in self.proposed:
            return ActResult(False, f"{self.proposed[edit_id]} proposes it already.")
        self.proposed[edit_id] = f"c-7{len(self.proposed)}"
        return ActResult(True, f"{self.proposed[edit_id]} proposes to withdraw {edit_id}.", self.proposed[edit_id])

    def _order(self, kind: OrderKind, subject: str) -> ActResult:
        number = len(self._orders) + 1
        self._orders.append(
            OrderLine(
                number,
                kind,
                subject,
                OrderState.WAITING,
                self.text or "waits for the worker",
                0,
                _STEPS,
                "A. Berg",
                NOW,
            )
        )
        return ActResult(True, f"Ordered: {kind} {subject}.", str(number))

    def _work(self) -> None:
        for index, order in enumerate(self._orders):
            if order.state in {OrderState.WAITING, OrderState.RUNNING}:
                done = order.done + 1
                state = OrderState.DONE if done == _STEPS else OrderState.RUNNING
                self._orders[index] = replace(order, state=state, done=done, words=self.text or "gate: near misses")
                self._follow(self._orders[index])

    def _follow(self, order: OrderLine) -> None:
        if order.subject not in self._batches:
            return
        view = replace(self._batches[order.subject], line=replace(self._batches[order.subject].line, order=order))
        if order.state is OrderState.DONE and order.kind is OrderKind.CHECK:
            line = replace(view.line, state=BatchState.PASSED, standing=max(1, view.line.edits - 1))
            view = replace(view, line=line, gate=gate_view(self.text), why_not_promote=None)
        elif order.state is OrderState.DONE and order.kind is OrderKind.PROMOTE:
            line = replace(view.line, state=BatchState.PROMOTED, release_id=13)
            view = replace(view, line=line, why_not_roll_back=None, why_not_promote="It is live.")
        self._batches[order.subject] = view
