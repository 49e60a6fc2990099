"""Backup and restore: equal audit head, or nothing; and an old backup is found by its anchor."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from pathlib import Path

import pytest

from tests.workflow.cli.made_site import World
from tests.workflow.cli.running import Run
from workflow.settings import FILE_NAME


@pytest.fixture
def saved(run: Run, world: World, tmp_path: Path) -> Path:
    """A backup of the filled site."""
    (world.site.root / "our_questions.jsonl").write_text('"What?"\n', encoding="utf-8")
    target = tmp_path / "site.tar"
    ran = run("backup", str(target))
    assert ran.code == 0, ran.err
    return target


def test_a_restored_site_is_the_same(run: Run, world: World, saved: Path, tmp_path: Path) -> None:
    before = json.loads(run("audit", "verify", "--json").out)
    restored = json.loads(run("restore", str(saved), str(tmp_path / "again"), "--json").out)
    assert saved.stat().st_mode & 0o077 == 0
    there = ("--site", str(tmp_path / "again"))
    after = json.loads(run("audit", "verify", "--json", *there).out)
    assert after["head"] == restored["audit_head"]
    assert before["length"] == after["length"] + 1, "that there is a backup was noted behind its snapshot"
    assert run("doctor", "--quick", *there).code == 0
    assert run("live", "--json", *there).out == run("live", "--json").out
    assert json.loads(run("trace", world.second_edit, "--json", *there).out)["traces"][0]["whole"]
    for name in (FILE_NAME, "our_questions.jsonl"):
        assert (tmp_path / "again" / name).read_bytes() == (world.site.root / name).read_bytes()
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / "again").rglob("*")} == {0}
    assert run("rollback", "b0002", "--reason", "still can", *there).code == 0


def test_the_site_goes_on_while_it_is_saved(run: Run, world: World, tmp_path: Path) -> None:
    ledger = world.site.open_ledger()
    with ledger.write() as transaction:
        transaction.audit("tests.event", "thing:1", {}, actor="tests")
    assert run("backup", str(tmp_path / "a.tar.gz")).code == 0
    ledger.close()
    assert json.loads(run("restore", str(tmp_path / "a.tar.gz"), str(tmp_path / "a"), "--json").out)["files"] > 5


def test_what_is_there_is_not_overwritten(run: Run, world: World, saved: Path, tmp_path: Path) -> None:
    assert run("backup", str(saved)).code == 2
    assert run("backup", str(world.site.root / "in.tar")).code == 2
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine").write_text("", encoding="utf-8")
    refused = run("restore", str(saved), str(full))
    assert (refused.code, [path.name for path in full.iterdir()]) == (2, ["mine"])
    assert run("restore", str(tmp_path / "nothing.tar"), str(tmp_path / "new")).code == 2
    empty = tmp_path / "empty"
    empty.mkdir()
    assert run("restore", str(saved), str(empty)).code == 0


def left_over(folder: Path) -> list[str]:
    """Half-made things beside the backup."""
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


def test_a_cut_or_changed_backup_makes_no_site(run: Run, saved: Path, tmp_path: Path) -> None:
    whole = saved.read_bytes()
    for at in range(0, len(whole), max(1, len(whole) // 40)):
        for broken in (whole[:at], whole[:at] + bytes([whole[at] ^ 0x41]) + whole[at + 1 :]):
            saved.write_bytes(broken)
            ran = run("restore", str(saved), str(tmp_path / "again"))
            if ran.code == 0:  # a bit of padding, or of a member's mode or time: nothing that a site is made of
                assert broken != whole[:at]
                shutil.rmtree(tmp_path / "again")
                continue
            assert ran.code == 15, (at, ran)
            assert "nothing was left" in ran.err or "cut" in ran.err
            assert not (tmp_path / "again").exists()
    assert left_over(tmp_path) == []


def hostile(target: Path, name: str, kind: bytes = tarfile.REGTYPE, linkname: str = "") -> None:
    """An archive with one member that no backup has."""
    with tarfile.open(target, "w") as archive:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, linkname
        content = b"x" if kind == tarfile.REGTYPE else b""
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))


@pytest.mark.parametrize(
    ("name", "kind", "linkname"),
    [
        ("../outside", tarfile.REGTYPE, ""),
        ("/tmp/outside", tarfile.REGTYPE, ""),  # noqa: S108 - the point
        ("a/../../outside", tarfile.REGTYPE, ""),
        ("data/link", tarfile.SYMTYPE, "/etc/passwd"),
        ("data/hard", tarfile.LNKTYPE, "/etc/passwd"),
        ("data/pipe", tarfile.FIFOTYPE, ""),
        ("data", tarfile.DIRTYPE, ""),
        ("data/x\x1b[31m", tarfile.REGTYPE, ""),
    ],
)
def test_a_hostile_archive_writes_nothing(run: Run, tmp_path: Path, name: str, kind: bytes, linkname: str) -> None:
    hostile(tmp_path / "bad.tar", name, kind, linkname)
    ran = run("restore", str(tmp_path / "bad.tar"), str(tmp_path / "in" / "again"))
    assert ran.code == 15
    assert not (tmp_path / "outside").exists()
    assert not (tmp_path / "in" / "again").exists()
    assert "\x1b" not in ran.err


def test_a_damaged_site_is_not_saved_as_if_it_were_whole(run: Run, world: World, tmp_path: Path) -> None:
    shard = world.site.memory_folder / "b0001.safetensors"
    whole = shard.read_bytes()
    shard.write_bytes(whole + b" ")
    ran = run("backup", str(tmp_path / "bad.tar"))
    assert (ran.code, (tmp_path / "bad.tar").exists(), left_over(tmp_path)) == (15, False, [])
    assert "b0001.safetensors" in ran.err
    shard.write_bytes(whole)
    (world.site.documents.folder / world.raw_sha256).unlink()
    assert run("backup", str(tmp_path / "bad.tar")).code == 15


def anchor_at(world: World, path: Path) -> None:
    """Anchor the site's chain in a file."""
    text = world.site.settings_path.read_text(encoding="utf-8")
    assert '# file = ""' in text.partition("[audit.anchor]")[2]
    head, found, rest = text.partition("[audit.anchor]\n")
    world.site.settings_path.write_text(
        head + found + rest.replace('# file = ""', f'file = "{path}"', 1), encoding="utf-8"
    )


