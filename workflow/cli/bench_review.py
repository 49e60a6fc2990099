"""``bench review``: a long queue opened, walked and marked at the real screens, over a real ledger of made-up facts."""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, insert, select

from workflow.cli.bench_terminal import Typist, typist
from workflow.cli.output import Progress
from workflow.ledger import tables
from workflow.ledger.ledger import Ledger
from workflow.ledger_desk import LedgerDesk
from workflow.records import Candidate, CandidateState, ChangeKind, Risk
from workflow.site import Site

_SIGNER = "bench"
_CHUNK = 5_000
_LOOK_S = 0.9
"""A verdict sooner than this after a candidate appears does not count (``review_tui.verdict_guard``)."""


@dataclass(frozen=True)
class ReviewTiming:
    """Seconds of wall time, and marks."""

    candidates: int
    start_s: float
    """From the command to the first screen, interpreter included."""
    open_s: float
    """From the key that opens the queue to its first lines."""
    key_median_s: float
    """From a key to the first byte that answers it."""
    key_slowest_s: float
    search_s: float
    block_s: float
    """Longest time for which the event loop did nothing else, while the queue opened and was walked."""
    block_cpu_s: float
    """The same, counting only the loop's own processor time: what a busy machine cannot blur."""
    kills: int
    acknowledged: int
    """Marks that the screen had called saved when it was killed."""
    lost: int
    acknowledged_decisions: int
    """Decisions that the screen had called signed when it was killed."""
    lost_decisions: int


def measure_review(*, candidates: int, keys: int, kills: int, progress: Progress) -> ReviewTiming:
    """Fill a new demo site, walk its queue in a pseudo-terminal and headless, and kill it right after marks."""
    with tempfile.TemporaryDirectory(prefix="medrek-flow-bench-") as folder:
        site = Site.create(Path(folder, "site"), demo=True, signer_profile="one_signer")
        ledger = site.open_ledger()
        try:
            fill_queue(ledger, candidates, progress)
            command = [sys.executable, "-m", "workflow", "review", "--site", str(site.root), "--as", _SIGNER]
            start_s, open_s, pressed, search_s = _walk(command, keys)
            decided = sum(_mark_and_kill(command, number, progress, kills, sign=True) for number in range(kills))
            acknowledged = sum(_mark_and_kill(command, number, progress, kills) for number in range(kills))
            desk = _desk(site, ledger)
            lost, lost_decisions = acknowledged + decided - _marks(ledger), decided - _decisions(ledger)
            block_s, block_cpu_s = asyncio.run(_longest_block(desk))
        finally:
            ledger.close()
    return ReviewTiming(
        candidates=candidates,
        start_s=start_s,
        open_s=open_s,
        key_median_s=statistics.median(pressed),
        key_slowest_s=max(pressed),
        search_s=search_s,
        block_s=block_s,
        block_cpu_s=block_cpu_s,
        kills=kills,
        acknowledged=acknowledged,
        lost=max(0, lost),
        acknowledged_decisions=decided,
        lost_decisions=max(0, lost_decisions),
    )


def fill_queue(ledger: Ledger, count: int, progress: Progress) -> None:
    """Put made-up candidates of low risk into the queue, and a scripted signer in front of it."""
    with ledger.write() as transaction:
        person = {"reviewer_id": _SIGNER, "name": _SIGNER, "role": "script", "pin_hash": "none", "scripted": 1}
        transaction.execute(insert(tables.reviewers).values(**person, created_at=transaction.now))
    for first in range(0, count, _CHUNK):
        progress("writing candidates", first, count)
        with ledger.write() as transaction:
            rows = [_row(number, transaction.now) for number in range(first, min(first + _CHUNK, count))]
            transaction.execute(insert(tables.candidates), rows)


