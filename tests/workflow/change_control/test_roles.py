"""Role x act x state: every cell of the table, none missing, and who stands behind an account."""

from __future__ import annotations

import itertools

import pytest

from tests.workflow.change_control.made_batches import enrol
from workflow.change_control.roles import (
    Act,
    EnvelopeState,
    RebaseState,
    Role,
    SiteState,
    State,
    allowed,
    holds,
    require_role,
)
from workflow.change_control.signed_acts import acts_on, person_of, sign_act, verify_acts
from workflow.errors import IllegalTransitionError, UsageError
from workflow.ledger import tables
from workflow.ledger.ledger import Ledger
from workflow.records import BatchState, CandidateState

R, S, M, V = Role.REVIEWER, Role.SECOND_SIGNER, Role.RELEASE_MANAGER, Role.SERVICE
B, C = BatchState, CandidateState

ALLOWED: dict[Act, tuple[set[Role], set[State]]] = {
    Act.DECIDE_FIRST: ({R}, {C.PENDING, C.AWAITING_SECOND, C.DEFERRED}),
    Act.DECIDE_SECOND: ({R, S}, {C.AWAITING_SECOND, C.DEFERRED}),
    Act.EXPEDITE: ({R, M}, {C.PROPOSED, C.PENDING, C.AWAITING_SECOND, C.DEFERRED, C.APPROVED}),
    Act.CREATE_BATCH: ({M, V}, {C.APPROVED}),
    Act.CANCEL_BATCH: ({M}, {B.OPEN, B.STAGED, B.PASSED, B.HELD, B.REFUSED}),
    Act.CHECK: ({R, S, M, V}, {B.OPEN, B.STAGED, B.PASSED, B.HELD}),
    Act.PROMOTE: ({M}, {B.PASSED}),
    Act.PROMOTE_IN_ENVELOPE: ({V}, {B.PASSED}),
    Act.ROLL_BACK: ({R, S, M, V}, {B.PROMOTED}),
    Act.UNDO_ROLLBACK: ({M}, {B.PROMOTED, B.ROLLED_BACK}),
    Act.STOP: ({R, S, M, V}, {SiteState.SERVING}),
    Act.START: ({M}, {SiteState.STOPPED}),
    Act.SIGN_ENVELOPE: ({R, S, M}, {EnvelopeState.UNSIGNED, EnvelopeState.PARTLY_SIGNED}),
    Act.SIGN_REBASE: ({M}, {RebaseState.PREPARED}),
}
STATES: tuple[State, ...] = (*BatchState, *CandidateState, *SiteState, *RebaseState, *EnvelopeState)


def test_every_cell_of_the_table_is_as_written_here() -> None:
    assert set(ALLOWED) == set(Act), "an act without a row here"
    cells = 0
    for role, act, state in itertools.product(Role, Act, STATES):
        roles, states = ALLOWED[act]
        assert allowed([role], act, state) == (role in roles and state in states), (role, act, state)
        cells += 1
    assert cells == len(Role) * len(Act) * len(STATES)


def test_nobody_alone_decides_and_promotes_by_way_of_the_service() -> None:
    assert not any(holds([V], act) for act in (Act.DECIDE_FIRST, Act.DECIDE_SECOND, Act.PROMOTE, Act.SIGN_ENVELOPE))
    assert all(holds([role], act) for role in Role for act in (Act.ROLL_BACK, Act.STOP))


def test_a_refusal_says_who_may() -> None:
    with pytest.raises(IllegalTransitionError, match="ada: promote is for: release manager; they are: reviewer"):
        require_role([R], Act.PROMOTE, who="ada")


def test_an_account_that_is_not_enrolled_is_the_service_on_a_hospital_site(ledger: Ledger) -> None:
    enrol(ledger, "ada", "reviewer")
    with ledger.read() as connection:
        assert person_of(connection, "cron").roles == (V,)
        assert person_of(connection, "ada").roles == (R,)


def test_a_signature_has_name_time_meaning_and_reason_and_cannot_be_moved(ledger: Ledger) -> None:
    enrol(ledger, "ada", "release_manager")
    with ledger.write() as transaction:
        sign_act(transaction, "ada", Act.PROMOTE, subject="batch:b0001", reason="as agreed", shown={"gate": "g-1"})
    with ledger.read() as connection:
        (act,) = acts_on(connection, "batch:b0001")
        assert verify_acts(connection) == ()
    assert (act.signer_name, act.reason, act.roles, act.proof) == (
        "Printed ada",
        "as agreed",
        "release_manager",
        "account",
    )
    assert act.signed_at.endswith("Z")
    assert act.meaning.startswith("promoted: ")
    with pytest.raises(IllegalTransitionError, match="append-only"), ledger.write() as transaction:
        transaction.connection.exec_driver_sql("UPDATE signatures SET subject = 'batch:b0002'")
    with ledger.write() as transaction:
        transaction.connection.exec_driver_sql("DROP TRIGGER signatures_no_update")
        transaction.connection.exec_driver_sql("UPDATE signatures SET subject = 'batch:b0002'")
    with ledger.read() as connection:
        (line,) = verify_acts(connection)
    assert "differs from its audit row" in line


def test_a_signature_without_a_reason_is_none(ledger: Ledger) -> None:
    enrol(ledger, "ada")
    with pytest.raises(UsageError, match="expected a reason"), ledger.write() as transaction:
        sign_act(transaction, "ada", Act.STOP, subject="release:0", reason="  ", shown={})
    with ledger.read() as connection:
        assert connection.execute(tables.audit.select().where(tables.audit.c.event == "act.signed")).all() == []
