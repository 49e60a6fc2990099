"""What a night leaves outside its site: an anchor, numbers, a copy of its report, a message; and what a cap leaves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.connectors.loopback import Answer, Loopback
from tests.end_to_end.prepared import SECOND_NIGHT, Prepared, label
from workflow.anchoring import anchor_now
from workflow.anchors import AnchorLostError, read_anchors, require_anchored
from workflow.clock import utc_moment
from workflow.intake_steps import LedgerIntakeSteps, Seams
from workflow.runs import open_run
from workflow.site import Site
from workflow.time_cap import TimeCap

pytestmark = pytest.mark.slow


def test_a_night_anchors_measures_and_tells(
    prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = prepared.copy(prepared.baseline, tmp_path / "site")
    (tmp_path / "share").mkdir()
    monkeypatch.setenv("MEDREK_FLOW_WEBHOOK_SECRET", "a secret of tests")
    site.configure("audit.anchor", file=str(tmp_path / "anchors"))
    site.configure("metrics", file=str(tmp_path / "medrek.prom"))
    site.configure("notify", folder=str(tmp_path / "share"), when="always")
    site.drop("corvandine.md", label("5 mg"))
    with Loopback(lambda asked: Answer(b"", status=204)) as receiver:
        site.configure("notify.webhook", url=receiver.url, allow_private=True)
        report = site.night(SECOND_NIGHT).json
    (anchor,) = read_anchors(tmp_path / "anchors")
    assert site.one("SELECT hash FROM audit WHERE seq = ?", anchor.length) == anchor.head
    assert site.one("SELECT event FROM audit WHERE seq = ?", anchor.length) == "run.finished", (
        "the whole night is in it"
    )
    assert "medrek_flow_night_exit_code 0" in (tmp_path / "medrek.prom").read_text(encoding="utf-8").splitlines()
    run_id = str(report["run_id"])
    assert {path.name for path in (tmp_path / "share").iterdir()} == {
        f"night-{run_id}.{suffix}" for suffix in ("md", "html", "json")
    }
    (asked,) = receiver.asked
    told = json.loads(asked.body)
    assert (told["run_id"], told["exit_code"], told["pending"]) == (run_id, 0, 1)
    assert b"corvandine" not in asked.body
    assert "not anchored" not in site.run("status").err


def test_a_night_that_cannot_tell_says_so_and_is_done(prepared: Prepared, tmp_path: Path) -> None:
    site = prepared.copy(prepared.baseline, tmp_path / "site")
    site.configure("audit.anchor", file=str(tmp_path / "gone" / "anchors"))
    ended = site.run("night", "--now", SECOND_NIGHT, "--json")
    assert ended.code == 14
    assert "gone/anchors cannot be written" in ended.err
    assert site.rows("SELECT status FROM runs") == [("done",)] * 2


def test_an_anchor_file_that_never_ends_is_not_read(prepared: Prepared, tmp_path: Path) -> None:
    """A device gives bytes until the memory is gone; reading it is refused, and so is promoting."""
    shell = prepared.copy(prepared.baseline, tmp_path / "site")
    for bad, word in (("/dev/zero", "a device"), (str(tmp_path), "a folder")):
        shell.configure("audit.anchor", file=bad)
        site = Site(shell.root)
        ledger = site.open_ledger()
        anchoring = anchor_now(site, ledger, actor="tests")
        with ledger.read() as connection, pytest.raises(AnchorLostError, match=word):
            require_anchored(connection, site.settings.audit.anchor)
        ledger.close()
        assert anchoring.places == ()
        (problem,) = anchoring.problems
        assert f"audit.anchor.file: anchors {bad}: expected a plain file, got {word}" in problem


def test_what_the_cap_leaves_is_asked_for_again(prepared: Prepared, tmp_path: Path) -> None:
    shell = prepared.copy(prepared.baseline, tmp_path / "site")
    shell.drop("corvandine.md", label("5 mg"))
    site = Site(shell.root)
    ledger = site.open_ledger()
    run = open_run(ledger, now=utc_moment(SECOND_NIGHT), since=None)
    with Seams.open(site, ledger, run, ()) as seams:
        steps = LedgerIntakeSteps(ledger, site, seams, None, cap=TimeCap(0))
        steps.collect(run.run_id)
        assert shell.one("SELECT count(*) FROM source_runs WHERE run_id = ?", run.run_id) == 0
        assert shell.one("SELECT count(*) FROM notices") == 1
        LedgerIntakeSteps(ledger, site, seams, None).collect(run.run_id)
    ledger.close()
    assert shell.one("SELECT count(*) FROM notices") == 2
