"""Runs a lane over a set, one case after the other, and keeps what it said beside what was annotated."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from workflow.errors import UsageError
from workflow.extraction_bench.facts import Reply, ask
from workflow.extraction_bench.gold import Case
from workflow.extraction_bench.scoring import Tally
from workflow.intake.extractor import Extractor

Progress = Callable[[str, int, int | None], None]
_UNUSABLE_AT_FIRST = 3
"""After so many cases without one usable reply a run ends: the server or its settings are at fault."""


@dataclass(frozen=True)
class Ran:
    """A finished run."""

    tally: Tally
    documents: int
    seconds: float

    @property
    def cases_per_minute(self) -> float:
        """Cases asked about, read and put through the wall in a minute."""
        return 60 * self.tally.cases / self.seconds if self.seconds else 0.0


def run_lane(
    lane: Extractor, cases: Iterable[Case], *, limit: int | None = None, out: Path | None = None, tell: Progress
) -> Ran:
    """Ask a lane about cases and count.

    Args:
        lane: What is measured.
        cases: Annotated text.
        limit: Only the first so many.
        out: Folder for ``facts.jsonl``: every case that a fact was found in, or should have been.
        tell: Told how far it is.

    Raises:
        UsageError: there was no case, or nothing usable came from the first ones.
    """
    tally, documents, started = Tally(), set[str](), time.perf_counter()
    lines: list[str] = []
    for number, case in enumerate(islice(cases, limit), start=1):
        reply = ask(lane, case)
        tally.add(case, reply)
        documents.add(case.document)
        tell("reading", number, limit)
        if number == _UNUSABLE_AT_FIRST and tally.valid == 0:
            reasons = next(iter(tally.refused), "no reason given")
            raise UsageError(f"nothing usable in the first {number} replies: {reasons}")
        if out is not None and (reply.found or case.items):
            lines.append(json.dumps(_shown(case, reply), ensure_ascii=True))
    seconds = time.perf_counter() - started
    if not tally.cases:
        raise UsageError("expected at least one case with annotations, got none; is --format right?")
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "facts.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return Ran(tally, len(documents), seconds)


def _shown(case: Case, reply: Reply) -> dict[str, object]:
    return {"case": case.case_id, "annotated": list(_annotated(case)), "said": list(_said(reply))}


def _annotated(case: Case) -> Iterator[dict[str, object]]:
    for item in case.items:
        yield {
            "one": item.one,
            "other": item.other,
            "kind": item.kind,
            "denied": item.denied,
            "hedged": item.hedged,
            "qualifiers": dict(item.qualifiers),
        }


def _said(reply: Reply) -> Iterator[dict[str, object]]:
    for one in reply.found:
        candidate = one.candidate
        yield {
            "subject": candidate.subject,
            "relation": candidate.relation,
            "object": candidate.object_new,
            "qualifiers": dict(candidate.qualifiers),
            "polarity": candidate.polarity.value,
            "certainty": candidate.certainty.value,
            "wall": one.outcome,
            "reasons": list(one.reasons),
        }
