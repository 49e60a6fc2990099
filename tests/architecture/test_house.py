"""The house: which package may import what, and what no module may do."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("workflow", "connectors", "editor_engine", "review_tui")
MOST_LINES = 350
LONG_WITH_REASON = {
    "workflow/ledger/tables.py": "one schema in one place",
    "workflow/ledger/migrations/versions/v0001_first_schema.py": "the same schema as it was, frozen",
}


@cache
def modules() -> tuple[tuple[str, ast.Module], ...]:
    """Every module of the packages with its path from the root, parsed once for all tests."""
    return tuple(
        (str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8")))
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
    )


def test_import_contracts_hold() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_package_on_disk_is_packaged_and_no_other() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    listed = set(settings["tool"]["setuptools"]["packages"])
    found = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for package in PACKAGES
        for path in ROOT.glob(f"{package}/**/__init__.py")
    }
    assert listed == found


def test_only_the_command_line_prints() -> None:
    printing = [
        name
        for name, tree in modules()
        if not name.startswith("workflow/cli/")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert printing == []


def test_no_exception_is_swallowed_unseen() -> None:
    swallowing = [
        f"{name}:{node.lineno}"
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler) and _is_broad(node) and _does_nothing(node)
    ]
    assert swallowing == []


def test_no_star_imports() -> None:
    stars = [
        f"{name}:{node.lineno}"
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names)
    ]
    assert stars == []


@pytest.mark.parametrize("banned", ["utils", "helpers", "common", "base", "core", "manager", "service", "handler"])
def test_no_drawer_modules(banned: str) -> None:
    assert [name for name, _ in modules() if Path(name).stem == banned] == []


def test_every_module_says_what_it_owns() -> None:
    silent = [name for name, tree in modules() if tree.body and ast.get_docstring(tree) is None]
    assert silent == []


def test_files_stay_short_or_say_why_not() -> None:
    long = {
        name
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if len(path.read_text(encoding="utf-8").splitlines()) > MOST_LINES and (name := str(path.relative_to(ROOT)))
    }
    assert long == LONG_WITH_REASON.keys()


def _is_broad(handler: ast.ExceptHandler) -> bool:
    return handler.type is None or (
        isinstance(handler.type, ast.Name) and handler.type.id in {"Exception", "BaseException"}
    )


def _does_nothing(handler: ast.ExceptHandler) -> bool:
    return all(isinstance(node, ast.Pass | ast.Continue) for node in handler.body)
