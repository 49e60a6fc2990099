"""``bench extraction`` as it is typed: text, JSON, files, and the exit code where something that must hold does not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.workflow.extraction_bench.test_formats import DDI, lines
from tests.workflow.intake.test_atc_tables import NEW, OLD
from workflow.cli.bench import app


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["extraction", *arguments])
    return result.exit_code, result.stdout, str(result.exception or "")


def test_a_set_as_text_as_json_and_as_files(tmp_path: Path) -> None:
    data = lines(tmp_path / "train.jsonl", DDI, {**DDI, "sent_id": "d1.s1"})
    code, text, _ = run("--data", str(data), "--format", "ddi", "--out", str(tmp_path / "out"))
    assert code == 0
    assert "pairs, detection" in text
    assert len((tmp_path / "out/facts.jsonl").read_text().splitlines()) == 2
    code, text, _ = run("--data", str(data), "--format", "ddi", "--limit", "1", "--json")
    body = json.loads(text)
    assert (code, body["schema"], body["backend"], body["cases"]) == (0, "medrek-flow.bench-extraction", "rules/1", 1)
    assert {rate["name"] for rate in body["rates"]} >= {"negation flips", "quotes grounded after the wall"}
    written = json.loads((tmp_path / "out/report.json").read_text())
    assert written["cases"] == 2
    assert "pairs, detection" in (tmp_path / "out/report.md").read_text()


@pytest.mark.parametrize(("exact", "code"), [(True, 0), (False, 1)])
def test_the_atc_differ_is_exact_or_the_command_fails(tmp_path: Path, exact: bool, code: int) -> None:
    from workflow.intake.atc_tables import AtcTable, compare_atc

    for day, text in (("2030-01-01", OLD), ("2031-01-01", NEW)):
        (tmp_path / f"ATC_{day}.csv").write_text(text, encoding="utf-8")
    events = compare_atc(AtcTable.read(OLD, what="old"), AtcTable.read(NEW, what="new"))
    rows = [event.as_row("2030-01-01", "2031-01-01") for event in (events if exact else events[1:])]
    lines(tmp_path / "changes.jsonl", *rows)
    ended, text, _ = run("--data", str(tmp_path), "--format", "atc", "--json")
    assert (ended, json.loads(text)["exact"]) == (code, exact)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--data", "nothing", "--format", "ddi"), "got nothing there"),
        (("--data", ".", "--format", "pubmed"), "--format: expected one of"),
        (("--data", ".", "--format", "atc"), "expected two tables"),
        (("--data", ".", "--format", "ddi", "--backend", "oracle"), "--backend"),
    ],
)
def test_what_cannot_be_measured_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, text, error = run(*arguments)
    assert code != 0
    assert said in error + text


def test_unchanged_labels_give_no_fact(real_data: Path) -> None:
    code, text, _ = run("--data", str(real_data / "connectors/dailymed_spl"), "--format", "labels", "--json")
    body = json.loads(text)
    assert code == 0
    assert [rate["hits"] for rate in body["rates"]] == [0, 0, 0, 0]
    assert body["facts"] > 0
