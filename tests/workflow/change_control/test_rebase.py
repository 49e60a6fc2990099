"""Rebase: everything in force for another base model, on a copy, gated whole; live is left as it is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from sqlalchemy import select, update

from editor_engine import CausalLM, Editor, TextEncoder
from editor_engine.demo import bundled_model
from editor_engine.edit import Carrier
from editor_engine.memory_store import read_shard
from tests.workflow.change_control.made_batches import approve, enrol, make_candidate, pass_on_paper, sign_shown
from workflow.change_control.batches import create_batch
from workflow.change_control.promotion import promote_batch, verify_live
from workflow.change_control.rebase_promotion import promote_rebase
from workflow.change_control.rehearsal import RehearsalRoom, rehearse_waiting
from workflow.change_control.release import EngineIdentity, ensure_initial_release, read_live, release_edits
from workflow.change_control.rollback import roll_back
from workflow.change_control.signed_acts import acts_on, verify_acts
from workflow.change_control.staging import newest_rehearsal, stage_batch
from workflow.errors import DamagedError, IllegalTransitionError
from workflow.identity import WrongPinError, hash_pin
from workflow.ledger import audit, tables
from workflow.ledger.ledger import Ledger
from workflow.rebasing import rebase_now
from workflow.records import CandidateState
from workflow.site import Site
from workflow.workbench import load_memory

FAQ = ("What is amoxicillin used for?", "What class of drug is furosemide?", "What is the antidote for heparin?")


@pytest.fixture(scope="module")
def editor() -> Editor:
    """The bundled model and the untrained encoder."""
    torch.set_num_threads(1)
    return Editor(CausalLM.load(bundled_model()), TextEncoder.load())


@pytest.fixture
def site(tmp_path: Path, editor: Editor) -> Site:
    """A demo site with two doses in force, one as text and one as a refined prompt."""
    few = {"model.carriers": ("text",), "gate.faq_file": "faq.jsonl", "gate.limits.faq_moved": 0.9}
    site = Site.create(tmp_path / "site", demo=True, settings=few)
    (site.root / "faq.jsonl").write_text("".join(f'"{question}"\n' for question in FAQ), encoding="utf-8")
    ledger = site.open_ledger()
    thresholds = editor.model().thresholds.to_json()
    ensure_initial_release(ledger, EngineIdentity(editor.base.digest, editor.encoder.digest, thresholds))
    for subject, carrier in (("corvandine", Carrier.TEXT), ("tavorine", Carrier.REFINED)):
        put_in_force(site, ledger, editor, subject, carrier)
    ledger.close()
    return site


def put_in_force(site: Site, ledger: Ledger, editor: Editor, subject: str, carrier: Carrier) -> None:
    """Rehearse, sign, stage and promote one dose."""
    candidate = make_candidate(subject, "15 mg twice daily")
    approve(ledger, candidate, CandidateState.PROPOSED)
    with ledger.read() as connection:
        live = read_live(connection)
    assert live is not None
    rehearse_waiting(ledger, RehearsalRoom(editor.model(), editor, live.release_id, 48, site.memory_folder, (carrier,)))
    with ledger.write() as transaction:
        record = newest_rehearsal(transaction.connection, candidate.candidate_id)
        assert record is not None
        sign_shown(transaction, candidate, record)
        mine = tables.candidates.c.candidate_id == candidate.candidate_id
        transaction.execute(update(tables.candidates).where(mine).values(state=CandidateState.APPROVED))
    batch_id = str(create_batch(ledger, actor="tests"))
    stage_batch(ledger, site.memory_folder, editor, batch_id, actor="tests")
    with ledger.write() as transaction:
        pass_on_paper(transaction, batch_id)
    promote_batch(ledger, site.memory_folder, batch_id, actor="tests")


def other_model(folder: Path, *, noise: float) -> Path:
    """The bundled model with other weights, and so with another digest."""
    shutil.copytree(bundled_model(), folder)
    chance = torch.Generator().manual_seed(1)
    weights = {
        name: (tensor.float() + noise * torch.randn(tensor.shape, generator=chance)).to(tensor.dtype)
        for name, tensor in load_file(folder / "model.safetensors").items()
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def standing(site: Site) -> tuple[object, ...]:
    """What must not change: the live pointer, the releases, the batches' files."""
    ledger = site.open_ledger()
    with ledger.read() as connection:
        rows = [
            tuple(row)
            for table in (tables.live, tables.releases, tables.release_edits, tables.edits)
            for row in connection.execute(select(table))
        ]
    ledger.close()
    return tuple(rows), {path.name: path.read_bytes() for path in site.memory_folder.glob("b0*")}


def written(site: Site) -> set[Path]:
    """Every file of memory and reports."""
    return {*site.memory_folder.iterdir(), *site.reports_folder.iterdir()}


def test_a_dry_run_measures_everything_and_writes_nothing(site: Site, tmp_path: Path) -> None:
    model = other_model(tmp_path / "other", noise=1e-4)
    before, files = standing(site), written(site)
    report = rebase_now(site, model=str(model), checkpoint=None, actor="tests", dry_run=True)
    assert (report.shard_path, report.dry_run, report.gate.verdict) == (None, True, "pass")
    assert [(edit.subject, edit.carrier_before, edit.carrier, edit.takes) for edit in report.edits] == [
        ("corvandine", "text", "text", True),
        ("tavorine", "refined", "text", True),
    ]
    assert [edit.subject for edit in report.to_sign if edit.carrier_changed] == ["tavorine"]
    assert standing(site) == before
    assert written(site) == files


