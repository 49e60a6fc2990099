"""kill -9 at every fault point, and at random moments: the next night ends as if nothing had happened (promise P6)."""

from __future__ import annotations

import random
import signal
from pathlib import Path

import pytest

from tests.end_to_end.prepared import THIRD_NIGHT, Prepared, label
from tests.end_to_end.shell import SIGNER, Shell
from workflow.fault_points import POINTS

pytestmark = pytest.mark.slow

INTAKE = (
    "notices.before_commit",
    "collect.before_commit",
    "detect.before_commit",
    "affected.before_commit",
    "candidate.before_commit",
    "extract.before_commit",
    "rehearse.before_commit",
    "report.before_commit",
)
BATCH = ("batch.before_commit", "stage.before_rename", "stage.before_commit", "gate.before_commit")
RELEASE = ("promote.before_commit", "promote.after_commit", "read_back.before_commit")
REVIEW = ("sign.before_commit", "withdraw.before_commit", "rollback.before_commit")
_OUTCOME = {
    "notices": "SELECT source, key, version, ordinal FROM notices",
    "documents": "SELECT document_id FROM documents",
    "changes": "SELECT change_id, kind, outcome FROM changes",
    "candidates": "SELECT candidate_id, state FROM candidates",
    "rehearsals": "SELECT candidate_id, release_id FROM rehearsals",
    "decisions": "SELECT candidate_id, reviewer_id, verdict FROM decisions",
    "batches": "SELECT batch_id, state, release_id, read_back IS NOT NULL FROM batches",
    "edits": "SELECT edit_id, batch_id, state, row_sha256 FROM edits",
    "releases": "SELECT release_id, cause, digest, check_state FROM releases",
    "in force": "SELECT release_id, edit_id FROM release_edits",
    "live": "SELECT release_id, stopped FROM live",
    "cursors": "SELECT source, last_day FROM cursors",
    "runs": "SELECT run_id, status, exit_code FROM runs",
}


def outcome(site: Shell) -> dict[str, list[tuple[object, ...]]]:
    """What a site holds, but for times and the audit chain."""
    return {name: sorted(site.rows(query), key=repr) for name, query in _OUTCOME.items()}


def kill(site: Shell, point: str, *arguments: str) -> None:
    """Run a command that dies at a fault point."""
    ended = site.run(*arguments, kill_at=point)
    assert ended.code == -signal.SIGKILL, f"{arguments[0]} never came to {point}: {ended}"


def assert_whole(site: Shell) -> None:
    """Check the audit chain, every file and every digest, and that no half-written file was left."""
    site.done("audit", "verify")
    site.done("doctor", "--quick")
    assert [path.name for path in (site.root / "data" / "memory").iterdir() if path.suffix != ".safetensors"] == []
    reports = {path.name for path in (site.root / "data" / "reports").iterdir()}
    for (run_id,) in site.rows("SELECT run_id FROM runs"):
        assert {f"night-{run_id}.{suffix}" for suffix in ("md", "html", "json")} <= reports


def test_every_fault_point_has_its_case() -> None:
    assert sorted((*INTAKE, *BATCH, *RELEASE, *REVIEW)) == sorted(POINTS)


def test_a_night_that_died_everywhere(prepared: Prepared, tmp_path: Path) -> None:
    site, undisturbed = (prepared.copy(prepared.live, tmp_path / name) for name in ("site", "undisturbed"))
    for one in (site, undisturbed):
        one.drop("corvandine.md", label("7 mg"))
    undisturbed.night(THIRD_NIGHT)
    for point in INTAKE:
        kill(site, point, "night", "--now", THIRD_NIGHT)
        assert site.one("SELECT status FROM runs ORDER BY started_at DESC, run_id DESC LIMIT 1") == "running"
    site.night(THIRD_NIGHT)
    assert outcome(site) == outcome(undisturbed)
    assert_whole(site)
    site.night(THIRD_NIGHT)
    assert {**outcome(site), "runs": []} == {**outcome(undisturbed), "runs": []}, "twice is once"


