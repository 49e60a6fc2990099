"""Affected: every name of one thing counts, by version; a reinstatement proposes the way back and no more."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from connectors.notice import Assertion, AssertionKind, Delivery, Identifier, NoticeKind, Section
from tests.workflow.intake.made_intake import IntakeSite, MemorySource, delivered
from tests.workflow.intake.test_night import promote, two_nights
from workflow.change_control.affected_list import Severity, list_affected
from workflow.change_control.expiries import propose_expired, set_expiry
from workflow.ledger import tables
from workflow.records import Action, Candidate, CandidateState, ChangeKind
from workflow.settings import AffectedTable

OLD = "Corvanex tablets.\n\nThe recommended dose of corvandine for women is 10 mg once daily."
NAMES = (
    Identifier("set_id", "c0"),
    Identifier("spl_id", "v2"),
    Identifier("ndc", "0001-0002"),
    Identifier("doi", "10.1/x"),
    Identifier("recall_number", "D-1-2026"),
    Identifier("rxcui", "42"),
)


def label_in_force(site: IntakeSite) -> str:
    """A dose in force that rests on version 2 of a label with many names."""
    versions = [
        delivered(OLD, version="1", identifiers=(Identifier("set_id", "c0"), Identifier("spl_id", "v1"))),
        delivered(OLD.replace("10 mg", "5 mg"), version="2", identifiers=NAMES),
    ]
    two_nights(site, versions[:1], versions[1:])
    return promote(site, site.proposed()[0])


def telling(kind: AssertionKind, target: Identifier, number: str = "77") -> Delivery:
    title = f"{kind}: notice {number}"
    own = Identifier("pmid", number)
    return delivered(
        title,
        key=f"pmid:{number}",
        kind=NoticeKind.RETRACTION_NOTICE,
        title=title,
        sections=(Section("title", "Title", 0, len(title)),),
        identifiers=(own,),
        assertions=(Assertion(kind, by=(own,), target=(target,)),),
    )


@pytest.mark.parametrize("name", [name for name in NAMES if name.scheme != "rxcui"], ids=lambda one: one.scheme)
def test_a_retraction_by_any_name_of_the_thing_strikes_the_edit(site: IntakeSite, name: Identifier) -> None:
    edit_id = label_in_force(site)
    site.night(MemorySource((telling(AssertionKind.RETRACTS, name),)))
    (proposal,) = [one for one in site.proposed() if one.action is Action.WITHDRAW]
    assert (proposal.withdraws, proposal.change_kind) == (edit_id, ChangeKind.RETRACTED)


@pytest.mark.parametrize("name", [Identifier("spl_id", "v1"), Identifier("rxcui", "42")], ids=lambda one: one.scheme)
def test_another_version_and_a_substance_strike_nothing(site: IntakeSite, name: Identifier) -> None:
    label_in_force(site)
    assert site.night(MemorySource((telling(AssertionKind.RETRACTS, name),))).affected.proposed == ()


def withdraw(site: IntakeSite, edit_id: str) -> None:
    with site.ledger.write() as transaction:
        mine = tables.edits.c.edit_id == edit_id
        transaction.execute(sa.update(tables.edits).where(mine).values(state="withdrawn"))


def ways_back(site: IntakeSite) -> list[Candidate]:
    return [one for one in site.proposed() if one.change_kind is ChangeKind.REINSTATED]


def test_a_reinstatement_proposes_the_way_back_once_and_a_later_retraction_counts(site: IntakeSite) -> None:
    clock, name = site.ledger.clock, Identifier("doi", "10.1/x")
    edit_id = label_in_force(site)
    site.night(MemorySource((telling(AssertionKind.RETRACTS, name, "77"),)))
    withdraw(site, edit_id)
    assert ways_back(site) == []
    site.ledger.clock = lambda: clock() + timedelta(days=1)
    back = telling(AssertionKind.REINSTATES, name, "78")
    night = site.night(MemorySource((back,)))
    (way,) = ways_back(site)
    assert night.affected.ways_back == (way.candidate_id,)
    assert (way.action, way.object_new, way.withdraws) == (Action.EDIT, "5 mg once daily", None)
    assert way.flags[0].startswith("the way back: its source (doi:10.1/x) was reinstated, first seen ")
    assert site.night(MemorySource((back,))).affected.ways_back == ()
    with site.ledger.write() as transaction:
        mine = tables.candidates.c.candidate_id == way.candidate_id
        transaction.execute(sa.update(tables.candidates).where(mine).values(state=CandidateState.PENDING))
    site.ledger.clock = lambda: clock() + timedelta(days=2)
    night = site.night(MemorySource((telling(AssertionKind.RETRACTS, name, "79"),)))
    assert night.affected.closed == (way.candidate_id,), "retracted again after it was reinstated"


def test_the_list_tells_severity_deadline_and_every_name(site: IntakeSite) -> None:
    edit_id = label_in_force(site)
    site.night(MemorySource((telling(AssertionKind.DOUBTS, Identifier("ndc", "0001-0002")),)))
    with site.ledger.read() as connection:
        day = date.fromisoformat(str(connection.execute(sa.select(sa.func.max(tables.audit.c.at))).scalar())[:10])
        (item,) = list_affected(connection, AffectedTable(), today=day)
        (late,) = list_affected(connection, AffectedTable(), today=day + timedelta(days=4))
    assert (item.edit_id, item.kind, item.severity) == (edit_id, "concern", Severity.HIGH)
    assert (item.deadline, item.overdue, late.overdue) == ((day + timedelta(days=3)).isoformat(), False, True)
    assert set(item.identifiers) == {f"{name.scheme}:{name.value}" for name in NAMES}


def test_a_fact_whose_day_is_past_is_proposed_for_withdrawal_and_stays(site: IntakeSite) -> None:
    edit_id = label_in_force(site)
    with site.ledger.write() as transaction:
        values = {"release_id": 0, "cause": "initial", "digest": "d", "base_model_digest": "b", "encoder_digest": "e"}
        more = {"thresholds": "{}", "check_state": "passed", "actor": "t", "created_at": transaction.now}
        transaction.execute(sa.insert(tables.releases).values(**values, **more))
        batch_id = transaction.execute(sa.select(tables.edits.c.batch_id)).scalar_one()
        row = {"release_id": 0, "edit_id": edit_id, "batch_id": batch_id, "row_sha256": "r"}
        transaction.execute(sa.insert(tables.release_edits).values(**row))
        transaction.execute(sa.insert(tables.live).values(id=1, release_id=0))
    today = site.ledger.clock().date()
    set_expiry(site.ledger, edit_id, until=today, why="shortage until then", account="ada")
    assert propose_expired(site.ledger) == ()
    set_expiry(site.ledger, edit_id, until=today - timedelta(days=1), why="earlier", account="ada")
    (name,) = propose_expired(site.ledger)
    assert propose_expired(site.ledger) == ()
    with site.ledger.read() as connection:
        (item,) = list_affected(connection, AffectedTable(), today=today)
    assert (item.proposal_id, item.kind, item.severity, item.in_force) == (name, "expired", Severity.ROUTINE, True)
