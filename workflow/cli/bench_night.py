"""How long the intake of a night takes that brings nothing new, and that it loads no model."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from workflow.cli.output import Progress
from workflow.errors import WorkflowError
from workflow.site import Site

LIMIT_S = 10.0
_MODEL_LIBRARIES = ("torch", "transformers")
_LABEL = """Product: Corvandine {number} (Corvanex)
Kind: label
Set ID: 00000000-0000-4000-8000-{number:012d}

# 2 Dosage and Administration

The recommended dose of corvandine {number} for women is 10 mg once daily.
"""
_PROBE = """
import json, sys, time
from workflow.cli.main import main
began = time.perf_counter()
code = 0
try:
    main(sys.argv[1:])
except SystemExit as left:
    code = left.code or 0
modules = sorted({name.partition(".")[0] for name in sys.modules})
sys.stderr.write("\\n" + json.dumps({"code": code, "modules": modules}))
"""


@dataclass(frozen=True)
class NightTiming:
    """A night in which nothing is new, in seconds from the start of its process."""

    documents: int
    first_s: float
    """The night that put them on record; it writes the first release, and loads the model for that."""
    median_s: float
    slowest_s: float
    cpu_s: float
    """Processor time of such a night, median: what an idle machine would take at least."""
    loaded: tuple[str, ...]
    """Model libraries that the quiet nights imported; expected to be none."""


def measure_night(*, documents: int, runs: int, progress: Progress) -> NightTiming:
    """Run nights on a new site whose drop folder stays as it is."""
    with tempfile.TemporaryDirectory(prefix="medrek-flow-bench-") as folder:
        root = Path(folder, "site")
        off = {f"sources.{name}.enabled": False for name in ("pubmed", "openfda")}
        Site.create(root, demo=True, signer_profile="one_signer", settings=off)
        for number in range(documents):
            (root / "drop" / f"label-{number}.md").write_text(_LABEL.format(number=number), encoding="utf-8")
        times, processor, loaded = [], list[float](), set[str]()
        for day in range(1, runs + 2):
            progress("nights", day - 1, runs + 1)
            before = _children_cpu_s()
            seconds, modules = _night(root, day)
            times.append(seconds)
            processor.append(_children_cpu_s() - before)
            loaded |= modules if day > 1 else set()
    quiet = sorted(times[1:])
    cpu_s = sorted(processor[1:])[len(quiet) // 2]
    return NightTiming(documents, times[0], quiet[len(quiet) // 2], quiet[-1], cpu_s, tuple(sorted(loaded)))


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _night(root: Path, day: int) -> tuple[float, set[str]]:
    command = [sys.executable, "-c", _PROBE, "night", "--now", f"2026-11-{day:02d}T02:00:00Z", "--json"]
    began = time.perf_counter()
    done = subprocess.run(
        [*command, "--site", str(root)], cwd=root, env={**os.environ}, capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - began
    said = json.loads(done.stderr.strip().splitlines()[-1])
    if said["code"]:
        raise WorkflowError(f"bench: expected the night to exit with 0, got {said['code']}")
    return seconds, set(_MODEL_LIBRARIES) & set(said["modules"])
