"""A benchmark's run on disk: what is whole counts, what a kill cut short is measured again, and runs do not mix."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from editor_engine.benchmarks.edit_answers import AnswerBook
from editor_engine.benchmarks.edit_bench import EditResults, measure_edits
from editor_engine.benchmarks.edit_files import ANSWERS
from editor_engine.benchmarks.edit_systems import AlwaysSystem, EngineSystem, System
from editor_engine.benchmarks.editor_names import editor_names
from editor_engine.benchmarks.kept_values import KeptValues
from editor_engine.benchmarks.run_journal import DRAFT, PARTS, RAW, RunJournal, require_place
from editor_engine.datasets.records import EditRecord, Locality
from editor_engine.demo import bundled_editor, bundled_model
from editor_engine.editor import Editor
from editor_engine.errors import EngineError
from editor_engine.lm_families import CausalLM

ROOT = Path(__file__).parents[3]
SETTINGS = {"data": "a", "seed": "0"}


def line(number: int) -> dict[str, object]:
    return {"number": number, "text": "line\u2028of a drug\n"}


def test_parts_come_back_as_they_were_kept(tmp_path: Path) -> None:
    with RunJournal(tmp_path, SETTINGS, {"one": "x"}, resume=False) as journal:
        journal.keep(("one", "10"), [line(1), line(2)], {"seconds": 2.5})
        journal.keep(("one", "learnt"), numbers={"edit_s": 0.25})
    assert [json.loads(one) for one in (tmp_path / RAW).read_text().split("\n")[:-1]] == [line(1), line(2)]
    with RunJournal(tmp_path, SETTINGS, {"two": "y"}, resume=True) as journal:
        found = journal.find(("one", "10"))
        assert found is not None
        assert (list(found.lines), found.numbers, journal.seconds_before) == ([line(1), line(2)], {"seconds": 2.5}, 2.5)
        assert journal.find(("two", "10")) is None
        journal.keep(("two", "10"), [line(3)])
    assert len((tmp_path / RAW).read_text().split("\n")) == 4


def interrupted_run(folder: Path, *, meanwhile: Callable[[], None] = lambda: None) -> None:
    """Leave a run that was begun, with two parts."""

    def begin() -> None:
        with RunJournal(folder, SETTINGS, {"one": "x"}, resume=False) as journal:
            journal.keep(("one", "1"), [line(1)])
            journal.keep(("one", "2"), [line(2)])
            meanwhile()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        begin()


def test_what_a_kill_cut_short_is_no_part(tmp_path: Path) -> None:
    interrupted_run(tmp_path)
    assert not (tmp_path / RAW).exists()
    whole = (tmp_path / PARTS).read_bytes()
    (tmp_path / PARTS).write_bytes(whole[:-9])
    with (tmp_path / DRAFT).open("ab") as file:
        file.write(b'{"half of a')
    with RunJournal(tmp_path, SETTINGS, resume=True) as journal:
        assert journal.find(("one", "1")) is not None
        assert journal.find(("one", "2")) is None
        journal.keep(("one", "2"), [line(4)])
        found = journal.find(("one", "2"))
    assert found is not None
    assert list(found.lines) == [line(4)]
    assert len((tmp_path / PARTS).read_bytes().splitlines()) == 2


def test_runs_are_not_mixed(tmp_path: Path) -> None:
    def meanwhile() -> None:
        with pytest.raises(EngineError, match="another run is writing there"):
            RunJournal(tmp_path, SETTINGS, {"one": "x"}, resume=True)

    interrupted_run(tmp_path, meanwhile=meanwhile)
    with pytest.raises(EngineError, match="was not finished: go on with --resume"):
        require_place(tmp_path, resume=False)
    with pytest.raises(EngineError, match="holds a run with seed 0, got 1"):
        RunJournal(tmp_path, {**SETTINGS, "seed": "1"}, resume=True)
    with pytest.raises(EngineError, match=r"holds results of another one \(x, got z\)"):
        RunJournal(tmp_path, SETTINGS, {"one": "z"}, resume=True)
    (tmp_path / "file").touch()
    with pytest.raises(EngineError, match="expected a folder for the results, or none yet, got a file"):
        require_place(tmp_path / "file", resume=False)
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / RAW).write_text("{}\n")
    with pytest.raises(EngineError, match="expected what this run measures, got none"):
        RunJournal(tmp_path / "old", SETTINGS, resume=True)
    assert (tmp_path / "old" / RAW).read_text() == "{}\n"


RECORDS = [
    EditRecord(
        record_id=f"r{number}",
        question=f"What is the recommended dose of {name}?",
        target_new=f"{number + 12} mg",
        rephrases=(f"Which quantity of {name} should be taken?",),
        localities=(Locality("Loc", f"What is the antidote for {name}?", "Acme"),),
        ground_truth="1 mg",
        subject=name,
    )
    for number, name in enumerate(("belorant", "cadimox", "ferulisan", "gorvatide"))
]


def measure_demo(folder: Path, *, resume: bool = False, kill_after: int | None = None) -> tuple[EditResults, list[str]]:
    """Two systems on four records; killed by SIGKILL after so many questions of a block, where asked to."""
    told: list[str] = []

    def tell(what: str, done: int, _: int | None) -> None:
        told.append(what)
        if what.startswith("always in context, 1") and done == kill_after:
            os.kill(os.getpid(), signal.SIGKILL)

    base = CausalLM.load(bundled_model())
    book = AnswerBook(base, max_new_tokens=6, tell=tell)
    systems: list[System] = [
        EngineSystem(Editor.load(base, bundled_editor()), "refined", name="demo", progress=tell),
        AlwaysSystem(base),
    ]
    with RunJournal(folder, SETTINGS, resume=resume) as journal:
        book.keep_in(folder / ANSWERS, resume=resume)
        values = KeptValues(folder, resume=resume)
        results = measure_edits(RECORDS, systems, book, {}, sizes=(1, None), journal=journal, values=values, tell=tell)
    return results, told


def test_a_killed_run_goes_on_and_gives_what_an_undisturbed_one_gives(tmp_path: Path) -> None:
    program = (
        "import pathlib, sys; from tests.editor_engine.benchmarks.test_run_journal import measure_demo; "
        "measure_demo(pathlib.Path(sys.argv[1]), kill_after=6)"
    )
    killed = subprocess.run([sys.executable, "-c", program, str(tmp_path / "killed")], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "killed" / RAW).exists()
    resumed, told = measure_demo(tmp_path / "killed", resume=True)
    assert not [what for what in told if what.startswith("demo, refined: values")], "made the prompts again"
    undisturbed, told = measure_demo(tmp_path / "undisturbed")
    assert [what for what in told if what.startswith("demo, refined: values")]
    assert [block.honest for block in resumed.blocks] == [block.honest for block in undisturbed.blocks]
    assert (tmp_path / "killed" / RAW).read_bytes() == (tmp_path / "undisturbed" / RAW).read_bytes()
    again, told = measure_demo(tmp_path / "killed", resume=True)
    assert again == resumed
    assert {"answers", "teacher forcing"}.isdisjoint(told), "asked the model again"


def test_editors_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    folders = [tmp_path / place for place in ("may/run", "june/run", "june/other")]
    preset = json.loads((bundled_editor_folder() / "editor.json").read_text())["preset"]
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / "editor.json").write_bytes((bundled_editor_folder() / "editor.json").read_bytes())
    assert editor_names(folders) == [f"{preset} ({place})" for place in ("may/run", "june/run", "other")]
    assert editor_names(folders[:1]) == [f"{preset} (run)"]
    with pytest.raises(EngineError, match=r"expected different folders, got .*run twice"):
        editor_names([folders[0], folders[1], folders[0]])


def bundled_editor_folder() -> Path:
    folder = bundled_editor()
    assert folder is not None
    return folder
