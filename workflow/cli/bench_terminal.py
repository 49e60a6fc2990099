"""A command in a pseudo-terminal of 80 x 24, typed into and read from, for the benchmark of the review screens."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from workflow.errors import WorkflowError

WAIT_S = 60.0
_ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[a-zA-Z]")


@dataclass
class Typist:
    """Somebody at the terminal."""

    process: subprocess.Popen[bytes]
    master: int
    out: bytes = b""

    def press(self, keys: str) -> float:
        """Type; give seconds until the first byte that answers.

        Raises:
            WorkflowError: Nothing came.
        """
        self._read(0)
        self.out = b""
        began = time.perf_counter()
        os.write(self.master, keys.encode())
        if not self._read(WAIT_S):
            raise WorkflowError(f"bench review: nothing came after {keys!r}; run the command by hand")
        return time.perf_counter() - began

    def wait_for(self, words: str) -> float:
        """Read until some words have come since the last key; give the seconds waited.

        Raises:
            WorkflowError: They did not come.
        """
        began = time.perf_counter()
        while words.encode() not in _ESCAPES.sub(b"", self.out):
            if time.perf_counter() - began > WAIT_S or not self._read(WAIT_S):
                raise WorkflowError(f"bench review: the screen never showed {words!r}; run the command by hand")
        return time.perf_counter() - began

    def kill(self) -> None:
        """Kill it, as a power cut would."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def _read(self, timeout_s: float) -> bool:
        """Take what is there, waiting for the first byte; tell whether there was any."""
        came = False
        while select.select([self.master], [], [], 0 if came else timeout_s)[0]:
            try:
                self.out += os.read(self.master, 65536)
            except OSError:
                return came
            came = True
        return came


@contextmanager
def typist(command: Sequence[str]) -> Iterator[Typist]:
    """Start a command in a pseudo-terminal; it is killed at the end if it still runs."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color"}
    process = subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True, close_fds=True
    )
    os.close(slave)
    try:
        yield Typist(process, master)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(10)
        os.close(master)