def test_a_rebase_writes_a_verified_shard_beside_live_and_goes_on_after_a_kill(
    site: Site, tmp_path: Path, editor: Editor, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, before = other_model(tmp_path / "other", noise=1e-4), standing(site)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("workflow.change_control.rebase._record", die)
    with pytest.raises(KeyboardInterrupt):
        rebase_now(site, model=str(model), checkpoint=None, actor="tests", dry_run=False)
    monkeypatch.undo()
    (notes,) = site.reports_folder.glob("rebase-*.partial.jsonl")
    lines = notes.read_text().splitlines()
    assert [json.loads(line)["carrier"] for line in lines] == ["text", "text"]
    notes.write_text(f"{lines[0]}\n{lines[1][:40]}")

    report = rebase_now(site, model=str(model), checkpoint=None, actor="tests", dry_run=False)
    rows = read_shard(site.memory_folder / str(report.shard_path), str(report.shard_sha256))
    other = Editor(CausalLM.load(model), editor.encoder)
    memory = other.model().memory.with_rows(rows)
    assert other.model(memory).digest == report.digest
    assert [(row.edit.subject, row.sequence) for row in memory] == [("corvandine", 1), ("tavorine", 2)]
    assert not notes.exists()
    assert standing(site) == before
    ledger = site.open_ledger()
    with ledger.read() as connection:
        (body,) = connection.execute(
            select(tables.audit.c.body).where(tables.audit.c.event == "rebase.prepared")
        ).scalars()
        assert audit.verify(connection).ok
    ledger.close()
    assert json.loads(body)["shard_sha256"] == report.shard_sha256


def test_what_no_longer_takes_is_named(site: Site, tmp_path: Path) -> None:
    model = other_model(tmp_path / "broken", noise=0.5)
    report = rebase_now(site, model=str(model), checkpoint=None, actor="tests", dry_run=True)
    assert [edit.subject for edit in report.no_longer_take] == ["corvandine", "tavorine"]
    assert report.gate.verdict == "refuse"
    assert {out.subject for out in report.gate.ejected} == {"corvandine", "tavorine"}


def test_a_rebase_to_what_live_fits_is_refused(site: Site) -> None:
    with pytest.raises(IllegalTransitionError, match="fits this base model and editor already"):
        rebase_now(site, model=str(bundled_model()), checkpoint=None, actor="tests", dry_run=True)


def test_a_prepared_rebase_goes_live_with_its_own_shard_and_a_signature(
    site: Site, tmp_path: Path, editor: Editor
) -> None:
    model = other_model(tmp_path / "other", noise=1e-4)
    report = rebase_now(site, model=str(model), checkpoint=None, actor="tests", dry_run=False)
    ledger = site.open_ledger()

    def promote(account: str = "tests") -> int:
        return promote_rebase(
            ledger, site.memory_folder, report.rebase_id, account=account, pin="", reason="the better model"
        )

    enrol(ledger, "rita", "reviewer")
    with ledger.write() as transaction:
        transaction.execute(update(tables.reviewers).values(pin_hash=hash_pin("1234")))
    with pytest.raises(WrongPinError):
        promote("rita")
    with pytest.raises(IllegalTransitionError, match="sign rebase is for: release manager; they are: reviewer"):
        promote_rebase(ledger, site.memory_folder, report.rebase_id, account="rita", pin="1234", reason="go")
    shard = site.memory_folder / str(report.shard_path)
    kept = shard.read_bytes()
    shard.write_bytes(kept[:-1] + b"x")
    with pytest.raises(DamagedError, match="expected sha256"):
        promote()
    shard.write_bytes(kept)
    release_id = promote()
    with ledger.read() as connection:
        live = read_live(connection)
        edits = release_edits(connection, release_id)
        (act,) = acts_on(connection, f"rebase:{report.rebase_id}")
        assert verify_acts(connection) == ()
    assert live is not None
    assert (live.release_id, live.cause, live.digest) == (release_id, "rebase", report.digest)
    assert live.base_model_digest == report.base_model_digest
    assert {edit.shard_path for edit in edits} == {report.shard_path}
    assert act.meaning.startswith("signed: I saw every carrier and answer that changes")
    other = Editor(CausalLM.load(model), editor.encoder)
    assert other.model(load_memory(ledger, site.memory_folder, edits)).digest == report.digest
    with pytest.raises(IllegalTransitionError, match=f"it is release {release_id} already"):
        promote()
    gone = next(edit for edit in edits if edit.subject == "tavorine")
    plan = roll_back(ledger, gone.batch_id, reason="wrong", actor="b")
    with ledger.read() as connection:
        left = release_edits(connection, int(plan.release_id_new or 0))
    assert other.model(load_memory(ledger, site.memory_folder, left)).digest == plan.digest_new
    verify_live(ledger, site.memory_folder)
    ledger.close()


def test_a_rebase_of_an_older_release_is_not_promoted(site: Site, tmp_path: Path) -> None:
    model = other_model(tmp_path / "other", noise=1e-4)
    report = rebase_now(site, model=str(model), checkpoint=None, actor="tests", dry_run=False)
    ledger = site.open_ledger()
    roll_back(ledger, "b0001", reason="wrong", actor="b")
    with pytest.raises(IllegalTransitionError, match="it was made from release 2, but live is 3: prepare it again"):
        promote_rebase(ledger, site.memory_folder, report.rebase_id, account="tests", pin="", reason="go")
    ledger.close()
