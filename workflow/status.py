"""How a site stands, read from the ledger alone, in well under a second; imports no model and no screen library.

Owns the standing warnings (what a site of this kind can and cannot promise), which every report and export repeats.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from sqlalchemy import Connection, func, select

from workflow.anchors import NOT_ANCHORED, anchor_warning
from workflow.change_control.affected_list import AffectedItem, affected_in_force
from workflow.change_control.batch_states import standing_word
from workflow.change_control.expedite import Expedited, list_expedited
from workflow.change_control.live_watch import last_check_line
from workflow.change_control.nightly_questions import wrong_lines
from workflow.change_control.release import LiveState, read_live
from workflow.clock import utc_text
from workflow.ledger import audit, tables
from workflow.ledger.lease import holder_of
from workflow.ledger.lost_signatures import LostSignature, lost_signatures
from workflow.records import BatchState, CandidateState
from workflow.settings import AnchorTable
from workflow.settings.control import AffectedTable

DEMO_LINE = "DEMO SITE: scripts sign here and its model knows invented facts; never use its answers for care"
ONE_SIGNER_LINE = "one-signer profile: high-risk facts go live with one signature"
TRUST_LINE = "single trust domain: whoever can write the site's files can forge its record (SQLite)"
ANCHOR_LINE = NOT_ANCHORED
STALE_AFTER_DAYS = 3
"""Days without a successful read after which a source counts as stale: a weekend and a day."""

_WAITING = (BatchState.OPEN, BatchState.STAGED, BatchState.PASSED, BatchState.HELD, BatchState.REFUSED)
_TO_DO = {
    BatchState.OPEN: "medrek-flow check {0}",
    BatchState.STAGED: "medrek-flow check {0}",
    BatchState.PASSED: "medrek-flow promote {0}",
    BatchState.HELD: "medrek-flow batch show {0}",
    BatchState.REFUSED: "medrek-flow batch cancel {0} --reason TEXT",
}


@dataclass(frozen=True)
class WaitingBatch:
    """A batch that holds candidates and is not live, and the command that takes it on."""

    batch_id: str
    state: str
    """Its state, or *waiting* where it passed and needs a person."""
    to_do: str
    why: str = ""
    """Why it stands still; empty where it does not."""


@dataclass(frozen=True)
class LastNight:
    """The newest run."""

    run_id: str
    started_at: str
    finished_at: str | None
    status: str
    exit_code: int | None


@dataclass(frozen=True)
class StaleSource:
    """A source that was not read for too long; ``last_day`` is None where it never was."""

    source: str
    last_day: str | None

    @property
    def words(self) -> str:
        """The source and when it was last read."""
        return f"{self.source}: {f'last read {self.last_day}' if self.last_day else 'never read'}"


@dataclass(frozen=True)
class HeldLease:
    """A lease that somebody holds now, in words."""

    name: str
    holder: str


@dataclass(frozen=True)
class Status:
    """How the site stands."""

    folder: str
    kind: str
    signer_profile: str
    live: LiveState | None
    edits_in_force: int
    candidates: dict[str, int]
    """Candidates by state."""
    batches: tuple[WaitingBatch, ...]
    last_night: LastNight | None
    stale_sources: tuple[StaleSource, ...]
    leases: tuple[HeldLease, ...]
    audit_head: str
    audit_length: int
    warnings: tuple[str, ...]
    expedited: tuple[Expedited, ...] = ()
    """Expedited candidates that are not live yet."""
    live_check: str = ""
    """The newest check of live in one line; empty where it was not checked yet."""
    exposures: tuple[str, ...] = ()
    """What the live model says wrongly, a line each."""
    lost_signatures: tuple[LostSignature, ...] = ()
    """What was signed and closed or sent back before it was live."""
    affected: tuple[AffectedItem, ...] = ()
    """Edits in force that rest on something taken back, replaced, gone or run out, and wait for a decision."""

    @property
    def pending(self) -> int:
        """Candidates that wait for a first decision."""
        return self.candidates.get(CandidateState.PENDING, 0)

    @property
    def awaiting_second(self) -> int:
        """Candidates that wait for a second signature."""
        return self.candidates.get(CandidateState.AWAITING_SECOND, 0)


def standing_warnings(kind: str, signer_profile: str, anchor_line: str = ANCHOR_LINE) -> tuple[str, ...]:
    """Give what a site of this kind must say on every report and export, one line each, weightiest first.

    ``anchor_line`` is what is wrong with the anchoring of its chain (``anchor_warning``); empty where nothing is.
    """
    lines = [DEMO_LINE] if kind == "demo" else []
    if signer_profile == "one_signer":
        lines.append(ONE_SIGNER_LINE)
    return (*lines, TRUST_LINE, *((anchor_line,) if anchor_line else ()))


def read_status(
    connection: Connection,
    *,
    folder: Path,
    kind: str,
    signer_profile: str,
    sources: Sequence[str],
    now: datetime,
    anchor: AnchorTable | None = None,
    affected: AffectedTable | None = None,
) -> Status:
    """Read one snapshot of everything that ``medrek-flow status`` shows.

    Args:
        connection: A read snapshot of the ledger.
        folder: The site's folder.
        kind: ``hospital`` or ``demo``.
        signer_profile: ``one_signer`` or ``two_signer``.
        sources: Names of the sources that the settings switch on.
        now: The present time, aware.
        anchor: Where the settings anchor the audit head.
        affected: How soon the settings want what is affected to be decided.
    """
    live = read_live(connection)
    length, head = audit.head(connection)
    return Status(
        folder=str(folder),
        kind=kind,
        signer_profile=signer_profile,
        live=live,
        edits_in_force=count_edits(connection, live),
        candidates=count_candidates(connection),
        batches=waiting_batches(connection),
        last_night=last_night(connection),
        stale_sources=stale_sources(connection, sources, today=now.date()),
        leases=held_leases(connection, now),
        audit_head=head,
        audit_length=length,
        warnings=standing_warnings(kind, signer_profile, anchor_warning(connection, anchor or AnchorTable(), now)),
        live_check=last_check_line(connection),
        exposures=wrong_lines(connection, now=utc_text(now)),
        lost_signatures=lost_signatures(connection, now=now),
        affected=affected_in_force(connection, affected or AffectedTable(), today=now.date()),
        expedited=tuple(one for one in list_expedited(connection, now=utc_text(now)) if not one.done),
    )


def count_edits(connection: Connection, release: LiveState | None) -> int:
    """Count the edits in force in a release."""
    if release is None:
        return 0
    columns = tables.release_edits.c
    query = select(func.count()).where(columns.release_id == release.release_id)
    return int(connection.execute(query).scalar_one())


def count_candidates(connection: Connection) -> dict[str, int]:
    """Count the candidates of each state that has any."""
    columns = tables.candidates.c
    rows = connection.execute(select(columns.state, func.count()).group_by(columns.state).order_by(columns.state))
    return {str(state): int(count) for state, count in rows}


def waiting_batches(connection: Connection) -> tuple[WaitingBatch, ...]:
    """List the batches that are neither live nor closed, and those refused whole that still hold their candidates."""
    columns, edits = tables.batches.c, tables.edits.c
    held = func.count(edits.edit_id).label("held")
    query = (
        select(columns.batch_id, columns.state, columns.hold_reason, held)
        .outerjoin(tables.edits, (edits.batch_id == columns.batch_id) & (edits.state == "in_batch"))
        .where(columns.state.in_(_WAITING))
        .group_by(columns.batch_id)
        .order_by(columns.ordinal)
    )
    found = []
    for row in connection.execute(query):
        state, why = BatchState(row.state), row.hold_reason or ""
        if state is BatchState.REFUSED:
            if not row.held:
                continue
            why = f"its gate refused it whole; {row.held} signed candidate(s) wait in it"
        to_do = _TO_DO[state].format(row.batch_id)
        found.append(WaitingBatch(row.batch_id, standing_word(state, row.hold_reason), to_do, why))
    return tuple(found)


def last_night(connection: Connection) -> LastNight | None:
    """Read the newest run; None before the first."""
    columns = tables.runs.c
    query = select(columns.run_id, columns.started_at, columns.finished_at, columns.status, columns.exit_code)
    row = connection.execute(query.order_by(columns.started_at.desc(), columns.run_id.desc()).limit(1)).first()
    return None if row is None else LastNight(*row)


def stale_sources(connection: Connection, sources: Sequence[str], *, today: date) -> tuple[StaleSource, ...]:
    """List the sources whose last day read lies ``STALE_AFTER_DAYS`` or more back, or that were never read."""
    rows = connection.execute(select(tables.cursors.c.source, tables.cursors.c.last_day))
    last_days: dict[str, str] = dict(rows.all())
    return tuple(
        StaleSource(name, last_days.get(name))
        for name in sources
        if name not in last_days or (today - date.fromisoformat(last_days[name])).days >= STALE_AFTER_DAYS
    )


def held_leases(connection: Connection, now: datetime) -> tuple[HeldLease, ...]:
    """List the leases that somebody holds now; one of a dead process of this host is free."""
    held = []
    for row in connection.execute(select(tables.leases).order_by(tables.leases.c.name)):
        who = holder_of(row, now=utc_text(now))
        if who is not None:
            held.append(HeldLease(row.name, who))
    return tuple(held)
