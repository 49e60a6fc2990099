"""The worker: one process that rehearses, stages and gates under the lease, so that no screen ever loads the model.

It looks again after every pause. Every change of the record has an entry in the audit chain, so that a head (and a
day) that did not move since the last pass means that there is nothing to do: nothing is hashed and nothing loaded. The
model that a pass loaded stays for the next. SIGTERM ends it at the next step: what was done is on record, what was
begun is begun again.
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from workflow.errors import BusyError, ExitCode, WorkflowError, worst
from workflow.ledger import audit
from workflow.ledger.lease import lease
from workflow.ledger.ledger import Ledger
from workflow.metrics import write_metrics
from workflow.night import LEASE_TTL_S, advance_batches
from workflow.nightly_watch import watch_nightly
from workflow.site import Site
from workflow.workbench import Bench

LOOP = "worker-process"
"""Name of the lease that a watching worker holds while it lives: ``status`` shows it, and a second one is refused."""
Progress = Callable[[str, int, int], None]
_log = logging.getLogger(__name__)


class StoppedError(WorkflowError):
    """The process was asked to end; every step that was finished is on record."""


class StopFlag:
    """Whether the process was asked to end; wakes whoever waits."""

    def __init__(self) -> None:
        self._asked = threading.Event()

    def ask(self) -> None:
        """Ask to end."""
        self._asked.set()

    @property
    def is_asked(self) -> bool:
        """Whether somebody asked."""
        return self._asked.is_set()

    def wait(self, seconds: float) -> None:
        """Wait so long, or until somebody asks."""
        self._asked.wait(seconds)

    def watching(self, progress: Progress | None) -> Progress:
        """Give a progress that ends the work at its next step once somebody asked."""

        def tell(what: str, done: int, of: int) -> None:
            if progress is not None:
                progress(what, done, of)
            if self.is_asked:
                raise StoppedError("stopped; every step that was finished is on record, run it again to go on")

        return tell


@contextmanager
def stopping_on_signals() -> Iterator[StopFlag]:
    """Give a flag that SIGTERM and SIGINT raise; a second signal ends the process at once."""
    flag = StopFlag()
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def ask(number: int, _frame: object) -> None:
        flag.ask()
        signal.signal(number, signal.SIG_DFL)

    for number in before:
        signal.signal(number, ask)
    try:
        yield flag
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def work_once(site: Site, *, stop: StopFlag, progress: Progress | None, bench: Bench | None = None) -> ExitCode:
    """Do everything that can be done now without a person, look at what is live once a day, and write the numbers.

    Raises:
        BusyError: A night, or another worker, holds the lease.
        StoppedError: The process was asked to end.
    """
    codes = advance_batches(site, progress=stop.watching(progress), bench=bench)
    seen = watch_nightly(site, progress=stop.watching(progress), bench=bench)
    if seen is not None and seen.complaint:
        _log.warning(
            "live check", extra={"data": {"check": seen.recorded.check_id, "verdict": seen.recorded.check.verdict}}
        )
    code = worst(codes | ({seen.exit_code} if seen is not None else set()))
    ledger = site.open_ledger()
    try:
        write_metrics(site, ledger)
    finally:
        ledger.close()
    return code


def watch_site(
    site: Site,
    *,
    every_s: float,
    stop: StopFlag,
    progress: Progress | None,
    tell: Callable[[str], None] = lambda _line: None,
) -> None:
    """Work for ever, looking again after ``every_s`` seconds, until asked to end.

    Raises:
        BusyError: Another worker watches this site already.
        DamagedError: Ledger or memory are not what they should be.
    """
    ledger = site.open_ledger()
    bench = Bench(site)
    seen: tuple[str, str] | None = None
    try:
        with lease(ledger, LOOP, ttl_s=LEASE_TTL_S), suppress(StoppedError):
            while not stop.is_asked:
                if _state(ledger) != seen:
                    try:
                        code = work_once(site, stop=stop, progress=progress, bench=bench)
                        seen = _state(ledger)
                        _log.info("pass done", extra={"data": {"exit_code": int(code)}})
                    except BusyError as error:
                        tell(str(error))
                stop.wait(every_s)
    finally:
        ledger.close()


def _state(ledger: Ledger) -> tuple[str, str]:
    with ledger.read() as connection:
        _, head = audit.head(connection)
    return head, ledger.clock().date().isoformat()
