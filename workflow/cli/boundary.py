"""The one place where an exception becomes a line on stderr and an exit code.

Owns the table of foreign errors (``FOREIGN``); the workflow's own errors carry their code. It must never print a
traceback: an unexpected one goes to a log file, and the line says where.
"""

from __future__ import annotations

import errno
import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from connectors.errors import SourceError
from editor_engine.errors import BaseModelError, EncoderError, EngineError, MemoryDamagedError
from review_tui.errors import DeskError, DeskUnavailableError, NoSuchCandidateError
from workflow.errors import ExitCode, WorkflowError
from workflow.reports.shown_text import shown, shown_line

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""
MESSAGES_ENVIRONMENT_NAME = "MEDREK_FLOW_MESSAGES"

FOREIGN: tuple[tuple[type[Exception], ExitCode], ...] = (
    (SourceError, ExitCode.SOME_SOURCES_FAILED),
    (MemoryDamagedError, ExitCode.DAMAGED),
    (BaseModelError, ExitCode.SETTINGS),
    (EncoderError, ExitCode.SETTINGS),
    (EngineError, ExitCode.FAILED),
    (NoSuchCandidateError, ExitCode.USAGE),
    (DeskUnavailableError, ExitCode.BUSY),
    (DeskError, ExitCode.FAILED),
)
"""Errors of the leaves and the exit code each means; the first that fits counts."""


def run_guarded(command: Callable[[], None]) -> int:
    """Run a command and give its exit status; whatever it raises becomes one line on stderr."""
    try:
        command()
        _flush()
    except SystemExit as left:
        return _status(left)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _close_quietly()
        return int(ExitCode.DONE)
    except Exception as error:  # noqa: BLE001 - the boundary: nothing may pass it
        return int(_tell(error))
    return int(ExitCode.DONE)


def exit_code_of(error: Exception) -> ExitCode | None:
    """Give the exit code of a foreseen error; None for one that nobody foresaw."""
    if isinstance(error, WorkflowError):
        return error.exit_code
    return next((code for kind, code in FOREIGN if isinstance(error, kind)), None)


def _tell(error: Exception) -> ExitCode:
    code = exit_code_of(error)
    if code is not None:
        _say(shown_line(str(error)) or type(error).__name__)
        return code
    if _is_full_disk(error):
        _say("the disk is full: what was finished is on record, what was begun is not; make room and run it again")
        return ExitCode.FAILED
    log = _write_log(error)
    where = f"; the details are in {log}" if log else ""
    _say(f"unexpected {type(error).__name__}{where}")
    return ExitCode.FAILED


def _is_full_disk(error: BaseException) -> bool:
    following: BaseException | None = error
    while following is not None:
        if isinstance(following, OSError) and following.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        following = following.__cause__ or following.__context__
    return False


def _say(line: str) -> None:
    try:
        sys.stderr.write(f"medrek-flow: {line}\n")
    except OSError:
        _close_quietly()


def _write_log(error: Exception) -> Path | None:
    """Write types and places into a file of the user's own; None where even that fails.

    Messages stay out, as in the run log: one of a foreign library may quote a document or a key. A developer gets
    them with ``MEDREK_FLOW_MESSAGES=1``.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    try:
        handle, name = tempfile.mkstemp(prefix=f"medrek-flow-{stamp}-", suffix=".log")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(shown("\n".join(_chain(error))) + "\n")
    except OSError:
        return None
    return Path(name)


def _chain(error: BaseException) -> list[str]:
    """Give place and type of the error and of those that led to it, newest first."""
    wanted = os.environ.get(MESSAGES_ENVIRONMENT_NAME) == "1"
    lines: list[str] = []
    following: BaseException | None = error
    while following is not None:
        lines += [line.rstrip() for line in traceback.format_tb(following.__traceback__)]
        lines.append(f"{type(following).__name__}: {following}" if wanted else type(following).__name__)
        following = following.__cause__ or following.__context__
    return lines


def _status(left: SystemExit) -> int:
    if left.code is None:
        return int(ExitCode.DONE)
    return left.code if isinstance(left.code, int) else int(ExitCode.FAILED)


def _flush() -> None:
    sys.stdout.flush()


def _close_quietly() -> None:
    """Point stdout at nothing, so that the interpreter's last flush stays quiet too."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