def test_a_batch_that_died_everywhere(prepared: Prepared, tmp_path: Path) -> None:
    site = prepared.copy(prepared.signed, tmp_path / "site")
    signed, before = outcome(site)["decisions"], site.live()
    kill(site, "batch.before_commit", "promote", "--yes")
    kill(site, "batch.before_commit", "night", "--now", THIRD_NIGHT)
    for point in BATCH[1:]:
        kill(site, point, "night", "--now", THIRD_NIGHT)
        assert site.live() == before
    kill(site, "promote.before_commit", "promote", "--yes")
    assert site.live() == before
    for point in RELEASE[1:]:
        kill(site, point, "night", "--now", THIRD_NIGHT)
        assert site.live() == prepared.live.live(), "ordered before the crash, done after it"
    site.night(THIRD_NIGHT)
    expected = outcome(prepared.live)
    for name in ("candidates", "decisions", "batches", "edits", "releases", "in force", "live"):
        assert outcome(site)[name] == expected[name], name
    assert outcome(site)["decisions"] == signed
    assert_whole(site)


def test_review_and_rollback_that_died(prepared: Prepared, tmp_path: Path) -> None:
    site = prepared.copy(prepared.live, tmp_path / "site")
    path = site.drop("corvandine.md", "".join(line for line in label("").splitlines(True) if "women" not in line))
    assert "men is 10 mg" in path.read_text(encoding="utf-8")
    site.night(THIRD_NIGHT)
    proposal = str(site.one("SELECT candidate_id FROM candidates WHERE action = 'withdraw'"))
    decide = ("queue", "decide", proposal, "--verdict", "approve", "--as", SIGNER)
    kill(site, "sign.before_commit", *decide)
    assert site.one("SELECT count(*) FROM decisions WHERE candidate_id = ?", proposal) == 0
    site.done(*decide)
    released = prepared.copy(site, tmp_path / "withdrawn")

    kill(site, "rollback.before_commit", "rollback", "b0001", "--reason", "wrong dose")
    assert site.live() == prepared.live.live()
    site.done("rollback", "b0001", "--reason", "wrong dose")
    assert site.live()[1] == site.one("SELECT digest FROM releases WHERE release_id = 0")

    kill(released, "withdraw.before_commit", "night", "--now", THIRD_NIGHT)
    released.night(THIRD_NIGHT)
    causes = [row[1] for row in outcome(released)["releases"]]
    assert causes == ["initial", "promotion", "withdrawal"], "taken out of force once"
    assert released.one("SELECT state FROM candidates WHERE candidate_id = ?", proposal) == "closed"
    assert released.one("SELECT count(*) FROM decisions WHERE candidate_id = ?", proposal) == 1
    assert released.one("SELECT check_state FROM releases WHERE release_id = 2") == "passed"
    assert_whole(released)


def test_kills_at_random_moments(prepared: Prepared, tmp_path: Path) -> None:
    """Five kills, wherever they fall, in nights and promotions that are told to go on.

    The label's third version takes the ground from what was signed: a promotion that came before it stands, and one
    that came after it promotes nothing, with or without a batch.
    """
    site = prepared.copy(prepared.signed, tmp_path / "site")
    site.drop("corvandine.md", label("7 mg"))
    chance = random.Random(20261120)
    for _ in range(5):
        command = chance.choice((("night", "--now", THIRD_NIGHT), ("promote", "--yes")))
        site.end(site.start(*command), timeout_s=chance.uniform(0.1, 1.5))
    site.night(THIRD_NIGHT)
    last = site.run("promote", "--yes")
    assert_whole(site)
    held = outcome(site)
    assert len(held["notices"]) == len(site.rows("SELECT DISTINCT source, key, content_sha256 FROM notices"))
    assert [state for _, state in held["candidates"]].count("pending") == 1, "the third version's dose waits once"
    assert held["decisions"] == outcome(prepared.signed)["decisions"]
    assert [row for row in held["runs"] if row[1] != "done"] == []
    assert len(held["edits"]) == len(held["batches"]) <= 1
    went_live = len(held["in force"]) == 1
    assert [(row[0], row[1]) for row in held["releases"]] == [(0, "initial"), (1, "promotion")][: 1 + went_live]
    assert [row[0] for row in held["live"]] == [int(went_live)]
    if not went_live and held["batches"]:
        assert last.code == 14
        assert "expected 1 standing signature(s), got 0" in last.err
