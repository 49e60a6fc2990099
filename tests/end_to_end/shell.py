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

    def start(self, *arguments: str, kill_at: str = "", pin: str | None = None) -> subprocess.Popen[str]:
        """Start a command as a process of its own and do not wait for it."""
        environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "200"}
        environment.pop("MEDREK_FLOW_HOME", None)
        if kill_at:
            environment[ENVIRONMENT_NAME] = kill_at
        command = [sys.executable, "-m", "workflow", *arguments]
        if arguments[0] != "init":
            command += ["--site", str(self.root)]
        reading = _pin_descriptor(pin)
        if reading is not None:
            command += ["--pin-fd", str(reading)]
        try:
            return subprocess.Popen(
                command,
                cwd=_REPOSITORY,
                env=environment,
                text=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=() if reading is None else (reading,),
            )
        finally:
            if reading is not None:
                os.close(reading)

    def run(self, *arguments: str, kill_at: str = "", pin: str | None = None) -> Ended:
        """Run a command to its end."""
        process = self.start(*arguments, kill_at=kill_at, pin=pin)
        out, err = process.communicate(timeout=300)
        return Ended(process.returncode, out, err)

    def done(self, *arguments: str, pin: str | None = None) -> Ended:
        """Run a command that has to succeed."""
        ended = self.run(*arguments, pin=pin)
        assert ended.code == 0, f"medrek-flow {' '.join(arguments)}: {ended.code}\n{ended.out}\n{ended.err}"
        return ended

    def make_site(self, *options: str) -> None:
        """Make a one-signer demo site whose one signer is a script, with no source but its drop folder."""
        self.done("init", str(self.root), "--demo", "--profile", "one-signer", *options)
        self.done("reviewer", "add", SIGNER, "--name", "First (script)", "--scripted", pin=PIN)
        self.configure("sources.pubmed", enabled=False)
        self.configure("sources.openfda", enabled=False)

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


def _pin_descriptor(pin: str | None) -> int | None:
    if pin is None:
        return None
    reading, writing = os.pipe()
    os.write(writing, f"{pin}\n".encode())
    os.close(writing)
    return reading


def assert_one_line(ended: Ended) -> str:
    """Check that a command said one clear line on stderr (but for a site's standing warnings), and give it."""
    assert "Traceback" not in ended.err + ended.out
    standing = standing_warnings("demo", "one_signer")
    lines = [line for line in ended.err.splitlines() if line.strip() and line not in standing]
    assert len(lines) == 1, ended.err
    assert lines[0].startswith("medrek-flow: "), ended.err
    assert "unexpected" not in lines[0], ended.err
    return lines[0]
