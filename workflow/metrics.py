"""The site's numbers in Prometheus' text format, for the textfile collector; imports no model.

Owns the names of the metrics. A file is replaced whole (the collector may read at any time) and can be read by others,
as it holds numbers, names of sources and states only.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import Connection, select

from workflow.anchors import AnchorLostError, last_anchored, require_anchored
from workflow.clock import utc_moment, utc_now
from workflow.errors import SettingsError
from workflow.ledger import tables
from workflow.ledger.ledger import Ledger
from workflow.site import Site
from workflow.source_lines import enabled_sources
from workflow.status import Status, read_status

Sample = tuple[Mapping[str, str], float]
_CHECKS = ("passed", "pending", "failed")


def write_metrics(site: Site, ledger: Ledger, path: Path | None = None) -> Path | None:
    """Write the numbers of now to ``path``, else where the settings say; None where they name no file.

    Raises:
        SettingsError: The file cannot be written.
    """
    named = site.settings.metrics.file
    target = path or (site.root / named if named else None)
    if target is None:
        return None
    with ledger.read() as connection:
        text = render_metrics(connection, site, ledger, now=utc_now())
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.chmod(0o644)
        beside.replace(target)
    except OSError as error:
        raise SettingsError(f"metrics.file: {target} cannot be written ({error.strerror})") from error
    return target


def render_metrics(connection: Connection, site: Site, ledger: Ledger, *, now: datetime) -> str:
    """Give the numbers of one snapshot as text."""
    status = read_status(
        connection,
        folder=site.root,
        kind=ledger.kind(),
        signer_profile=ledger.signer_profile(),
        sources=enabled_sources(site),
        now=now,
        anchor=site.settings.audit.anchor,
    )
    lines: list[str] = []
    for name, help_text, samples in (*_site(status, now), *_night(status), *_work(status), *_live(status)):
        lines += _metric(name, help_text, samples)
    for name, help_text, samples in (*_sources(connection, site, now.date()), *_audit(connection, site, status)):
        lines += _metric(name, help_text, samples)
    return "\n".join(lines) + "\n"


_Metrics = tuple[tuple[str, str, tuple[Sample, ...]], ...]


def _site(status: Status, now: datetime) -> _Metrics:
    labels = {"version": version("medrek-flow"), "kind": status.kind, "signer_profile": status.signer_profile}
    return (
        ("info", "What this is; always 1.", ((labels, 1),)),
        ("written_timestamp_seconds", "When these numbers were written.", (({}, now.timestamp()),)),
    )


def _night(status: Status) -> _Metrics:
    night = status.last_night
    if night is None:
        return ()
    ended: tuple[Sample, ...] = () if night.finished_at is None else (({}, utc_moment(night.finished_at).timestamp()),)
    code: tuple[Sample, ...] = () if night.exit_code is None else (({}, float(night.exit_code)),)
    return (
        (
            "night_start_timestamp_seconds",
            "When the newest night began.",
            (({}, utc_moment(night.started_at).timestamp()),),
        ),
        ("night_end_timestamp_seconds", "When it ended; missing while it runs.", ended),
        ("night_exit_code", "Its exit code, as the README explains them; missing while it runs.", code),
    )


def _work(status: Status) -> _Metrics:
    batches: dict[str, int] = {}
    for batch in status.batches:
        batches[batch.state] = batches.get(batch.state, 0) + 1
    return (
        ("candidates", "Candidates by state.", _by("state", status.candidates)),
        ("batches_waiting", "Batches that are neither live nor closed, by state.", _by("state", batches)),
        ("leases_held", "Leases that somebody holds now.", (({}, float(len(status.leases))),)),
    )


def _live(status: Status) -> _Metrics:
    live = status.live
    if live is None:
        return ()
    checks = tuple(({"verdict": one}, float(live.check_state == one)) for one in _CHECKS)
    return (
        ("live_release", "Number of the release that is served.", (({}, float(live.release_id)),)),
        ("live_edits", "Edits in force in it.", (({}, float(status.edits_in_force)),)),
        ("live_check", "1 for the verdict of its last check.", checks),
        ("serving_stopped", "1 while the bare base model is served.", (({}, float(live.stopped)),)),
    )


def _sources(connection: Connection, site: Site, today: date) -> _Metrics:
    days = dict(connection.execute(select(tables.cursors.c.source, tables.cursors.c.last_day)).all())
    enabled = enabled_sources(site)
    ages = {name: max(0, (today - date.fromisoformat(days[name])).days) for name in enabled if name in days}
    never = {name: int(name not in days) for name in enabled}
    return (
        ("source_age_days", "Days since the last day that was read of a source.", _by("source", ages)),
        ("source_never_read", "1 for a source that is switched on and was never read.", _by("source", never)),
    )


def _audit(connection: Connection, site: Site, status: Status) -> _Metrics:
    last = last_anchored(connection)
    try:
        require_anchored(connection, site.settings.audit.anchor)
        lost = 0.0
    except AnchorLostError:
        lost = 1.0
    anchored: tuple[Sample, ...] = () if last is None else (({}, utc_moment(last).timestamp()),)
    return (
        ("audit_entries", "Entries of the audit chain.", (({}, float(status.audit_length)),)),
        ("audit_anchor_timestamp_seconds", "When its head was last noted outside the site.", anchored),
        ("audit_anchor_lost", "1 where the chain does not hold a head that was noted outside.", (({}, lost),)),
    )


def _by(label: str, counts: Mapping[str, int]) -> tuple[Sample, ...]:
    return tuple(({label: name}, float(count)) for name, count in sorted(counts.items()))


def _metric(name: str, help_text: str, samples: Iterable[Sample]) -> list[str]:
    rows = [f"medrek_flow_{name}{_labels(labels)} {value:.15g}" for labels, value in samples]
    return [f"# HELP medrek_flow_{name} {help_text}", f"# TYPE medrek_flow_{name} gauge", *rows] if rows else []


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    escaped = {
        name: value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n") for name, value in labels.items()
    }
    return "{" + ",".join(f'{name}="{value}"' for name, value in escaped.items()) + "}"
