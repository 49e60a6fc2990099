"""Promotion, rollback and the live pointer, over the ledger alone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from tests.workflow.change_control.made_batches import IDENTITY, approve, enrol, make_candidate, pass_gate, sign
from workflow.change_control.batches import create_batch, list_batches, read_batch
from workflow.change_control.promotion import promote_batch
from workflow.change_control.release import (
    NewRelease,
    digest_of,
    list_releases,
    read_live,
    release_edits,
    release_in_force_at,
    write_release,
)
from workflow.change_control.rollback import plan_rollback, roll_back
from workflow.change_control.serving import start, stop
from workflow.change_control.signed_acts import list_acts, verify_acts
from workflow.change_control.undo_rollback import plan_undo, undo_rollback
from workflow.errors import DamagedError, IllegalTransitionError, UsageError
from workflow.ledger import audit, tables
from workflow.ledger.ledger import Ledger
from workflow.records import BatchState, CandidateState

MakeBatch = Callable[..., str]


def live_edits(ledger: Ledger) -> set[str]:
    """Subjects in force."""
    with ledger.read() as connection:
        live = read_live(connection)
        assert live is not None
        return {edit.subject for edit in release_edits(connection, live.release_id)}


def live_digest(ledger: Ledger) -> str:
    with ledger.read() as connection:
        live = read_live(connection)
    assert live is not None
    return live.digest


def test_promotion_makes_exactly_the_batch_live(ledger: Ledger, passed_batch: MakeBatch, tmp_path: Path) -> None:
    batch_id = passed_batch(make_candidate("corvandine"), make_candidate("melistat"))
    promoted = promote_batch(ledger, tmp_path, batch_id, actor="A. Signer")
    assert live_edits(ledger) == {"corvandine", "melistat"}
    assert promoted.release_id == 1
    assert promoted.digest == live_digest(ledger)


def test_rollback_gives_back_the_digest_of_before(ledger: Ledger, passed_batch: MakeBatch, tmp_path: Path) -> None:
    promote_batch(ledger, tmp_path, passed_batch(make_candidate("corvandine")), actor="a")
    before = live_digest(ledger)
    second = passed_batch(make_candidate("melistat"), make_candidate("tavorine"))
    promote_batch(ledger, tmp_path, second, actor="a")
    assert live_digest(ledger) != before
    plan = roll_back(ledger, second, reason="wrong label", actor="b")
    assert live_digest(ledger) == before == plan.digest_new
    with ledger.read() as connection:
        live = read_live(connection)
        assert live is not None
        assert (live.release_id, live.check_state, live.cause) == (3, "pending", "rollback")
        assert read_batch(connection, second).state is BatchState.ROLLED_BACK


def test_only_one_edit_leaves_and_the_batch_stays(ledger: Ledger, passed_batch: MakeBatch, tmp_path: Path) -> None:
    batch_id = passed_batch(make_candidate("corvandine"), make_candidate("melistat"))
    promote_batch(ledger, tmp_path, batch_id, actor="a")
    with ledger.read() as connection:
        leaving = [e.edit_id for e in release_edits(connection, 1) if e.subject == "melistat"]
    roll_back(ledger, batch_id, only=leaving, reason="retracted", actor="b")
    assert live_edits(ledger) == {"corvandine"}
    with ledger.read() as connection:
        assert read_batch(connection, batch_id).state is BatchState.PROMOTED


def test_a_shadowed_fact_is_shown_before_and_proposed_for_withdrawal(
    ledger: Ledger, passed_batch: MakeBatch, tmp_path: Path
) -> None:
    promote_batch(ledger, tmp_path, passed_batch(make_candidate("corvandine", "5 mg")), actor="a")
    newer = passed_batch(make_candidate("corvandine", "2.5 mg"))
    promote_batch(ledger, tmp_path, newer, actor="a")
    with ledger.read() as connection:
        shadowed = plan_rollback(connection, newer).shadowed
    assert [edit.object_new for edit in shadowed] == ["5 mg"]
    roll_back(ledger, newer, reason="error", actor="b")
    with ledger.read() as connection:
        rows = connection.exec_driver_sql("SELECT state, action FROM candidates WHERE action = 'withdraw'").all()
    assert [tuple(row) for row in rows] == [(CandidateState.PROPOSED, "withdraw")]
    enrol(ledger, "m", "release_manager")
    undo_rollback(ledger, 3, reason="no error", account="m")
    with ledger.read() as connection:
        state = connection.exec_driver_sql("SELECT state FROM candidates WHERE action = 'withdraw'").scalar()
    assert state == CandidateState.CLOSED


@pytest.mark.parametrize(
    ("batch_id", "only", "reason", "error", "says"),
    [
        ("b9999", (), "why", UsageError, "unknown"),
        ("b0001", ("e-nothing",), "why", UsageError, "expected an edit of batch b0001"),
        ("b0001", (), "  ", UsageError, "expected a reason"),
    ],
)
def test_a_wrong_rollback_changes_nothing(
    ledger: Ledger,
    passed_batch: MakeBatch,
    tmp_path: Path,
    batch_id: str,
    only: tuple[str, ...],
    reason: str,
    error: type[Exception],
    says: str,
) -> None:
    promote_batch(ledger, tmp_path, passed_batch(make_candidate("corvandine")), actor="a")
    before = live_digest(ledger)
    with pytest.raises(error, match=says):
        roll_back(ledger, batch_id, only=only, reason=reason, actor="b")
    assert live_digest(ledger) == before


def test_a_batch_is_not_rolled_back_twice(ledger: Ledger, passed_batch: MakeBatch, tmp_path: Path) -> None:
    batch_id = passed_batch(make_candidate("corvandine"))
    promote_batch(ledger, tmp_path, batch_id, actor="a")
    roll_back(ledger, batch_id, reason="wrong", actor="b")
    with pytest.raises(IllegalTransitionError, match="nothing to roll back"):
        roll_back(ledger, batch_id, reason="wrong", actor="b")


def test_only_approved_candidates_enter_a_batch(ledger: Ledger) -> None:
    pending = approve(ledger, make_candidate("corvandine"), CandidateState.PENDING)
    assert create_batch(ledger, actor="a") is None
    with pytest.raises(IllegalTransitionError, match="expected an approved candidate"):
        create_batch(ledger, actor="a", candidate_ids=[pending])


def test_a_forged_approval_enters_no_batch(ledger: Ledger) -> None:
    """P1: the state says approved, but nobody (or only one of two) signed what is on record."""
    unsigned, once = make_candidate("corvandine"), make_candidate("melistat")
    approve(ledger, unsigned, CandidateState.PENDING)
    approve(ledger, once, CandidateState.PENDING)
    with ledger.write() as transaction:
        sign(transaction, once, ["s1"])
        transaction.execute(update(tables.candidates).values(state=CandidateState.APPROVED))
    assert create_batch(ledger, actor="a") is None
    with ledger.read() as connection:
        states = dict(connection.execute(select(tables.candidates.c.subject, tables.candidates.c.state)).all())
    assert states == {"corvandine": CandidateState.PENDING, "melistat": CandidateState.AWAITING_SECOND}


def test_an_approval_of_what_was_changed_since_enters_no_batch(ledger: Ledger) -> None:
    """P1: two people signed 5 mg, and the row says 50 mg now."""
    signed = make_candidate("corvandine", "5 mg")
    approve(ledger, signed)
    forged = signed.model_copy(update={"object_new": "50 mg"})
    with ledger.write() as transaction:
        transaction.execute(update(tables.candidates).values(body=forged.model_dump_json()))
    assert create_batch(ledger, actor="a") is None


def test_an_ungated_batch_is_not_promoted(ledger: Ledger, tmp_path: Path) -> None:
    approve(ledger, make_candidate("corvandine"))
    batch_id = create_batch(ledger, actor="a")
    assert batch_id is not None
    (tmp_path / f"{batch_id}.safetensors").write_bytes(b"")
    with pytest.raises((IllegalTransitionError, DamagedError)):
        promote_batch(ledger, tmp_path, batch_id, actor="a")
    assert live_edits(ledger) == set()


def test_a_batch_gated_against_an_older_release_is_not_promoted(
    ledger: Ledger, passed_batch: MakeBatch, tmp_path: Path
) -> None:
    first = passed_batch(make_candidate("corvandine"))
    second = passed_batch(make_candidate("melistat"))
    promote_batch(ledger, tmp_path, first, actor="a")
    with pytest.raises(IllegalTransitionError, match="gate compared with release 0, but live is 1"):
        promote_batch(ledger, tmp_path, second, actor="a")
    assert live_edits(ledger) == {"corvandine"}


def test_a_changed_shard_is_refused_and_nothing_moves(ledger: Ledger, passed_batch: MakeBatch, tmp_path: Path) -> None:
    batch_id = passed_batch(make_candidate("corvandine"))
    (tmp_path / f"{batch_id}.safetensors").write_bytes(b"other bytes")
    with pytest.raises(DamagedError, match="expected sha256"):
        promote_batch(ledger, tmp_path, batch_id, actor="a")
    assert live_edits(ledger) == set()


def test_live_as_of_any_time(ledger: Ledger, passed_batch: MakeBatch, tmp_path: Path) -> None:
    batch_id = passed_batch(make_candidate("corvandine"))
    promote_batch(ledger, tmp_path, batch_id, actor="a")
    roll_back(ledger, batch_id, reason="wrong", actor="b")
    with ledger.read() as connection:
        releases = list_releases(connection)
        for release in releases:
            found = release_in_force_at(connection, release.created_at)
            assert found is not None
            assert found.release_id == release.release_id
        assert release_in_force_at(connection, "2000-01-01T00:00:00Z") is None
    assert [release.cause for release in releases] == ["initial", "promotion", "rollback"]


def test_the_pointer_moves_only_from_where_it_was_seen(ledger: Ledger, passed_batch: MakeBatch, tmp_path: Path) -> None:
    """Compare-and-swap: who read release 0 does not overwrite what went live since, and leaves no release behind."""
    promote_batch(ledger, tmp_path, passed_batch(make_candidate("corvandine")), actor="a")
    late = NewRelease("promotion", None, IDENTITY, (), "passed", "late", "")
    with pytest.raises(IllegalTransitionError, match="expected release 0"), ledger.write() as transaction:
        write_release(transaction, late, expected_live=0)
    assert live_edits(ledger) == {"corvandine"}
    with ledger.read() as connection:
        assert [release.release_id for release in list_releases(connection)] == [0, 1]


def test_stop_leaves_the_pointer_and_is_said(ledger: Ledger) -> None:
    stop(ledger, reason="wrong answers on ward 3", actor="a")
    with ledger.read() as connection:
        live = read_live(connection)
    assert live is not None
    assert (live.stopped, live.stop_reason, live.release_id) == (True, "wrong answers on ward 3", 0)
    with pytest.raises(IllegalTransitionError, match="stopped already"):
        stop(ledger, reason="again", actor="a")
    with pytest.raises(IllegalTransitionError, match="start is for: release manager; they are: service"):
        start(ledger, actor="a")
    enrol(ledger, "m", "release_manager")
    start(ledger, actor="m")
    with ledger.read() as connection:
        told = [(act.act, act.signer_name, act.reason) for act in list_acts(connection)]
        assert verify_acts(connection) == ()
    assert told == [("start", "Printed m", "the stop is lifted: wrong answers on ward 3")]
    with pytest.raises(IllegalTransitionError, match="not stopped: release 0 is served"):
        start(ledger, actor="m")


STEPS = st.lists(
    st.tuples(st.sampled_from(["promote", "rollback", "withdraw", "undo"]), st.integers(0, 5), st.integers(0, 3)),
    max_size=12,
)


@given(steps=STEPS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_life_equals_a_naive_model(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int]]
) -> None:
    """Promote, roll back (whole, or one edit) and undo rollbacks in any order: live is always what a dictionary says.

    Its digest is that of a memory built from what remains, and the audit chain is whole.
    """
    folder = tmp_path_factory.mktemp("life")
    ledger = Ledger.create(folder / "l.sqlite", kind="hospital", signer_profile="one_signer", actor="tests")
    from workflow.change_control.release import ensure_initial_release

    ensure_initial_release(ledger, IDENTITY)
    enrol(ledger, "m", "release_manager")
    model: dict[str, dict[str, str]] = {}
    gone: dict[int, dict[str, dict[str, str]]] = {}  # what left with each rollback, by its release
    for number, (what, which, pick) in enumerate(steps):
        batches = sorted(model)
        if what == "promote":
            for i in range(1 + pick % 2):
                approve(ledger, make_candidate(f"drug{number}x{i}", f"{which + 1} mg"))
            batch_id = create_batch(ledger, actor="a")
            assert batch_id is not None
            pass_gate(ledger, folder, batch_id)
            promote_batch(ledger, folder, batch_id, actor="a")
            with ledger.read() as connection:
                model[batch_id] = {e.edit_id: str(e.row_sha256) for e in read_batch(connection, batch_id).edits}
        elif what == "undo":
            release_id = sorted(gone)[which % len(gone)] if gone else 0
            back = {
                batch: {edit: row for edit, row in rows.items() if edit not in model.get(batch, {})}
                for batch, rows in gone.get(release_id, {}).items()
            }
            if not any(back.values()):
                with pytest.raises(IllegalTransitionError):
                    undo_rollback(ledger, release_id, reason="r", account="m")
                continue
            undo_rollback(ledger, release_id, reason="r", account="m")
            for batch, rows in back.items():
                model[batch] = {**model.get(batch, {}), **rows}
        elif batches:
            batch_id = batches[which % len(batches)]
            edits = sorted(model[batch_id])
            if not edits:
                with pytest.raises(IllegalTransitionError):
                    roll_back(ledger, batch_id, reason="r", actor="b")
                continue
            only = [edits[pick % len(edits)]] if what == "withdraw" else []
            plan = roll_back(ledger, batch_id, only=only, reason="r", actor="b")
            left = {k: v for k, v in model[batch_id].items() if not only or k in only}
            gone[plan.release_id_new or 0] = {batch_id: left}
            model[batch_id] = {k: v for k, v in model[batch_id].items() if only and k not in only}
        expected = {edit: digest for edits in model.values() for edit, digest in edits.items()}
        with ledger.read() as connection:
            live = read_live(connection)
            assert live is not None
            assert {e.edit_id: e.row_sha256 for e in release_edits(connection, live.release_id)} == expected
            assert live.digest == digest_of(IDENTITY, tuple(expected.values()))
    with ledger.read() as connection:
        assert audit.verify(connection).ok
    ledger.close()


def test_an_undone_rollback_says_what_it_brings_and_what_it_hides(
    ledger: Ledger, passed_batch: MakeBatch, tmp_path: Path
) -> None:
    enrol(ledger, "m", "release_manager")
    older = passed_batch(make_candidate("corvandine", "5 mg"), make_candidate("melistat"))
    promote_batch(ledger, tmp_path, older, actor="a")
    roll_back(ledger, older, reason="wrong", actor="b")
    promote_batch(ledger, tmp_path, passed_batch(make_candidate("corvandine", "2.5 mg")), actor="a")
    with ledger.read() as connection:
        plan = plan_undo(connection, 2)
    assert [edit.subject for edit in plan.coming] == ["corvandine", "melistat"] or len(plan.coming) == 2
    assert [(edit.subject, edit.object_new) for edit in plan.hidden] == [("corvandine", "5 mg")]
    assert plan.replaced == ()
    with pytest.raises(IllegalTransitionError, match="undo rollback is for: release manager"):
        undo_rollback(ledger, 2, reason="it was right", account="b")
    done = undo_rollback(ledger, 2, reason="it was right", account="m")
    with ledger.read() as connection:
        live = read_live(connection)
        assert live is not None
        assert (live.digest, live.check_state, live.cause) == (done.digest_new, "pending", "undone_rollback")
        assert read_batch(connection, older).state is BatchState.PROMOTED
    with pytest.raises(IllegalTransitionError, match="nothing to undo"):
        undo_rollback(ledger, 2, reason="again", account="m")
    with pytest.raises(IllegalTransitionError, match="expected one that a rollback made, got promotion"):
        undo_rollback(ledger, 1, reason="no rollback", account="m")


_DIE = """
import sys
from pathlib import Path
from workflow.change_control.promotion import promote_batch
from workflow.ledger.ledger import Ledger
ledger = Ledger.open(Path(sys.argv[1]) / "ledger.sqlite")
promote_batch(ledger, Path(sys.argv[1]), sys.argv[2], actor="a")
"""


@pytest.mark.parametrize(
    ("point", "live_after"), [("promote.before_commit", set()), ("promote.after_commit", {"corvandine"})]
)
def test_kill_in_a_promotion_leaves_before_or_after_never_between(
    ledger: Ledger, passed_batch: MakeBatch, tmp_path: Path, point: str, live_after: set[str]
) -> None:
    batch_id = passed_batch(make_candidate("corvandine"))
    died = subprocess.run(
        [sys.executable, "-c", _DIE, str(tmp_path), batch_id],
        env={**os.environ, "MEDREK_FLOW_KILL_AT": point},
        check=False,
        capture_output=True,
    )
    assert died.returncode == -9, died.stderr.decode()
    assert live_edits(ledger) == live_after
    with ledger.read() as connection:
        state = list_batches(connection)[0].state
    if point == "promote.before_commit":
        assert state is BatchState.PASSED
        promote_batch(ledger, tmp_path, batch_id, actor="a")
    assert live_edits(ledger) == {"corvandine"}
    with ledger.read() as connection:
        assert audit.verify(connection).ok


_NO_TORCH = """
import sys
from pathlib import Path
from workflow.change_control.rollback import roll_back
from workflow.ledger.ledger import Ledger
roll_back(Ledger.open(Path(sys.argv[1]) / "ledger.sqlite"), sys.argv[2], reason="wrong", actor="b")
loaded = {"torch", "transformers", "chromadb", "langgraph", "textual"} & set(sys.modules)
sys.exit(f"loaded {sorted(loaded)}" if loaded else 0)
"""


def test_rollback_needs_no_model_library_and_no_memory_file(
    ledger: Ledger, passed_batch: MakeBatch, tmp_path: Path
) -> None:
    batch_id = passed_batch(make_candidate("corvandine"))
    promote_batch(ledger, tmp_path, batch_id, actor="a")
    (tmp_path / f"{batch_id}.safetensors").unlink()
    done = subprocess.run(
        [sys.executable, "-c", _NO_TORCH, str(tmp_path), batch_id], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert live_edits(ledger) == set()
