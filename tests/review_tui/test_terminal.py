"""The desk in a real pseudo-terminal: what reaches it, what a dropped line costs, and how it is left behind."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.review_tui.conftest import ROOT
from tests.review_tui.memory_desk import PIN

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals")

HOSTILE = (
    "\x1b]52;c;aGFja2Vk\x07\x1b]0;owned\x1b\\\x1b[97;13;42m\x9b31;97mC1\x9d0;t\x9c\x08\x7f\u202e[@click=app.quit]x"
)

HOSTILE_PROGRAM = """
from pathlib import Path

import review_tui
from textual.content import Content
from textual.widgets import Static
from review_tui.app import DeskApp
from tests.review_tui.test_hostile_text import hostile_desk
from tests.review_tui.test_terminal import HOSTILE

class Leaky(DeskApp):
    CSS_PATH = str(Path(review_tui.__file__).with_name("app.tcss"))

    async def key_f9(self):
        await self.screen.mount(Static(Content("leak " + HOSTILE, strip_control_codes=False)), before=0)

desk = hostile_desk([HOSTILE, HOSTILE + "2"])
app = Leaky(desk, desk.who())
app.run()
"""
PLAIN_PROGRAM = """
import sys
from tests.review_tui.memory_desk import main
raise SystemExit(main())
"""


@dataclass
class Terminal:
    """A process in a pseudo-terminal of 80 x 24."""

    process: subprocess.Popen[bytes]
    master: int
    out: bytes = b""
    closed: bool = field(default=False)

    def read(self, for_s: float) -> None:
        """Read what comes for a while."""
        until = time.monotonic() + for_s
        while not self.closed and (left := until - time.monotonic()) > 0:
            if select.select([self.master], [], [], min(left, 0.05))[0]:
                try:
                    self.out += os.read(self.master, 65536)
                except OSError:
                    self.closed = True

    def wait_for(self, words: str, timeout_s: float = 20.0) -> None:
        """Read until some words have come since the last key, styling aside."""
        until = time.monotonic() + timeout_s
        while words not in self.plain():
            assert time.monotonic() < until, f"{words!r} did not come:\n{self.plain()[-2000:]}"
            self.read(0.05)

    def plain(self) -> str:
        """Give the text that came since the last key, without escape sequences."""
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.out[self.sent_at :].decode(errors="replace"))

    sent_at: int = 0

    def send(self, keys: str) -> None:
        """Type."""
        self.sent_at = len(self.out)
        os.write(self.master, keys.encode())


@contextmanager
def terminal(program: str, *arguments: str, **environment: str) -> Iterator[Terminal]:
    """Run a program in a pseudo-terminal; it is killed at the end if it still runs."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    inherited = {key: value for key, value in os.environ.items() if key not in {"NO_COLOR", "COLORTERM"}}
    env = {**inherited, "PYTHONPATH": ROOT, "TERM": "xterm-256color", "COLORTERM": "truecolor", **environment}
    command = [sys.executable, "-c", program, *arguments]
    process = subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, env=env, start_new_session=True, close_fds=True
    )
    os.close(slave)
    try:
        yield Terminal(process, master)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(10)
        os.close(master)


def look(desk: Terminal) -> None:
    """Scroll through the page, so that every quote was on the screen and the deciding keys wake."""
    for _ in range(8):
        desk.send(" ")
        desk.read(0.3)
    desk.read(0.6)


def test_no_escape_sequence_from_data_reaches_the_terminal() -> None:
    with terminal(HOSTILE_PROGRAM) as desk:
        desk.wait_for("WHAT BECAME")
        desk.send("\r")
        desk.wait_for("HIGH")
        desk.send("\r")
        desk.wait_for("EVIDENCE")
        look(desk)
        desk.send("e")
        desk.wait_for("what you change")
        desk.send("\x1b")
        desk.read(0.5)
        desk.send("r")
        desk.wait_for("Why reject")
        desk.send("1")
        desk.wait_for("Reject saved")
        desk.send("S")
        desk.wait_for("Sign 1 mark")
        desk.send(PIN + "\r")
        desk.wait_for("1 decision signed")
        desk.send("\x1b")
        desk.read(0.5)
        desk.send("\x1b[20~")  # F9: raw text past all cleaning, for the net
        desk.wait_for("leak")
        desk.send("\x11")
        desk.process.wait(10)
        desk.read(0.2)
    for raw in (b"\x1b]52", b"owned\x1b", b"\x1b]0;owned", b"\x1b[97;13", b"\xc2\x9b", b"\xc2\x9d", b"\x08", b"\x7f"):
        assert raw not in desk.out, raw
    assert "␛]52;c;".encode() in desk.out
    assert b"<U+009B>" in desk.out
    assert "leak \ufffd]52".encode() in desk.out
    assert desk.process.returncode == 0


