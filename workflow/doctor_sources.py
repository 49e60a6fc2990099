"""Whether the sources answer: each is asked for one day, and the first document counts. Stores nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from connectors.errors import SourceError
from connectors.source import DateWindow, Source
from workflow.clock import utc_now
from workflow.doctor import Finding, fail, ok
from workflow.errors import ExitCode, WorkflowError
from workflow.site import Site
from workflow.source_lines import enabled_sources, said_of
from workflow.source_seam import open_sources

Progress = Callable[[str, int, int | None], None]


_NEXT_STEP = "mend network, proxy or certificates (see [http] in medrek-flow.toml), or set enabled = false for it there"


@dataclass(frozen=True)
class SourceTry:
    """How one source answered."""

    source: str
    ok: bool
    seconds: float
    detail: str


def try_sources(site: Site, names: tuple[str, ...] = (), *, progress: Progress) -> tuple[SourceTry, ...]:
    """Ask the named sources, or all that are switched on, for today; one that fails stops no other."""
    chosen = names or enabled_sources(site)
    tries = []
    for done, name in enumerate(chosen):
        progress(f"asking {name}", done, len(chosen))
        tries.append(_try(site, name))
    return tuple(tries)


def examine_sources(site: Site, *, progress: Progress) -> Iterator[Finding]:
    """Give one finding a source that is switched on."""
    for one in try_sources(site, progress=progress):
        what = f"source {one.source}"
        if one.ok:
            yield ok(what, f"{one.detail} ({one.seconds:.1f} s)")
        else:
            yield fail(what, one.detail, _NEXT_STEP, ExitCode.SOME_SOURCES_FAILED)


def _try(site: Site, name: str) -> SourceTry:
    began = time.perf_counter()
    try:
        with open_sources(site, (name,)) as sources:
            detail = _first_document(sources[0])
    except (SourceError, WorkflowError) as error:
        return SourceTry(name, ok=False, seconds=time.perf_counter() - began, detail=said_of(name, str(error)))
    return SourceTry(name, ok=True, seconds=time.perf_counter() - began, detail=detail)


def _first_document(source: Source) -> str:
    today = utc_now().date()
    for delivery in source.pull(DateWindow(today, today)):
        return f"answers; first document {len(delivery.document.raw)} bytes, {len(delivery.notices)} notices"
    return "answers; nothing today"
