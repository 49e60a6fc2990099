"""The run log: stdlib logging as JSON lines in the site's ``logs/``.

An event is a constant text; ids, counts, hashes and durations go into ``extra={"data": {...}}``. Never document
text, prompts, replies or keys. JSON escapes every control character, so that a line is a line and a terminal that
shows the file obeys nothing in it (ASCII only). Errors are logged by type and place, not by their message.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from workflow.errors import SettingsError
from workflow.file_modes import open_closed

LOGGERS = ("workflow", "connectors", "editor_engine", "review_tui")
_LONGEST_VALUE = 300


class JsonLines(logging.Formatter):
    """One event a line: time, level, logger, event, run and what ``extra={"data": ...}`` holds."""

    def __init__(self, run_id: str) -> None:
        super().__init__()
        self.run_id = run_id

    def format(self, record: logging.LogRecord) -> str:
        """Write one record as one line of ASCII JSON."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": str(record.msg),
            "run": self.run_id,
        }
        data = getattr(record, "data", None)
        if isinstance(data, dict):
            line.update({str(key): _plain(value) for key, value in data.items() if key not in line})
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
            line["where"] = _where(record)
        return json.dumps(line, ensure_ascii=True)


@contextmanager
def run_log(folder: Path, run_id: str, *, level: int = logging.INFO) -> Iterator[Path]:
    """Write what the program's own loggers say during the block into ``<run_id>.jsonl``.

    Raises:
        SettingsError: The file cannot be written: a run that leaves no trace does not start.
    """
    path = folder / f"{run_id}.jsonl"
    try:
        descriptor = open_closed(path, os.O_APPEND)
    except OSError as error:
        raise SettingsError(
            f"log {path} cannot be written ({error.strerror}); expected a folder of your own, mode 0700"
        ) from error
    with os.fdopen(descriptor, "a", encoding="ascii") as file:
        handler = logging.StreamHandler(file)
        handler.setFormatter(JsonLines(run_id))
        loggers = [logging.getLogger(name) for name in LOGGERS]
        before = [logger.level for logger in loggers]
        for logger in loggers:
            logger.addHandler(handler)
            logger.setLevel(level)
        try:
            yield path
        finally:
            for logger, old in zip(loggers, before, strict=True):
                logger.removeHandler(handler)
                logger.setLevel(old)


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value)[:_LONGEST_VALUE]


def _where(record: logging.LogRecord) -> str:
    trace = record.exc_info[2] if record.exc_info else None
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
