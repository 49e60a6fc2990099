"""``queue list --only FIELD=VALUE``: what a list is narrowed to, as people type it."""

from __future__ import annotations

from collections.abc import Sequence

from review_tui import protocol as desk
from workflow.errors import UsageError

_MANY = {
    "relation": "relations",
    "subject": "subjects",
    "drug_class": "drug_classes",
    "source": "sources",
    "change_kind": "change_kinds",
    "claimed_by": "claimed_by",
}
_FIELDS = ("risk", "action", *_MANY, "flagged", "in_conflict", "at_least_days", "at_most_days")
_TRUTH = {"yes": True, "true": True, "no": False, "false": False}


def read_filter(only: Sequence[str]) -> desk.QueueFilter:
    """Read a filter; the same field again means any of its values.

    Raises:
        UsageError: A field does not exist, or its value is none of it.
    """
    values: dict[str, list[str]] = {}
    for pair in only:
        field, sign, value = pair.partition("=")
        if field not in _FIELDS or not sign:
            raise UsageError(f"--only {pair}: expected FIELD=VALUE, FIELD one of {', '.join(_FIELDS)}")
        values.setdefault(field, []).append(value)
    named = {plural: tuple(values.get(single, ())) for single, plural in _MANY.items()}
    return desk.QueueFilter(
        risks=tuple(desk.Risk(_one(value, "risk", list(desk.Risk))) for value in values.get("risk", ())),
        actions=tuple(desk.Action(_one(value, "action", list(desk.Action))) for value in values.get("action", ())),
        flagged=_truth(values, "flagged"),
        in_conflict=_truth(values, "in_conflict"),
        at_least_days=_days(values, "at_least_days"),
        at_most_days=_days(values, "at_most_days"),
        **named,
    )


def _one(value: str, field: str, allowed: Sequence[str]) -> str:
    if value not in allowed:
        raise UsageError(f"--only {field}={value}: expected one of {', '.join(allowed)}")
    return value


def _truth(values: dict[str, list[str]], field: str) -> bool | None:
    return None if field not in values else _TRUTH[_one(values[field][-1], field, list(_TRUTH))]


def _days(values: dict[str, list[str]], field: str) -> int | None:
    if field not in values:
        return None
    value = values[field][-1]
    if not value.isdecimal() or len(value) > 5:
        raise UsageError(f"--only {field}={value}: expected a number of days")
    return int(value)