CORPUS_PROGRAM = """
import sys
from pathlib import Path
from review_tui.app import run
from tests.review_tui.memory_releases import MemoryReleases
from tests.review_tui.test_hostile_text import hostile_desk
from tests.review_tui.test_terminal import corpus_texts

texts = corpus_texts(Path(sys.argv[1]))
raise SystemExit(run(hostile_desk(texts), MemoryReleases(text="  ".join(texts)[:60_000])))
"""


def corpus_texts(folder: Path) -> list[str]:
    """Give every string of the injection samples, packed into a dozen long texts; those that act come first."""
    found: list[str] = []

    def collect(value: object) -> None:
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, dict | list):
            for each in value.values() if isinstance(value, dict) else value:
                collect(each)

    for path in sorted(folder.rglob("*.json")):
        collect(json.loads(path.read_text(encoding="utf-8")))
    for path in (*sorted(folder.rglob("*.txt")), *sorted(folder.rglob("*.jsonl"))):
        found.append(path.read_text(encoding="utf-8"))
    found.sort(key=lambda text: text.isprintable())
    return ["\n".join(found[number::12]) for number in range(12)]


def test_the_injection_samples_are_shown_on_every_page_and_send_nothing_raw() -> None:
    samples = Path(os.environ.get("MEDREK_FLOW_DATA", "/nowhere"), "injection")
    if not samples.is_dir():
        pytest.skip("MEDREK_FLOW_DATA names no folder with injection samples")
    with terminal(CORPUS_PROGRAM, str(samples)) as desk:
        desk.wait_for("WHAT BECAME")
        desk.send("\r")
        desk.wait_for("HIGH")
        desk.send("\r")
        desk.wait_for("EVIDENCE")
        for _ in range(4):
            look(desk)
            desk.send("n")
            desk.read(0.5)
        for key in ("\x1b", "R", "b", "\x1b", "\x1b", "A", "\x1b", "B", "n", "y", "\r"):
            desk.send(key)
            desk.read(0.6)
        desk.send("\x11")
        assert desk.process.wait(20) == 0
        desk.read(0.2)
    assert not re.search(rb"\x1b\](?!22;)", desk.out)  # 22: the pointer's shape, which is Textual's own
    for raw in (b"\xc2\x9b", b"\xc2\x9d", b"\x1b[32mTHIS", "\u202e".encode(), "\u200b".encode()):
        assert raw not in desk.out, raw
    assert "␛".encode() in desk.out


@pytest.mark.parametrize("signal_number", [signal.SIGHUP, signal.SIGKILL])
def test_a_dropped_line_after_a_mark_loses_nothing(tmp_path: Path, signal_number: int) -> None:
    journal = tmp_path / "marks.jsonl"
    with terminal(PLAIN_PROGRAM, str(journal)) as desk:
        desk.wait_for("WHAT BECAME")
        desk.send("\r")
        desk.wait_for("HIGH")
        desk.send("Gk\r")
        desk.wait_for("THE FACT")
        for number in (1, 2):
            desk.read(0.9)
            desk.send("a")
            desk.wait_for("saved for")
            os.kill(desk.process.pid, signal_number) if number == 2 else None
        assert desk.process.wait(10) != 0
    marks = [json.loads(line) for line in journal.read_text().splitlines()]
    assert [mark["verdict"] for mark in marks] == ["approve", "approve"]


def test_ctrl_q_and_sigterm_leave_the_terminal_as_it_was(tmp_path: Path) -> None:
    for leave in ("key", "signal"):
        with terminal(PLAIN_PROGRAM, str(tmp_path / "marks.jsonl")) as desk:
            desk.wait_for("WHAT BECAME")
            desk.send("\x11") if leave == "key" else desk.process.terminate()
            assert desk.process.wait(10) == 0
            desk.read(0.3)
        assert b"\x1b[?1049l" in desk.out
        assert b"\x1b[?25h" in desk.out


def test_no_color_sends_greys_only(tmp_path: Path) -> None:
    with terminal(PLAIN_PROGRAM, str(tmp_path / "marks.jsonl"), NO_COLOR="1") as desk:
        desk.wait_for("WHAT BECAME")
        desk.send("\r")
        desk.wait_for("▲ HIGH")
        desk.read(0.3)
        desk.send("\x11")
        desk.process.wait(10)
    colours = re.findall(rb"[34]8;2;(\d+);(\d+);(\d+)", desk.out)
    assert colours
    assert all(red == green == blue for red, green, blue in colours)
