"""Running a site: its units, its numbers, its plan, its cap, and a worker that ends when it is told to."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.workflow.cli.made_site import World
from tests.workflow.cli.running import Run
from workflow.errors import BusyError, SettingsError, UsageError
from workflow.ledger.lease import lease
from workflow.service_units import service_units
from workflow.site import Site
from workflow.time_cap import CapReachedError, TimeCap
from workflow.worker import LOOP, StopFlag, StoppedError, stopping_on_signals, watch_site

# --- units -----------------------------------------------------------------------------------------------------------

HARDENED = ("NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet=\n", "UMask=0077", "PrivateTmp=yes")


def test_units_are_hardened_and_name_commands_that_there_are(run: Run, world: World, tmp_path: Path) -> None:
    ran = run("services", "--out", str(tmp_path / "units"), "--backup-to", str(tmp_path), "--at", "3:05", "--json")
    names = json.loads(ran.out)["units"]
    assert {"medrek-flow-night.service", "medrek-flow-night.timer", "medrek-flow-worker.service"} <= set(names)
    for name in names:
        text = (tmp_path / "units" / name).read_text(encoding="utf-8")
        if name.endswith(".timer"):
            continue
        for line in HARDENED:
            assert line in text, (name, line)
        assert f"ReadWritePaths={world.site.root}" in text
        (command,) = re.findall(r"(?m)^ExecStart=(\S+) (\S+)", text)
        assert Path(command[0]).name == "medrek-flow"
        assert run(command[1], "--help").code == 0, f"{name} runs a command that there is"
    timer = (tmp_path / "units" / "medrek-flow-night.timer").read_text(encoding="utf-8")
    assert "OnCalendar=*-*-* 03:05:00" in timer


def test_systemd_reads_the_units(run: Run, world: World, tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    names = json.loads(run("services", "--out", str(tmp_path / "units"), "--json").out)["units"]
    paths = [str(tmp_path / "units" / name) for name in names]
    done = subprocess.run([analyze, "verify", *paths], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_a_unit_file_would_misread_is_refused(site: Site, tmp_path: Path) -> None:
    program = Path("/usr/bin/medrek-flow")
    odd = Site.create(tmp_path / "a site %n", demo=True, signer_profile="one_signer")
    with pytest.raises(SettingsError, match="unit file"):
        service_units(odd, program=program, user="mf", at="02:00", commands=())
    with pytest.raises(UsageError, match="--at"):
        service_units(site, program=program, user="mf", at="25:00", commands=())
    with pytest.raises(UsageError, match="--user"):
        service_units(site, program=program, user="mf\nExecStartPre=/bin/sh", at="02:00", commands=())


def test_init_writes_units_and_cron_is_an_example(run: Run, tmp_path: Path) -> None:
    ran = run("init", str(tmp_path / "new"), "--demo", "--systemd")
    assert ran.code == 0
    assert (tmp_path / "new" / "systemd" / "medrek-flow-night.timer").is_file()
    assert "systemctl enable --now" in ran.out
    lines = run("services", "--cron", "--site", str(tmp_path / "new")).out.splitlines()
    assert next(line for line in lines if line.startswith("0 2 ")).endswith("medrek-flow night")


# --- numbers ---------------------------------------------------------------------------------------------------------

SAMPLE = re.compile(r'^([a-z_:][a-z0-9_:]*)(\{[a-z_]+="(?:[^"\\\n]|\\.)*"(?:,[a-z_]+="(?:[^"\\\n]|\\.)*")*\})? (\S+)$')


def samples(text: str) -> dict[str, float]:
    """Read the text format, strictly: a TYPE before its samples, every sample once."""
    found: dict[str, float] = {}
    typed: set[str] = set()
    for line in text.splitlines():
        if line.startswith("# "):
            word, name = line.split(" ")[1:3]
            typed |= {name} if word == "TYPE" else set()
            continue
        match = SAMPLE.fullmatch(line)
        assert match, line
        assert match[1] in typed, line
        assert match[1] + (match[2] or "") not in found
        found[match[1] + (match[2] or "")] = float(match[3])
    assert text.endswith("\n")
    return found


def test_the_numbers_are_those_of_the_site(run: Run, world: World, tmp_path: Path) -> None:
    target = tmp_path / "medrek.prom"
    assert run("status", "--metrics", str(target)).code == 0
    found = samples(target.read_text(encoding="utf-8"))
    assert target.stat().st_mode & 0o777 == 0o644, "the collector runs as somebody else"
    assert found["medrek_flow_live_release"] == 2
    assert found['medrek_flow_live_check{verdict="passed"}'] == 1
    assert found['medrek_flow_candidates{state="pending"}'] == 1
    assert found['medrek_flow_source_never_read{source="pubmed"}'] == 1
    assert found["medrek_flow_audit_anchor_lost"] == 0
    assert "medrek_flow_audit_anchor_timestamp_seconds" not in found
    assert "medrek_flow_night_exit_code" not in found, "no night yet"
    run("stop", "--reason", "x")
    run("status", "--metrics", str(target))
    assert samples(target.read_text(encoding="utf-8"))["medrek_flow_serving_stopped"] == 1
    assert run("status", "--metrics", str(tmp_path / "none" / "x.prom")).code == 10


# --- plan and cap ----------------------------------------------------------------------------------------------------


def test_a_dry_night_tells_and_does_nothing(run: Run, world: World) -> None:
    before = run("audit", "export").out
    files = sorted(path for path in world.site.root.rglob("*") if path.name != "ledger.sqlite-shm")
    ran = run("night", "--dry-run", "--now", "2026-11-20T02:00:00Z", "--only", "dropfolder", "--json")
    plan = json.loads(ran.out)
    assert plan["schema"] == "medrek-flow.night-plan"
    assert plan["sources"] == [{"source": "dropfolder", "first": "2026-10-21", "last": "2026-11-20"}]
    assert plan["caps"]["night.max_minutes"] == 360
    assert run("audit", "export").out == before
    assert sorted(path for path in world.site.root.rglob("*") if path.name != "ledger.sqlite-shm") == files
    assert "nothing was asked, loaded or written" in run("night", "--dry-run").out


def test_a_dry_night_says_who_holds_the_lease(run: Run, world: World) -> None:
    ledger = world.site.open_ledger()
    with lease(ledger, "worker"):
        (held,) = json.loads(run("night", "--dry-run", "--json").out)["leases"]
    ledger.close()
    assert held["name"] == "worker"
    assert held["holder"].startswith("pid ")


def test_a_cap_ends_long_work_at_its_next_step_and_stays_reached() -> None:
    now = [0.0]
    cap = TimeCap(2, clock=lambda: now[0])
    told: list[int] = []
    tell = cap.watching(lambda _what, done, _of: told.append(done))
    tell("a", 1, 9)
    now[0] = 119.9
    tell("a", 2, 9)
    assert not cap.was_reached
    now[0] = 120.0
    with pytest.raises(CapReachedError, match=r"2 minutes \(night\.max_minutes\)"):
        tell("a", 3, 9)
    now[0] = 0.0
    assert cap.is_over, "a clock that runs back does not begin anew"
    assert told == [1, 2, 3]
    assert not TimeCap(None).is_over


# --- worker ----------------------------------------------------------------------------------------------------------


def test_sigterm_ends_a_worker_at_its_next_step() -> None:
    with stopping_on_signals() as stop:
        tell = stop.watching(None)
        tell("a", 1, 2)
        signal.raise_signal(signal.SIGTERM)
        assert stop.is_asked
        with pytest.raises(StoppedError, match="is on record"):
            tell("a", 2, 2)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL, "a second one ends it at once"


@pytest.mark.parametrize("ask_first", [True, False])
def test_a_watching_worker_sleeps_holds_its_lease_and_wakes_to_end(site: Site, ask_first: bool) -> None:
    """On a site where nothing waits: one pass, then sleep; nothing loads while the head stands still."""
    stop = StopFlag()
    if ask_first:
        stop.ask()
    passes: list[str] = []
    runner = threading.Thread(
        target=lambda: watch_site(site, every_s=60, stop=stop, progress=None, tell=passes.append), daemon=True
    )
    ledger = site.open_ledger()
    began = time.monotonic()
    with lease(ledger, "worker"):  # a night is running: the worker waits for it and says so
        runner.start()
        while not (passes or ask_first) and time.monotonic() - began < 20:
            time.sleep(0.01)
        if not ask_first:
            assert "held by pid" in passes[0]
            with pytest.raises(BusyError, match=LOOP):
                watch_site(site, every_s=60, stop=StopFlag(), progress=None)
        stop.ask()
        runner.join(20)
    ledger.close()
    assert not runner.is_alive(), "it did not sleep for its minute"


def test_worker_takes_one_way_or_the_other(run: Run, site: Site) -> None:
    assert run("worker", "--once", "--watch", "5").code == 2


# --- clock -----------------------------------------------------------------------------------------------------------


def test_status_warns_of_an_anchor_that_is_old(run: Run, world: World, tmp_path: Path) -> None:
    from workflow.anchors import anchor_warning
    from workflow.settings import AnchorTable

    ledger = world.site.open_ledger()
    with ledger.write() as transaction:
        transaction.audit("audit.anchored", "audit", {"head": "0" * 64, "length": 1, "places": ["syslog"]}, actor="t")
        at = transaction.now
    moment = datetime.fromisoformat(at).astimezone(UTC)
    with ledger.read() as connection:
        table = AnchorTable(syslog="/dev/log", stale_days=2)
        assert anchor_warning(connection, table, moment) == ""
        assert "last anchored" in anchor_warning(connection, table, moment.replace(year=moment.year + 1))
        assert "not anchored" in anchor_warning(connection, AnchorTable(), moment)
    ledger.close()
