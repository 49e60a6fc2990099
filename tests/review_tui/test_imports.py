"""What importing the package costs, and that no bare text of ours reaches a widget."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import review_tui

PACKAGE = Path(review_tui.__file__).parent
SHOWS = {"Static", "Label", "Button", "Option", "update", "styled"}


def loaded_after(statement: str) -> set[str]:
    program = f"import sys\n{statement}\nprint(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stdout.split()}


@pytest.mark.parametrize("statement", ["import review_tui", "import review_tui.protocol, review_tui.errors"])
def test_the_protocol_comes_without_textual(statement: str) -> None:
    assert not loaded_after(statement) & {"textual", "rich", "torch", "workflow"}


def test_the_screens_come_without_the_rest_of_the_house() -> None:
    loaded = loaded_after("import review_tui.app")
    assert "textual" in loaded
    assert not loaded & {"torch", "transformers", "workflow", "connectors", "editor_engine", "sqlalchemy", "httpx"}


def calls_with_bare_text(source: str) -> list[str]:
    """Find calls that hand a widget a ``str`` where only a ``Content`` may go."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        bare = isinstance(node.args[0], ast.JoinedStr) or (
            isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str)
        )
        if (name in SHOWS and bare) or name == "from_markup":
            found.append(f"line {node.lineno}: {name}")
    return found


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.stem)
def test_widgets_take_content_only(path: Path) -> None:
    assert calls_with_bare_text(path.read_text()) == []


def test_the_search_for_bare_text_finds_it() -> None:
    assert calls_with_bare_text("Static(f'{x}')\nself.update('x')\nContent.from_markup('[b]')") == [
        "line 1: Static",
        "line 2: update",
        "line 3: from_markup",
    ]
