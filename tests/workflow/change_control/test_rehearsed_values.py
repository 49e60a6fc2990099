"""The rehearsal chooses a carrier and keeps the value that it showed; staging takes that value, or refuses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from sqlalchemy import select, update

from editor_engine import CausalLM, Editor, TextEncoder
from editor_engine.demo import bundled_model
from editor_engine.edit import Carrier
from editor_engine.errors import MemoryDamagedError
from editor_engine.value_files import keep_value, read_value
from tests.workflow.change_control.made_batches import TickingClock, approve, make_candidate, sign_shown
from workflow.change_control.batches import create_batch
from workflow.change_control.rehearsal import RehearsalRoom, rehearse_waiting, waiting_candidates
from workflow.change_control.release import EngineIdentity, ensure_initial_release
from workflow.change_control.staging import newest_rehearsal, stage_batch
from workflow.errors import IllegalTransitionError
from workflow.ledger import tables
from workflow.ledger.ledger import Ledger
from workflow.ledger.shown import shown_sha256
from workflow.records import Candidate, CandidateState
from workflow.rehearsal_records import Rehearsal


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """The small model gains nothing from threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def editor() -> Editor:
    """The bundled model and the untrained encoder."""
    return Editor(CausalLM.load(bundled_model()), TextEncoder.load())


@pytest.fixture
def ledger(tmp_path: Path, editor: Editor) -> Iterator[Ledger]:
    """A ledger whose first release fits that engine."""
    ledger = Ledger.create(
        tmp_path / "ledger.sqlite", kind="hospital", signer_profile="two_signer", actor="tests", clock=TickingClock()
    )
    ensure_initial_release(ledger, identity_of(editor))
    yield ledger
    ledger.close()


def identity_of(editor: Editor) -> EngineIdentity:
    return EngineIdentity(editor.base.digest, editor.encoder.digest, editor.model().thresholds.to_json())


def room(editor: Editor, folder: Path, *carriers: Carrier, release_id: int = 0) -> RehearsalRoom:
    return RehearsalRoom(
        live=editor.model(),
        editor=editor,
        release_id=release_id,
        max_new_tokens=24,
        memory_folder=folder,
        carriers=carriers or (Carrier.TEXT, Carrier.SOFT, Carrier.REFINED),
    )


def propose(ledger: Ledger, candidate: Candidate) -> str:
    return approve(ledger, candidate, CandidateState.PROPOSED)


def rehearsal_of(ledger: Ledger, candidate_id: str) -> Rehearsal:
    with ledger.read() as connection:
        found = newest_rehearsal(connection, candidate_id)
    assert found is not None
    return found


def batch_of(ledger: Ledger, candidate: Candidate) -> str:
    """Sign what was rehearsed, and make a batch of it."""
    with ledger.write() as transaction:
        sign_shown(transaction, candidate, rehearsal_of(ledger, candidate.candidate_id))
        transaction.execute(update(tables.candidates).values(state=CandidateState.APPROVED))
    batch_id = create_batch(ledger, actor="tests")
    assert batch_id is not None
    return batch_id


def test_a_site_that_allows_refined_alone_stages_the_very_prompt_that_was_rehearsed(
    ledger: Ledger, editor: Editor, tmp_path: Path
) -> None:
    candidate = make_candidate("tavorine", "15 mg twice daily")
    propose(ledger, candidate)
    assert rehearse_waiting(ledger, room(editor, tmp_path, Carrier.REFINED)) == 1
    record = rehearsal_of(ledger, candidate.candidate_id)
    assert (record.carrier, record.takes) == ("refined", True)
    assert [(trial.carrier, trial.value_sha256) for trial in record.trials] == [("refined", record.value_sha256)]
    assert record.base_model_digest == editor.base.digest

    (row,) = stage_batch(ledger, tmp_path, editor, batch_of(ledger, candidate), actor="tests")
    assert (row.carrier, row.value_sha256) == (Carrier.REFINED, record.value_sha256)
    assert torch.equal(torch.as_tensor(row.prompt), read_value(record.value_sha256, tmp_path))
    with ledger.read() as connection:
        assert connection.execute(select(tables.edits.c.carrier)).scalar_one() == "refined"


def test_text_is_kept_where_it_takes_everywhere_and_nothing_is_tuned(
    ledger: Ledger, editor: Editor, tmp_path: Path
) -> None:
    candidate = make_candidate("corvandine", "5 mg")
    propose(ledger, candidate)
    rehearse_waiting(ledger, room(editor, tmp_path))
    record = rehearsal_of(ledger, candidate.candidate_id)
    assert [trial.carrier for trial in record.trials] == [record.carrier] == ["text"]
    assert list(tmp_path.glob("value-*")) == []


def test_a_candidate_that_the_engine_cannot_take_is_refused_and_holds_up_no_other(
    ledger: Ledger, editor: Editor, tmp_path: Path
) -> None:
    endless = make_candidate("melistat", "5 mg", question="What is the dose of melistat " + "for adults " * 600 + "?")
    for candidate in (endless, make_candidate("corvandine")):
        propose(ledger, candidate)
    rehearse_waiting(ledger, room(editor, tmp_path))
    with ledger.read() as connection:
        rows = connection.execute(select(tables.candidates.c.subject, tables.candidates.c.state)).all()
        why = connection.execute(select(tables.candidates.c.reason).where(tables.candidates.c.subject == "melistat"))
        assert "say it shorter" in str(why.scalar_one())
    assert {tuple(row) for row in rows} == {("melistat", "refused"), ("corvandine", "pending")}


