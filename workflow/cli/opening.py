"""What nearly every command begins with: the site, its ledger, who acts, and the times that people type."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING

from workflow.errors import DamagedError, IllegalTransitionError, UsageError
from workflow.source_lines import enabled_sources

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from workflow.change_control.gate_report import GateReport
    from workflow.desk.release_desk import LedgerReleases
    from workflow.identity import Reviewer
    from workflow.ledger.ledger import Ledger
    from workflow.ledger_desk import LedgerDesk
    from workflow.site import Site


@dataclass(frozen=True)
class Opened:
    """A site with its ledger open."""

    site: Site
    ledger: Ledger

    @property
    def demo_banner(self) -> tuple[str, ...]:
        """The line that every answer of a demo site carries; nothing on a hospital site."""
        from workflow.status import DEMO_LINE

        return (DEMO_LINE,) if self.ledger.kind() == "demo" else ()


def find_site(folder: Path | None) -> Site:
    """Find the site: ``--site``, else the current folder upward, else MEDREK_FLOW_HOME.

    From here on this process makes files for the site's own accounts alone.
    """
    from workflow.file_modes import close_to_others
    from workflow.site import Site

    site = Site.find(folder)
    close_to_others(site.root)
    return site


def known_sources(site: Site, names: Sequence[str]) -> tuple[str, ...]:
    """Check names of sources that a person typed; none named means all that are switched on.

    Raises:
        UsageError: One is not switched on, or does not exist.
    """
    enabled = enabled_sources(site)
    for name in names:
        if name not in enabled:
            raise UsageError(f"source {name!r}: expected one of {', '.join(enabled) or 'none, all are switched off'}")
    return tuple(names)


@contextmanager
def open_ledger(folder: Path | None) -> Iterator[Opened]:
    """Give the site with its ledger open, and close it behind the command."""
    site = find_site(folder)
    ledger = site.open_ledger()
    try:
        yield Opened(site, ledger)
    finally:
        ledger.close()


def open_desk(opened: Opened, signer: str = "") -> LedgerDesk:
    """Sit down at the review desk: as the person this process runs as, or on a demo site as a scripted signer.

    Raises:
        IllegalTransitionError: They are not enrolled, or the signer named is a person: nobody acts as somebody else.
    """
    from workflow.identity import find_reviewer

    reviewer = find_reviewer(opened.ledger, signer or acting_user())
    if signer and not reviewer.scripted:
        raise IllegalTransitionError(f"--as {signer}: expected a scripted signer of a demo site, got a person")
    return _desk(opened, reviewer)


def open_visit(opened: Opened, signer: str = "") -> LedgerDesk:
    """Look at the desk: as who one is where one is enrolled, else as a visitor, who changes nothing."""
    from workflow.identity import list_reviewers

    enrolled = {person.reviewer_id for person in list_reviewers(opened.ledger)}
    return open_desk(opened, signer) if signer or acting_user() in enrolled else _desk(opened, None)


def open_releases(opened: Opened, signer: str = "") -> LedgerReleases:
    """Open the desk of batches and releases as the same person as ``open_visit``."""
    from workflow.desk.release_desk import LedgerReleases
    from workflow.identity import find_reviewer, list_reviewers

    account = signer or acting_user()
    enrolled = {person.reviewer_id for person in list_reviewers(opened.ledger)}
    reviewer = find_reviewer(opened.ledger, account) if signer or account in enrolled else None
    if signer and reviewer is not None and not reviewer.scripted:
        raise IllegalTransitionError(f"--as {signer}: expected a scripted signer of a demo site, got a person")
    return LedgerReleases(opened.ledger, reviewer, affected=opened.site.settings.affected)


WEB_SEAT = "MEDREK_FLOW_WEB_SEAT"
"""Set by ``review --web`` for each visitor's process: the account that a trusted proxy named, or nothing."""


def open_web_seat(opened: Opened, account: str) -> tuple[LedgerDesk, LedgerReleases]:
    """Open both desks for a visitor's browser: as the person whom a trusted proxy named, else read only.

    The name counts only in processes of the account that the settings keep for the web server, so that nobody takes
    another's seat by setting a variable in a terminal; and never for a scripted signer.
    """
    from workflow.desk.release_desk import LedgerReleases
    from workflow.identity import find_reviewer, list_reviewers

    keeper = opened.site.settings.review.web_account
    people = {person.reviewer_id for person in list_reviewers(opened.ledger) if not person.scripted}
    is_known = bool(account) and bool(keeper) and acting_user() == keeper and account in people
    reviewer = find_reviewer(opened.ledger, account) if is_known else None
    return _desk(opened, reviewer), LedgerReleases(opened.ledger, reviewer, affected=opened.site.settings.affected)


def _desk(opened: Opened, reviewer: Reviewer | None) -> LedgerDesk:
    from datetime import timedelta

    from workflow.desk.seat import DeskRules
    from workflow.ledger_desk import LedgerDesk

    review = opened.site.settings.review
    rules = DeskRules(
        sources=enabled_sources(opened.site),
        claim_lasts=timedelta(minutes=review.claim_minutes),
        idle_lock=timedelta(minutes=review.idle_lock_minutes),
        drug_classes=review.classes,
        affected=opened.site.settings.affected,
    )
    return LedgerDesk(opened.ledger, opened.site.documents, reviewer, rules=rules)


def acting_user() -> str:
    """Give the name of the person this process runs as, as the operating system has it."""
    from workflow.identity import os_user

    return os_user().user_id


def read_moment(text: str, *, option: str, end_of_day: bool = False) -> datetime:
    """Read a day or a time as people type it; UTC where no offset is given.

    Args:
        text: ``2026-03-09``, ``2026-03-09T12:00:00Z`` or with another offset.
        option: Name of the option, for the message.
        end_of_day: Whether a day alone means its last second; otherwise its first.

    Raises:
        UsageError: It is neither a day nor a time.
    """
    try:
        if len(text) == len("2026-03-09"):
            return datetime.combine(date.fromisoformat(text), time(23, 59, 59) if end_of_day else time(), UTC)
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{option}: expected a time like 2026-03-09T12:00:00Z, got {text!r}") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def read_day(text: str, *, option: str) -> date:
    """Read a day like ``2026-03-09``.

    Raises:
        UsageError: It is none.
    """
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{option}: expected a day like 2026-03-09, got {text!r}") from error


def read_gate_report(connection: Connection, gate_id: str | None) -> GateReport | None:
    """Read what a gate found; None where none ran.

    Raises:
        DamagedError: The ledger names a gate that it does not hold.
    """
    from sqlalchemy import select

    from workflow.change_control.gate_report import GateReport
    from workflow.ledger.tables import gates

    if gate_id is None:
        return None
    report = connection.execute(select(gates.c.report).where(gates.c.gate_id == gate_id)).scalar()
    if report is None:
        raise DamagedError(f"gate {gate_id}: expected its report in the ledger, got none; run medrek-flow doctor")
    return GateReport.model_validate_json(report)


@contextmanager
def logged(site: Site, what: str) -> Iterator[Path]:
    """Write what the program says of its work into ``data/logs/``, one file a command, named by its time."""
    from workflow.clock import utc_now
    from workflow.run_log import run_log

    with run_log(site.logs_folder, f"{what}-{utc_now():%Y%m%dT%H%M%SZ}") as path:
        yield path