def test_an_old_backup_is_found_and_promotes_nothing_until_a_person_says_so(
    run: Run, world: World, tmp_path: Path
) -> None:
    anchor_at(world, tmp_path / "anchors")
    assert run("audit", "anchor").code == 0
    assert run("backup", str(tmp_path / "old.tar")).code == 0
    for _ in range(2):
        assert run("stop", "--reason", "a day goes by").code == 0
        assert run("start").code == 0
        assert run("audit", "anchor").code == 0
    newer = run("audit", "verify")
    assert (newer.code, "3 anchor(s) read" in newer.out) == (0, True)

    told = run("restore", str(tmp_path / "old.tar"), str(tmp_path / "old"))
    assert "is older than its anchor" in told.err
    there = ("--site", str(tmp_path / "old"))
    live = run("live", "--json", *there).out
    for command in (("promote", "--yes"), ("audit", "anchor")):
        held = run(*command, *there)
        assert held.code == 14, held
        (line,) = (line for line in held.err.splitlines() if line.startswith("medrek-flow: "))
        assert "is older than its anchor" in line
    found = run("audit", "verify", *there)
    assert (found.code, "older than its anchor" in found.out) == (15, True)
    assert "is older than its anchor" in run("status", *there).err
    assert run("live", "--json", *there).out == live, "what is live is served on"
    assert run("rollback", "b0002", "--dry-run", *there).code == 0, "and can be undone"

    assert run("audit", "accept", *there).code == 2
    accepted = run("audit", "accept", "--reason", "the disk died; nothing newer is left", *there)
    assert accepted.code == 0, accepted
    assert run("audit", "verify", *there).code == 0
    assert run("audit", "anchor", *there).code == 0
    assert run("audit", "accept", "--reason", "again", *there).code == 2
    last = [json.loads(line) for line in run("audit", "export", *there).out.splitlines()]
    assert [row["body"]["reason"] for row in last if row.get("event") == "audit.gap_accepted"] == [
        "the disk died; nothing newer is left"
    ]


def test_a_mount_that_is_gone_holds_the_promotion(run: Run, world: World, tmp_path: Path) -> None:
    anchor_at(world, tmp_path / "mount" / "anchors")
    assert run("audit", "anchor").code == 14, "there is no such folder"
    (tmp_path / "mount").mkdir()
    assert run("audit", "anchor").code == 0
    shutil.rmtree(tmp_path / "mount")
    held = run("promote", "--yes")
    assert (held.code, "mount it" in held.err) == (14, True)
