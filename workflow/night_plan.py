"""What a night would do now: read from settings and ledger; opens no connection, loads no model, writes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, func, select

from connectors.source import DateWindow
from workflow.ledger import tables
from workflow.records import CandidateState
from workflow.runs import unfinished_run
from workflow.site import Site
from workflow.source_lines import enabled_sources
from workflow.status import HeldLease, WaitingBatch, held_leases, waiting_batches


@dataclass(frozen=True)
class PlannedSource:
    """A source and the days that it would be asked for."""

    source: str
    first: str
    last: str


@dataclass(frozen=True)
class NightPlan:
    """What a night would do."""

    now: str
    finishes_first: str | None
    """The run that was interrupted and would be finished before."""
    sources: tuple[PlannedSource, ...]
    waiting_changes: int
    """Changes that earlier nights left to be extracted."""
    to_rehearse: int
    approved: int
    """Candidates that would form a batch."""
    batches: tuple[WaitingBatch, ...]
    leases: tuple[HeldLease, ...]
    """Who holds the lease now; the night would be refused."""
    caps: dict[str, int]


def plan_night(
    connection: Connection, site: Site, *, now: datetime, since: date | None = None, only: tuple[str, ...] = ()
) -> NightPlan:
    """Tell what a night with this clock would do.

    Args:
        connection: A read snapshot.
        site: Whose settings count.
        now: The night's clock.
        since: First day to read the sources from, whatever was read.
        only: Sources to read; all that are switched on where empty.
    """
    unfinished = unfinished_run(connection)
    states = tables.candidates.c.state
    counts: dict[str, int] = dict(connection.execute(select(states, func.count()).group_by(states)).all())
    waiting = select(func.count()).where(tables.changes.c.outcome == "waiting")
    settings = site.settings
    caps = {"night.max_minutes": settings.night.max_minutes, "http.max_bytes": settings.http.max_bytes}
    caps["review.max_candidates_per_night"] = settings.review.max_candidates_per_night
    if settings.extraction.backend != "rules":
        caps |= {"extraction.max_calls": settings.extraction.max_calls}
        caps |= {"extraction.max_tokens": settings.extraction.max_tokens}
    return NightPlan(
        now=now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        finishes_first=unfinished.run_id if unfinished else None,
        sources=tuple(
            _window(connection, site, name, now.date(), since)
            for name in enabled_sources(site)
            if not only or name in only
        ),
        waiting_changes=int(connection.execute(waiting).scalar_one()),
        to_rehearse=counts.get(CandidateState.PROPOSED, 0),
        approved=counts.get(CandidateState.APPROVED, 0),
        batches=waiting_batches(connection),
        leases=held_leases(connection, now),
        caps=caps,
    )


def _window(connection: Connection, site: Site, name: str, today: date, since: date | None) -> PlannedSource:
    table = site.settings.sources.by_name[name]
    last = connection.execute(select(tables.cursors.c.last_day).where(tables.cursors.c.source == name)).scalar()
    if since is not None:
        window = DateWindow(first=min(since, today), last=today)
    else:
        cursor = date.fromisoformat(last) if last else None
        window = DateWindow.after(cursor, today=today, overlap_days=table.overlap_days, first_days=table.first_days)
    return PlannedSource(name, window.first.isoformat(), window.last.isoformat())