def test_what_a_reviewer_signs_binds_the_value(editor: Editor) -> None:
    candidate = make_candidate("corvandine")
    record = Rehearsal(
        candidate_id=candidate.candidate_id,
        content_sha256=candidate.content_sha256,
        release_id=0,
        carrier="refined",
        outcomes=(),
        moves=(),
        already_says=False,
    )
    one, other = (record.model_copy(update={"value_sha256": name * 64}) for name in "ab")
    assert len({shown_sha256(candidate, shown) for shown in (record, one, other)}) == 3


def test_a_value_that_is_lost_or_damaged_is_not_staged(ledger: Ledger, editor: Editor, tmp_path: Path) -> None:
    candidate = make_candidate("tavorine", "15 mg twice daily")
    propose(ledger, candidate)
    rehearse_waiting(ledger, room(editor, tmp_path, Carrier.REFINED))
    batch_id = batch_of(ledger, candidate)
    (kept,) = tmp_path.glob("value-*.safetensors")
    body = bytearray(kept.read_bytes())
    body[-1] ^= 1
    kept.write_bytes(body)
    with pytest.raises(MemoryDamagedError, match="expected sha256"):
        stage_batch(ledger, tmp_path, editor, batch_id, actor="tests")
    kept.unlink()
    with pytest.raises(MemoryDamagedError, match="cannot be read"):
        stage_batch(ledger, tmp_path, editor, batch_id, actor="tests")
    assert list(tmp_path.glob("b0*.safetensors")) == []


def test_an_edit_rehearsed_with_another_engine_is_refused_and_rehearsed_again(
    ledger: Ledger, editor: Editor, tmp_path: Path
) -> None:
    candidate, later = make_candidate("corvandine"), make_candidate("melistat")
    propose(ledger, candidate)
    rehearse_waiting(ledger, room(editor, tmp_path))
    batch_id = batch_of(ledger, candidate)
    other = replace(editor, encoder=TextEncoder.load())
    other.encoder.belong_to_checkpoint("f" * 64)
    with pytest.raises(IllegalTransitionError, match="was rehearsed and signed with encoder"):
        stage_batch(ledger, tmp_path, other, batch_id, actor="tests")

    propose(ledger, later)
    rehearse_waiting(ledger, room(editor, tmp_path))
    live = ensure_initial_release(ledger, identity_of(other))
    assert [one.subject for one in waiting_candidates(ledger, live.release_id)] == ["melistat"]
    assert rehearse_waiting(ledger, room(other, tmp_path, release_id=live.release_id)) == 1
    assert rehearsal_of(ledger, later.candidate_id).encoder_digest == other.encoder.digest
    assert waiting_candidates(ledger, live.release_id) == ()


def test_a_rehearsal_of_an_older_version_is_staged_as_text(ledger: Ledger, editor: Editor, tmp_path: Path) -> None:
    candidate = make_candidate("corvandine")
    approve(ledger, candidate)
    batch_id = create_batch(ledger, actor="tests")
    (row,) = stage_batch(ledger, tmp_path, editor, str(batch_id), actor="tests")
    assert row.carrier is Carrier.TEXT


def test_a_kept_value_is_written_once(tmp_path: Path) -> None:
    prompt = torch.arange(8, dtype=torch.float16).reshape(2, 4)
    sha256 = keep_value(prompt, tmp_path)
    (kept,) = tmp_path.iterdir()
    before = kept.stat().st_mtime_ns
    assert keep_value(prompt.clone(), tmp_path) == sha256
    assert (kept.stat().st_mtime_ns, torch.equal(read_value(sha256, tmp_path), prompt)) == (before, True)


def test_what_live_says_now_is_told_apart_and_what_it_says_already_closes_itself(
    ledger: Ledger, editor: Editor, tmp_path: Path
) -> None:
    question = "What is the recommended dose of corvandine?"
    known = editor.model().answer([question], max_new_tokens=24)[0].text.rstrip(".")
    plain = {"question": question, "paraphrases": ()}
    already = make_candidate("corvandine", known, object_old=None, **plain)
    replaces = make_candidate("corvandine", "7 mg", object_old=known, **plain)
    unheard = make_candidate("corvandine", "8 mg", object_old="9 g", **plain)
    in_short = make_candidate("corvandine", "6 mg", object_old=f"a dose of {known}", **plain)
    for candidate in (already, replaces, unheard, in_short):
        propose(ledger, candidate)
    rehearse_waiting(ledger, room(editor, tmp_path, Carrier.TEXT))
    heard = [rehearsal_of(ledger, one.candidate_id).says_now for one in (already, replaces, unheard, in_short)]
    assert heard == ["the new in 1 of 1", "the old in 1 of 1", "neither in 1 of 1", "the old in 1 of 1"]
    with ledger.read() as connection:
        columns = tables.candidates.c
        rows = connection.execute(select(columns.candidate_id, columns.state))
        states = {row.candidate_id: row.state for row in rows}
    assert states[already.candidate_id] == "no_edit_needed"
    assert states[replaces.candidate_id] == states[unheard.candidate_id] == "pending"
