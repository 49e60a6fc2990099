"""The page of a bundle for people: signatures with name, time, meaning and reason, and every entry of the chain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from workflow.reports.shown_text import shown_line

if TYPE_CHECKING:
    from jinja2 import Environment

Row = Mapping[str, object]


def render_page(
    manifest: Mapping[str, object], rows: Sequence[Row], signatures: Sequence[Row], facts: Mapping[str, str]
) -> str:
    """Write one self-contained, printable HTML page without scripts or outside links.

    Args:
        manifest: Site, kind, profile, warnings and head.
        rows: The chain.
        signatures: Rows of ``decisions``.
        facts: What each candidate says, by its id.
    """
    ordered = sorted(signatures, key=lambda row: (str(row["signed_at"]), str(row["decision_id"])))
    template = _environment().get_template("audit.html.j2")
    return template.render(manifest=manifest, rows=rows, signatures=ordered, facts=facts) + "\n"


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("workflow", "reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: shown_line(value) if isinstance(value, str) else value,
    )
