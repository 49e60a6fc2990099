"""How long the light commands take from a cold process, and what they import."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workflow.cli.output import Progress
from workflow.errors import WorkflowError
from workflow.site import HOME_VARIABLE, Site

HEAVY = ("torch", "transformers", "chromadb", "langgraph", "textual", "httpx")
"""Libraries that a light command has no use for."""
LIMITS_S = {"--help": 0.5, "status": 1.0}

_PROBE = """
import json, sys
from workflow.cli.main import main
code = 0
try:
    main(sys.argv[1:])
except SystemExit as left:
    code = left.code or 0
modules = sorted({name.partition(".")[0] for name in sys.modules})
sys.stderr.write("\\n" + json.dumps({"code": code, "modules": modules}))
"""


@dataclass(frozen=True)
class StartupTiming:
    """One command's wall time from process start to exit, in seconds."""

    command: str
    median_s: float
    slowest_s: float
    limit_s: float
    heavy: tuple[str, ...]
    """Heavy libraries that it imported; expected to be none."""


def measure_startup(*, runs: int, progress: Progress) -> tuple[StartupTiming, ...]:
    """Run each light command in processes of their own, on a new empty site."""
    with tempfile.TemporaryDirectory(prefix="medrek-flow-bench-") as folder:
        Site.create(Path(folder, "site"), demo=True, signer_profile="one_signer")
        environment = {**os.environ, HOME_VARIABLE: str(Path(folder, "site"))}
        return tuple(_measure(name, folder, environment, runs, progress) for name in LIMITS_S)


def _measure(command: str, folder: str, environment: dict[str, str], runs: int, progress: Progress) -> StartupTiming:
    times = []
    for done in range(runs):
        progress(command, done, runs)
        began = time.perf_counter()
        _run((sys.executable, "-m", "workflow", command), folder, environment)
        times.append(time.perf_counter() - began)
    heavy = imported_by((command,), folder, environment)
    return StartupTiming(command, statistics.median(times), max(times), LIMITS_S[command], heavy)


def imported_by(arguments: Sequence[str], folder: str, environment: dict[str, str]) -> tuple[str, ...]:
    """Name the heavy libraries that a command imports, as ``sys.modules`` of its process says at the end."""
    result = _run((sys.executable, "-c", _PROBE, *arguments), folder, environment)
    said = json.loads(result.stderr.strip().splitlines()[-1])
    return tuple(name for name in HEAVY if name in said["modules"])


def _run(command: Sequence[str], folder: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if result.returncode:
        raise WorkflowError(f"bench: expected {command[-1]} to exit with 0, got {result.returncode}")
    return result
