"""Commands that need no model, run on a site that holds two promoted batches."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.workflow.cli.made_site import QUOTE, World
from tests.workflow.cli.running import Run
from workflow.reports.shown_text import shown
from workflow.site import Site


def test_status_says_what_is_live_and_what_waits(run: Run, world: World) -> None:
    ran = run("status", "--json")
    body = json.loads(ran.out)
    assert ran.code == 0
    assert (body["schema"], body["version"]) == ("medrek-flow.status", 1)
    assert body["live"]["release_id"] == 2
    assert body["edits_in_force"] == 2
    assert body["pending"] == 1
    assert {line["source"] for line in body["stale_sources"]} == {"pubmed", "openfda", "dropfolder"}


def test_warnings_go_to_stderr_and_the_result_to_stdout(run: Run, world: World) -> None:
    ran = run("status")
    assert "single trust domain" in ran.err
    assert "DEMO SITE" in ran.err
    assert "one-signer" in ran.err
    assert "not anchored" in ran.err
    assert "release 2" in ran.out
    assert "DEMO SITE" not in ran.out


def test_outside_text_reaches_no_terminal(run: Run, world: World) -> None:
    for arguments in (("queue", "list"), ("live",), ("batch", "show", "b0001"), ("trace", world.pending.candidate_id)):
        ran = run(*arguments)
        assert "\x1b" not in ran.out + ran.err
        assert "\u202e" not in ran.out + ran.err


def test_rich_markup_of_outside_text_is_shown_not_obeyed(run: Run, world: World) -> None:
    assert "[bold]" in run("queue", "list").out


def test_live_and_live_as_of(run: Run, world: World) -> None:
    now = json.loads(run("live", "--json").out)
    assert [edit["edit_id"] for edit in now["edits"]] == [world.first_edit, world.second_edit]
    before = json.loads(run("live", "--as-of", "2000-01-01", "--json").out)
    assert before["release"] is None
    said = run("live", "--as-of", "2000-01-01").out
    assert "at 2000-01-01" in said
    assert "medrek-flow night" not in said, "nothing done today changes what was served then"


def test_live_refuses_a_time_that_is_none(run: Run, world: World) -> None:
    ran = run("live", "--as-of", "yesterday")
    assert ran.code == 2
    assert "expected a time like" in ran.err


def test_rollback_shows_its_effect_and_what_answers_again(run: Run, world: World) -> None:
    dry = run("rollback", "b0002", "--dry-run")
    assert dry.code == 0
    assert world.second_edit in dry.out
    assert "answer again (1)" in dry.out
    assert json.loads(run("live", "--json").out)["release"]["release_id"] == 2
    done = run("rollback", "b0002", "--reason", "wrong dose")
    assert done.code == 0
    body = json.loads(run("live", "--json").out)
    assert (body["release"]["release_id"], body["release"]["check_state"]) == (3, "pending")
    assert [edit["edit_id"] for edit in body["edits"]] == [world.first_edit]


def test_rollback_without_terminal_and_reason_is_a_usage_error(run: Run, world: World) -> None:
    ran = run("rollback", "b0002")
    assert ran.code == 2
    assert "--reason" in ran.err
    assert json.loads(run("live", "--json").out)["release"]["release_id"] == 2


def test_rollback_of_one_edit(run: Run, world: World) -> None:
    body = json.loads(run("rollback", "b0001", "--only", world.first_edit, "--reason", "x", "--json").out)
    assert [edit["edit_id"] for edit in body["plan"]["leaving"]] == [world.first_edit]
    assert body["plan"]["release_id_new"] == 3


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("rollback", "b9999", "--reason", "x"), 2),
        (("rollback", "b0001", "--only", "e-none", "--reason", "x"), 2),
        (("batch", "show", "b9999"), 2),
        (("release", "show", "99"), 2),
        (("trace", "e-none"), 2),
        (("start",), 16),
        (("queue", "show", "c-none", "--as", "script-one"), 2),
        (("queue", "show", "c-none"), 2),
        (("batch", "create", "c-none"), 16),
        (("stop",), 2),
        (("promote",), 2),
        (("night", "--only", "nowhere"), 2),
        (("night", "--now", "soon"), 2),
        (("night", "--since", "2999-01-01"), 2),
        (("sources", "pull", "nowhere"), 2),
        (("no-such-command",), 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else str(value),
)
def test_misuse_is_one_line_and_the_documented_code(
    arguments: tuple[str, ...], code: int, run: Run, world: World
) -> None:
    ran = run(*arguments)
    assert ran.code == code
    assert "Traceback" not in ran.err


def test_stop_and_start(run: Run, world: World) -> None:
    assert run("stop", "--reason", "an incident").code == 0
    assert "STOPPED" in run("live").out
    assert run("stop", "--reason", "again").code == 16
    assert run("start").code == 0
    assert "STOPPED" not in run("live").out


def test_release_list_and_diff(run: Run, world: World) -> None:
    every = json.loads(run("release", "list", "--json").out)
    assert [release["cause"] for release in every["releases"]] == ["initial", "promotion", "promotion"]
    diff = json.loads(run("release", "diff", "0", "2", "--json").out)
    assert len(diff["came"]) == 2
    assert diff["left"] == []


def test_trace_follows_an_edit_to_the_raw_bytes(run: Run, world: World) -> None:
    ran = run("trace", world.second_edit)
    assert ran.code == 0
    for words in (QUOTE, "Script One", "https://labels.example/1", world.raw_sha256, "ok"):
        assert words in ran.out
    assert "every sha256 was computed again and holds" in ran.out


@pytest.mark.parametrize("named", ["2", "release:2", "b0002"])
def test_trace_takes_a_release_or_a_batch(named: str, run: Run, world: World) -> None:
    edits = {trace["edit_id"] for trace in json.loads(run("trace", named, "--json").out)["traces"]}
    assert world.second_edit in edits


def test_trace_finds_changed_bytes(run: Run, world: World) -> None:
    path = world.site.documents.folder / world.raw_sha256
    path.write_bytes(path.read_bytes() + b" ")
    ran = run("trace", world.second_edit)
    assert ran.code == 15
    assert "BAD  raw bytes received" in ran.out


def test_trace_finds_a_changed_shard(run: Run, world: World) -> None:
    (world.site.memory_folder / "b0002.safetensors").write_bytes(b"other")
    assert run("trace", world.second_edit).code == 15


def test_audit_verify_and_a_noted_head(run: Run, world: World) -> None:
    head = json.loads(run("audit", "verify", "--json").out)["head"]
    assert run("audit", "verify", "--head", head).code == 0
    lost = run("audit", "verify", "--head", "f" * 64)
    assert lost.code == 15
    assert "its tail was cut" in lost.out


def test_audit_export_is_json_lines_with_the_sites_warnings(run: Run, world: World) -> None:
    lines = [json.loads(line) for line in run("audit", "export").out.splitlines()]
    assert lines[0]["schema"] == "medrek-flow.audit-export"
    assert lines[0]["site_name"] == world.site.settings.site.name
    assert any("single trust domain" in line for line in lines[0]["warnings"])
    assert lines[0]["length"] == len(lines) - 1
    assert lines[1]["event"] == "site.created"


def test_batch_show_says_what_is_asked_and_what_the_model_is_to_say(run: Run, world: World) -> None:
    shown = run("batch", "show", "b0002").out
    edit = json.loads(run("live", "--json").out)["edits"][1]
    assert edit["question"] in shown
    assert edit["object_new"] in shown


def test_queue_list_filters(run: Run, world: World) -> None:
    waiting = json.loads(run("queue", "list", "--json").out)["candidates"]
    assert [line["candidate_id"] for line in waiting] == [world.pending.candidate_id]
    assert len(json.loads(run("queue", "list", "--all", "--json").out)["candidates"]) == 3
    assert json.loads(run("queue", "list", "--search", "no such drug", "--json").out)["candidates"] == []


def test_doctor_on_a_healthy_site(run: Run, world: World) -> None:
    ran = run("doctor", "--quick")
    assert ran.code == 0
    assert "FAIL" not in ran.out


@pytest.mark.parametrize("what", ["document", "shard", "ledger"])
def test_doctor_finds_damage(what: str, run: Run, world: World) -> None:
    damaged = {
        "document": world.site.documents.folder / world.raw_sha256,
        "shard": world.site.memory_folder / "b0001.safetensors",
        "ledger": world.site.ledger_path,
    }[what]
    damaged.write_bytes(b"other bytes")
    ran = run("doctor", "--quick")
    assert ran.code == 15
    assert "FAIL" in ran.out
    assert "next:" in ran.out


def test_doctor_finds_a_cut_audit_chain(run: Run, world: World) -> None:
    import sqlite3

    with sqlite3.connect(world.site.ledger_path) as connection:
        triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (name,) in triggers:
            connection.execute(f'DROP TRIGGER "{name}"')
        connection.execute("DELETE FROM audit WHERE seq = 3")
    assert run("doctor", "--quick").code == 15
    assert run("audit", "verify").code == 15


def test_init_makes_a_site_and_enrols_nobody_without_a_name(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = run("init", str(tmp_path / "new"), "--demo", "--json")
    assert ran.code == 0
    assert json.loads(ran.out)["kind"] == "demo"
    assert run("status", "--site", str(tmp_path / "new")).code == 0
    assert run("init", str(tmp_path / "new"), "--demo").code == 10


def test_init_of_a_hospital_site_asks_for_the_profile(run: Run, tmp_path: Path) -> None:
    ran = run("init", str(tmp_path / "new"))
    assert ran.code == 2
    assert "--profile" in ran.err
    assert not (tmp_path / "new").exists()


def test_a_command_outside_any_site_says_so(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEDREK_FLOW_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    ran = run("status")
    assert ran.code == 10
    assert "medrek-flow init" in ran.err


def test_acting_as_a_person_is_refused(run: Run, site: Site) -> None:
    ran = run("queue", "show", "c-1", "--as", "nobody")
    assert ran.code == 16


def test_json_objects_carry_schema_and_version(run: Run, world: World) -> None:
    for arguments in (
        ("status",),
        ("live",),
        ("release", "list"),
        ("release", "show", "1"),
        ("release", "diff", "0", "1"),
        ("batch", "list"),
        ("batch", "show", "b0001"),
        ("queue", "list"),
        ("affected",),
        ("audit", "verify"),
        ("reviewer", "list"),
        ("sources", "list"),
        ("doctor", "--quick"),
        ("trace", world.first_edit),
    ):
        body = json.loads(run(*arguments, "--json").out)
        assert body["schema"].startswith("medrek-flow."), arguments
        assert body["version"] == (2 if arguments == ("affected",) else 1), arguments


def test_shown_keeps_what_is_harmless() -> None:
    assert shown("5 mg ≥ 2 × daily\nβ-blocker") == "5 mg ≥ 2 × daily\nβ-blocker"
