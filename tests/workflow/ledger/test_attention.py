"""What is made false on purpose: it looks like any other, never reaches the memory, and is told after the signature."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from tests.workflow.ledger.made_ledgers import Desk, cite, create_desk, make_candidate, put_candidate, put_notice
from workflow.change_control.batches import approved_candidates, create_batch
from workflow.errors import IllegalTransitionError
from workflow.ledger import audit, tables
from workflow.ledger.attention import make_false, read_attention, seed_candidates
from workflow.ledger.case_file import find_rivals, read_case_file
from workflow.ledger.desk_tables import seeded_candidates
from workflow.ledger.taking_back import reopen, undo_step
from workflow.records import CandidateState, Risk, Verdict

TEXT = "The recommended dose is 5 mg for women."


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Desk]:
    """Ten pending candidates of low risk on a scripted site."""
    desk = create_desk(tmp_path / "site")
    evidence = cite(TEXT, TEXT, put_notice(desk, TEXT))
    for number in range(10):
        put_candidate(desk, make_candidate(f"drug{number}", "5 mg", risk=Risk.LOW, evidence=(evidence,)))
    yield desk
    desk.ledger.close()


def seeded(made: Desk) -> list[str]:
    """Name what was made false."""
    with made.ledger.read() as connection:
        return list(connection.execute(select(seeded_candidates.c.candidate_id)).scalars())


def test_off_means_none(made: Desk) -> None:
    assert seed_candidates(made.ledger, share=0.0, seed=1) == 0
    assert seeded(made) == []


def test_a_share_is_kept_and_no_real_candidate_is_touched(made: Desk) -> None:
    assert seed_candidates(made.ledger, share=0.2, seed=1) == 2
    assert seed_candidates(made.ledger, share=0.2, seed=2) == 0
    with made.ledger.read() as connection:
        assert find_rivals(connection) == {}
        assert audit.verify(connection).ok
        for name in seeded(made):
            file = read_case_file(connection, name)
            assert file.state is CandidateState.PENDING
            assert file.candidate.object_new != "5 mg"
            assert file.candidate.evidence[0].quote == TEXT
            assert file.rehearsal is not None
            assert all(file.candidate.object_new in outcome.would_say for outcome in file.rehearsal.outcomes)


def test_what_was_approved_is_preferred_and_else_half_a_tier_stands_between(made: Desk) -> None:
    with made.ledger.write() as transaction:
        names = list(transaction.execute(select(tables.candidates.c.candidate_id)).scalars())
        for age, name in enumerate(names):
            row = update(tables.candidates).where(tables.candidates.c.candidate_id == name)
            transaction.execute(row.values(created_at=f"2026-01-{age + 1:02d}T00:00:00Z"))
    made.decide("ada", names[9], Verdict.APPROVE)
    assert seed_candidates(made.ledger, share=0.4, seed=1) == 3
    with made.ledger.read() as connection:
        origins = list(connection.execute(select(seeded_candidates.c.origin_id)).scalars())
    assert names[9] in origins
    assert set(origins) < {*names[:4], names[9]}


def test_the_chain_names_none_before_it_is_told(made: Desk) -> None:
    seed_candidates(made.ledger, share=0.1, seed=1)
    (name,) = seeded(made)
    with made.ledger.read() as connection:
        rows = connection.execute(select(tables.audit).where(tables.audit.c.event.like("attention.%"))).all()
        assert [name in row.body or name in row.subject for row in rows] == [False]
        events = connection.execute(select(tables.audit.c.event).where(tables.audit.c.subject == f"candidate:{name}"))
        assert list(events.scalars()) == ["candidate.proposed"]


@pytest.mark.parametrize(
    ("verdict", "noticed"),
    [(Verdict.APPROVE, False), (Verdict.REJECT, True), (Verdict.CLOSE, True), (Verdict.FIX_AND_APPROVE, True)],
)
def test_it_is_told_after_the_signature_and_counted(made: Desk, verdict: Verdict, noticed: bool) -> None:
    seed_candidates(made.ledger, share=0.1, seed=1)
    (name,) = seeded(made)
    signed = made.decide("ada", name, verdict, fixed="6 mg" if verdict is Verdict.FIX_AND_APPROVE else "")
    assert [(one.candidate_id, one.noticed) for one in signed.revealed] == [(name, noticed)]
    assert "was made" in signed.revealed[0].how
    assert made.state(name) is CandidateState.CLOSED
    assert signed.made == ()
    with made.ledger.read() as connection:
        (ada,) = read_attention(connection)
        assert (ada.name, ada.seen, ada.missed, ada.miss_rate) == ("Ada", 1, int(not noticed), float(not noticed))
        assert approved_candidates(connection) == ()
    assert create_batch(made.ledger, actor="ada") is None
    assert undo_step(made.ledger, made.policy, "ada").candidate_ids == ()
    assert reopen(made.ledger, name, reviewer_id="ben", reason="again") != ()


def test_a_deferral_tells_nothing(made: Desk) -> None:
    seed_candidates(made.ledger, share=0.1, seed=1)
    (name,) = seeded(made)
    assert made.decide("ada", name, Verdict.DEFER).revealed == ()
    assert made.state(name) is CandidateState.DEFERRED


def test_the_ledger_itself_refuses_to_stage_one(made: Desk) -> None:
    seed_candidates(made.ledger, share=0.1, seed=1)
    (name,) = seeded(made)
    with made.ledger.write() as transaction:  # somebody forces the state past every rule
        transaction.execute(
            update(tables.candidates).where(tables.candidates.c.candidate_id == name).values(state="approved")
        )
        batch = {"batch_id": "b1", "ordinal": 1, "state": "open", "created_at": "x", "created_by": "x"}
        transaction.execute(insert(tables.batches).values(**batch))
    edit = {"edit_id": "e", "candidate_id": name, "batch_id": "b1", "functional_key": "k", "body": "{}"}
    into = insert(tables.edits).values(**edit, state="in_batch", created_at="x")
    with pytest.raises(IllegalTransitionError, match="seeded"), made.ledger.write() as transaction:
        transaction.execute(into)
    with pytest.raises(IllegalTransitionError, match="append-only"), made.ledger.write() as transaction:
        transaction.execute(seeded_candidates.delete())


def test_false_means_another_number_or_the_old_object() -> None:
    chance = random.Random(1)
    number = make_false(make_candidate(object_new="2.5 mg twice"), chance)
    assert number is not None
    assert number[0].object_new.endswith("mg twice")
    assert number[0].object_new != "2.5 mg twice"
    swapped = make_false(make_candidate(object_new="not supported", object_old="halves mortality"), chance)
    assert swapped is not None
    assert (swapped[0].object_new, swapped[0].object_old) == ("halves mortality", None)
    assert make_false(make_candidate(object_new="not supported", object_old=None), chance) is None
