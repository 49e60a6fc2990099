"""The run log: a line is a line, and it obeys nobody."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from workflow.errors import SettingsError
from workflow.run_log import run_log

HOSTILE = "\x1b]0;title\x07\n\u202e\x9b31m{}%s"


def test_lines_are_ascii_json_with_ids_and_counts(tmp_path: Path) -> None:
    with run_log(tmp_path, "r1") as path:
        logging.getLogger("workflow.intake").info("collected", extra={"data": {"source": HOSTILE, "count": 3}})
        logging.getLogger("somebody.else").info("not ours")
    logging.getLogger("workflow").warning("after the run")
    (line,) = path.read_bytes().splitlines()
    assert all(0x20 <= byte < 0x7F for byte in line)
    said = json.loads(line)
    assert (said["event"], said["run"], said["count"], said["source"]) == ("collected", "r1", 3, HOSTILE)
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_error_is_logged_by_its_kind_and_place_only(tmp_path: Path) -> None:
    with run_log(tmp_path, "r1") as path:
        try:
            raise ValueError("CANARY of a document")
        except ValueError:
            logging.getLogger("workflow").exception("failed")
    said = json.loads(path.read_text())
    assert said["error"] == "ValueError"
    assert said["where"].startswith("test_run_log.py:")
    assert "CANARY" not in path.read_text()


def test_a_long_value_is_cut_and_the_lines_own_names_stand(tmp_path: Path) -> None:
    with run_log(tmp_path, "r1") as path:
        data = {"text": "x" * 10_000, "event": "forged", "ids": ["a", 1]}
        logging.getLogger("workflow").info("told", extra={"data": data})
    said = json.loads(path.read_text())
    assert (len(said["text"]), said["event"], said["ids"]) == (300, "told", ["a", 1])


def test_a_run_that_leaves_no_trace_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be written"), run_log(tmp_path / "missing", "r1"):
        pass
    (tmp_path / "r2.jsonl").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SettingsError), run_log(tmp_path, "r2"):
        pass