def _row(number: int, now: str) -> dict[str, object]:
    candidate = Candidate(
        subject=f"substance {number}",
        relation="recommended_dose",
        object_new=f"{number % 400 + 1} mg",
        question=f"What is the recommended dose of substance {number}?",
        change_kind=ChangeKind.REVISED,
        risk=Risk.LOW,
        extractor="bench/1",
    )
    return {
        "candidate_id": f"c-{number:06d}",
        "run_id": "bench",
        "created_at": now,
        "state": CandidateState.PENDING,
        "action": candidate.action,
        "subject": candidate.subject,
        "relation": candidate.relation,
        "functional_key": candidate.functional_key,
        "risk": candidate.risk,
        "content_sha256": candidate.content_sha256,
        "body": candidate.model_dump_json(),
    }


def _walk(command: list[str], keys: int) -> tuple[float, float, list[float], float]:
    with typist(command) as seat:
        start_s = seat.wait_for("WHAT BECAME")
        began = time.perf_counter()
        seat.press("\r")
        seat.wait_for("substance")
        open_s = time.perf_counter() - began
        pressed = [_settled(seat, key) for key in ("j" * (keys - 2)) + "Gg"]
        began = time.perf_counter()
        seat.press("/")
        seat.press("99 mg")
        seat.wait_for("match")
        return start_s, open_s, pressed, time.perf_counter() - began


def _settled(seat: Typist, key: str) -> float:
    time.sleep(0.05)
    return seat.press(key)


def _mark_and_kill(command: list[str], number: int, progress: Progress, kills: int, *, sign: bool = False) -> int:
    """Defer one candidate of a sitting of its own, and kill it as soon as the screen calls it saved, or signed."""
    progress("signing and killing" if sign else "marking and killing", number, kills)
    with typist(command) as seat:
        seat.wait_for("WHAT BECAME")
        seat.press("\r")
        seat.wait_for("substance")
        for _ in range(number):
            _settled(seat, "j")
        seat.press("\r")
        seat.wait_for("THE FACT")
        time.sleep(_LOOK_S)
        seat.press("d")
        seat.wait_for("Defer until when?")
        seat.press("1")
        seat.wait_for("Why defer?")
        seat.press("1")
        seat.wait_for("saved for")
        if sign:
            seat.press("S")
            seat.wait_for("Sign 1 mark")
            time.sleep(_LOOK_S)
            seat.press("S")
            seat.wait_for("decision signed")
        seat.kill()
    return 1


def _marks(ledger: Ledger) -> int:
    """Marks that were ever saved: a sitting that came back to a candidate marked before replaces the mark on it."""
    with ledger.read() as connection:
        saved = select(func.count()).select_from(tables.audit).where(tables.audit.c.event == "candidate.marked")
        return int(connection.execute(saved).scalar_one())


def _decisions(ledger: Ledger) -> int:
    with ledger.read() as connection:
        return int(connection.execute(select(func.count()).select_from(tables.decisions)).scalar_one())


def _desk(site: Site, ledger: Ledger) -> LedgerDesk:
    from workflow.identity import find_reviewer

    return LedgerDesk(ledger, site.documents, find_reviewer(ledger, _SIGNER))


async def _longest_block(desk: LedgerDesk) -> tuple[float, float]:
    """Open and walk the queue without a terminal; give the longest gap between two turns, by wall and by processor."""
    from review_tui.app import DeskApp

    longest, longest_cpu = 0.0, 0.0

    async def beat() -> None:
        nonlocal longest, longest_cpu
        last, last_cpu = time.perf_counter(), time.thread_time()
        while True:
            await asyncio.sleep(0.001)
            now, now_cpu = time.perf_counter(), time.thread_time()
            longest, last = max(longest, now - last), now
            longest_cpu, last_cpu = max(longest_cpu, now_cpu - last_cpu), now_cpu

    app = DeskApp(desk, desk.who())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause(0.5)
        beating = asyncio.create_task(beat())
        await pilot.press("enter")
        await pilot.pause(1.0)
        await pilot.press("G", "g", *"jjjjjjjjjj", "V", "V")
        await pilot.pause(0.2)
        beating.cancel()
    return longest, longest_cpu
