"""The lease: one holder, told apart from the dead, and fenced."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, update

from tests.workflow.ledger.made_ledgers import TickingClock
from workflow.errors import BusyError
from workflow.ledger import lease as lease_module
from workflow.ledger.lease import holder_of, lease
from workflow.ledger.ledger import Ledger
from workflow.ledger.tables import audit, leases

ROOT = Path(__file__).parents[3]
HOLDER = """
import sys, time
from pathlib import Path
from workflow.ledger.ledger import Ledger
from workflow.ledger.lease import lease
with lease(Ledger.open(Path(sys.argv[1])), "night") as held:
    print(held.fence, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A new ledger."""
    made = Ledger.create(tmp_path / "l.sqlite", kind="demo", signer_profile="one_signer", actor="tests")
    yield made
    made.close()


@pytest.fixture
def other(ledger: Ledger) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lease."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(ledger.path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "1\n"
    yield process
    process.kill()
    process.wait()


def rewrite(ledger: Ledger, **values: str) -> None:
    """Change the lease row by hand."""
    with ledger.write() as transaction:
        transaction.execute(update(leases).values(**values))


def holder(ledger: Ledger) -> str:
    """Give the holder on record."""
    with ledger.read() as connection:
        return str(connection.execute(select(leases.c.holder)).scalar())


def take(ledger: Ledger) -> int:
    """Take the lease and give it back; give its fence."""
    with lease(ledger, "night") as held:
        return held.fence


def test_a_lease_given_back_is_free_and_the_fence_grows(ledger: Ledger) -> None:
    assert [take(ledger), take(ledger), take(ledger)] == [1, 2, 3]


def test_a_lease_is_given_back_when_the_block_fails(ledger: Ledger) -> None:
    with pytest.raises(ZeroDivisionError), lease(ledger, "night"):
        raise ZeroDivisionError
    assert take(ledger) == 2


def test_another_process_is_named(ledger: Ledger, other: subprocess.Popen[str]) -> None:
    words = rf"held by pid {other.pid} on {socket.gethostname()} since 20.*Z"
    with pytest.raises(BusyError, match=words):
        take(ledger)
    with ledger.read() as connection:
        row = connection.execute(select(leases)).first()
    assert str(other.pid) in str(holder_of(row, now="2026-01-01T00:00:00Z"))


def test_a_killed_holder_is_replaced_at_once(ledger: Ledger, other: subprocess.Popen[str]) -> None:
    os.kill(other.pid, signal.SIGKILL)  # and not waited for: a zombie is dead too
    for _ in range(100):
        if "State:\tZ" in Path(f"/proc/{other.pid}/status").read_text():
            break
        time.sleep(0.01)
    began = time.monotonic()
    assert take(ledger) == 2
    assert time.monotonic() - began < 30  # the lease itself runs for longer
    with ledger.read() as connection:
        events = connection.execute(select(audit.c.event, audit.c.subject)).all()
    assert ("lease.taken_over", "lease:night") in events


def test_a_recycled_pid_is_not_the_holder(ledger: Ledger) -> None:
    """The pid lives, but it is another process: it started at another time."""
    with lease(ledger, "night"):
        mine = holder(ledger)
        birth = mine.rsplit(":", 1)[1].split("-")[0]
        boot, namespace, started = birth.split(".")
        rewrite(ledger, holder=mine.replace(birth, f"{boot}.{namespace}.{int(started) - 1}"))
        assert take(ledger) == 2


UNSEEN = {
    "another host": ("{host}:{pid}", "elsewhere:{pid}"),
    "another boot": ("{boot}", "0000"),
    "another pid namespace": ("{namespace}", "1"),
}


@pytest.mark.parametrize("name", UNSEEN)
def test_a_process_that_cannot_be_seen_is_not_called_dead(ledger: Ledger, name: str) -> None:
    with lease(ledger, "night"):
        mine = holder(ledger)
        boot, namespace, started = mine.rsplit(":", 1)[1].split("-")[0].split(".")
        parts = {"host": socket.gethostname(), "pid": os.getpid(), "boot": boot, "namespace": namespace}
        old, new = (text.format(**parts) for text in UNSEEN[name])
        rewrite(ledger, holder=mine.replace(f".{started}-", f".{int(started) - 1}-").replace(old, new))
        with pytest.raises(BusyError):
            take(ledger)
        rewrite(ledger, until="2026-01-01T00:00:00Z")  # silent for longer than the ttl
        assert take(ledger) == 2


def test_the_heart_beats(ledger: Ledger) -> None:
    with lease(ledger, "night", ttl_s=0.3, clock=TickingClock()):
        first = _until(ledger)
        time.sleep(0.5)
        assert _until(ledger) > first


def test_a_lost_lease_stops_a_commit(ledger: Ledger) -> None:
    with lease(ledger, "night") as old:
        rewrite(ledger, until="2026-01-01T00:00:00Z")
        with lease(ledger, "night") as new:
            with pytest.raises(BusyError, match="lost to pid"), ledger.write() as transaction:
                old.assert_held(transaction)
            with ledger.write() as transaction:
                new.assert_held(transaction)


def test_a_lease_given_back_holds_nothing(ledger: Ledger) -> None:
    with lease(ledger, "night") as held:
        pass
    with pytest.raises(BusyError), ledger.write() as transaction:
        held.assert_held(transaction)


def test_without_proc_only_time_frees_a_lease(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease_module, "_birth", lambda pid: None)
    with lease(ledger, "night"), pytest.raises(BusyError):
        take(ledger)


def _until(ledger: Ledger) -> str:
    with ledger.read() as connection:
        return str(connection.execute(select(leases.c.until)).scalar())
