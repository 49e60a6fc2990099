"""At the moment of promotion: two promoters, a batch changed after sign-off or gate, a clock that jumps (P1, P2)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from tests.workflow.change_control.made_batches import TickingClock, enrol, make_candidate
from workflow.change_control import acts
from workflow.change_control.impact_note import read_note
from workflow.change_control.promotion import promote_batch
from workflow.change_control.promotion_checks import HeldError
from workflow.change_control.read_back import send_back
from workflow.change_control.release import list_releases, read_live, release_in_force_at
from workflow.errors import ExitCode, IllegalTransitionError, WorkflowError
from workflow.ledger import tables
from workflow.ledger.ledger import Ledger
from workflow.records import BatchState

MakeBatch = Callable[..., str]


def live(ledger: Ledger) -> tuple[int, set[str]]:
    """Number and subjects of what is live."""
    shown = acts.show_release(ledger)
    assert shown is not None
    return shown[0].release_id, {edit.subject for edit in shown[1]}


def test_of_two_promoters_at_once_one_wins(ledger: Ledger, passed_batch: MakeBatch, tmp_path: Path) -> None:
    batches = [passed_batch(make_candidate("corvandine")), passed_batch(make_candidate("melistat"))]
    barrier = threading.Barrier(4)
    told: list[int | str] = []

    def try_it(batch_id: str) -> None:
        barrier.wait()
        try:
            told.append(promote_batch(ledger, tmp_path, batch_id, actor="a").release_id)
        except IllegalTransitionError as error:
            told.append(str(error))

    threads = [threading.Thread(target=try_it, args=(batch_id,)) for batch_id in batches * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told, key=str).count(1) == 1
    assert live(ledger)[0] == 1
    assert len(live(ledger)[1]) == 1


_CHANGES = {
    "the text of an edit": "UPDATE edits SET body = replace(body, '5 mg', '50 mg')",
    "the text of a candidate": "UPDATE candidates SET body = replace(body, '5 mg', '50 mg')",
    "a staged row": "UPDATE edits SET row_sha256 = printf('%064d', 1)",
    "the gate's note": "DELETE FROM impact_notes",
    "the gate": "UPDATE gates SET verdict = 'hold'",
    "the note's text": "UPDATE impact_notes SET body = replace(body, 'corvandine', 'melistat')",
    "a rehearsal": "UPDATE rehearsals SET body = replace(body, '5 mg', '6 mg')",
}


@pytest.mark.parametrize("change", _CHANGES)
def test_a_batch_changed_after_sign_off_is_held_with_one_line(
    ledger: Ledger, passed_batch: MakeBatch, tmp_path: Path, change: str
) -> None:
    batch_id = passed_batch(make_candidate("corvandine"))
    with ledger.write() as transaction:
        for trigger in ("impact_notes_no_delete", "impact_notes_no_update"):
            transaction.connection.exec_driver_sql(f"DROP TRIGGER {trigger}")
        transaction.connection.exec_driver_sql(_CHANGES[change])
    with pytest.raises(WorkflowError) as refused:
        promote_batch(ledger, tmp_path, batch_id, actor="a")
    assert refused.value.exit_code in (ExitCode.HELD, ExitCode.DAMAGED)
    assert "\n" not in str(refused.value)
    assert live(ledger) == (0, set())
    if isinstance(refused.value, HeldError):
        batch = acts.show_batch(ledger, batch_id).batch if change != "the note's text" else None
        assert batch is None or (batch.state, (batch.hold_reason or "")[:8]) == (BatchState.HELD, "changed:")


def test_one_signature_of_two_is_not_enough_whatever_the_state_says(
    ledger: Ledger, passed_batch: MakeBatch, tmp_path: Path
) -> None:
    """P1: the second decision is cut out behind the program's back."""
    batch_id = passed_batch(make_candidate("corvandine"))
    with ledger.write() as transaction:
        transaction.connection.exec_driver_sql("DROP TRIGGER decisions_no_delete")
        transaction.connection.exec_driver_sql("DELETE FROM decisions WHERE reviewer_id = 's2'")
    with pytest.raises(HeldError, match=r"expected 2 standing signature\(s\), got 1"):
        promote_batch(ledger, tmp_path, batch_id, actor="a")
    assert live(ledger) == (0, set())


