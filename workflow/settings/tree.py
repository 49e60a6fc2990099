"""The settings of a site: one frozen tree, read once from ``medrek-flow.toml`` and passed on."""

from __future__ import annotations

import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from workflow.errors import SettingsError
from workflow.settings.control import AffectedTable, BatchTable, GateTable
from workflow.settings.intake import ExtractionTable, ScopeTable
from workflow.settings.operations import AuditTable, MetricsTable, NightTable, NotifyTable
from workflow.settings.parts import Table
from workflow.settings.review import ReviewTable
from workflow.settings.site import EditorTable, EncoderTable, ModelTable, SiteTable
from workflow.settings.sources import HttpTable, SourcesTable
from workflow.settings.starter import comment, render

FILE_NAME = "medrek-flow.toml"
_LONGEST_SHOWN = 60


class Settings(Table):
    """All settings of a site."""

    site: SiteTable = SiteTable()
    model: ModelTable = ModelTable()
    encoder: EncoderTable = EncoderTable()
    editor: EditorTable = EditorTable()
    sources: SourcesTable = SourcesTable()
    http: HttpTable = HttpTable()
    extraction: ExtractionTable = ExtractionTable()
    scope: ScopeTable = ScopeTable()
    review: ReviewTable = ReviewTable()
    gate: GateTable = GateTable()
    batch: BatchTable = BatchTable()
    affected: AffectedTable = AffectedTable()
    night: NightTable = NightTable()
    audit: AuditTable = AuditTable()
    notify: NotifyTable = NotifyTable()
    metrics: MetricsTable = MetricsTable()

    @classmethod
    def read(cls, path: Path) -> Settings:
        """Read a settings file.

        Raises:
            SettingsError: It is missing, others can write it, it is no TOML, or some keys are wrong: a line each.
        """
        try:
            mode = path.stat().st_mode
            content = path.read_text(encoding="utf-8")
        except FileNotFoundError as error:
            raise SettingsError(f"{path}: expected a settings file, got none; run medrek-flow init") from error
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{path} cannot be read as text ({type(error).__name__})") from error
        if mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise SettingsError(f"{path} can be written by others (mode {mode & 0o777:04o}); run: chmod go-w {path}")
        return cls.parse(content, name=str(path))

    @classmethod
    def parse(cls, content: str, *, name: str = FILE_NAME) -> Settings:
        """Read settings from TOML text; ``name`` stands in front of each problem."""
        try:
            tree = tomllib.loads(content)
        except tomllib.TOMLDecodeError as error:
            raise SettingsError(f"{name}: expected TOML: {error}") from error
        try:
            return cls.model_validate(_as_tuples(tree))
        except ValidationError as error:
            raise SettingsError(f"{name}: {'; '.join(_problems(error))}") from error

    @classmethod
    def default_toml(cls, changed: Mapping[str, object] | None = None) -> str:
        """Write the commented starter file.

        Args:
            changed: Values that differ from the defaults, by dotted key: ``{"site.name": "St. Elsewhere"}``.
        """
        left = dict(changed or {})
        intro = "The settings of this site. Secrets never stand here: they come from the environment."
        lines = [*comment(intro), *render(cls, cls(), (), left)]
        if left:
            raise ValueError(f"expected settings, got unknown keys: {sorted(left)}")
        return "\n".join(lines).strip() + "\n"


def _as_tuples(value: object) -> object:
    """TOML knows only lists; strict models want the tuples that they keep."""
    if isinstance(value, dict):
        return {key: _as_tuples(item) for key, item in value.items()}
    return tuple(_as_tuples(item) for item in value) if isinstance(value, list) else value


def _problems(error: ValidationError) -> list[str]:
    lines = []
    for problem in error.errors(include_url=False, include_context=False):
        key = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            lines.append(f"{key}: unknown key; expected one that the starter file of medrek-flow init shows")
        else:
            expected = problem["msg"].replace("Input should be", "expected").replace("String should", "expected to")
            lines.append(f"{key}: {expected}, got {_shown(key, problem['input'])}")
    return lines


def _shown(key: str, value: object) -> str:
    """Show a wrong value, but never what may be a key or a password that was put into the file by mistake."""
    if key.endswith("_env"):
        return "something else (not shown); it names a variable, the secret itself belongs into the environment"
    if isinstance(value, str) and ("@" in value or len(value) > _LONGEST_SHOWN):
        return f"{len(value)} characters (not shown)"
    return repr(value) if isinstance(value, str | int | float | bool) else type(value).__name__
