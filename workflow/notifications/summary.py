"""What a message about a night says: numbers, ids and words of our own, so that no text from outside travels in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workflow.reports.night_report import NightReport
from workflow.reports.render import exit_words
from workflow.reports.shown_text import shown_line


@dataclass(frozen=True)
class NightSummary:
    """A night in a few words, for machines (``fields``) and people (``lines``)."""

    site_name: str
    run_id: str
    exit_code: int
    fields: Mapping[str, object]
    lines: tuple[str, ...]

    @property
    def subject(self) -> str:
        """One line that says whether somebody has to look."""
        return shown_line(f"medrek-flow, {self.site_name}: {exit_words(self.exit_code)}", 120)

    @property
    def asks_for_a_person(self) -> bool:
        """Whether something went wrong, or waits."""
        return bool(self.exit_code or self.fields.get("pending") or self.fields.get("waiting_batches"))


def summarise(report: NightReport, *, exit_code: int) -> NightSummary:
    """Take from a night's report what may leave the site."""
    live = report.live
    fields: dict[str, object] = {
        "run_id": report.run_id,
        "finished_at": report.finished_at,
        "exit_code": exit_code,
        "proposed": len(report.proposed),
        "refused": len(report.refused),
        "pending": report.pending,
        "awaiting_second": report.awaiting_second,
        "affected": len(report.affected),
        "waiting_batches": [line.batch_id for line in report.waiting],
        "failed_sources": [line.source for line in report.failed_sources],
        "live_release": live.release_id if live else None,
        "live_digest": live.digest if live else None,
        "live_check": live.check_state if live else None,
        "stopped": live.stopped if live else False,
        "audit_head": report.audit_head,
        "audit_length": report.audit_length,
    }
    return NightSummary(report.site_name, report.run_id, exit_code, fields, _lines(report, exit_code))


def failed_summary(site_name: str, *, exit_code: int, at: str) -> NightSummary:
    """Tell of a night that ended before it had a report."""
    lines = (
        f"The night of {at} ended early: {exit_words(exit_code)} (exit code {exit_code}).",
        "What is live is served on. On the machine: medrek-flow status, then medrek-flow night.",
    )
    return NightSummary(site_name, "", exit_code, {"run_id": None, "finished_at": at, "exit_code": exit_code}, lines)


def _lines(report: NightReport, exit_code: int) -> tuple[str, ...]:
    live = report.live
    return (
        f"Night {report.run_id} ended {report.finished_at}: {exit_words(exit_code)} (exit code {exit_code}).",
        f"Proposed: {len(report.proposed)}; refused by the checks: {len(report.refused)}.",
        f"To review: {report.pending}, of them {report.awaiting_second} for a second signature.",
        f"Affected by what was taken back or replaced: {len(report.affected)}.",
        *(f"Batch {line.batch_id} waits: {line.waiting_for}." for line in report.waiting),
        *(f"Source {line.source} failed; the next night asks again." for line in report.failed_sources),
        f"Live: release {live.release_id}, check {live.check_state}." if live else "Live: no release yet.",
        f"Audit head: {report.audit_head} ({report.audit_length} entries).",
        f"On the machine: medrek-flow review, and the whole report in data/reports/night-{report.run_id}.html.",
    )