def test_a_clock_that_was_set_back_lets_nothing_in_and_everything_out(
    ledger: Ledger, passed_batch: MakeBatch, tmp_path: Path
) -> None:
    first = passed_batch(make_candidate("corvandine"))
    promote_batch(ledger, tmp_path, first, actor="a")
    second = passed_batch(make_candidate("melistat"))
    clock = ledger.clock
    assert isinstance(clock, TickingClock)
    clock.now -= timedelta(days=1)
    with pytest.raises(
        HeldError, match=r"the clock says .* but the record goes to .*: nothing went live; set the clock"
    ):
        promote_batch(ledger, tmp_path, second, actor="a")
    assert live(ledger) == (1, {"corvandine"})
    acts.do_rollback(ledger, first, reason="must go now", account="a")
    with ledger.read() as connection:
        releases = list_releases(connection)
        assert [one.created_at for one in releases] == sorted(one.created_at for one in releases)
        then = release_in_force_at(connection, releases[-1].created_at)
    assert then is not None
    assert then.release_id == 2
    clock.now += timedelta(days=1, minutes=5)
    with pytest.raises(IllegalTransitionError, match="its gate compared with release 1, but live is 2"):
        promote_batch(ledger, tmp_path, second, actor="a")


def test_the_impact_note_tells_drugs_answers_and_numbers_of_its_gate(
    ledger: Ledger, passed_batch: MakeBatch, tmp_path: Path
) -> None:
    promote_batch(ledger, tmp_path, passed_batch(make_candidate("corvandine", "5 mg")), actor="a")
    batch_id = passed_batch(make_candidate("corvandine", "2.5 mg"), make_candidate("melistat", flags=("hidden text",)))
    view = acts.show_batch(ledger, batch_id)
    note = view.note
    assert note is not None
    assert (note.gate_id, note.drugs, note.edits) == (view.batch.gate_id, ("corvandine", "melistat"), 2)
    assert {(one.question, one.new) for one in note.answers} == {
        ("What is the recommended dose of corvandine?", "2.5 mg"),
        ("What is the recommended dose of melistat?", "5 mg"),
    }
    assert [line.partition(" ")[2] for line in note.supersedes] == [
        "(corvandine): What is the recommended dose of corvandine? -> 5 mg"
    ]
    assert any("high risk: corvandine, melistat" in line for line in note.risks)
    assert any("hidden text" in line for line in note.risks)
    assert note.near_misses_asked == 2
    with ledger.read() as connection:
        assert read_note(connection, "g-none") is None


def test_a_batch_that_fails_live_gives_way_to_a_release_equal_to_the_former(
    ledger: Ledger, passed_batch: MakeBatch, tmp_path: Path
) -> None:
    promote_batch(ledger, tmp_path, passed_batch(make_candidate("corvandine", "5 mg")), actor="a")
    with ledger.read() as connection:
        former = read_live(connection)
    newer = passed_batch(make_candidate("corvandine", "2.5 mg"))
    promote_batch(ledger, tmp_path, newer, actor="a")
    send_back(ledger, newer, why="edit e-1 does not answer as its gate did")
    with ledger.read() as connection:
        now = read_live(connection)
        withdrawals = connection.exec_driver_sql("SELECT count(*) FROM candidates WHERE action = 'withdraw'").scalar()
    assert former is not None
    assert now is not None
    assert (now.release_id, now.digest, now.check_state) == (3, former.digest, former.check_state)
    assert (now.cause, now.actor, withdrawals) == ("automatic_return", "medrek-flow", 0)
    batch = acts.show_batch(ledger, newer).batch
    assert (batch.state, batch.hold_reason) == (
        BatchState.ROLLED_BACK,
        "returned: edit e-1 does not answer as its gate did",
    )
    enrol(ledger, "ada", "release_manager")
    acts.do_undo(ledger, 3, reason="it was the disk", account="ada")
    assert acts.show_batch(ledger, newer).batch.state is BatchState.PROMOTED


def test_find_leads_from_a_drug_or_an_answer_to_batch_and_edit(
    ledger: Ledger, passed_batch: MakeBatch, tmp_path: Path
) -> None:
    batch_id = passed_batch(make_candidate("corvandine"), make_candidate("melistat"))
    promote_batch(ledger, tmp_path, batch_id, actor="a")
    shown = acts.show_release(ledger)
    assert shown is not None
    edit_id = next(edit.edit_id for edit in shown[1] if edit.subject == "melistat")
    with ledger.write() as transaction:
        said = f'{{"{edit_id}": "Take 5 mg with 100 % care."}}'
        transaction.execute(update(tables.batches).values(read_back=said))
    assert [(one.edit_id, one.found_in) for one in acts.find_edits(ledger, "MELISTAT")] == [(edit_id, "fact")]
    assert [(one.edit_id, one.found_in) for one in acts.find_edits(ledger, "100 % care")] == [(edit_id, "answer")]
    assert acts.find_edits(ledger, "   ") == acts.find_edits(ledger, "nobody") == ()
    (found,) = acts.find_edits(ledger, "melistat")
    assert found.command == f"medrek-flow rollback {batch_id} --only {edit_id}"
    acts.do_rollback(ledger, batch_id, only=[edit_id], reason="wrong", account="a")
    assert [(one.in_force, one.state) for one in acts.find_edits(ledger, "melistat")] == [(False, "withdrawn")]
