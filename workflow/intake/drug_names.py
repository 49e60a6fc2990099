"""Who else near misses ask about: names of the same class, and names that are mistaken for each other."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path


@cache
def _names() -> dict[str, dict[str, tuple[str, ...]]]:
    tree = tomllib.loads(Path(__file__).with_name("drug_names.toml").read_text(encoding="utf-8"))
    siblings: dict[str, tuple[str, ...]] = {}
    for members in tree["classes"].values():
        for name in members:
            siblings[name] = (*siblings.get(name, ()), *(other for other in members if other != name))
    mistaken: dict[str, tuple[str, ...]] = {}
    for one, other in tree["look_alike"]:
        mistaken[one] = (*mistaken.get(one, ()), other)
        mistaken[other] = (*mistaken.get(other, ()), one)
    return {"siblings": siblings, "mistaken": mistaken, "conditions": {"": tuple(tree["conditions"])}}


def siblings(name: str) -> tuple[str, ...]:
    """Generic names of the same class, the nearest in the list first; empty for an unknown name."""
    return _names()["siblings"].get(name.casefold(), ())


def mistaken_for(name: str) -> tuple[str, ...]:
    """Names that are known to be mistaken for this one."""
    return _names()["mistaken"].get(name.casefold(), ())


def is_known(name: str) -> bool:
    """Whether the name is among those that come with the program."""
    return bool(siblings(name) or mistaken_for(name))


def common_conditions() -> tuple[str, ...]:
    """Conditions to ask about instead of another one."""
    return _names()["conditions"][""]
