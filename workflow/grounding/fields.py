"""Reads values out of a case's JSON under any of their usual names, and says in one line what is wrong with one.

Owns which names mean the same field. It never guesses a value that is not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue

Json = Mapping[str, JsonValue]


class SchemaError(ValueError):
    """A case or a candidate that is not of the format; one line, without its text."""


def find(given: Json, *names: str) -> JsonValue:
    """Give the first of these fields that is there and not null; None where none is."""
    return next((given[name] for name in names if given.get(name) is not None), None)


def text_of(given: Json, *names: str) -> str:
    """Give a field as text: a string, or an object that holds its ``text`` or ``name``; empty where it is absent.

    Raises:
        SchemaError: It holds something else.
    """
    value = find(given, *names)
    if isinstance(value, Mapping):
        value = find(value, "text", "name", "value")
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise SchemaError(f"{names[0]}: expected text, got {_kind(value)}")
    return str(value)


def texts_of(given: Json, *names: str) -> tuple[str, ...]:
    """Give a field as a list of texts; one text counts as a list of one."""
    value = find(given, *names)
    items = value if isinstance(value, list) else [] if value is None else [value]
    return tuple(text_of({"item": item}, "item") for item in items)


def number_of(given: Json, *names: str) -> int | None:
    """Give a field as a whole number.

    Raises:
        SchemaError: It holds something else.
    """
    value = find(given, *names)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise SchemaError(f"{names[0]}: expected a whole number, got {_kind(value)}")
    return value


def flag_of(given: Json, *names: str) -> bool | None:
    """Give a field as yes or no.

    Raises:
        SchemaError: It holds something else.
    """
    value = find(given, *names)
    if value is None or isinstance(value, bool):
        return value
    raise SchemaError(f"{names[0]}: expected true or false, got {_kind(value)}")


def objects_of(given: Json, *names: str) -> tuple[Json, ...]:
    """Give a field as a list of objects; one object counts as a list of one.

    Raises:
        SchemaError: It holds something else.
    """
    value = find(given, *names)
    items = value if isinstance(value, list) else [] if value is None else [value]
    found = []
    for item in items:
        if not isinstance(item, Mapping):
            raise SchemaError(f"{names[0]}: expected objects, got {_kind(item)}")
        found.append(item)
    return tuple(found)


_KINDS: Final = {"str": "text", "list": "a list", "dict": "an object", "bool": "true or false", "NoneType": "null"}


def _kind(value: object) -> str:
    return _KINDS.get(type(value).__name__, "a number")
