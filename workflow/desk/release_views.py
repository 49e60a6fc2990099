"""Batches, releases and affected edits as plain lines for the screens. Translates; decides nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from review_tui import protocol as desk
from workflow.change_control.affected_list import AffectedItem
from workflow.change_control.batches import BatchRow
from workflow.change_control.release import LiveState, ReleasedEdit
from workflow.clock import utc_moment
from workflow.desk.orders import Order


def view_batch_line(row: BatchRow, orders: Sequence[Order]) -> desk.BatchLine:
    mine = [one for one in orders if one.subject == row.batch_id]
    return desk.BatchLine(
        batch_id=row.batch_id,
        state=desk.BatchState(row.state.value),
        standing=len(row.standing),
        edits=len(row.edits),
        created_at=utc_moment(row.created_at),
        created_by=row.created_by,
        note=row.note,
        release_id=row.release_id,
        order=view_order(mine[0]) if mine else None,
        standing_word=row.hold_reason or "",
        expedited=bool(row.expedited),
    )


def view_order(order: Order) -> desk.OrderLine:
    return desk.OrderLine(
        order_id=order.order_id,
        kind=desk.OrderKind(order.kind),
        subject=order.subject,
        state=desk.OrderState(order.state),
        words=order.words,
        done=order.done,
        total=order.total,
        ordered_by=order.ordered_by,
        ordered_at=utc_moment(order.ordered_at),
        finished_at=utc_moment(order.finished_at) if order.finished_at else None,
    )


def view_release(state: LiveState, edits: int, *, is_live: bool) -> desk.ReleaseLine:
    return desk.ReleaseLine(
        release_id=state.release_id,
        created_at=utc_moment(state.created_at),
        cause=state.cause.replace("_", " "),
        batch_id=state.batch_id or "",
        actor=state.actor,
        reason=state.reason,
        check_state=state.check_state,
        edits=edits,
        is_live=is_live,
    )


def view_released(edit: ReleasedEdit) -> desk.ReleasedLine:
    fact = ", ".join((edit.subject, edit.relation.replace("_", " "), *(value for _, value in edit.qualifiers)))
    return desk.ReleasedLine(edit.edit_id, edit.batch_id, edit.candidate_id, fact, edit.question, edit.object_new)


def view_affected(items: Sequence[AffectedItem], open_ids: Collection[str]) -> desk.AffectedLine:
    standing = [item for item in items if item.proposal_id in open_ids]
    first = (standing or list(items))[0]
    return desk.AffectedLine(
        edit_id=first.edit_id or "",
        fact=first.subject,
        question=first.question,
        object_new=first.object_new,
        why=tuple(dict.fromkeys(item.why for item in items)),
        proposal=first.proposal_id if standing else "",
        proposal_state=first.state.replace("_", " "),
        in_force=first.in_force,
        severity=first.severity,
        deadline=first.deadline,
        overdue=first.overdue,
    )
