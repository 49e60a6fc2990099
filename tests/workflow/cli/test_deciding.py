"""``queue decide``: mark and signature in one go, under the site's rules."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest
from sqlalchemy import insert

from tests.workflow.cli.made_site import World
from tests.workflow.cli.running import Run
from workflow.identity import add_reviewer, os_user
from workflow.ledger import tables
from workflow.ledger.lease import lease
from workflow.rehearsal_records import QuestionOutcome, Rehearsal

PERSONS_PIN = "314159"


@pytest.fixture
def rehearsed(world: World) -> World:
    """The waiting candidate has its rehearsal, and the person at this keyboard is enrolled."""
    candidate = world.pending
    outcome = QuestionOutcome(question=candidate.question, now="10 mg", would_say="5 mg twice daily", takes=True)
    rehearsal = Rehearsal(
        candidate_id=candidate.candidate_id,
        content_sha256=candidate.content_sha256,
        release_id=2,
        carrier="text",
        outcomes=(outcome,),
        moves=(),
        already_says=False,
    )
    ledger = world.site.open_ledger()
    with ledger.write() as transaction:
        transaction.execute(
            insert(tables.rehearsals).values(
                candidate_id=candidate.candidate_id,
                content_sha256=candidate.content_sha256,
                release_id=2,
                rehearsed_at=transaction.now,
                body=rehearsal.model_dump_json(),
            )
        )
    me = os_user()
    add_reviewer(
        ledger, reviewer_id=me.user_id, name="The Person Here", role="pharmacist", pin=PERSONS_PIN, actor=me.user_id
    )
    ledger.close()
    return world


@pytest.fixture
def pin_fd() -> Iterator[int]:
    """A descriptor that holds the person's PIN."""
    reading, writing = os.pipe()
    os.write(writing, f"{PERSONS_PIN}\n".encode())
    os.close(writing)
    yield reading
    os.close(reading)


def state(run: Run, candidate_id: str) -> str:
    """The candidate's state as the command tells it."""
    every = json.loads(run("queue", "list", "--all", "--json").out)["candidates"]
    return str(next(line["state"] for line in every if line["candidate_id"] == candidate_id))


def decide(run: Run, world: World, *options: str) -> int:
    """Decide the waiting candidate."""
    return run("queue", "decide", world.pending.candidate_id, *options).code


def test_a_person_approves_with_their_pin(run: Run, rehearsed: World, pin_fd: int) -> None:
    assert decide(run, rehearsed, "--verdict", "approve", "--pin-fd", str(pin_fd)) == 0
    assert state(run, rehearsed.pending.candidate_id) == "approved"


def test_a_wrong_pin_signs_nothing_and_leaves_no_mark(run: Run, rehearsed: World) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"000000\n")
    os.close(writing)
    ran = run("queue", "decide", rehearsed.pending.candidate_id, "--verdict", "approve", "--pin-fd", str(reading))
    os.close(reading)
    assert ran.code == 1
    assert "wrong PIN" in ran.err
    assert state(run, rehearsed.pending.candidate_id) == "pending"
    ledger = rehearsed.site.open_ledger()
    with ledger.read() as connection:
        assert connection.execute(tables.marks.select()).all() == []
    ledger.close()


def test_without_a_terminal_a_person_needs_a_descriptor(run: Run, rehearsed: World) -> None:
    assert decide(run, rehearsed, "--verdict", "approve") == 2
    assert state(run, rehearsed.pending.candidate_id) == "pending"


def test_what_may_not_be_decided_is_refused_before_the_pin_is_asked_for(run: Run, rehearsed: World) -> None:
    decided = rehearsed.first.candidate_id
    ran = run("queue", "decide", decided, "--verdict", "approve")
    assert ran.code == 16
    assert "nothing to decide here any more" in ran.err


def test_a_rejection_needs_a_reason(run: Run, rehearsed: World) -> None:
    assert decide(run, rehearsed, "--verdict", "reject", "--as", "script-one") == 16
    reasoned = ("--verdict", "reject", "--reason-code", "not_in_source", "--as", "script-one")
    assert decide(run, rehearsed, *reasoned) == 0
    assert state(run, rehearsed.pending.candidate_id) == "rejected"


def test_a_dry_run_shows_and_changes_nothing(run: Run, rehearsed: World) -> None:
    ran = run(
        "queue", "decide", rehearsed.pending.candidate_id, "--verdict", "approve", "--as", "script-one", "--dry-run"
    )
    assert ran.code == 0
    assert "would say: 5 mg twice daily" in ran.out
    assert state(run, rehearsed.pending.candidate_id) == "pending"


def test_a_fix_makes_another_candidate(run: Run, rehearsed: World) -> None:
    fixed = ("--verdict", "fix_and_approve", "--fixed-object", "5 mg once daily", "--as", "script-one")
    assert decide(run, rehearsed, *fixed) == 0
    every = json.loads(run("queue", "list", "--all", "--json").out)["candidates"]
    original = next(line for line in every if line["candidate_id"] == rehearsed.pending.candidate_id)
    assert original["state"] == "closed"
    assert original["replaced_by"] in {line["candidate_id"] for line in every}


def test_nothing_is_approved_before_its_rehearsal(run: Run, world: World) -> None:
    assert decide(run, world, "--verdict", "approve", "--as", "script-one") == 16


def test_nobody_acts_as_a_person(run: Run, rehearsed: World) -> None:
    assert decide(run, rehearsed, "--verdict", "approve", "--as", os_user().user_id) == 16


def test_a_busy_site_is_17_and_says_who(run: Run, world: World) -> None:
    ledger = world.site.open_ledger()
    with lease(ledger, "worker"):
        ran = run("worker")
        leases = json.loads(run("status", "--json").out)["leases"]
    ledger.close()
    assert ran.code == 17
    assert f"pid {os.getpid()}" in ran.err
    assert leases[0]["name"] == "worker"


def test_sources_that_fail_are_11_and_name_the_cause(run: Run, world: World) -> None:
    world.site.drop_folder.rmdir()
    ran = run("sources", "test", "dropfolder")
    assert ran.code == 11
    assert "expected a folder" in ran.out


def test_a_source_shows_what_it_would_give_and_stores_nothing(run: Run, world: World) -> None:
    (world.site.drop_folder / "a.txt").write_text("Product: Corvandine\nKind: label\n\nSomething.\n", encoding="utf-8")
    body = json.loads(run("sources", "pull", "dropfolder", "--json").out)
    assert body["documents"][0]["notices"][0]["kind"] == "label"
    assert not (world.site.documents.folder / body["documents"][0]["raw_sha256"]).exists()
