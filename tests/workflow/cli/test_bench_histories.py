"""``bench histories`` as a command: what it counts, and how a violation is told, shortened and played again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.workflow.cli.running import Run
from workflow.histories import batch_books
from workflow.histories import run as run_module
from workflow.histories.paper_site import Template
from workflow.histories.promises import Broken
from workflow.histories.run import run_one, stage
from workflow.histories.story import read_story, tell


def is_broken(template: Template, folder: Path, seed: int) -> bool:
    try:
        run_one(template, folder, seed)
    except Broken:
        return True
    return False


def test_a_violation_is_shortened_and_can_be_played_again(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Every promotion is a violation to a naive model that has the rows wrong; what it prints plays it again."""
    monkeypatch.setattr(batch_books, "row_sha256", lambda edit, ordinal: "0" * 64)
    monkeypatch.setattr(run_module, "_MOST_TRIES", 40)
    with stage() as template:
        seed = next(seed for seed in range(1, 60) if is_broken(template, tmp_path, seed))
    ran = run("bench", "histories", "--count", "1", "--seed", str(seed), "--json")
    assert ran.code == 1, ran.err
    (found,) = json.loads(ran.out)["violations"]
    assert read_story(found["steps"])[-1].act == "promote"
    assert len(read_story(found["steps"])) < len(tell(seed))
    again = run("bench", "histories", "--seed", str(seed), "--steps", found["steps"])
    assert again.code == 1
    assert "in force" in again.err or "digest" in again.err or "releases" in again.err
    monkeypatch.undo()
    assert run("bench", "histories", "--seed", str(seed), "--steps", found["steps"]).code == 0


def test_the_command_counts_what_it_played(run: Run) -> None:
    ran = run("bench", "histories", "--count", "2", "--seed", "5", "--json")
    assert ran.code == 0, ran.err
    body = json.loads(ran.out)
    assert (body["histories"], body["violations"], body["seed"]) == (2, [], 5)
    assert body["steps"] >= len(tell(5)) + len(tell(6))
    assert run("bench", "histories", "--steps", "no steps").code == 2
