"""A gate's finding as Markdown, as HTML with figures, and as JSON; its three files on disk.

The record that it is given is all that a page says; every value passes the finalizer of ``render``. Figures are numbers
laid out here and drawn as SVG by the template: no script, no outside link, readable in print.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from workflow.change_control.gate_report import Check, CheckName, GateReport
from workflow.change_control.live_watch import RecordedCheck
from workflow.reports.render import environment
from workflow.reports.sparkline import Dot, Sparkline, sparkline_of

SCHEMA_VERSION = 1
_WIDTH = 420.0
_TITLES = {
    CheckName.TAKES: "edits take",
    CheckName.NEAR_MISSES: "near misses stay",
    CheckName.PINNED: "pinned questions stay",
    CheckName.PORTFOLIO: "earlier edits stay",
    CheckName.CONFLICTS: "no conflicts",
    CheckName.FAQ: "clinical questions stay",
    CheckName.AUDIT: "audit sample identical",
    CheckName.UNDO: "undo gives live again",
}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class GatePage:
    """All that a page of one gate says."""

    report: GateReport
    site_name: str
    warnings: tuple[str, ...]
    made_at: str
    edits: Mapping[str, str]
    """What each edit is about, by id: ``corvandine, recommended_dose: 5 mg once daily``."""
    live: RecordedCheck | None = None
    """The check of what is live that this gate was, if it was one."""
    trend: tuple[RecordedCheck, ...] = ()

    @property
    def title(self) -> str:
        """What was judged."""
        return "what is live" if self.report.batch_id == "live" else f"batch {self.report.batch_id}"


@dataclass(frozen=True)
class Bar:
    """One check as a bar: its length is its part of the check that asked most, in red what failed."""

    title: str
    verdict: str
    asked: int
    failed: int
    width: float
    failed_width: float
    y: float


@dataclass(frozen=True)
class Bound:
    """The clinical sample: share that moved, upper bound and limit, on one line from 0."""

    share_x: float
    bound_x: float
    limit_x: float
    share: str
    bound: str
    limit: str


def bars_of(checks: Sequence[Check]) -> tuple[Bar, ...]:
    """Lay the checks out, one under the other; a failure is at least 3 units wide, so that it is seen."""
    most = max((check.asked for check in checks), default=1) or 1
    found = []
    for number, check in enumerate(checks):
        width = max(2.0, _WIDTH * check.asked / most)
        failed = min(width, max(3.0, width * check.failed / max(1, check.asked))) if check.failed else 0.0
        found.append(
            Bar(
                title=_TITLES[check.name],
                verdict=check.verdict,
                asked=check.asked,
                failed=check.failed,
                width=round(width, 1),
                failed_width=round(failed, 1),
                y=8.0 + 26.0 * number,
            )
        )
    return tuple(found)


def bound_of(checks: Sequence[Check]) -> Bound | None:
    """Lay the clinical sample's bound out against its limit; None where it was not judged."""
    faq = next((check for check in checks if check.name is CheckName.FAQ and check.bound is not None), None)
    if faq is None or faq.bound is None:
        return None
    share = faq.failed / max(1, faq.asked)
    scale = _WIDTH / (1.25 * max(faq.bound, faq.limit, 1e-9))
    return Bound(
        share_x=round(share * scale, 1),
        bound_x=round(faq.bound * scale, 1),
        limit_x=round(faq.limit * scale, 1),
        share=f"{share:.2%}",
        bound=f"{faq.bound:.2%}",
        limit=f"{faq.limit:.2%}",
    )


def trend_line(trend: Sequence[RecordedCheck]) -> Sparkline | None:
    """Lay the trend out: questions that came out wrong, or drifted, by check."""
    if len(trend) < 2:
        return None
    dots = [
        Dot(
            value=one.check.failed + (one.check.drift.moved if one.check.drift is not None else 0),
            label=f"check {one.check_id}, {one.checked_at}",
            is_bad=one.check.verdict != "pass",
        )
        for one in trend
    ]
    return sparkline_of(dots)


def render_gate_markdown(page: GatePage) -> str:
    """Write the page as Markdown in which no outside text acts."""
    text = environment("markdown").get_template("gate.md.j2").render(**_names(page))
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def render_gate_html(page: GatePage) -> str:
    """Write the page as one self-contained HTML page with its figures as SVG."""
    return environment("html").get_template("gate.html.j2").render(**_names(page)) + "\n"


def render_gate_json(page: GatePage) -> str:
    """Write the gate as one JSON object."""
    body = {
        "schema": "medrek-flow.gate",
        "version": SCHEMA_VERSION,
        "site_name": page.site_name,
        "warnings": list(page.warnings),
        "made_at": page.made_at,
        "edits": dict(page.edits),
        "gate": page.report.model_dump(mode="json"),
        "live": page.live.check.model_dump(mode="json") if page.live is not None else None,
    }
    return json.dumps(body, indent=2) + "\n"


def write_gate_report(page: GatePage, folder: Path) -> tuple[Path, ...]:
    """Write ``gate-<batch>-<gate>`` as ``.md``, ``.html`` and ``.json``, each whole or not at all."""
    name = f"{page.report.batch_id}-{page.report.gate_id}"
    stem = f"gate-{name}" if _NAME.fullmatch(name) else "gate-unnamed"
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for suffix, render in ((".md", render_gate_markdown), (".html", render_gate_html), (".json", render_gate_json)):
        path = folder / f"{stem}{suffix}"
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        beside.write_text(render(page), encoding="utf-8")
        beside.replace(path)
        written.append(path)
    return tuple(written)


def _names(page: GatePage) -> dict[str, object]:
    report = page.report
    return {
        "page": page,
        "report": report,
        "titles": {str(name): title for name, title in _TITLES.items()},
        "bars": bars_of(report.checks),
        "bound": bound_of(report.checks),
        "spark": trend_line(page.trend),
        "about": lambda edit_id: page.edits.get(edit_id, "") if edit_id else "",
    }
