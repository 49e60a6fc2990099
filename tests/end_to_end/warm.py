"""Commands in processes that are forked from one which has imported the model libraries already.

Each is a process of its own that runs the same ``main`` as ``python -m workflow`` and can be killed with -9; only the
four seconds of imports are not paid again by each of a hundred.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.end_to_end.preloaded"])


class Running:
    """A command that runs; its output goes to files, so that a killed one leaves what it said."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], pin: str | None) -> None:
        self._said = Path(tempfile.mkdtemp(prefix="medrek-flow-test-"))
        given = (list(arguments), dict(environment), str(self._said), pin)
        self._process = _CONTEXT.Process(target=_command, args=given)
        self._process.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid or 0

    @property
    def code(self) -> int | None:
        """Its exit status; None while it runs."""
        return self._process.exitcode

    def kill(self) -> None:
        """End it with SIGKILL."""
        self._process.kill()

    def wait(self, timeout_s: float) -> bool:
        """Wait for its end; False where the time was over first."""
        self._process.join(timeout_s)
        return self._process.exitcode is not None

    def said(self, stream: str) -> str:
        """What it wrote to ``out`` or ``err``."""
        path = self._said / stream
        return path.read_text(encoding="utf-8") if path.exists() else ""


def _command(arguments: list[str], environment: dict[str, str], said: str, pin: str | None) -> None:
    os.environ.clear()
    os.environ.update(environment)
    for number, name, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, f"{said}/out", os.O_WRONLY | os.O_CREAT),
        (2, f"{said}/err", os.O_WRONLY | os.O_CREAT),
    ):
        os.dup2(os.open(name, flags, 0o600), number)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115
    if pin is not None:
        reading, writing = os.pipe()
        os.write(writing, f"{pin}\n".encode())
        os.close(writing)
        arguments = [*arguments, "--pin-fd", str(reading)]
    from workflow.cli.main import main

    main(arguments)
