"""A gate on a site: recorded, replayed, seen while it runs; interrupted it holds, and live is as it was."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import event, insert, select, text, update

from editor_engine import Editor
from editor_engine.errors import MemoryDamagedError
from tests.workflow.change_control.gated_site import FAQ, GatedSite, dose, load_editor
from workflow.change_control import gate_progress
from workflow.change_control.gate_progress import read_gate_progress
from workflow.change_control.gate_replay import replay
from workflow.change_control.ordering import order_check
from workflow.change_control.question_sets import pin
from workflow.errors import SettingsError, UsageError, WorkflowError
from workflow.ledger import tables
from workflow.ledger.control_tables import gate_records
from workflow.records import BatchState

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def editor() -> Editor:
    """The engine, loaded once."""
    return load_editor()


@pytest.fixture
def made(tmp_path: Path, editor: Editor) -> Iterator[GatedSite]:
    """A site on it."""
    site = GatedSite.make(tmp_path, editor)
    yield site
    site.lm.calls_left, site.lm.drifts = None, False
    site.ledger.close()


def test_a_lost_gpu_holds_the_batch_with_one_line_and_leaves_live(made: GatedSite) -> None:
    batch_id = made.staged(dose("corvandine"))
    before = made.live
    made.lm.calls_left = 1
    report = made.gate(batch_id)
    assert (report.verdict, report.checks, report.ejected) == ("hold", (), ())
    assert "RuntimeError: CUDA error: unspecified launch failure; release 0 stays live" in report.trouble
    assert "\n" not in report.trouble
    assert made.batch(batch_id).state is BatchState.HELD
    assert made.live == before
    with pytest.raises(UsageError, match="interrupted has nothing to run again"):
        replay(made.bench(), report.gate_id)
    made.lm.calls_left = None
    order_check(made.ledger, batch_id, actor="tests")
    again = made.gate(batch_id)
    assert (again.verdict, again.inputs_sha256) == ("pass", report.inputs_sha256)
    assert again.gate_id == f"{report.gate_id}-2", "the hold stays on record beside it"


def test_a_gate_runs_again_from_its_record_even_when_the_site_moved_on(made: GatedSite) -> None:
    pin(made.site, "What is melistat used for?")
    batch_id = made.staged(dose("corvandine"), dose("tavorine", must_not_assert=("5 mg once daily",)))
    report = made.gate(batch_id)
    assert [gone.subject for gone in report.ejected] == ["tavorine"]
    assert {str(check.name): check.asked for check in report.checks}["pinned"] == 1
    (made.site.root / "faq.jsonl").write_text('"Something else?"\n', encoding="utf-8")
    (made.site.root / "pinned.jsonl").unlink()
    found = replay(made.bench(), report.gate_id)
    assert found.is_equal, found
    assert found.probes == report.probes > len(FAQ)
    made.lm.drifts = True
    other = replay(made.bench(), report.gate_id)
    assert not other.is_equal
    assert {move.what for move in other.moves} == {"answer after"}


def test_a_record_that_was_changed_is_found_by_the_replay(made: GatedSite) -> None:
    report = made.gate(made.staged(dose("corvandine")))
    with made.ledger.write() as transaction, pytest.raises(Exception, match="append-only"):
        transaction.execute(update(gate_records).values(body="{}"))
    with made.ledger.write() as transaction:
        transaction.execute(text("DROP TRIGGER gate_records_no_update"))
        body = transaction.execute(select(gate_records.c.body)).scalar_one()
        transaction.execute(update(gate_records).values(body=body.replace('"faq_limit":0.2', '"faq_limit":0.9')))
    assert not replay(made.bench(), report.gate_id).same_inputs


def test_a_running_gate_beats_and_is_quiet_afterwards(made: GatedSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_progress, "BEAT_S", 0.0)
    batch_id = made.staged(dose("corvandine"))
    seen: list[tuple[str, str]] = []

    def tell(_phase: str, _done: int, _of: int) -> None:
        with made.ledger.read() as connection:
            seen.extend((beat.subject, beat.phase) for beat in read_gate_progress(connection))

    steps = made.steps()
    steps._progress = tell
    steps.gate(batch_id)
    assert ("batch:b0001", "screen") in seen
    assert ("batch:b0001", "run") in seen
    with made.ledger.read() as connection:
        assert read_gate_progress(connection) == ()


def test_a_damaged_shard_is_no_hold_but_damage(made: GatedSite) -> None:
    batch_id = made.staged(dose("corvandine"))
    shard = made.site.memory_folder / f"{batch_id}.safetensors"
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.chmod(0o600)
    shard.write_bytes(bytes(content))
    with pytest.raises(MemoryDamagedError, match=batch_id):
        made.gate(batch_id)
    assert made.batch(batch_id).state is BatchState.STAGED
    assert made.live.release_id == 0


def test_a_clock_that_jumps_back_in_the_middle_costs_nothing(made: GatedSite) -> None:
    batch_id = made.staged(dose("corvandine"))
    steps = made.steps()
    steps._progress = lambda _phase, _done, _of: made.clock.jump(hours=-3)
    steps.gate(batch_id)
    assert made.batch(batch_id).state is BatchState.PASSED
    with made.ledger.read() as connection:
        row = connection.execute(select(tables.gates)).one()
    assert row.started_at <= row.finished_at


def test_a_full_disk_leaves_the_batch_staged_and_live_as_it_was(made: GatedSite) -> None:
    batch_id = made.staged(dose("corvandine"))
    before = made.live
    steps = made.steps()
    with made.ledger.write() as transaction:  # the page on which a record would find room
        transaction.execute(insert(gate_records).values(gate_id="filler", recorded_at="", body="x" * 3500))
    with closing(sqlite3.connect(made.ledger.path)) as plain:
        plain.execute("VACUUM")  # no free page is left in the file
        pages = plain.execute("PRAGMA page_count").fetchone()[0]
    limit = f"PRAGMA max_page_count={pages}"
    event.listen(made.ledger._engine, "checkout", lambda plain, *_: plain.execute(limit))
    with pytest.raises(WorkflowError, match="disk is full: this step changed nothing"):
        steps.gate(batch_id)
    assert made.batch(batch_id).state is BatchState.STAGED
    assert made.live == before


def test_limits_that_can_never_be_met_are_refused_before_anything_is_asked(tmp_path: Path, editor: Editor) -> None:
    made = GatedSite.make(tmp_path, editor, gate__limits__faq_moved=0.01)
    batch_id = made.staged(dose("corvandine"))
    with pytest.raises(SettingsError, match=rf"needs 381 clinical questions even if none moves, got {len(FAQ)}"):
        made.gate(batch_id)
    assert made.batch(batch_id).state is BatchState.STAGED
    made.ledger.close()


def test_a_newer_edit_of_the_same_key_may_replace_the_older_one(made: GatedSite) -> None:
    made.promote(made.staged(dose("corvandine")))
    batch_id = made.staged(dose("corvandine", "15 mg once daily", "5 mg once daily"))
    report = made.gate(batch_id)
    assert report.verdict == "pass", report
    portfolio = next(check for check in report.checks if check.name == "portfolio")
    assert (portfolio.asked, portfolio.failed) == (2, 0)


def test_a_pinned_question_refuses_the_edit_that_moves_it(made: GatedSite) -> None:
    pin(made.site, "How much corvandine is recommended?")
    report = made.gate(made.staged(dose("corvandine"), dose("melistat")))
    assert [gone.subject for gone in report.ejected] == ["corvandine"]
    assert "moves a pinned question" in report.ejected[0].reason
    assert report.verdict == "pass"
