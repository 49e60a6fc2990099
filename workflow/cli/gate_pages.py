"""Gathers what a gate's page says from the ledger: what its edits are about, the site's warnings, the trend."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sqlalchemy import select

from workflow.change_control.live_watch import read_trend
from workflow.clock import utc_now, utc_text
from workflow.ledger import tables
from workflow.reports.gate_page import GatePage
from workflow.status import standing_warnings

if TYPE_CHECKING:
    from workflow.change_control.gate_report import GateReport
    from workflow.change_control.live_watch import RecordedCheck
    from workflow.site import Site


def page_of(site: Site, report: GateReport, live: RecordedCheck | None = None) -> GatePage:
    """Gather the page of one gate."""
    ledger = site.open_ledger()
    try:
        with ledger.read() as connection:
            columns = tables.edits.c
            rows = connection.execute(select(columns.edit_id, columns.body).order_by(columns.edit_id)).all()
            trend = read_trend(connection) if live is not None else ()
        wanted = {*report.passed_edits, *(gone.edit_id for gone in report.ejected)}
        wanted |= {failure.culprit for failure in report.all_failures if failure.culprit}
        about = {row.edit_id: _about(row.body) for row in rows if row.edit_id in wanted}
        warnings = standing_warnings(ledger.kind(), ledger.signer_profile())
    finally:
        ledger.close()
    return GatePage(report, site.settings.site.name, warnings, utc_text(utc_now()), about, live, trend)


def _about(body: str) -> str:
    edit = json.loads(body)
    return f"{edit['subject']}, {edit['relation']}: {edit['object_new']}"
