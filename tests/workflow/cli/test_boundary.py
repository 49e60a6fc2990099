"""The error boundary: one line, the right exit code, no traceback, whatever is raised."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from connectors.errors import (
    AccessDeniedError,
    AddressRefusedError,
    QueryRefusedError,
    SourceDriftedError,
    SourceUnreachableError,
)
from editor_engine.errors import BaseModelError, EncoderError, EngineError, MemoryDamagedError
from review_tui.errors import DeskError, DeskUnavailableError, NoSuchCandidateError
from workflow.cli.boundary import INTERRUPTED, run_guarded
from workflow.errors import (
    BusyError,
    DamagedError,
    ExitCode,
    IllegalTransitionError,
    SettingsError,
    UsageError,
    WorkflowError,
    worst,
)
from workflow.identity import WrongPinError

TABLE: list[tuple[Exception, int]] = [
    (WorkflowError("x"), 1),
    (WrongPinError("x"), 1),
    (UsageError("x"), 2),
    (SettingsError("x"), 10),
    (SourceUnreachableError("s", "x"), 11),
    (QueryRefusedError("s", "x"), 11),
    (AccessDeniedError("s", "x"), 11),
    (SourceDriftedError("s", "x"), 11),
    (AddressRefusedError("s", "x"), 11),
    (DamagedError("x"), 15),
    (MemoryDamagedError("x"), 15),
    (IllegalTransitionError("x"), 16),
    (BusyError("x"), 17),
    (BaseModelError("x"), 10),
    (EncoderError("x"), 10),
    (EngineError("x"), 1),
    (NoSuchCandidateError("x"), 2),
    (DeskUnavailableError("x"), 17),
    (DeskError("x"), 1),
]


def guarded(error: BaseException) -> int:
    """Run a command that raises this."""

    def command() -> None:
        raise error

    return run_guarded(command)


@pytest.mark.parametrize(("error", "code"), TABLE, ids=lambda value: type(value).__name__)
def test_every_foreseen_error_is_one_line_with_its_code(
    error: Exception, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert guarded(error) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("medrek-flow: ")
    assert said.err.count("\n") == 1


def test_exit_codes_are_the_documented_table() -> None:
    assert {code.value for code in ExitCode} == {0, 1, 2, 10, 11, 12, 13, 14, 15, 16, 17}


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ({15, 13, 14, 12, 11}, 15),
        ({13, 14, 12, 11}, 13),
        ({14, 12, 11}, 14),
        ({12, 11}, 12),
        ({11, 0}, 11),
        ({0}, 0),
        (set(), 0),
    ],
)
def test_the_worst_of_several_codes(codes: set[int], expected: int) -> None:
    assert worst({ExitCode(code) for code in codes}) == expected


def test_an_unforeseen_error_names_a_log_and_quotes_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert guarded(ValueError("secret \x1b[2J text")) == 1
    said = capsys.readouterr().err
    assert "secret" not in said
    assert "\x1b" not in said
    (log,) = tmp_path.glob("medrek-flow-*.log")
    assert str(log) in said
    assert "ValueError" in log.read_text()
    assert "secret" not in log.read_text()
    assert log.stat().st_mode & 0o077 == 0


def test_messages_reach_the_log_where_a_developer_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("MEDREK_FLOW_MESSAGES", "1")
    guarded(ValueError("wrong \x1b[2J number"))
    (log,) = tmp_path.glob("medrek-flow-*.log")
    assert "wrong" in log.read_text()
    assert "\x1b" not in log.read_text()


def test_control_characters_of_a_message_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    guarded(WorkflowError("a\x1b[31m\nb\u202ec"))
    said = capsys.readouterr().err
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert said.count("\n") == 1


def test_ctrl_c_is_130() -> None:
    assert guarded(KeyboardInterrupt()) == INTERRUPTED


def test_a_command_that_ends_well_is_zero() -> None:
    assert run_guarded(lambda: None) == 0


def test_a_closed_pipe_is_quiet() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    result = subprocess.run(
        [sys.executable, "-m", "workflow", "--help"], stdout=write_end, stderr=subprocess.PIPE, check=False
    )
    os.close(write_end)
    assert result.stderr == b""
