"""What the worker has to do, and what it did lately: read from where batches and expedited candidates stand.

There is no list of orders that could disagree with the record: an open or staged batch waits for its gate, a passed one
that somebody ordered waits for its promotion, and the running gate's heartbeat says how far it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, Row, select

from workflow.change_control.expedite import list_expedited
from workflow.change_control.gate_progress import GateProgress, read_gate_progress
from workflow.ledger.tables import batches, gates
from workflow.records import BatchState

CHECK, PROMOTE, EXPEDITE = "check", "promote", "expedite"
WAITING, RUNNING, DONE, FAILED = "waiting", "running", "done", "failed"
_ORDINAL_STEP = 10


@dataclass(frozen=True)
class Order:
    """One thing that the worker has to do, or did."""

    order_id: int
    """The batch's number with 1 for its check or 2 for its promotion; negative for an expedited candidate."""
    kind: str
    subject: str
    state: str
    words: str
    done: int
    total: int | None
    ordered_by: str
    ordered_at: str
    finished_at: str | None = None


def list_orders(connection: Connection, *, now: str, since: str) -> tuple[Order, ...]:
    """List what is not finished, and what was finished since a time, the newest first.

    Args:
        connection: A read snapshot.
        now: UTC, as the ledger writes it.
        since: What was finished before is left out.
    """
    beats = {one.subject: one for one in read_gate_progress(connection)}
    query = select(batches, gates.c.finished_at, gates.c.verdict).outerjoin(gates, gates.c.gate_id == batches.c.gate_id)
    found = [order for row in connection.execute(query) for order in _of_batch(row, beats)]
    hurried = sorted(list_expedited(connection, now=now), key=lambda one: one.asked_at)
    for number, one in enumerate(hurried, start=1):
        if not one.done:
            words = ("overdue: " if one.overdue else "") + one.next_step.partition(":")[0]
            place = (-number, EXPEDITE, one.candidate_id, WAITING, words, 0, None, one.asked_by, one.asked_at)
            found.append(Order(*place))
    recent = [one for one in found if one.finished_at is None or one.finished_at >= since]
    return tuple(sorted(recent, key=lambda one: (one.finished_at is None, one.ordered_at, one.order_id), reverse=True))


def _of_batch(row: Row[tuple[object, ...]], beats: Mapping[str, GateProgress]) -> list[Order]:
    number = row.ordinal * _ORDINAL_STEP
    state = BatchState(row.state)
    by = (row.created_by, row.created_at)
    if state in (BatchState.OPEN, BatchState.STAGED):
        beat = beats.get(f"batch:{row.batch_id}")
        if beat is None:
            return [Order(number + 1, CHECK, row.batch_id, WAITING, "waits for the worker", 0, None, *by)]
        words = f"{beat.phase.replace('_', ' ')} since {beat.started_at}"
        return [Order(number + 1, CHECK, row.batch_id, RUNNING, words, beat.done, beat.total or None, *by)]
    if state is BatchState.CANCELLED or row.finished_at is None:
        return []
    said = f"the gate says {row.verdict}" + (f"; {row.hold_reason}" if row.hold_reason else "")
    orders = [Order(number + 1, CHECK, row.batch_id, DONE, said, 1, 1, *by, row.finished_at)]
    if row.ordered_by and state is BatchState.PASSED:
        orders.append(
            Order(
                number + 2,
                PROMOTE,
                row.batch_id,
                WAITING,
                "waits for the worker",
                0,
                None,
                row.ordered_by,
                row.finished_at,
            )
        )
    elif state is BatchState.PROMOTED:
        words = f"live in release {row.release_id}"
        by_whom = row.ordered_by or "the envelope"
        orders.append(
            Order(number + 2, PROMOTE, row.batch_id, DONE, words, 1, 1, by_whom, row.finished_at, row.finished_at)
        )
    return orders
