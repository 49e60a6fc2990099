"""SECURITY.md names the tests that guard each promise: they exist, and no promise is without one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROWS = dict(
    re.findall(r"^\| (P\d) \| .*? \| (.*) \|$", (ROOT / "SECURITY.md").read_text(encoding="utf-8"), re.MULTILINE)
)


def guards(row: str) -> list[tuple[str, str]]:
    """Pairs of file and test; ``::name`` alone stands for the file named before it."""
    found, file = [], ""
    for named, test in re.findall(r"`([^`:]*)::(\w+)`", row):
        file = named or file
        found.append((file, test))
    return found


@pytest.mark.parametrize("promise", [f"P{number}" for number in range(1, 8)])
def test_every_promise_has_guards_and_they_exist(promise: str) -> None:
    named = guards(ROWS[promise])
    assert named
    for file, test in named:
        text = (ROOT / file).read_text(encoding="utf-8")
        assert re.search(rf"^\s*(?:async )?def {test}\(", text, re.MULTILINE), f"{promise}: {file}::{test}"


def test_the_promises_are_those_of_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| (P\d) \|", readme, re.MULTILINE)) == set(ROWS)
