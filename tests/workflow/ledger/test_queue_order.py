"""The queue's order by risk: withdrawals, conflicts, high before low; then what both runs say; then the oldest."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert, update

from tests.workflow.ledger.made_ledgers import Desk, create_desk, make_candidate, put_candidate, put_notice
from workflow.intake.flood import crowds
from workflow.ledger import tables
from workflow.ledger.case_file import read_case_file
from workflow.ledger.queue import Onlooker, QueueOrder, QueueView, queue_ids
from workflow.records import CandidateState, Risk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = create_desk(tmp_path / "site")
    yield made
    made.ledger.close()


def listed(desk: Desk, order: QueueOrder) -> list[str]:
    with desk.ledger.read() as connection:
        return queue_ids(connection, QueueView.PENDING, Onlooker("ada", (), "2026-11-20T12:00:00Z"), order)


def test_what_only_one_of_two_runs_says_stands_last_of_its_risk(desk: Desk) -> None:
    put = {
        name: put_candidate(desk, make_candidate(name, risk=risk, agreement=runs))
        for name, risk, runs in (
            ("low-alone", Risk.LOW, 1),
            ("low-both", Risk.LOW, 2),
            ("high-alone", Risk.HIGH, 1),
            ("high-rules", Risk.HIGH, None),
            ("high-both", Risk.HIGH, 2),
        )
    }
    names = {candidate_id: name for name, candidate_id in put.items()}
    told = [names[one] for one in listed(desk, QueueOrder.RISK)]
    assert told == ["high-rules", "high-both", "high-alone", "low-both", "low-alone"]
    by_age = [names[one] for one in listed(desk, QueueOrder.AGE)]
    assert by_age == list(put), "agreement orders by risk alone"


def test_a_conflict_stands_before_agreement(desk: Desk) -> None:
    both = put_candidate(desk, make_candidate("sundrazole", agreement=2))
    rivals = [put_candidate(desk, make_candidate("zolpidem", value, agreement=1)) for value in ("5 mg", "7 mg")]
    assert listed(desk, QueueOrder.RISK) == [*rivals, both]


def test_a_quote_that_holds_the_word_does_not_change_the_order(desk: Desk) -> None:
    tricky = put_candidate(desk, make_candidate("zolpidem", '5 mg "agreement":1', agreement=2))
    plain = put_candidate(desk, make_candidate("sundrazole", agreement=2))
    assert listed(desk, QueueOrder.RISK) == [tricky, plain]


def test_a_flood_is_one_group_with_its_source_and_what_of_it_is_shown(desk: Desk) -> None:
    _, notice_id = put_notice(desk, "The dose is 5 mg.")
    with desk.ledger.write() as transaction:
        change = {"change_id": "g-1", "notice_id": notice_id, "kind": "new", "outcome": "extracted", "run_id": "r1"}
        transaction.execute(insert(tables.changes).values(**change))
    put = [put_candidate(desk, make_candidate(f"drug{number}")) for number in range(5)]
    put_candidate(desk, make_candidate("of another source"))
    with desk.ledger.write() as transaction:
        columns = tables.candidates.c
        transaction.execute(update(tables.candidates).where(columns.candidate_id.in_(put)).values(change_id="g-1"))
        waits = update(tables.candidates).where(columns.candidate_id.in_(put[2:]))
        transaction.execute(waits.values(state=CandidateState.PROPOSED))
    with desk.ledger.read() as connection:
        (group,) = crowds(connection, least=5)
        assert crowds(connection, least=6) == ()
    assert (group.source, group.candidates, group.shown) == ("openfda", 5, 2)
    assert group.words.startswith("5 from openfda in one night, 2 shown: 3 wait for their rehearsal")


def test_what_would_replace_an_edit_in_force_says_so_and_what_that_says(desk: Desk) -> None:
    held = make_candidate("zolpidem", "10 mg", object_old=None)
    held_id = put_candidate(desk, held)
    edit = {"edit_id": "e-1", "candidate_id": held_id, "batch_id": "b-1", "functional_key": held.functional_key}
    with desk.ledger.write() as transaction:
        batch = {"batch_id": "b-1", "ordinal": 1, "state": "promoted", "created_at": transaction.now, "created_by": "t"}
        transaction.execute(insert(tables.batches).values(**batch))
        body = json.dumps({"object_new": "10 mg"})
        transaction.execute(
            insert(tables.edits).values(**edit, body=body, state="in_batch", created_at=transaction.now)
        )
        columns = tables.candidates.c
        batched = update(tables.candidates).where(columns.candidate_id == held_id)
        transaction.execute(batched.values(state=CandidateState.BATCHED))
    newer = put_candidate(desk, make_candidate("zolpidem", "5 mg"))
    assert rivals_of(desk, newer) == ["edit e-1 of a batch says otherwise: 10 mg"]
    with desk.ledger.write() as transaction:
        transaction.execute(update(tables.edits).values(state="live"))
    assert rivals_of(desk, newer) == ["would replace edit e-1 in force, which says: 10 mg"]
    with desk.ledger.write() as transaction:
        transaction.execute(update(tables.edits).values(state="withdrawn"))
    assert rivals_of(desk, newer) == []


def rivals_of(desk: Desk, candidate_id: str) -> list[str]:
    with desk.ledger.read() as connection:
        return [f"{rival.words}: {rival.object_new}" for rival in read_case_file(connection, candidate_id).rivals]
