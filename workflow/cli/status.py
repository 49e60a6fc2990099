"""``status``: how the site stands, at a glance and within a second."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workflow.cli.options import Folder, Json
from workflow.cli.output import banner, emit_json, fields

if TYPE_CHECKING:
    from workflow.status import Status

commands = typer.Typer()
_MOST_AFFECTED = 5


@commands.command(rich_help_panel="Every day")
def status(
    metrics: Annotated[
        Path | None, typer.Option("--metrics", metavar="FILE", help="Write the numbers for Prometheus there too.")
    ] = None,
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Show what is live, what waits for a person, and what is overdue."""
    from workflow.cli.opening import open_ledger
    from workflow.clock import utc_now
    from workflow.source_lines import enabled_sources
    from workflow.status import read_status

    with open_ledger(folder) as opened:
        with opened.ledger.read() as connection:
            found = read_status(
                connection,
                folder=opened.site.root,
                kind=opened.ledger.kind(),
                signer_profile=opened.ledger.signer_profile(),
                sources=enabled_sources(opened.site),
                now=utc_now(),
                anchor=opened.site.settings.audit.anchor,
                affected=opened.site.settings.affected,
            )
        if metrics is not None:
            from workflow.metrics import write_metrics

            write_metrics(opened.site, opened.ledger, metrics)
    if as_json:
        emit_json("status", {**asdict(found), "pending": found.pending, "awaiting_second": found.awaiting_second})
        return
    banner(found.warnings)
    fields(_lines(found))


def _lines(found: Status) -> list[tuple[str, str]]:
    return [
        ("site", f"{found.folder} ({found.kind}, {found.signer_profile.replace('_', ' ')})"),
        ("live", _live(found)),
        *((("live check", found.live_check),) if found.live_check else ()),
        *(("live model", line) for line in found.exposures),
        ("to review", _waiting(found)),
        *(("signed, not live", one.line) for one in found.lost_signatures),
        *(("affected", line) for line in _affected(found)),
        ("candidates", ", ".join(f"{count} {state}" for state, count in found.candidates.items()) or "none yet"),
        *(
            ("EXPEDITED", f"{one.candidate_id}, due {one.due_at}{' OVERDUE' if one.overdue else ''}: {one.next_step}")
            for one in found.expedited
        ),
        *(
            ("batch", f"{batch.batch_id} is {batch.state}: {batch.to_do}{f' ({batch.why})' if batch.why else ''}")
            for batch in found.batches
        ),
        ("last night", _night(found)),
        *(("stale source", source.words) for source in found.stale_sources),
        *(("running", f"{lease.name}: {lease.holder}") for lease in found.leases),
        ("audit head", f"{found.audit_head} ({found.audit_length} entries)"),
    ]


def _affected(found: Status) -> list[str]:
    more = len(found.affected) - _MOST_AFFECTED
    lines = [item.line for item in found.affected[:_MOST_AFFECTED]]
    return [*lines, f"and {more} more: medrek-flow affected"] if more > 0 else lines


def _waiting(found: Status) -> str:
    line = f"{found.pending} pending, {found.awaiting_second} awaiting a second signature"
    return f"{line}: medrek-flow review" if found.pending or found.awaiting_second else line


def _live(found: Status) -> str:
    if found.live is None:
        return "no release yet; run medrek-flow night"
    line = f"release {found.live.release_id}, digest {found.live.digest[:12]}, {found.edits_in_force} edit(s) in force"
    if found.live.check_state != "passed":
        line += f", check {found.live.check_state} (medrek-flow check --live)"
    return f"{line}; STOPPED: {found.live.stop_reason}" if found.live.stopped else line


def _night(found: Status) -> str:
    from workflow.reports.render import exit_words

    night = found.last_night
    if night is None:
        return "none yet"
    if night.exit_code is None:
        return f"{night.run_id} started {night.started_at}, {night.status}; run medrek-flow night to go on"
    return f"{night.run_id} ended {night.finished_at} with {night.exit_code} ({exit_words(night.exit_code)})"
