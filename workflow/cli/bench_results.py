"""The result folder of a long benchmark: refused before anything is computed, kept whatever ends the run."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from workflow.cli.output import note
from workflow.errors import UsageError

if TYPE_CHECKING:
    from editor_engine.benchmarks.run_journal import RunJournal


def require_results_folder(out: Path | None, *, resume: bool) -> None:
    """Refuse a folder that cannot take this run's results, and --resume without one.

    Raises:
        UsageError: --resume without --out.
        EngineError: a file stands there, or a run that was begun and is not to go on.
    """
    from editor_engine.benchmarks.run_journal import require_place

    if out is not None:
        require_place(out, resume=resume)
    elif resume:
        raise UsageError("--resume goes on with the run in a folder: name it with --out")


@contextmanager
def results_kept(
    out: Path | None, settings: Mapping[str, str], members: Mapping[str, str], *, resume: bool
) -> Iterator[RunJournal | None]:
    """Give the run's journal, None without a folder; say after Ctrl-C how the run goes on."""
    from editor_engine.benchmarks.run_journal import RunJournal

    if out is None:
        yield None
        return
    with RunJournal(out, settings, members, resume=resume) as journal:
        try:
            yield journal
        except KeyboardInterrupt:
            note(f"interrupted: what was measured is kept in {out}; the same command with --resume goes on")
            raise


def seconds_told(began: float, journal: RunJournal | None) -> dict[str, object]:
    """The seconds of this start, and those of the starts before it where there were any."""
    found: dict[str, object] = {"seconds": round(time.perf_counter() - began, 1)}
    if journal is not None and journal.seconds_before:
        found["seconds of earlier starts, for what is kept of them"] = round(journal.seconds_before, 1)
    return found
