"""Runs: one row per night; a run that was killed is found again and continued under its own clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, insert, select, update

from workflow.clock import utc_moment, utc_text
from workflow.fault_points import reached
from workflow.ledger import tables
from workflow.ledger.ledger import Ledger

RUNNING = "running"
DONE = "done"


@dataclass(frozen=True)
class Run:
    """One run: its name, its own clock, and the first day that it was asked to start from."""

    run_id: str
    now: datetime
    since: date | None
    started_at: str

    @property
    def today(self) -> date:
        """The day up to which the sources are read."""
        return self.now.date()


def unfinished_run(connection: Connection) -> Run | None:
    """Find the run that was started and never finished, if there is one."""
    row = connection.execute(
        select(tables.runs).where(tables.runs.c.status == RUNNING).order_by(tables.runs.c.started_at).limit(1)
    ).first()
    if row is None:
        return None
    since = date.fromisoformat(row.since) if row.since else None
    return Run(row.run_id, utc_moment(row.now), since, row.started_at)


def open_run(ledger: Ledger, *, now: datetime, since: date | None) -> Run:
    """Write a new run; its id is the day with a number, so that people can say it."""
    with ledger.write() as transaction:
        day = now.strftime("%Y%m%d")
        taken = transaction.execute(select(tables.runs.c.run_id).where(tables.runs.c.run_id.like(f"r{day}-%"))).all()
        run_id = f"r{day}-{len(taken) + 1}"
        transaction.execute(
            insert(tables.runs).values(
                run_id=run_id,
                started_at=transaction.now,
                now=utc_text(now),
                status=RUNNING,
                since=since.isoformat() if since else None,
            )
        )
        transaction.audit("run.started", f"run:{run_id}", {"now": utc_text(now)}, actor="medrek-flow")
        return Run(run_id, now, since, transaction.now)


def close_run(ledger: Ledger, run_id: str, *, exit_code: int, report: str) -> None:
    """Mark the run as done, with its report and exit code. Safe to run twice."""
    with ledger.write() as transaction:
        transaction.execute(
            update(tables.runs)
            .where(tables.runs.c.run_id == run_id)
            .values(status=DONE, finished_at=transaction.now, exit_code=exit_code, report=report)
        )
        transaction.audit("run.finished", f"run:{run_id}", {"exit_code": exit_code}, actor="medrek-flow")
        reached("report.before_commit")
