"""Stop and start: a flag in the ledger that puts the bare base model in the place of the live release.

Anybody may stop; lifting a stop is a release manager's. Both are signed with a reason. The pointer stays where it is.
"""

from __future__ import annotations

from sqlalchemy import update

from workflow.change_control.release import read_live
from workflow.change_control.roles import Act
from workflow.change_control.signed_acts import sign_act
from workflow.errors import IllegalTransitionError
from workflow.ledger import tables
from workflow.ledger.ledger import Ledger


def stop(ledger: Ledger, *, reason: str, actor: str) -> None:
    """Serve the bare base model from now on; the pointer stays where it is."""
    _set_stopped(ledger, stopped=True, reason=reason, actor=actor)


def start(ledger: Ledger, *, actor: str, reason: str = "") -> None:
    """Serve the live release again; without a reason, the stop's own is told."""
    _set_stopped(ledger, stopped=False, reason=reason, actor=actor)


def _set_stopped(ledger: Ledger, *, stopped: bool, reason: str, actor: str) -> None:
    with ledger.write() as transaction:
        live = read_live(transaction.connection)
        if live is None:
            raise IllegalTransitionError("live: there is no release yet; run `medrek-flow night` first")
        if live.stopped is stopped:
            state = "stopped already" if stopped else f"not stopped: release {live.release_id} is served"
            raise IllegalTransitionError(f"serving is {state}; nothing to do")
        reason = reason.strip() or ("" if stopped else f"the stop is lifted: {live.stop_reason}")
        sign_act(
            transaction,
            actor,
            Act.STOP if stopped else Act.START,
            subject=f"release:{live.release_id}",
            reason=reason,
            shown={"release": live.release_id, "digest": live.digest},
        )
        transaction.execute(update(tables.live).values(stopped=int(stopped), stop_reason=reason if stopped else ""))
        event = "serving.stopped" if stopped else "serving.started"
        transaction.audit(event, f"release:{live.release_id}", {"reason": reason}, actor=actor)
