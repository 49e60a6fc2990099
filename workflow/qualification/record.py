"""The qualification record: what was installed, what was checked, how it came out; as Markdown, HTML and JSON."""

from __future__ import annotations

import json
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from pydantic import BaseModel, ConfigDict

from workflow.errors import SettingsError
from workflow.reports.shown_text import shown_line, shown_markdown

NOT_CLAIMED = (
    "These checks show that this installation does what its commands say, with this model, on the day of the test.",
    "They do not show that a model's answers are fit for care: validation stays with the site. No medical device.",
)


class Part(BaseModel):
    """Base of the record's parts."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Check(Part):
    """One check."""

    number: str
    """``OQ-07``."""
    title: str
    """What is to hold, as a claim."""
    passed: bool
    detail: str
    """What was seen: ids, counts, digests."""
    seconds: float


class QualificationRecord(Part):
    """An installation and operation qualification."""

    site_name: str
    site_kind: str
    signer_profile: str
    site_id: str
    """Hash of the audit chain's first entry."""
    audit_head: str
    performed_by: str
    started_at: str
    finished_at: str
    program: str
    installed: tuple[tuple[str, str], ...]
    """What runs here: names and versions or digests."""
    packages: tuple[tuple[str, str], ...]
    packages_sha256: str
    """Over ``name==version`` of every installed package, in order."""
    checks: tuple[Check, ...]
    not_claimed: tuple[str, ...] = NOT_CLAIMED

    @property
    def passed(self) -> bool:
        """Whether every check held, and there was one."""
        return bool(self.checks) and all(check.passed for check in self.checks)


def write_record(record: QualificationRecord, target: Path) -> tuple[Path, ...]:
    """Write the record beside ``target`` as ``.md``, ``.html`` and ``.json``.

    Raises:
        SettingsError: The folder cannot be written.
    """
    stem = target.with_suffix("") if target.suffix in (".md", ".html", ".json") else target
    texts = {".md": _render(record, "markdown"), ".html": _render(record, "html"), ".json": render_json(record)}
    written = []
    try:
        for suffix, text in texts.items():
            path = stem.with_name(stem.name + suffix)
            path.write_text(text, encoding="utf-8")
            written.append(path)
    except OSError as error:
        raise SettingsError(f"selftest: {stem} cannot be written ({error.strerror})") from error
    return tuple(written)


def render_json(record: QualificationRecord) -> str:
    """Write the record as one JSON object, named and versioned as docs/json.md says."""
    body = {"schema": "medrek-flow.selftest", "version": 1, "passed": record.passed, **record.model_dump(mode="json")}
    return json.dumps(body, indent=2) + "\n"


def _render(record: QualificationRecord, kind: str) -> str:
    escape = shown_markdown if kind == "markdown" else shown_line
    environment = Environment(
        loader=PackageLoader("workflow", "reports"),
        autoescape=kind == "html",  # noqa: S701 - the Markdown page has its own escape, in ``finalize``
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: escape(value) if isinstance(value, str) else value,
    )
    name = "selftest.md.j2" if kind == "markdown" else "selftest.html.j2"
    return environment.get_template(name).render(record=record) + "\n"
