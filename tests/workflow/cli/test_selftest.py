"""The self-test's sheet and record, and its checks on a copy of a site; the whole of it takes a model and minutes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.workflow.cli.made_site import World
from workflow.qualification.copy_checks import CopyChecks, head_of
from workflow.qualification.life_checks import make_scratch
from workflow.qualification.record import Check, QualificationRecord, write_record
from workflow.qualification.sheet import Sheet
from workflow.qualification.shell import CheckFailedError, Ended, SiteShell, expect
from workflow.site import Site


def quiet(_what: str, _done: int, _of: int | None) -> None:
    """Tell nobody."""


def test_a_sheet_numbers_times_and_fails_by_what_is_raised() -> None:
    sheet = Sheet(quiet)

    def broken() -> str:
        raise KeyError("\x1b[31m")

    assert sheet.check("holds", lambda: expect(1 == 1, "seen"))
    sheet.begin("OQ")
    assert not sheet.check("does not hold", lambda: expect(0, "saw zero"))
    assert not sheet.check("breaks", broken)
    assert [(one.number, one.passed, one.detail) for one in sheet.checks] == [
        ("IQ-01", True, "seen"),
        ("OQ-01", False, "saw zero"),
        ("OQ-02", False, "not as expected: KeyError"),
    ]


def record(*checks: Check) -> QualificationRecord:
    """A record with hostile words wherever words come from outside."""
    bad = "\x1b[31m<script>x</script>|\n# head"
    return QualificationRecord(
        site_name=bad,
        site_kind="demo",
        signer_profile="one_signer",
        site_id="0" * 64,
        audit_head="1" * 64,
        performed_by=bad,
        started_at="2026-11-20T02:00:00Z",
        finished_at="2026-11-20T02:05:00Z",
        program="medrek-flow 0.1.0",
        installed=(("base model", bad),),
        packages=(("torch", "2.13.0"),),
        packages_sha256="2" * 64,
        checks=checks,
    )


def test_a_record_passes_only_with_every_check_and_at_least_one() -> None:
    good = Check(number="OQ-01", title="t", passed=True, detail="d", seconds=1.0)
    assert record(good).passed
    assert not record().passed
    assert not record(good, good.model_copy(update={"passed": False})).passed


def test_a_record_is_written_three_times_and_no_outside_text_acts(tmp_path: Path) -> None:
    check = Check(number="OQ-01", title="a | b", passed=False, detail="<b>\x1b", seconds=1.0)
    paths = write_record(record(check), tmp_path / "qualification.md")
    assert [path.name for path in paths] == ["qualification.md", "qualification.html", "qualification.json"]
    markdown, page, body = (path.read_text(encoding="utf-8") for path in paths)
    for text in (markdown, page):
        assert "FAILED" in text
        assert "OQ-01" in text
        assert "2" * 64 in text
        assert "\x1b" not in text
    assert "<script" not in page
    assert not re.search(r"(?<!\\)<script", markdown)
    rows = [line for line in markdown.splitlines() if line.startswith("| OQ-01")]
    assert [len(re.findall(r"(?<!\\)\|", row)) for row in rows] == [6], "a cell cannot end its row"
    fields = json.loads(body)
    assert (fields["schema"], fields["passed"]) == ("medrek-flow.selftest", False)


def test_the_copy_is_checked_and_the_site_is_not_written(world: World, tmp_path: Path) -> None:
    before, sheet = head_of(world.site), Sheet(quiet)
    CopyChecks(world.site, tmp_path, actor="tests", progress=quiet).fill(sheet)
    found = {check.title: check for check in sheet.checks}
    failed = [check.title for check in sheet.checks if not check.passed]
    assert failed == ["the live memory fits the model and answers with its edits"], "its shards are made-up bytes"
    assert "b0002 left" in found["the newest batch in force can be rolled back"].detail
    assert head_of(world.site) == before
    assert head_of(Site(tmp_path / "copy"))[0] > before[0], "the rollback was on the copy"


def test_a_damaged_site_fails_its_checks(world: World, tmp_path: Path) -> None:
    (world.site.memory_folder / "b0001.safetensors").write_bytes(b"other")
    sheet = Sheet(quiet)
    CopyChecks(world.site, tmp_path, actor="tests", progress=quiet).fill(sheet)
    assert not any(check.passed for check in sheet.checks)
    assert "b0001.safetensors" in sheet.checks[0].detail


def test_a_scratch_site_takes_model_and_editor_and_asks_no_source(site: Site, tmp_path: Path) -> None:
    shell = make_scratch(site, tmp_path / "scratch")
    made = Site(shell.root)
    assert made.settings.model == site.settings.model
    assert made.settings.editor == site.settings.editor
    assert [name for name, table in made.settings.sources.by_name.items() if table.enabled] == ["dropfolder"]


def test_a_command_that_fails_says_its_line(site: Site) -> None:
    shell = SiteShell(site.root)
    with pytest.raises(CheckFailedError, match=r"trace: medrek-flow: .*e-none"):
        shell.json("trace", "e-none")
    assert Ended(1, "no json", "").fields == {}
    assert Ended(-9, "", "").last_word == "exit code -9"
