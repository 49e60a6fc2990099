"""The commented starter file: every setting with the prose that explains it."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import get_origin

from workflow.settings.parts import Table

_WIDTH = 100


def render(
    model: type[Table], values: Table, path: tuple[str, ...], changed: dict[str, object], *, is_told: bool = True
) -> list[str]:
    """Lines of one table and those inside it; without its prose, and only what differs, where that stood just above."""
    tables: list[str] = []
    lines: list[str] = []
    for name, field in model.model_fields.items():
        value = getattr(values, name)
        if isinstance(value, Table):
            tables += render(type(value), value, (*path, name), changed)
            continue
        if isinstance(value, Mapping):
            for number, (key, one) in enumerate(value.items()):
                tables += render(type(one), one, (*path, name, key), changed, is_told=number == 0)
            continue
        value = changed.pop(".".join((*path, name)), value)
        if not is_told and value == field.default:
            continue
        lines += comment(field.description or "") if is_told else []
        lines.append(f"# {name} = {_example(field.annotation)}" if value is None else f"{name} = {_toml(value)}")
    if not lines:
        return tables
    return ["", *(comment(model.__doc__ or "") if is_told else []), f"[{'.'.join(path)}]", *lines, *tables]


def comment(prose: str) -> list[str]:
    return textwrap.wrap(
        " ".join(prose.split()), _WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False
    )


def _example(annotation: object) -> str:
    return '""' if get_origin(annotation) is not tuple else "[]"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        items = [_toml(item) for item in value]
        flat = f"[{', '.join(items)}]"
        return flat if len(flat) <= _WIDTH else "[\n" + "".join(f"    {item},\n" for item in items) + "]"
    if not isinstance(value, str):
        raise TypeError(f"expected text, number, truth value or list, got {type(value).__name__}")
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'
