"""The real command line in processes of its own, and what it left in the ledger, for tests of whole nights."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from tests.end_to_end.warm import Running
from workflow.fault_points import ENVIRONMENT_NAME
from workflow.settings import FILE_NAME
from workflow.status import standing_warnings

PIN = "424242"
SIGNER = "script-1"
_REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, object]:
        """The one object that it printed."""
        read: dict[str, object] = json.loads(self.out)
        return read


@dataclass(frozen=True)
class Shell:
    """A person at a site, who can only type commands."""

    root: Path
    cold: bool = False
    """Whether every command pays for its imports, as ``python -m workflow``; else it is forked from a warm process."""

    def start(self, *arguments: str, kill_at: str = "", pin: str | None = None) -> Running:
        """Start a command as a process of its own and do not wait for it."""
        return Running(self._words(arguments), _environment(kill_at), pin)

    def run(self, *arguments: str, kill_at: str = "", pin: str | None = None) -> Ended:
        """Run a command to its end."""
        if self.cold:
            return _run_cold(self._words(arguments), _environment(kill_at), pin)
        running = self.start(*arguments, kill_at=kill_at, pin=pin)
        return self.end(running)

    def end(self, running: Running, *, timeout_s: float = 300) -> Ended:
        """Wait for a command, and say how it ended; one that takes too long is killed."""
        if not running.wait(timeout_s):
            running.kill()
            running.wait(timeout_s)
        return Ended(running.code if running.code is not None else -1, running.said("out"), running.said("err"))

    def _words(self, arguments: tuple[str, ...]) -> list[str]:
        return [*arguments] if arguments[0] == "init" else [*arguments, "--site", str(self.root)]

    def done(self, *arguments: str, pin: str | None = None) -> Ended:
        """Run a command that has to succeed."""
        ended = self.run(*arguments, pin=pin)
        assert ended.code == 0, f"medrek-flow {' '.join(arguments)}: {ended.code}\n{ended.out}\n{ended.err}"
        return ended

    def make_site(self, *options: str) -> None:
        """Make a one-signer demo site whose one signer is a script, with no source but its drop folder."""
        self.done("init", str(self.root), "--demo", "--profile", "one-signer", *options)
        self.done("reviewer", "add", SIGNER, "--name", "First (script)", "--scripted", pin=PIN)
        self.read_the_drop_folder_only()

    def read_the_drop_folder_only(self) -> None:
        """Switch off every source on the network."""
        text = (self.root / FILE_NAME).read_text(encoding="utf-8")
        for name in re.findall(r"(?m)^\[sources\.(\w+)\]$", text):
            self.configure(f"sources.{name}", enabled=name == "dropfolder")

    def configure(self, table: str, **values: str | bool | float) -> None:
        """Change settings of one table by hand, as an editor would."""
        path = self.root / FILE_NAME
        head, found, rest = path.read_text(encoding="utf-8").partition(f"[{table}]\n")
        body, gap, tail = rest.partition("\n[")
        for name, value in values.items():
            body, count = re.subn(rf"(?m)^(# )?{name} = .*$", f"{name} = {json.dumps(value)}", body)
            assert (found, count) == (f"[{table}]\n", 1), f"{table}.{name} is no setting"
        path.write_text(head + found + body + gap + tail, encoding="utf-8")

    def drop(self, name: str, content: str | bytes) -> Path:
        """Put a file into the drop folder, in place of the one that was there."""
        path = self.root / "drop" / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def night(self, now: str) -> Ended:
        """Run a night that has to succeed."""
        return self.done("night", "--now", now, "--json")

    def answers(self, *questions: str) -> list[dict[str, object]]:
        """Ask what is live some questions."""
        return cast(list[dict[str, object]], self.done("ask", *questions, "--json").json["results"])

    def sign(self, candidate_id: str) -> None:
        """Approve a candidate as the script that signs here."""
        self.done("queue", "decide", candidate_id, "--verdict", "approve", "--as", SIGNER)

    def rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        """Read the ledger file, past every line of the product's code."""
        with closing(sqlite3.connect(f"file:{self.root}/data/ledger.sqlite?mode=ro", uri=True)) as connection:
            return connection.execute(query, values).fetchall()

    def one(self, query: str, *values: object) -> object:
        """Read one value of the ledger file."""
        ((value,),) = self.rows(query, *values)
        return value

    def counts(self, *tables: str) -> dict[str, int]:
        """Count the rows of tables."""
        return {table: int(str(self.one(f"SELECT count(*) FROM {table}"))) for table in tables}  # noqa: S608

    def live(self) -> tuple[object, ...]:
        """Number, digest and stop flag of what is served now; empty before the first release."""
        query = "SELECT r.release_id, r.digest, l.stopped FROM live l JOIN releases r USING (release_id)"
        return next(iter(self.rows(query)), ())


def _environment(kill_at: str) -> dict[str, str]:
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "200"}
    environment.pop("MEDREK_FLOW_HOME", None)
    return {**environment, ENVIRONMENT_NAME: kill_at} if kill_at else environment


def _run_cold(words: list[str], environment: dict[str, str], pin: str | None) -> Ended:
    command = [sys.executable, "-m", "workflow", *words]
    reading, writing = os.pipe()
    os.write(writing, f"{pin}\n".encode())
    os.close(writing)
    if pin is not None:
        command += ["--pin-fd", str(reading)]
    try:
        done = subprocess.run(
            command,
            cwd=_REPOSITORY,
            env=environment,
            text=True,
            capture_output=True,
            check=False,
            stdin=subprocess.DEVNULL,
            pass_fds=(reading,),
            timeout=300,
        )
    finally:
        os.close(reading)
    return Ended(done.returncode, done.stdout, done.stderr)


def assert_one_line(ended: Ended) -> str:
    """Check that a command said one clear line on stderr (but for a site's standing warnings), and give it."""
    assert "Traceback" not in ended.err + ended.out
    standing = standing_warnings("demo", "one_signer")
    lines = [line for line in ended.err.splitlines() if line.strip() and line not in standing]
    assert len(lines) == 1, ended.err
    assert lines[0].startswith("medrek-flow: "), ended.err
    assert "unexpected" not in lines[0], ended.err
    return lines[0]
