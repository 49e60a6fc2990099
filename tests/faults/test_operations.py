"""What breaks around a site: a full disk, a worker that is told to end, a clock that jumps, an old backup restored.

Refused or held with one line; what is live is unchanged and still answered from; the next good run goes on.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.end_to_end.prepared import SECOND_NIGHT, THIRD_NIGHT, WOMEN, Prepared, label
from tests.end_to_end.shell import Shell, assert_one_line
from workflow.site_restore import restore_backup

pytestmark = pytest.mark.slow


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of four megabytes."""
    folder, mount = tmp_path / "disk", shutil.which("mount")
    folder.mkdir()
    if mount is None or os.geteuid() != 0:
        pytest.skip("a small disk can be mounted by root only")
    made = subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("no small disk can be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path, *, leave: int) -> None:
    """Take all room but so many bytes."""
    with (disk / "ballast").open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            file.flush()
    os.truncate(disk / "ballast", max(0, (disk / "ballast").stat().st_size - leave))


def test_a_full_disk_changes_nothing_and_the_next_night_goes_on(prepared: Prepared, small_disk: Path) -> None:
    site = prepared.copy(prepared.live, small_disk / "site")
    live, answers = site.live(), site.counts("decisions", "releases", "edits")
    site.drop("corvandine.md", label("7 mg"))
    with closing(sqlite3.connect(site.root / "data" / "ledger.sqlite")) as serving:
        serving.execute("SELECT count(*) FROM audit").fetchall()  # somebody serves, and has the ledger open
        for leave in (0, 40_000, 120_000):
            fill(small_disk, leave=leave)
            for command in (("night", "--now", THIRD_NIGHT), ("rollback", "b0001", "--reason", "x")):
                if command[0] == "rollback" and leave:
                    continue
                ended = site.run(*command)
                assert ended.code in (1, 10), (leave, ended)
                assert "room" in assert_one_line(ended), (leave, ended)
            assert site.live() == live
            assert site.counts("decisions", "releases", "edits") == answers
            assert serving.execute("SELECT release_id FROM live").fetchone()[0] == live[0]
        assert site.run("status").code == 0, "what is live can be told"
        (small_disk / "ballast").unlink()
    site.night(THIRD_NIGHT)
    assert site.one("SELECT count(*) FROM candidates WHERE state = 'pending'") == 1
    site.done("audit", "verify")
    site.done("doctor", "--quick")


def test_a_full_disk_promotes_nothing_and_serves_on(prepared: Prepared, small_disk: Path) -> None:
    site = prepared.copy(prepared.signed, small_disk / "site")
    live, releases = site.live(), site.counts("releases")
    with closing(sqlite3.connect(site.root / "data" / "ledger.sqlite")) as serving:
        serving.execute("SELECT count(*) FROM audit").fetchall()  # somebody serves, and has the ledger open
        for leave in (0, 100_000):
            fill(small_disk, leave=leave)
            ended = site.run("promote", "--yes")
            assert ended.code in (1, 10), (leave, ended)
            assert "room" in assert_one_line(ended), (leave, ended)
            assert (site.live(), site.counts("releases")) == (live, releases), leave
        assert site.answers(WOMEN)[0]["release_id"] == live[0], "what is live is still answered from"
        (small_disk / "ballast").unlink()
    site.done("promote", "--yes")
    assert site.live()[0] == 1
    site.done("audit", "verify")


def test_a_worker_that_is_told_to_end_ends_well(prepared: Prepared, tmp_path: Path) -> None:
    site = prepared.copy(prepared.signed, tmp_path / "site")
    running = site.start("worker", "--watch", "60")
    deadline = time.monotonic() + 120
    while site.one("SELECT count(*) FROM leases WHERE name = 'worker-process' AND until != ''") == 0:
        assert running.code is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(running.pid, signal.SIGTERM)
    ended = site.end(running, timeout_s=120)
    assert ended.code == 0, ended
    assert site.rows("SELECT name FROM leases WHERE until != ''") == [], "every lease was given back"
    site.done("worker", "--once")
    assert site.one("SELECT state FROM batches") == "passed"
    site.done("audit", "verify")


def test_a_night_of_another_year_costs_no_notice(prepared: Prepared, tmp_path: Path) -> None:
    """A clock that jumped ahead moved the cursor; back in its own year the night still sees what comes."""
    site = prepared.copy(prepared.baseline, tmp_path / "site")
    site.night("2031-01-01T02:00:00Z")
    site.drop("corvandine.md", label("5 mg"))
    site.night(SECOND_NIGHT)
    assert site.one("SELECT count(*) FROM candidates WHERE state = 'pending'") == 1


def anchored(site: Shell, path: Path) -> None:
    """Anchor the site's chain in a file."""
    site.configure("audit.anchor", file=str(path))


def test_an_old_backup_is_served_and_promotes_nothing(prepared: Prepared, tmp_path: Path) -> None:
    site = prepared.copy(prepared.signed, tmp_path / "site")
    anchored(site, tmp_path / "anchors")
    site.done("audit", "anchor")
    site.done("backup", str(tmp_path / "old.tar"))
    site.done("promote", "--yes")
    site.done("audit", "anchor")
    restore_backup(tmp_path / "old.tar", tmp_path / "old", progress=lambda *_: None)
    old = Shell(tmp_path / "old")
    before = old.live()
    for command in (("promote", "--yes"), ("night", "--now", THIRD_NIGHT)):
        ended = old.run(*command)
        assert ended.code == 14, ended
        assert "older than its anchor" in ended.err
        assert old.live() == before
    assert old.answers(WOMEN)[0]["release_id"] == before[0], "what is live is still answered from"
    old.done("audit", "accept", "--reason", "the newer disk is lost")
    old.done("promote", "--yes")
    assert old.live()[0] == 1
