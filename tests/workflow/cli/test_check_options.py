"""The ways of ``check`` that load no model, and the words that it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.workflow.cli.running import Run
from workflow.site import Site


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A new hospital site."""
    return Site.create(tmp_path / "site", settings={"gate.limits.faq_moved": 0.001}).root


def test_a_question_is_pinned_with_an_audit_row_and_once(root: Path, run: Run) -> None:
    pinned = run("check", "--pin", "Is aspirin safe for a child?", "--json", "--site", str(root))
    assert pinned.code == 0, pinned
    body = json.loads(pinned.out)
    assert (body["schema"], body["pinned"]) == ("medrek-flow.check-pin", 1)
    assert json.loads(Path(body["file"]).read_text(encoding="utf-8")) == "Is aspirin safe for a child?"
    assert run("check", "--pin", "is aspirin safe for a child?", "--site", str(root)).code == 2
    ledger = Site.find(root).open_ledger()
    with ledger.read() as connection:
        events = connection.exec_driver_sql("SELECT event, body FROM audit ORDER BY seq").all()
    ledger.close()
    assert [json.loads(row.body)["pinned"] for row in events if row.event == "question.pinned"] == [1]


def test_the_trend_of_a_new_site_is_empty(root: Path, run: Run) -> None:
    assert json.loads(run("check", "--trend", "--json", "--site", str(root)).out)["checks"] == []
    assert "not checked yet" in run("check", "--trend", "--site", str(root)).out


@pytest.mark.parametrize(
    "words",
    [
        ("b0001", "--live"),
        ("--trend", "--replay", "g-1"),
        ("--pin", "Why?", "--accept", "because"),
        ("--trend", "--report", "out"),
        ("--pin", "Why?", "--facts"),
    ],
)
def test_one_way_at_a_time(root: Path, run: Run, words: tuple[str, ...]) -> None:
    ended = run("check", *words, "--site", str(root))
    assert ended.code == 2
    assert ended.err.startswith("medrek-flow: check: ")
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize("command", [("check",), ("check", "b0001"), ("promote", "--yes"), ("worker",)])
def test_limits_that_nothing_can_meet_are_refused_at_the_start(root: Path, run: Run, command: tuple[str, ...]) -> None:
    ended = run(*command, "--site", str(root))
    assert ended.code == 10, ended
    assert "needs 3838 clinical questions even if none moves, got 1200" in ended.err
