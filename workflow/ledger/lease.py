"""The lease: one holder at a time for a run or the worker, across processes, and taken over from the dead.

The rules:

- A lease is free when it was given back, when its time ran out, or when its holder is a dead process of this host.
  Dead is said only of a process that this one could see: same host, same boot, same pid namespace, and the pid is
  gone or was given to a process that started at another time.
- A heartbeat thread extends the time; a holder that was suspended for longer than the ttl may lose the lease.
- Every new holder gets a greater fence. A commit that must not happen after a loss calls ``assert_held`` in its own
  transaction.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Row, insert, select, update

from workflow.clock import Clock, utc_text
from workflow.errors import BusyError, WorkflowError
from workflow.ledger.ledger import Ledger, Transaction
from workflow.ledger.tables import leases

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Lease:
    """A lease that this process holds."""

    name: str
    holder: str
    """``host:pid:token``."""
    fence: int

    def assert_held(self, transaction: Transaction) -> None:
        """Refuse to go on in this transaction when another holder has come since.

        Raises:
            BusyError: The lease was lost.
        """
        row = transaction.execute(select(leases).where(leases.c.name == self.name)).first()
        if row is None or row.fence != self.fence or row.holder != self.holder or not row.until:
            raise BusyError(
                f"lease {self.name}: lost to {_describe(row)} (fence {self.fence}); nothing was changed, run again"
            )


@contextmanager
def lease(ledger: Ledger, name: str, *, ttl_s: float = 60.0, clock: Clock | None = None) -> Iterator[Lease]:
    """Hold a lease while the block runs.

    Args:
        ledger: Where the lease stands.
        name: What is leased: ``night``, ``worker``.
        ttl_s: Seconds after which a silent holder counts as gone; the heartbeat comes three times as often.
        clock: Where its times come from; the ledger's own clock where None.

    Raises:
        BusyError: Another process holds it; the message names host, pid and since when.
    """
    clock = clock or ledger.clock
    held = _take(ledger, name, ttl_s=ttl_s, clock=clock)
    stop = threading.Event()
    heart = threading.Thread(target=_beat, args=(ledger, held, ttl_s, clock, stop), name=f"lease-{name}", daemon=True)
    heart.start()
    try:
        yield held
    finally:
        stop.set()
        heart.join()
        _give_back(ledger, held)


def holder_of(row: Row[tuple[object, ...]] | None, *, now: str) -> str | None:
    """Say who holds a lease row now (``pid 7 on ward-3 since ...``); None where it is free."""
    if row is None or row.until < now or _is_dead(row.holder):
        return None
    return _describe(row)


def _take(ledger: Ledger, name: str, *, ttl_s: float, clock: Clock) -> Lease:
    me = _myself()
    with ledger.write() as transaction:
        now, until = utc_text(clock()), utc_text(clock() + timedelta(seconds=ttl_s))
        row = transaction.execute(select(leases).where(leases.c.name == name)).first()
        who = holder_of(row, now=now)
        if who is not None:
            raise BusyError(f"lease {name}: held by {who}; wait for it to end, or end that process")
        if row is None:
            fence = 1
            transaction.execute(insert(leases).values(name=name, holder=me, fence=fence, since=now, until=until))
        else:
            fence = row.fence + 1
            transaction.execute(
                update(leases)
                .where(leases.c.name == name, leases.c.fence == row.fence)
                .values(holder=me, fence=fence, since=now, until=until)
            )
            if row.until:
                body = {"from": _describe(row), "fence": fence}
                transaction.audit("lease.taken_over", f"lease:{name}", body, actor="medrek-flow")
    return Lease(name=name, holder=me, fence=fence)


def _beat(ledger: Ledger, held: Lease, ttl_s: float, clock: Clock, stop: threading.Event) -> None:
    while not stop.wait(ttl_s / 3):
        try:
            with ledger.write() as transaction:
                kept = transaction.execute(
                    update(leases)
                    .where(leases.c.name == held.name, leases.c.fence == held.fence)
                    .values(until=utc_text(clock() + timedelta(seconds=ttl_s)))
                )
        except WorkflowError as error:
            _log.warning("heartbeat missed", extra={"data": {"lease": held.name, "why": type(error).__name__}})
            continue
        if kept.rowcount == 0:
            _log.error("lease lost", extra={"data": {"lease": held.name, "fence": held.fence}})
            return


def _give_back(ledger: Ledger, held: Lease) -> None:
    with ledger.write() as transaction:
        transaction.execute(
            update(leases).where(leases.c.name == held.name, leases.c.fence == held.fence).values(until="")
        )


def _myself() -> str:
    pid = os.getpid()
    return f"{_host()}:{pid}:{_birth(pid) or 'unknown'}-{secrets.token_hex(4)}"


def _is_dead(holder: str) -> bool:
    host, pid_text, token = holder.rsplit(":", 2)
    birth = token.rsplit("-", 1)[0]
    mine = _birth(os.getpid())
    if host != _host() or mine is None or birth == "unknown":
        return False
    if birth.split(".")[:2] != mine.split(".")[:2]:  # another boot or another pid namespace: not ours to see
        return False
    return not _alive(int(pid_text)) or _birth(int(pid_text)) != birth


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _birth(pid: int) -> str | None:
    """Name a process for ever: boot, pid namespace and start time; None where /proc does not tell."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip().replace("-", "")
        namespace = str(Path("/proc/self/ns/pid").readlink()).strip("pid:[]")
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    after_name = stat.rpartition(")")[2].split()
    state, started = after_name[0], after_name[19]
    return None if state in "ZX" else f"{boot[:12]}.{namespace}.{started}"


def _host() -> str:
    return socket.gethostname().replace(":", "_")


def _describe(row: Row[tuple[object, ...]] | None) -> str:
    if row is None:
        return "nobody"
    host, pid, _ = row.holder.rsplit(":", 2)
    return f"pid {pid} on {host} since {row.since}"
