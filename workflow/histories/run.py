"""Histories run, one after the other or in several processes; one that breaks a promise is shortened and kept."""

from __future__ import annotations

import multiprocessing
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from workflow.histories.paper_site import Template
from workflow.histories.play import Play, whole_life
from workflow.histories.promises import Broken
from workflow.histories.story import Step, tell, write_story

_IN_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
_PREFIX = "medrek-flow-histories-"
_MOST_TRIES = 120
_SHARE = 100


@dataclass(frozen=True)
class Violation:
    """A history that broke a promise."""

    seed: int
    words: str
    steps: str
    """The shortest one found that breaks it too, to be played again."""


@dataclass(frozen=True)
class Ran:
    """What one history, or many, came to."""

    histories: int = 0
    steps: int = 0
    crashes: int = 0
    promotions: int = 0
    rollbacks: int = 0
    withdrawals: int = 0
    decisions: int = 0
    violations: tuple[Violation, ...] = ()

    def __add__(self, other: Ran) -> Ran:
        """Both together."""
        return Ran(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))


@contextmanager
def stage() -> Iterator[Template]:
    """Make the sites that histories are played on, in memory where the machine has a folder there."""
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_place()))
    try:
        yield Template(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run_one(template: Template, folder: Path, seed: int, steps: Sequence[Step] | None = None) -> Ran:
    """Play the history of a seed (or these steps on its site) on a fresh site.

    Raises:
        Broken: it broke a promise.
    """
    story = tell(seed) if steps is None else steps
    profile = "one_signer" if seed % 4 == 0 else "two_signer"
    site = template.copy(profile, folder / profile)
    try:
        play = Play(template, site, profile)
        try:
            taken = whole_life(play, story)
        finally:
            play.close()
    finally:
        shutil.rmtree(site.root, ignore_errors=True)  # SQLite may take its own files away meanwhile
    causes = [release.cause for release in play.books.releases]
    return Ran(
        histories=1,
        steps=taken,
        crashes=play.crashes,
        promotions=causes.count("promotion"),
        rollbacks=causes.count("rollback") + causes.count("undone_rollback") + causes.count("automatic_return"),
        withdrawals=causes.count("withdrawal"),
        decisions=len(play.books.decisions),
    )


def run_many(first_seed: int, count: int, told: Callable[[int, int], None]) -> Ran:
    """Play the histories of seeds in a row in this process."""
    total = Ran()
    with stage() as template, tempfile.TemporaryDirectory(prefix=_PREFIX, dir=_place()) as folder:
        for number in range(count):
            total += _tried(template, Path(folder), first_seed + number)
            told(number + 1, count)
    return total


def _place() -> str | None:
    return str(_IN_MEMORY) if _IN_MEMORY.is_dir() else None


def _tried(template: Template, folder: Path, seed: int) -> Ran:
    try:
        return run_one(template, folder, seed)
    except Broken as error:
        steps = shortened(lambda steps: _breaks(template, folder, seed, steps), tell(seed))
        words = _breaks(template, folder, seed, steps) or str(error)
        return Ran(histories=1, violations=(Violation(seed, words, write_story(steps)),))


def replay(seed: int, steps: Sequence[Step]) -> Ran:
    """Play these steps once on the site of a seed."""
    with stage() as template, tempfile.TemporaryDirectory(prefix=_PREFIX, dir=_place()) as folder:
        try:
            return run_one(template, Path(folder), seed, steps)
        except Broken as error:
            return Ran(histories=1, violations=(Violation(seed, str(error), write_story(steps)),))


def _breaks(template: Template, folder: Path, seed: int, steps: Sequence[Step]) -> str:
    """What a history breaks, in words; empty where it breaks nothing."""
    try:
        run_one(template, folder, seed, steps)
    except Broken as error:
        return str(error)
    return ""


def shortened(breaks: Callable[[Sequence[Step]], str], steps: Sequence[Step]) -> tuple[Step, ...]:
    """Leave out steps as long as what remains still breaks something: halves first, then one by one."""
    kept, size, tries = list(steps), max(1, len(steps) // 2), 0
    while size and tries < _MOST_TRIES:
        at, found = 0, False
        while at < len(kept) and tries < _MOST_TRIES:
            without = kept[:at] + kept[at + size :]
            tries += 1
            if without and breaks(without):
                kept, found = without, True
            else:
                at += size
        size = size if found and size == 1 else size // 2
    return tuple(kept)


def run_histories(
    count: int, *, seed: int, processes: int, told: Callable[[int, int], None] = lambda _done, _of: None
) -> Ran:
    """Play the histories of ``count`` seeds, from ``seed`` on, divided among processes.

    Args:
        told: hears how many are through, of how many.
    """
    if processes == 1:
        return run_many(seed, count, told)
    shares = [(seed + start, min(_SHARE, count - start)) for start in range(0, count, _SHARE)]
    total = Ran()
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        for ran in pool.imap_unordered(_share, shares):
            total += ran
            told(total.histories, count)
    return total


def _share(share: tuple[int, int]) -> Ran:
    return run_many(*share, lambda _done, _of: None)
