"""How the numbers of a step choose among what is there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from workflow.histories.paper_site import ACCOUNTS, PEOPLE
from workflow.histories.story import LAST

_One = TypeVar("_One")
_PERSONS = (*PEOPLE, "ada", "ben", "ada", "ben", "ada", "cem")


def pick(many: Sequence[_One], which: int) -> _One | None:
    """One of many, or the newest; None where there is none."""
    if not many:
        return None
    return many[-1] if which == LAST else many[which % len(many)]


def person(which: int) -> str:
    """One of the enrolled; those who decide come more often."""
    return _PERSONS[which % len(_PERSONS)]


def account(which: int) -> str:
    """One of those who act: an enrolled person, or the night's account."""
    return ACCOUNTS[which % len(ACCOUNTS)]
