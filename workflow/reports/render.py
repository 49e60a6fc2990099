"""The night report as Markdown, HTML and JSON, and its three files on disk.

Owns escaping: every value that a template prints passes one finalizer, so that a template cannot forget it. It must
never read the ledger: the record that it is given is all that a report says.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from workflow.errors import ExitCode
from workflow.reports.night_report import SCHEMA_VERSION, NightReport
from workflow.reports.shown_text import shown_line, shown_markdown

if TYPE_CHECKING:
    from jinja2 import Environment

_EXIT_WORDS = {
    ExitCode.DONE: "done",
    ExitCode.FAILED: "failed",
    ExitCode.USAGE: "usage",
    ExitCode.SETTINGS: "settings",
    ExitCode.SOME_SOURCES_FAILED: "some sources failed, rest done",
    ExitCode.LLM_UNUSABLE: "language model unusable",
    ExitCode.GATE_REFUSED: "gate refused",
    ExitCode.HELD: "held, a person is needed",
    ExitCode.DAMAGED: "ledger or memory damaged",
    ExitCode.ILLEGAL_TRANSITION: "illegal transition",
    ExitCode.BUSY: "another run holds the lease",
}
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def exit_words(code: int) -> str:
    """Give the meaning of an exit code in words."""
    return _EXIT_WORDS[ExitCode(code)] if code in set(ExitCode) else "unknown"


def render_markdown(report: NightReport) -> str:
    """Write the report as a Markdown page in which no outside text acts."""
    page = environment("markdown").get_template("night.md.j2").render(**_names(report))
    return re.sub(r"\n{3,}", "\n\n", page).strip() + "\n"


def render_html(report: NightReport) -> str:
    """Write the report as one self-contained, printable HTML page without scripts or outside links."""
    return environment("html").get_template("night.html.j2").render(**_names(report)) + "\n"


def render_json(report: NightReport) -> str:
    """Write the report as one JSON object, named and versioned as docs/json.md says."""
    body = {"schema": "medrek-flow.night", "version": SCHEMA_VERSION, **report.model_dump(mode="json")}
    return json.dumps(body, indent=2) + "\n"


def write_report(report: NightReport, folder: Path) -> tuple[Path, ...]:
    """Write ``night-<run id>`` as ``.md``, ``.html`` and ``.json`` into the folder, each whole or not at all."""
    name = report.run_id if _FILE_NAME.fullmatch(report.run_id) else "unnamed"
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for suffix, render in ((".md", render_markdown), (".html", render_html), (".json", render_json)):
        path = folder / f"night-{name}{suffix}"
        _replace(path, render(report))
        written.append(path)
    return tuple(written)


def _replace(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def _names(report: NightReport) -> dict[str, object]:
    lists = (
        ("Proposed", report.proposed),
        ("Refused by the checks", report.refused),
        ("No edit needed: the model says it already", report.no_edit_needed),
    )
    return {
        "report": report,
        "exit_words": exit_words(report.exit_code),
        "candidate_lists": lists,
        "age": _age,
    }


def _age(stale_days: int | None) -> str:
    if stale_days is None:
        return "never"
    return "today" if stale_days <= 0 else f"{stale_days} day(s) ago"


@lru_cache(maxsize=2)
def environment(kind: str) -> Environment:
    """Give the templates of a kind, ``markdown`` or ``html``, behind the one finalizer."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    escape: Callable[[str], str] = shown_markdown if kind == "markdown" else shown_line
    return Environment(
        loader=PackageLoader("workflow", "reports"),
        autoescape=kind == "html",  # noqa: S701 - the Markdown page has its own escape, in ``finalize``
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
        finalize=lambda value: escape(value) if isinstance(value, str) else value,
    )
