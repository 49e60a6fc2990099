"""``rebase`` and ``bench carriers`` as they are typed; what a rebase finds is tested beside it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.workflow.cli.running import Run
from workflow.site import Site


def test_a_rebase_needs_something_to_move_to(run: Run, site: Site) -> None:
    ran = run("rebase")
    assert (ran.code, ran.out) == (2, "")
    assert "expected --model, --editor or --limits-for" in ran.err


def test_a_rebase_without_an_edit_in_force_says_that_none_is_needed(run: Run, site: Site) -> None:
    ran = run("rebase", "--editor", "demo", "--dry-run", "--json")
    assert (ran.code, ran.out) == (16, "")
    assert "expected edits in force, got none; set the other model in medrek-flow.toml" in ran.err


def test_carriers_are_measured_on_unseen_objects(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "carriers.md"
    ran = run("bench", "carriers", "--edits", "2", "--stage", "3", "--out", str(out), "--json")
    assert ran.code == 0, ran.err
    body = json.loads(ran.out)
    assert [line["carrier"] for line in body["carriers"]] == ["text", "soft", "refined", "chosen by measurement"]
    assert [line["edits"] for line in body["carriers"]] == [2] * 4
    assert body["carriers"][0]["value_bytes"] == 0 < body["carriers"][1]["value_bytes"]
    assert sum(body["carriers"][3]["chosen"].values()) == 2
    assert body["staging"]["edits"] == 3
    assert "| chosen by measurement |" in out.read_text(encoding="utf-8")
