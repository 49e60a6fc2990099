"""What can be installed is pinned: every package that this project's metadata leads to stands in constraints.txt."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]


def reached(name: str, extras: frozenset[str], found: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Every package, with each of its extras, that installing this one asks for on this machine."""
    for extra in extras | {""}:
        key = (canonicalize_name(name), extra)
        if key in found:
            continue
        found.add(key)
        try:
            wanted = [Requirement(line) for line in requires(name) or ()]
        except PackageNotFoundError:  # an extra that was not installed here: named by its parent all the same
            continue
        for one in wanted:
            if one.marker is None or one.marker.evaluate({"extra": extra}):
                reached(one.name, frozenset(one.extras), found)
    return found


def test_every_package_that_is_asked_for_is_pinned() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {canonicalize_name(line.partition("==")[0]) for line in lines if "==" in line}
    asked = {name for name, _ in reached("medrek-flow", frozenset({"dev", "web"}), set())}
    assert len(asked) > 100, "the metadata is read"
    assert sorted(asked - pinned - {"medrek-flow"}) == []
