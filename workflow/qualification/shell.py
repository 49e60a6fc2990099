"""Commands of this program in processes of their own, as a person would type them: what a self-test is made of."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from workflow.fault_points import ENVIRONMENT_NAME
from workflow.site import HOME_VARIABLE

_LONGEST_S = 3600.0


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def fields(self) -> dict[str, object]:
        """The one object that it printed; empty where it printed none."""
        try:
            found: object = json.loads(self.out)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def last_word(self) -> str:
        """The last line that it said of what went wrong."""
        lines = [line for line in self.err.splitlines() if line.startswith("medrek-flow: ")]
        return lines[-1] if lines else f"exit code {self.code}"


@dataclass(frozen=True)
class SiteShell:
    """A shell at one site, which is always a copy or a site of the self-test's own."""

    root: Path

    def run(self, *arguments: str, kill_at: str = "") -> Ended:
        """Run one command to its end."""
        environment = {**os.environ, HOME_VARIABLE: str(self.root), "NO_COLOR": "1"}
        if kill_at:
            environment[ENVIRONMENT_NAME] = kill_at
        done = subprocess.run(
            [sys.executable, "-m", "workflow", *arguments, "--site", str(self.root)],
            cwd=self.root,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_LONGEST_S,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def json(self, *arguments: str) -> dict[str, object]:
        """Run a command that has to succeed, and give its object."""
        ended = self.run(*arguments, "--json")
        if ended.code:
            raise CheckFailedError(f"{arguments[0]}: {ended.last_word}")
        return ended.fields


class CheckFailedError(Exception):
    """What was to hold does not; the words say what was seen instead."""


def expect(holds: object, seen: str) -> str:
    """Give what was seen where it is what was expected.

    Raises:
        CheckFailedError: It is not.
    """
    if not holds:
        raise CheckFailedError(seen)
    return seen
