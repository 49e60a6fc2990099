"""The key index beside live: near-duplicates for the reviewer, rebuilt from the shards, never in the way."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import update

from editor_engine import CausalLM, Editor, Memory, MemoryRow, TextEncoder
from editor_engine.demo import bundled_model
from editor_engine.key_index import KeyIndex
from tests.workflow.change_control.made_batches import IDENTITY, approve, make_candidate, pass_on_paper
from workflow.change_control.batches import create_batch
from workflow.change_control.promotion import promote_batch
from workflow.change_control.release import ReleasedEdit, ensure_initial_release, release_edits
from workflow.change_control.staging import stage_batch
from workflow.doctor import Level
from workflow.doctor_engine import examine_index
from workflow.engine_seam import make_edit
from workflow.ledger import tables
from workflow.live_index import near_duplicates, rebuild_index
from workflow.site import Site
from workflow.workbench import load_memory


@pytest.fixture(scope="module")
def editor() -> Editor:
    """The real engine, loaded once."""
    return Editor(CausalLM.load(bundled_model()), TextEncoder.load())


@pytest.fixture
def live(tmp_path: Path, editor: Editor) -> tuple[Site, dict[str, ReleasedEdit]]:
    """A site with one dose in force and its index built."""
    site = Site.create(tmp_path / "site", demo=True)
    ledger = site.open_ledger()
    ensure_initial_release(ledger, IDENTITY)
    approve(ledger, make_candidate("tavorine", "15 mg twice daily"))
    batch_id = str(create_batch(ledger, actor="tests"))
    stage_batch(ledger, site.memory_folder, editor, batch_id, actor="tests")
    with ledger.write() as transaction:
        pass_on_paper(transaction, batch_id)
        transaction.execute(update(tables.batches).values(ordered_by="tests"))
    promote_batch(ledger, site.memory_folder, batch_id, actor="tests")
    with ledger.read() as connection:
        edits = release_edits(connection, 1)
    rebuild_index(site, ledger, edits)
    ledger.close()
    return site, {edit.edit_id: edit for edit in edits}


def memory_of(site: Site, edits: dict[str, ReleasedEdit]) -> Memory:
    """The rows in force, from their shards."""
    ledger = site.open_ledger()
    try:
        return load_memory(ledger, site.memory_folder, tuple(edits.values()))
    finally:
        ledger.close()


def row_of(editor: Editor, subject: str, **changes: object) -> MemoryRow:
    """The row that a candidate would be staged as."""
    return editor.rows([make_edit(make_candidate(subject, **changes))], sequence=9)[0]  # type: ignore[arg-type]


def test_an_edit_that_asks_nearly_the_same_is_named(live: tuple[Site, dict[str, ReleasedEdit]], editor: Editor) -> None:
    site, edits = live
    for_women = row_of(
        editor,
        "tavorine",
        question="What is the recommended dose of tavorine for women?",
        qualifiers={"population": "women"},
    )
    other = row_of(editor, "panvorol", question="Which class of drug is panvorol?", relation="drug_class")
    with near_duplicates(site, edits, memory_of(site, edits)) as search:
        assert search is not None
        ((cosine, words),) = search(for_women)
        assert "15 mg twice daily" in words
        assert 0.6 < cosine < 1
        assert search(other) == ()


def test_a_wedged_index_names_nothing_and_is_built_again(
    live: tuple[Site, dict[str, ReleasedEdit]], editor: Editor
) -> None:
    site, edits = live
    same = row_of(editor, "tavorine", relation="usual_dose")
    (site.index_folder / "live_collection.json").unlink()
    with near_duplicates(site, edits, memory_of(site, edits)) as search:
        assert search is not None
        assert search(same) == ()
    ledger = site.open_ledger()
    rebuild_index(site, ledger, tuple(edits.values()))
    ledger.close()
    with near_duplicates(site, edits, memory_of(site, edits)) as search:
        assert search is not None
        assert len(search(same)) == 1


def findings(site: Site, edits: dict[str, ReleasedEdit], *, repair: bool = False) -> list[tuple[Level, str]]:
    """What doctor says about the index."""
    ledger = site.open_ledger()
    try:
        found = list(examine_index(site, ledger, tuple(edits.values()), repair=repair))
    finally:
        ledger.close()
    return [(finding.level, finding.detail) for finding in found]


def test_doctor_compares_the_index_with_the_shards_and_repairs_it(live: tuple[Site, dict[str, ReleasedEdit]]) -> None:
    site, edits = live
    assert findings(site, edits) == [(Level.OK, "keys_v1 equals the shards: 1 edits")]
    assert findings(site, {}) == [
        (Level.WARN, "0 keys missing, 1 extra, 0 different; no answer depends on it"),
    ]
    (store,) = site.index_folder.glob("store_v1/chroma.sqlite3")
    store.write_bytes(b"")
    assert findings(site, edits) == [(Level.WARN, "cannot be read; no answer depends on it")]
    ((level, said),) = findings(site, edits, repair=True)
    assert (level, said) == (Level.OK, "cannot be read; repaired from the shards: 1 keys written, 1 edits in it")
    assert findings(site, edits) == [(Level.OK, "keys_v2 equals the shards: 1 edits")]


def test_an_index_that_another_process_has_open_is_no_damage(live: tuple[Site, dict[str, ReleasedEdit]]) -> None:
    site, edits = live
    with KeyIndex(site.index_folder):
        ((level, said),) = findings(site, edits, repair=True)
        assert level is Level.WARN
        assert "open in another process" in said
        ledger = site.open_ledger()
        rebuild_index(site, ledger, tuple(edits.values()))
        ledger.close()
    assert findings(site, edits)[0][0] is Level.OK


def test_nothing_in_force_needs_no_index(tmp_path: Path) -> None:
    site = Site.create(tmp_path / "site", demo=True)
    with near_duplicates(site, {}, Memory()) as search:
        assert search is None
    assert not any(site.index_folder.iterdir())
