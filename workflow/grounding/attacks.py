"""Strings that attack a reader, for cases: those of a folder ``injection`` beside the annotated sets, else our own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from pydantic import JsonValue, TypeAdapter, ValidationError

from workflow.grounding.making import ATTACKS

_JSON: TypeAdapter[JsonValue] = TypeAdapter(JsonValue)
_FILES = (
    "bipia/text_attack_*.json",
    "garak/latent_injection_templates.json",
    "agentdojo/*.json",
    "garak/sysprompt*.json",
)
_SHORTEST = 30


def read_attacks(folder: Path) -> tuple[str, ...]:
    """Give the attacks of ``folder/injection`` or ``folder/../injection`` with our own; only ours where none is."""
    for place in (folder / "injection", folder.parent / "injection"):
        if place.is_dir():
            found = [text for pattern in _FILES for path in sorted(place.glob(pattern)) for text in _texts(path)]
            return (*ATTACKS, *dict.fromkeys(found))
    return ATTACKS


def _texts(path: Path) -> Iterator[str]:
    try:
        value = _JSON.validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValidationError, json.JSONDecodeError):
        return
    if isinstance(value, dict):
        value = {
            name: part for name, part in value.items() if name not in {"source", "licence", "placeholders", "fields"}
        }
    yield from (text for text in _strings(value) if len(text) >= _SHORTEST)


def _strings(value: JsonValue) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
