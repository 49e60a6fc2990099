"""Reads a data file as text and as JSON, and says in words what it is where it is neither."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from editor_engine.errors import EngineError

LARGEST_BYTES: Final = 1 << 30
"""A data file of a gibibyte would need many times that of memory to work with."""


class DataError(EngineError):
    """A data file or one of its records is not what it should be; names the record and the field."""


def read_data_text(path: Path) -> str:
    """The text of a file in UTF-8, without a byte order mark.

    Raises:
        DataError: no such file, no file, too large, or not UTF-8.
    """
    if not path.exists():
        raise DataError(f"{path}: expected a JSON file, got none there: check the path")
    if not path.is_file():
        raise DataError(f"{path}: expected a JSON file, got {'a folder' if path.is_dir() else 'no regular file'}")
    try:
        if (size := path.stat().st_size) > LARGEST_BYTES:
            raise DataError(f"{path}: expected at most {LARGEST_BYTES} bytes, got {size}: cut the file")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}): check its owner") from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: expected UTF-8, got the byte 0x{error.object[error.start]:02x} at {error.start}"
        ) from error


def parse_data_json(path: Path, text: str, *, what: str = "JSON", at_line: int | None = None) -> object:
    """What a JSON text holds.

    Args:
        what: what was expected, for the message.
        at_line: the line of the file that the text is; else it is the whole file.

    Raises:
        DataError: it is no JSON; names the place where that shows.
    """
    try:
        body: object = json.loads(text)
    except json.JSONDecodeError as error:
        line = at_line or error.lineno
        got = "its end" if error.pos >= len(text.rstrip()) else f"something else ({error.msg})"
        raise DataError(f"{path}, line {line}, column {error.colno}: expected {what}, got {got}") from error
    except RecursionError as error:
        raise DataError(f"{path}: expected {what}, got brackets nested too deeply to read") from error
    return body


def got_words(value: object) -> str:
    """What stood where a text was expected, without quoting it."""
    if isinstance(value, str):
        return "a text" if is_text(value) else _broken_text(value)
    if value is None:
        return "null"
    if isinstance(value, list | dict) and not value:
        return f"an empty {'list' if isinstance(value, list) else 'object'}"
    return {"dict": "an object", "list": "a list", "bool": "true or false"}.get(
        type(value).__name__, "a number" if isinstance(value, int | float) else type(value).__name__
    )


def _broken_text(value: str) -> str:
    if not value:
        return "an empty text"
    return "only spaces" if not value.strip() else "half a character (a lone surrogate)"


def is_text(value: object) -> bool:
    """Whether a value is a text with something in it that can be written as UTF-8."""
    if not isinstance(value, str) or not value.strip():
        return False
    return not any("\ud800" <= letter <= "\udfff" for letter in value)
