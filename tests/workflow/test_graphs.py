"""The graphs' contract: kill -9 anywhere, then again, and all was done; a wait ends only on the ledger's word."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_PROGRAM = """
import os, signal, sys
from pathlib import Path
from workflow.graphs import Next, advance_batch, run_intake

folder, kill_at = Path(sys.argv[2]), sys.argv[3]

def did(what):
    if what == kill_at and not (folder / "killed").exists():
        (folder / "killed").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    with (folder / "log").open("a") as log:
        log.write(what + "\\n")

class Intake:
    def collect(self, run_id): did("collect")
    def detect(self, run_id): did("detect")
    def affected(self, run_id): did("affected")
    def waiting_documents(self): return tuple(sys.argv[4:])
    def documents_to_ask(self): return tuple(sys.argv[4:])
    def ask(self, document_id): did("ask:" + document_id)
    def extract(self, run_id, document_id): did("extract:" + document_id)
    def rehearse(self): did("rehearse")

class Batch:
    def stage(self, batch_id): did("stage")
    def gate(self, batch_id): did("gate"); (folder / "gated").touch()
    def next_step(self, batch_id):
        if (folder / "refused").exists(): return Next.END
        if not (folder / "gated").exists(): return Next.GATE
        return Next.PROMOTE if (folder / "ordered").exists() else Next.WAIT
    def promote(self, batch_id): did("promote")
    def read_back(self, batch_id): did("read_back")

if sys.argv[1] == "intake":
    run_intake(folder / "checkpoints.sqlite", "r1", Intake())
else:
    print("done" if advance_batch(folder / "checkpoints.sqlite", "b1", Batch()) else "waiting")
"""

DOCUMENTS = ("d1", "d2", "d3")
INTAKE = [
    "collect",
    "detect",
    "affected",
    *(f"ask:{one}" for one in DOCUMENTS),
    *(f"extract:{one}" for one in DOCUMENTS),
    "rehearse",
]


def play(
    graph: str, folder: Path, kill_at: str = "-", documents: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """One process that runs a graph, killed at a step the first time it is reached."""
    return subprocess.run(
        [sys.executable, "-c", _PROGRAM, graph, str(folder), kill_at, *documents],
        check=False,
        capture_output=True,
        text=True,
    )


def log(folder: Path) -> list[str]:
    """The steps that were completed, in order."""
    path = folder / "log"
    return path.read_text().split() if path.exists() else []


@pytest.mark.parametrize("kill_at", ["collect", "ask:d2", "extract:d2", "rehearse"])
def test_an_intake_that_was_killed_completes_every_step_at_least_once(tmp_path: Path, kill_at: str) -> None:
    died = play("intake", tmp_path, kill_at, DOCUMENTS)
    assert died.returncode == -9, died.stderr
    again = play("intake", tmp_path, kill_at, DOCUMENTS)
    assert again.returncode == 0, again.stderr
    assert set(log(tmp_path)) == set(INTAKE)
    alone = [step for step in log(tmp_path) if not step.startswith(("ask:", "extract:"))]
    assert alone == ["collect", "detect", "affected", "rehearse"], "only parallel steps may be repeated"


def test_an_intake_without_changes_still_rehearses(tmp_path: Path) -> None:
    assert play("intake", tmp_path).returncode == 0
    assert log(tmp_path) == ["collect", "detect", "affected", "rehearse"]


@pytest.mark.parametrize("kill_at", ["gate", "promote"])
def test_a_batch_that_was_killed_goes_on_where_it_stood(tmp_path: Path, kill_at: str) -> None:
    (tmp_path / "ordered").touch()
    died = play("batch", tmp_path, kill_at)
    assert died.returncode == -9, died.stderr
    assert play("batch", tmp_path, kill_at).stdout.strip() == "done"
    assert sorted(log(tmp_path)) == ["gate", "promote", "read_back", "stage"]


def test_a_batch_waits_until_the_ledger_says_so_however_often_it_is_advanced(tmp_path: Path) -> None:
    for _ in range(3):
        assert play("batch", tmp_path).stdout.strip() == "waiting"
    assert log(tmp_path) == ["stage", "gate"]
    (tmp_path / "ordered").touch()
    assert play("batch", tmp_path).stdout.strip() == "done"
    assert log(tmp_path) == ["stage", "gate", "promote", "read_back"]


def test_a_refused_batch_ends_without_promotion(tmp_path: Path) -> None:
    (tmp_path / "refused").touch()
    assert play("batch", tmp_path).stdout.strip() == "done"
    assert log(tmp_path) == ["stage", "gate"]
