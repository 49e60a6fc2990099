"""Expiry: the last day on which a fact may stay without anybody looking at it again.

Set by hand for an edit, or by the site's policy for what is promoted. A fact whose day is past is not taken out: its
withdrawal is proposed, and a person decides; rejecting the proposal and setting another day renews it.
"""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from workflow.change_control.affected_list import RAN_OUT
from workflow.change_control.proposals import propose_withdrawal
from workflow.change_control.release import read_live, release_edits
from workflow.clock import utc_moment
from workflow.errors import UsageError
from workflow.ledger import tables
from workflow.ledger.control_tables import expiries
from workflow.ledger.ledger import Ledger, Transaction


def set_expiry(ledger: Ledger, edit_id: str, *, until: date, why: str, account: str) -> None:
    """Say until when an edit is valid; a later word takes the place of an earlier one, which the audit chain keeps.

    Raises:
        UsageError: there is no such edit.
    """
    with ledger.write() as transaction:
        columns = tables.edits.c
        candidate_id = transaction.execute(select(columns.candidate_id).where(columns.edit_id == edit_id)).scalar()
        if candidate_id is None:
            raise UsageError(f"edit {edit_id!r}: unknown; see `medrek-flow live`")
        _set(transaction, str(candidate_id), until, why, account)


def expire_by_policy(ledger: Ledger, batch_id: str, *, days: int) -> None:
    """Give what a batch brought into force its day by the site's policy, unless it has one; 0 days: none."""
    if not days:
        return
    columns = tables.edits.c
    mine = select(columns.candidate_id).where(columns.batch_id == batch_id, columns.state == "live")
    known = select(expiries.c.candidate_id)
    with ledger.write() as transaction:
        until = utc_moment(transaction.now).date() + timedelta(days=days)
        for candidate_id in transaction.execute(mine.where(columns.candidate_id.not_in(known))).scalars().all():
            _set(transaction, candidate_id, until, f"looked at again after {days} days", "medrek-flow")


def _set(transaction: Transaction, candidate_id: str, until: date, why: str, account: str) -> None:
    values = {"valid_until": until.isoformat(), "why": why, "set_by": account, "set_at": transaction.now}
    statement = insert(expiries).values(candidate_id=candidate_id, **values)
    transaction.execute(statement.on_conflict_do_update(index_elements=["candidate_id"], set_=values))
    transaction.audit("expiry.set", f"candidate:{candidate_id}", values, actor=account)


def valid_until(connection: Connection) -> dict[str, str]:
    """Read the last day of every fact that has one, by candidate id."""
    rows = connection.execute(select(expiries.c.candidate_id, expiries.c.valid_until))
    return {row.candidate_id: row.valid_until for row in rows}


def propose_expired(ledger: Ledger) -> tuple[str, ...]:
    """Propose to withdraw what is in force and whose last day is past; return the new proposals. Safe to run twice."""
    today = ledger.clock().date().isoformat()
    with ledger.read() as connection:
        live = read_live(connection)
        days = valid_until(connection)
        in_force = release_edits(connection, live.release_id) if live else ()
        late = [edit for edit in in_force if days.get(edit.candidate_id, "9999") < today]
        known = set(connection.execute(select(tables.candidates.c.candidate_id)).scalars())
    if not late:
        return ()
    made = []
    with ledger.write() as transaction:
        for edit in late:
            why = f"{RAN_OUT}: it was valid until {days[edit.candidate_id]}"
            name = propose_withdrawal(transaction, edit, why=why)
            if name not in known:
                made.append(name)
                body = {"edit": edit.edit_id, "why": "expired"}
                transaction.audit("withdrawal.proposed", f"candidate:{name}", body, actor="medrek-flow")
    return tuple(made)
