"""Batches, releases and affected edits for the screens: translates ``ReleaseDesk``; the acts are change control's own.

What the worker has to do is no list of its own: it follows from where the batches stand, so that nothing is asked twice
and nothing is forgotten (``workflow.desk.orders``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from review_tui import protocol as desk
from review_tui.errors import DeskError
from workflow.change_control import acts
from workflow.change_control.affected_list import AffectedItem
from workflow.change_control.batch_states import UNPROMOTED, may_become
from workflow.change_control.batches import BatchRow, approved_candidates
from workflow.change_control.ordering import take_back_promotion
from workflow.change_control.proposals import propose_withdrawal
from workflow.change_control.release import read_live, release_edits
from workflow.clock import utc_text
from workflow.desk.gate_view import view_gate
from workflow.desk.orders import PROMOTE, Order, list_orders
from workflow.desk.release_views import view_affected, view_batch_line, view_order, view_release, view_released
from workflow.desk.seat import asked
from workflow.errors import WorkflowError
from workflow.identity import Reviewer
from workflow.ledger.case_file import effective_risk, read_case_files
from workflow.ledger.ledger import Ledger
from workflow.records import Action, BatchState
from workflow.settings.control import AffectedTable

LOOKS_BACK = timedelta(days=7)
"""How long a finished order is still listed."""


class LedgerReleases:
    """Batches and releases of one site, as one person may act on them; a visitor only looks."""

    def __init__(self, ledger: Ledger, reviewer: Reviewer | None, *, affected: AffectedTable | None = None) -> None:
        """Sit down.

        Args:
            ledger: The site's ledger.
            reviewer: Who acts; None for a visitor.
            affected: The settings' deadlines.
        """
        self._ledger = ledger
        self._reviewer = reviewer
        self._affected = affected or AffectedTable()

    def serving(self) -> desk.ServingLine:
        """Say what is served now."""
        with asked():
            shown = acts.show_release(self._ledger)
        if shown is None:
            return desk.ServingLine(None, 0, stopped=False, words="no release yet: the bare base model answers")
        live, in_force = shown
        words = f"release {live.release_id} is served, with {len(in_force)} edits; its check: {live.check_state}"
        if live.stopped:
            words = f"stopped ({live.stop_reason}): the bare base model answers; release {live.release_id} waits"
        return desk.ServingLine(live.release_id, len(in_force), live.stopped, words)

    def ready(self) -> Sequence[desk.ReadyLine]:
        """List the approved candidates that are in no batch yet, oldest first."""
        with asked(), self._ledger.read() as connection:
            ids = [one.candidate_id for one in approved_candidates(connection) if one.action is Action.EDIT]
            files = read_case_files(connection, ids)
        return [
            desk.ReadyLine(
                candidate_id=file.candidate_id,
                risk=desk.Risk(effective_risk(file).value),
                subject=file.candidate.subject,
                qualifiers=", ".join(file.candidate.qualifiers.values()),
                relation=file.candidate.relation,
                question=file.candidate.question,
                object_new=file.candidate.object_new,
                signed_by=tuple(f"{one.signer_name}, {one.signed_at}" for one in file.counted),
            )
            for file in files
        ]

    def batches(self) -> Sequence[desk.BatchLine]:
        """List the batches, newest first."""
        with asked():
            orders = self._orders()
            return [view_batch_line(row, orders) for row in reversed(acts.list_batches(self._ledger))]

    def batch(self, batch_id: str) -> desk.BatchView:
        """Give one batch as it stands now.

        Raises:
            DeskError: There is none such.
        """
        with asked():
            shown = acts.show_batch(self._ledger, batch_id)
            orders = self._orders()
            in_force = acts.show_release(self._ledger)
        row = shown.batch
        edits = [
            desk.BatchEditLine(
                e.edit_id, e.candidate_id, e.question, e.object_new, e.state, e.reason or "", e.carrier or ""
            )
            for e in row.edits
        ]
        is_live = in_force is not None and any(edit.batch_id == batch_id for edit in in_force[1])
        return desk.BatchView(
            line=view_batch_line(row, orders),
            edits=tuple(edits),
            gate=view_gate(shown.gate) if shown.gate else None,
            why_not_submit=_why_not_submit(row),
            why_not_promote=_why_not_promote(row, orders),
            why_not_roll_back=None if is_live else "nothing of it is in force",
            why_not_cancel=_why_not_cancel(row),
        )

    def assemble(self, candidate_ids: Sequence[str], note: str) -> desk.ActResult:
        """Make a batch of approved candidates: of those named, or of all; the worker stages and gates it."""

        def make(account: str) -> desk.ActResult:
            made = acts.submit_batch(self._ledger, account=account, note=note, candidate_ids=candidate_ids)
            if made is None:
                return desk.ActResult(done=False, words="nothing is approved and in no batch yet")
            return desk.ActResult(done=True, words=f"batch {made} is made; the worker stages and gates it", made=made)

        return self._act(make)

    def submit(self, batch_id: str) -> desk.ActResult:
        """Ask the worker to stage a batch and run its gate (again)."""

        def order(account: str) -> desk.ActResult:
            row = acts.show_batch(self._ledger, batch_id).batch
            if why := _why_not_submit(row):
                return desk.ActResult(done=False, words=why)
            if row.state in (BatchState.HELD, BatchState.PASSED):
                acts.submit_check(self._ledger, batch_id, account=account)
            return desk.ActResult(done=True, words=f"the worker stages and gates {batch_id}", made=f"{row.ordinal}1")

        return self._act(order)

    def promote(self, batch_id: str) -> desk.ActResult:
        """Order the promotion of a passed batch; the worker carries it out."""

        def order(account: str) -> desk.ActResult:
            row = acts.show_batch(self._ledger, batch_id).batch
            if why := _why_not_promote(row, self._orders()):
                return desk.ActResult(done=False, words=why)
            acts.submit_promotion(self._ledger, batch_id, account=account)
            return desk.ActResult(done=True, words=f"ordered: the worker makes {batch_id} live", made=f"{row.ordinal}2")

        return self._act(order)

    def cancel_batch(self, batch_id: str, reason: str) -> desk.ActResult:
        """End a batch that is not live, or was refused whole; its candidates are approved again while signed."""

        def cancel(account: str) -> desk.ActResult:
            done = acts.cancel_batch(self._ledger, batch_id, reason=reason, account=account)
            back = f", {len(done.sent_back)} back in the queue" if done.sent_back else ""
            words = f"{batch_id} is cancelled, {len(done.candidates)} are approved again{back}"
            return desk.ActResult(done=True, words=words)

        return self._act(cancel)

    def orders(self) -> Sequence[desk.OrderLine]:
        """List what the worker has to do, and what it did lately, newest first."""
        with asked():
            return [view_order(one) for one in self._orders()]

    def cancel_order(self, order_id: int) -> desk.ActResult:
        """Take back a promotion that the worker has not begun."""

        def cancel(account: str) -> desk.ActResult:
            order = next((one for one in self._orders() if one.order_id == order_id), None)
            if order is None or order.kind != PROMOTE or order.state != desk.OrderState.WAITING:
                words = "only a promotion that the worker has not begun can be taken back; a batch can be cancelled"
                return desk.ActResult(done=False, words=words)
            take_back_promotion(self._ledger, order.subject, actor=account)
            return desk.ActResult(done=True, words=f"{order.subject} waits again for somebody to promote it")

        return self._act(cancel)

    def releases(self) -> Sequence[desk.ReleaseLine]:
        """List the releases, newest first."""
        with asked(), self._ledger.read() as connection:
            live = read_live(connection)
            found = acts.list_releases(self._ledger)
            counts = {one.release_id: len(release_edits(connection, one.release_id)) for one in found}
        live_id = live.release_id if live else None
        return [view_release(one, counts[one.release_id], is_live=one.release_id == live_id) for one in reversed(found)]

    def release(self, release_id: int) -> desk.ReleaseView:
        """Give one release with what came and what left.

        Raises:
            DeskError: There is none such.
        """
        with asked():
            shown = acts.show_release(self._ledger, release_id)
            if shown is None:
                raise DeskError(f"release {release_id} is unknown")
            with self._ledger.read() as connection:
                live = read_live(connection)
                before = {edit.edit_id: edit for edit in release_edits(connection, release_id - 1)}
        state, in_force = shown
        now = {edit.edit_id for edit in in_force}
        is_live = live is not None and live.release_id == release_id
        return desk.ReleaseView(
            line=view_release(state, len(in_force), is_live=is_live),
            came=tuple(view_released(edit) for edit in in_force if edit.edit_id not in before),
            left=tuple(view_released(edit) for edit_id, edit in before.items() if edit_id not in now),
            in_force=tuple(view_released(edit) for edit in in_force),
            digest=state.digest,
        )

    def preview_rollback(self, batch_id: str, only: Sequence[str] = ()) -> desk.RollbackView:
        """Tell what a rollback would do; changes nothing.

        Raises:
            DeskError: None of it is in force.
        """
        with asked():
            plan = acts.preview_rollback(self._ledger, batch_id, only)
        return desk.RollbackView(
            batch_id=batch_id,
            only=tuple(only),
            live_release=plan.release_id,
            leaving=tuple(view_released(edit) for edit in plan.leaving),
            answering_again=tuple(view_released(edit) for edit in plan.shadowed),
            staying=len(plan.staying),
            digest_new=plan.digest_new,
            type_this=only[0] if len(only) == 1 else batch_id,
        )

    def roll_back(self, seen: desk.RollbackView, reason: str, typed: str) -> desk.ActResult:
        """Do what was shown, at once; refused where live moved since, or the id typed is another one."""

        def undo(account: str) -> desk.ActResult:
            if typed.strip() != seen.type_this:
                return desk.ActResult(done=False, words=f"expected {seen.type_this} to be typed; nothing was changed")
            plan = acts.preview_rollback(self._ledger, seen.batch_id, seen.only)
            if (plan.release_id, plan.digest_new) != (seen.live_release, seen.digest_new):
                return desk.ActResult(done=False, words="what is live changed since this was shown; look at it again")
            done = acts.do_rollback(self._ledger, seen.batch_id, reason=reason, account=account, only=seen.only)
            words = f"release {done.release_id_new} is live; the worker checks it"
            return desk.ActResult(done=True, words=words, made=str(done.release_id_new))

        return self._act(undo)

    def expedite(self, candidate_id: str, reason: str) -> desk.ActResult:
        """Take one candidate through review, batch, gate and promotion before anything else."""

        def ask(account: str) -> desk.ActResult:
            found = acts.expedite(self._ledger, candidate_id, reason=reason, account=account)
            words = f"expedited until {found.due_at}; next: {found.next_step.partition(':')[0] or 'nothing'}"
            return desk.ActResult(done=True, words=words, made=candidate_id)

        return self._act(ask)

    def affected(self) -> Sequence[desk.AffectedLine]:
        """List the edits that rest on something taken back or replaced, those without an open proposal first."""
        with asked():
            items = acts.list_affected(self._ledger, self._affected, everything=True)
        by_edit: dict[str, list[AffectedItem]] = {}
        for item in items:
            if item.edit_id is not None:
                by_edit.setdefault(item.edit_id, []).append(item)
        open_ids = {item.proposal_id for item in acts.list_affected(self._ledger, self._affected)}
        lines = [view_affected(found, open_ids) for found in by_edit.values()]
        return sorted((line for line in lines if line.in_force or line.proposal), key=lambda line: bool(line.proposal))

    def propose_withdrawal(self, edit_id: str, why: str) -> desk.ActResult:
        """Put the withdrawal of a live edit into the queue; a person decides it there."""

        def propose(account: str) -> desk.ActResult:
            if not why.strip():
                return desk.ActResult(done=False, words="a proposal needs a reason")
            with self._ledger.write() as transaction:
                live = read_live(transaction.connection)
                in_force = release_edits(transaction.connection, live.release_id) if live else ()
                edit = next((one for one in in_force if one.edit_id == edit_id), None)
                if edit is None:
                    return desk.ActResult(done=False, words=f"edit {edit_id} is not in force")
                made = propose_withdrawal(transaction, edit, why=f"{' '.join(why.split())} (proposed by {account})")
                subject, body = f"candidate:{made}", {"edit": edit_id, "why": why}
                transaction.audit("withdrawal.proposed", subject, body, actor=account)
            words = f"the withdrawal of {edit_id} comes into the queue once the worker has rehearsed it"
            return desk.ActResult(done=True, words=words, made=made)

        return self._act(propose)

    def _orders(self) -> tuple[Order, ...]:
        now = self._ledger.clock()
        with self._ledger.read() as connection:
            return list_orders(connection, now=utc_text(now), since=utc_text(now - LOOKS_BACK))

    def _act(self, act: Callable[[str], desk.ActResult]) -> desk.ActResult:
        """Do something in the reviewer's name; what change control refuses is a result."""
        if self._reviewer is None:
            return desk.ActResult(done=False, words="read only: nobody is signed in here")
        try:
            return act(self._reviewer.reviewer_id)
        except WorkflowError as error:
            return desk.ActResult(done=False, words=str(error))


def _why_not_submit(row: BatchRow) -> str | None:
    return None if row.state in UNPROMOTED else f"it is {row.state.replace('_', ' ')}: nothing is left to check"


def _why_not_cancel(row: BatchRow) -> str | None:
    if row.state is BatchState.REFUSED and not row.standing:
        return "nothing of it is left: each edit was ejected; re-open their candidates instead"
    if may_become(row.state, BatchState.CANCELLED):
        return None
    return f"it is {row.state.replace('_', ' ')}: expected a batch that is not live and not closed"


def _why_not_promote(row: BatchRow, orders: Sequence[Order]) -> str | None:
    if row.state is not BatchState.PASSED:
        return f"it is {row.state.replace('_', ' ')}: expected a batch that passed its gate"
    ordered = any((one.kind, one.subject) == (PROMOTE, row.batch_id) for one in orders)
    return "its promotion is ordered already" if ordered else None
