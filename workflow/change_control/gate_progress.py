"""How far a running gate is: a heartbeat in the ledger that screens and ``status`` can read; nothing of record.

Owns its one table. No audit rows: what counts is written when the gate is done. A heartbeat that cannot be written
costs a line in the log, never the gate.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert

from workflow.errors import WorkflowError
from workflow.ledger.control_tables import gate_progress
from workflow.ledger.ledger import Ledger

Progress = Callable[[str, int, int], None]
BEAT_S = 1.0
"""Seconds between two heartbeats."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class GateProgress:
    """Where one running gate stands."""

    subject: str
    """``batch:b0001``, or ``live``."""
    phase: str
    done: int
    total: int
    holder: str
    started_at: str
    beat_at: str

    @property
    def words(self) -> str:
        """In one line: ``batch:b0001: run 120 of 400 since 2026-11-20T02:00:00Z``."""
        return f"{self.subject}: {self.phase} {self.done} of {self.total}, since {self.started_at} ({self.holder})"


def read_gate_progress(connection: Connection) -> tuple[GateProgress, ...]:
    """Read every gate that is running, or was when its process died: its last beat tells."""
    rows = connection.execute(select(gate_progress).order_by(gate_progress.c.subject)).mappings()
    return tuple(GateProgress(**row) for row in rows)


@contextmanager
def heartbeat(ledger: Ledger, subject: str, progress: Progress | None = None) -> Iterator[Progress]:
    """Give a progress function that also beats into the ledger; the row is gone when the block is left."""
    beat = _Heart(ledger, subject, progress)
    beat.write("begin", 0, 0)
    try:
        yield beat
    finally:
        beat.stop()


class _Heart:
    def __init__(self, ledger: Ledger, subject: str, progress: Progress | None) -> None:
        self._ledger, self._subject, self._progress = ledger, subject, progress
        self._holder = f"{socket.gethostname()}:{os.getpid()}"
        self._last = float("-inf")
        self._started = ""

    def __call__(self, phase: str, done: int, total: int) -> None:
        if self._progress is not None:
            self._progress(phase, done, total)
        if time.monotonic() - self._last >= BEAT_S:
            self.write(phase, done, total)

    def write(self, phase: str, done: int, total: int) -> None:
        """Beat now."""
        self._last = time.monotonic()
        try:
            with self._ledger.write() as transaction:
                self._started = self._started or transaction.now
                values = {
                    "phase": phase,
                    "done": done,
                    "total": total,
                    "holder": self._holder,
                    "started_at": self._started,
                    "beat_at": transaction.now,
                }
                transaction.execute(
                    insert(gate_progress)
                    .values(subject=self._subject, **values)
                    .on_conflict_do_update(index_elements=["subject"], set_=values)
                )
        except WorkflowError as error:
            _log.warning("heartbeat not written", extra={"data": {"why": type(error).__name__}})

    def stop(self) -> None:
        """Take the row away."""
        try:
            with self._ledger.write() as transaction:
                transaction.execute(delete(gate_progress).where(gate_progress.c.subject == self._subject))
        except WorkflowError as error:
            _log.warning("heartbeat not taken away", extra={"data": {"why": type(error).__name__}})
