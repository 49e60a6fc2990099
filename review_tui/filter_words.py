"""A filter in words: its chips, and the lines from which one value is switched on or off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

from review_tui.protocol import Action, FilterChoices, FilterValue, QueueFilter, Risk
from review_tui.words import ACTION_WORD

FIELD_WORD = {
    "risks": "risk",
    "actions": "kind",
    "relations": "relation",
    "subjects": "subject",
    "drug_classes": "drug class",
    "sources": "source",
    "change_kinds": "change",
    "claimed_by": "claimed by",
}
_AGES = (
    ("at_most_days", 0, "came today"),
    ("at_most_days", 7, "came this week"),
    ("at_least_days", 7, "older than a week"),
)


@dataclass(frozen=True)
class FilterSwitch:
    """One line: what it says, how many have it, and the filter once it is taken."""

    words: str
    count: int | None
    is_on: bool
    then: QueueFilter


def chips(filters: QueueFilter) -> list[str]:
    """Write what a filter narrows to, one chip a value."""
    found = [
        f"{FIELD_WORD[name]}: {_value_words(name, value)}"
        for name in FIELD_WORD
        for value in cast(Sequence[str], getattr(filters, name))
    ]
    if filters.flagged is not None:
        found.append("flagged" if filters.flagged else "not flagged")
    if filters.in_conflict is not None:
        found.append("in conflict" if filters.in_conflict else "no conflict")
    if filters.at_least_days is not None:
        found.append(f"{filters.at_least_days} days or older")
    if filters.at_most_days is not None:
        found.append("came today" if filters.at_most_days == 0 else f"{filters.at_most_days} days or newer")
    return found


def switches(filters: QueueFilter, choices: FilterChoices) -> list[FilterSwitch]:
    """List every value that can be switched, those that are on first."""
    found = [
        FilterSwitch(
            f"{FIELD_WORD[name]}: {_value_words(name, value.value)}",
            value.count,
            value.value in cast(Sequence[str], getattr(filters, name)),
            _switched(filters, name, value.value),
        )
        for name in FIELD_WORD
        for value in _values(choices, filters, name)
    ]
    found.append(_claim(filters, "flagged", "flagged", choices.flagged))
    found.append(_claim(filters, "in_conflict", "in conflict", choices.in_conflict))
    found += [_age(filters, name, days, words) for name, days, words in _AGES]
    return sorted(found, key=lambda switch: not switch.is_on)


def _values(choices: FilterChoices, filters: QueueFilter, name: str) -> list[FilterValue]:
    """Give the values that occur, and those that are on although nothing here has them."""
    occurring = list(cast(Sequence[FilterValue], getattr(choices, name)))
    seen = {value.value for value in occurring}
    on = [FilterValue(value, 0) for value in cast(Sequence[str], getattr(filters, name)) if value not in seen]
    return on + occurring


def _switched(filters: QueueFilter, name: str, value: str) -> QueueFilter:
    now = tuple(cast(Sequence[str], getattr(filters, name)))
    then = tuple(each for each in now if each != value) if value in now else (*now, value)
    if name == "risks":
        return replace(filters, risks=tuple(Risk(each) for each in then))
    if name == "actions":
        return replace(filters, actions=tuple(Action(each) for each in then))
    changed: dict[str, tuple[str, ...]] = {name: then}
    return replace(filters, **changed)  # type: ignore[arg-type]  # FIELD_WORD names fields of tuples of str


def _claim(filters: QueueFilter, name: str, words: str, count: int) -> FilterSwitch:
    is_on = getattr(filters, name) is True
    changed: dict[str, bool | None] = {name: None if is_on else True}
    return FilterSwitch(words, count, is_on, replace(filters, **changed))  # type: ignore[arg-type]  # a claim's field


def _age(filters: QueueFilter, name: str, days: int, words: str) -> FilterSwitch:
    is_on = getattr(filters, name) == days
    changed: dict[str, int | None] = {name: None if is_on else days}
    return FilterSwitch(words, None, is_on, replace(filters, **changed))  # type: ignore[arg-type]  # a field of days


def _value_words(name: str, value: str) -> str:
    if name == "actions" and value in set(Action):
        return ACTION_WORD[Action(value)]
    return value.replace("_", " ") if value else "nobody"
