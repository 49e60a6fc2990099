"""Batches and releases in memory: a small, real implementation of ``ReleaseDesk`` for tests of the screens."""

from __future__ import annotations

import threading
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
from tests.review_tui.memory_shared import NOW

WHO = "A. Berg"


@dataclass
class MemoryReleases:
    """Holds batches, releases and orders in dictionaries; ``work`` plays the worker's part, one step a call."""

    approved: list[ReadyLine] = field(default_factory=list)
    refuses: tuple[str, ...] = ()
    """Candidates that the gate ejects."""
    before_call: Callable[[str], None] = lambda name: None

    def __post_init__(self) -> None:
        """Start with release 0, without edits."""
        self._lock = threading.RLock()
        self._batches: dict[str, BatchView] = {}
        self._orders: dict[int, OrderLine] = {}
        self._in_force: list[ReleasedLine] = []
        self._releases = [self._release_view("initial", "", "no edits in force", [])]
        self._proposals: dict[str, str] = {}
        self.taken_back: dict[str, str] = {}
        """Edits whose evidence was taken back, with the reason; a test fills it."""

    # reading

    def serving(self) -> ServingLine:
        """Say what is live."""
        self.before_call("serving")
        live = self._releases[-1].line
        words = f"release {live.release_id} answers, {live.edits} edits"
        return ServingLine(live.release_id, live.edits, stopped=False, words=words)

    def ready(self) -> Sequence[ReadyLine]:
        """List what is approved."""
        self.before_call("ready")
        return tuple(self.approved)

    def batches(self) -> Sequence[BatchLine]:
        """List the batches, newest first."""
        self.before_call("batches")
        with self._lock:
            return tuple(self._with_order(view).line for view in reversed(self._batches.values()))

    def batch(self, batch_id: str) -> BatchView:
        """Give one batch."""
        self.before_call("batch")
        with self._lock:
            if batch_id not in self._batches:
                raise DeskError(f"Batch {batch_id} is unknown; go back to the list.")
            return self._with_order(self._batches[batch_id])

    def orders(self) -> Sequence[OrderLine]:
        """List the orders, newest first."""
        self.before_call("orders")
        return tuple(reversed(self._orders.values()))

    def releases(self) -> Sequence[ReleaseLine]:
        """List the releases, newest first."""
        self.before_call("releases")
        live = self._releases[-1].line.release_id
        return tuple(replace(one.line, is_live=one.line.release_id == live) for one in reversed(self._releases))

    def release(self, release_id: int) -> ReleaseView:
        """Give one release."""
        self.before_call("release")
        for one in self._releases:
            if one.line.release_id == release_id:
                return one
        raise DeskError(f"Release {release_id} is unknown.")

    def affected(self) -> Sequence[AffectedLine]:
        """List the edits whose evidence was taken back."""
        self.before_call("affected")
        lines = [
            AffectedLine(
                one.edit_id,
                one.fact,
                one.question,
                one.object_new,
                (self.taken_back[one.edit_id],),
                self._proposals.get(one.edit_id, ""),
                "pending" if one.edit_id in self._proposals else "",
                in_force=True,
            )
            for one in self._in_force
            if one.edit_id in self.taken_back
        ]
        return tuple(sorted(lines, key=lambda line: bool(line.proposal)))

    def preview_rollback(self, batch_id: str, only: Sequence[str] = ()) -> RollbackView:
        """Tell what would leave."""
        self.before_call("preview_rollback")
        mine = [one for one in self._in_force if one.batch_id == batch_id]
        leaving = tuple(one for one in mine if not only or one.edit_id in only)
        if not leaving:
            raise DeskError(f"Nothing of batch {batch_id} is in force.")
        live = self._releases[-1].line.release_id
        typed = only[0] if len(only) == 1 else batch_id
        staying = len(self._in_force) - len(leaving)
        return RollbackView(batch_id, tuple(only), live, leaving, (), staying, f"digest-{live + 1}", typed)

    # acting

    def assemble(self, candidate_ids: Sequence[str], note: str) -> ActResult:
        """Make a batch."""
        self.before_call("assemble")
        with self._lock:
            chosen = [one for one in self.approved if not candidate_ids or one.candidate_id in candidate_ids]
            if not chosen:
                return ActResult(done=False, words="Nothing is approved and in no batch yet.")
            self.approved = [one for one in self.approved if one not in chosen]
            batch_id = f"b{len(self._batches) + 1:04d}"
            edits = tuple(
                BatchEditLine(
                    f"e-{one.candidate_id}", one.candidate_id, one.question, one.object_new, "in_batch", "", ""
                )
                for one in chosen
            )
            line = BatchLine(batch_id, BatchState.OPEN, len(edits), len(edits), NOW, WHO, note, None)
            self._batches[batch_id] = BatchView(line, edits, None, None, "its gate has not run", "it is not in force")
            return ActResult(done=True, words=f"Batch {batch_id} of {len(edits)} edits is made.", made=batch_id)

    def submit(self, batch_id: str) -> ActResult:
        """Order a check."""
        self.before_call("submit")
        why = self.batch(batch_id).why_not_submit
        return ActResult(done=False, words=why) if why else self._order(OrderKind.CHECK, batch_id)

    def promote(self, batch_id: str) -> ActResult:
        """Order a promotion."""
        self.before_call("promote")
        why = self.batch(batch_id).why_not_promote
        return ActResult(done=False, words=why) if why else self._order(OrderKind.PROMOTE, batch_id)

    def cancel_order(self, order_id: int) -> ActResult:
        """Cancel an order that waits."""
        self.before_call("cancel_order")
        order = self._orders.get(order_id)
        if order is None or order.state is not OrderState.WAITING:
            return ActResult(done=False, words="The worker has begun it, or it is done.")
        self._orders[order_id] = replace(order, state=OrderState.CANCELLED, words="cancelled", finished_at=NOW)
        return ActResult(done=True, words=f"Order {order_id} is cancelled.")

    def roll_back(self, seen: RollbackView, reason: str, typed: str) -> ActResult:
        """Take edits out at once."""
        self.before_call("roll_back")
        if not reason.strip():
            return ActResult(done=False, words="A rollback needs a reason.")
        if typed.strip() != seen.type_this:
            return ActResult(done=False, words=f"Type {seen.type_this} to do it.")
        with self._lock:
            if seen.live_release != self._releases[-1].line.release_id:
                return ActResult(done=False, words="Another release went live meanwhile; look again.")
            gone = {one.edit_id for one in seen.leaving}
            staying = [one for one in self._in_force if one.edit_id not in gone]
            self._go_live("rollback", seen.batch_id, reason, staying)
            if not any(one.batch_id == seen.batch_id for one in staying):
                self._set(seen.batch_id, BatchState.ROLLED_BACK)
            release = self._releases[-1].line.release_id
            return ActResult(done=True, words=f"Release {release} is live, check pending.", made=str(release))

    def expedite(self, candidate_id: str, reason: str) -> ActResult:
        """Order one candidate before anything else."""
        self.before_call("expedite")
        if not reason.strip():
            return ActResult(done=False, words="Expediting needs a reason.")
        return self._order(OrderKind.EXPEDITE, candidate_id)

    def propose_withdrawal(self, edit_id: str, why: str) -> ActResult:
        """Propose a withdrawal once."""
        self.before_call("propose_withdrawal")
        if not any(one.edit_id == edit_id for one in self._in_force):
            return ActResult(done=False, words=f"Edit {edit_id} is not in force.")
        made = self._proposals.setdefault(edit_id, f"c-w-{edit_id}")
        return ActResult(done=True, words=f"The withdrawal of {edit_id} waits in the queue.", made=made)

    # the worker's part

    def work(self) -> None:
        """Begin the oldest order that waits, or finish the one that runs."""
        with self._lock:
            running = [one for one in self._orders.values() if one.state is OrderState.RUNNING]
            if running:
                self._finish(running[0])
                return
            waiting = [one for one in self._orders.values() if one.state is OrderState.WAITING]
            if waiting:
                first = waiting[0]
                self._orders[first.order_id] = replace(
                    first, state=OrderState.RUNNING, words="asking questions", done=40, total=120
                )

    def _finish(self, order: OrderLine) -> None:
        words = "done"
        if order.kind is OrderKind.CHECK:
            words = self._gate(order.subject)
        elif order.kind is OrderKind.PROMOTE:
            view = self._batches[order.subject]
            came = [
                ReleasedLine(one.edit_id, order.subject, one.candidate_id, one.question, one.question, one.object_new)
                for one in view.edits
                if one.state == "in_batch"
            ]
            self._go_live("promotion", order.subject, view.line.note, [*self._in_force, *came])
            self._set(order.subject, BatchState.PROMOTED)
            words = f"live in release {self._releases[-1].line.release_id}"
        self._orders[order.order_id] = replace(
            order, state=OrderState.DONE, words=words, done=120, total=120, finished_at=NOW
        )

    def _gate(self, batch_id: str) -> str:
        view = self._batches[batch_id]
        failure = GateFailureLine("takes", "What is the dose?", "question", "10 mg", "10 mg", "")
        ejected = tuple(
            EjectedLine(one.edit_id, one.candidate_id, one.question, "does not take", (failure,))
            for one in view.edits
            if one.candidate_id in self.refuses
        )
        out = {one.edit_id for one in ejected}
        edits = tuple(
            replace(one, state="ejected", reason="does not take") if one.edit_id in out else one for one in view.edits
        )
        standing = len(edits) - len(out)
        verdict = "pass" if standing else "refuse"
        check = GateCheckLine("takes", verdict, len(edits), len(out), "")
        gate = GateView(
            f"g-{batch_id}", verdict, self._releases[-1].line.release_id, (check,), (), ejected, 120, 12, 3.5
        )
        state = BatchState.PASSED if standing else BatchState.REFUSED
        line = replace(view.line, state=state, standing=standing)
        why = None if standing else "its gate refused it"
        self._batches[batch_id] = replace(view, line=line, edits=edits, gate=gate, why_not_promote=why)
        return f"gate: {verdict}, {len(out)} ejected"

    def _order(self, kind: OrderKind, subject: str) -> ActResult:
        with self._lock:
            for one in self._orders.values():
                is_open = one.state in {OrderState.WAITING, OrderState.RUNNING}
                if is_open and (one.kind, one.subject) == (kind, subject):
                    return ActResult(done=True, words=f"Order {one.order_id} is on its way.", made=str(one.order_id))
            order_id = len(self._orders) + 1
            self._orders[order_id] = OrderLine(
                order_id, kind, subject, OrderState.WAITING, "waits for the worker", 0, None, WHO, NOW
            )
            return ActResult(done=True, words=f"Order {order_id}: {kind} {subject}.", made=str(order_id))

    def _with_order(self, view: BatchView) -> BatchView:
        mine = [one for one in self._orders.values() if one.subject == view.line.batch_id]
        in_force = any(one.batch_id == view.line.batch_id for one in self._in_force)
        why = None if in_force else "it is not in force"
        return replace(view, line=replace(view.line, order=mine[-1] if mine else None), why_not_roll_back=why)

    def _set(self, batch_id: str, state: BatchState) -> None:
        view = self._batches[batch_id]
        line = replace(view.line, state=state, release_id=self._releases[-1].line.release_id)
        words = f"it is {state.replace('_', ' ')}"
        self._batches[batch_id] = replace(view, line=line, why_not_submit=words, why_not_promote=words)

    def _go_live(self, cause: str, batch_id: str, reason: str, edits: list[ReleasedLine]) -> None:
        self._releases.append(self._release_view(cause, batch_id, reason, edits))
        self._in_force = edits

    def _release_view(self, cause: str, batch_id: str, reason: str, edits: list[ReleasedLine]) -> ReleaseView:
        before = list(self._in_force)
        number = len(getattr(self, "_releases", []))
        state = "pending" if cause == "rollback" else "passed"
        line = ReleaseLine(number, NOW, cause, batch_id, WHO, reason, state, len(edits), is_live=False)
        came = tuple(one for one in edits if one not in before)
        left = tuple(one for one in before if one not in edits)
        return ReleaseView(line, came, left, tuple(edits), f"digest-{number}")


def ready_line(number: int, subject: str = "zolpidem") -> ReadyLine:
    """Make an approved candidate."""
    return ReadyLine(
        candidate_id=f"c-{number:05d}",
        risk=Risk.LOW,
        subject=subject,
        qualifiers="women, oral",
        relation="recommended_dose",
        question=f"What is the recommended dose of {subject}?",
        object_new="5 mg",
        signed_by=("B. Cole, 2026-06-01T08:00:00Z",),
    )
