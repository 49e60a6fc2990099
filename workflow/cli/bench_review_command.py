"""``bench review`` as a command: options, table and exit code; what it measures is loaded when it is called."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from workflow.cli.options import Json
from workflow.cli.output import emit_json, note, progress_bar, table
from workflow.errors import ExitCode

OPEN_S, KEY_S, BLOCK_S = 1.0, 0.05, 0.1


def review(
    candidates: Annotated[int, typer.Option("--candidates", min=100, help="Candidates in the queue.")] = 50_000,
    keys: Annotated[int, typer.Option("--keys", min=5, help="Keys to time.")] = 60,
    kills: Annotated[
        int, typer.Option("--kills", min=0, help="Sittings to kill after a mark, and after a signature.")
    ] = 5,
    as_json: Json = False,
) -> None:
    """Measure the review screens: opening a long queue, key to effect, blocks of the loop, what kill -9 loses."""
    from workflow.cli.bench_review import measure_review

    with progress_bar() as progress:
        measured = measure_review(candidates=candidates, keys=keys, kills=kills, progress=progress)
    limits = {"open_s": OPEN_S, "key_s": KEY_S, "block_s": BLOCK_S, "lost": 0, "lost_decisions": 0}
    if as_json:
        emit_json("bench-review", {**asdict(measured), "aims": limits})
    else:
        m = measured
        lines = [
            ("command to first screen", f"{m.start_s:.2f} s", ""),
            (f"queue of {m.candidates} opens", f"{m.open_s:.2f} s", f"< {OPEN_S:.0f} s"),
            ("key to effect, median", f"{m.key_median_s * 1000:.0f} ms", f"< {KEY_S * 1000:.0f} ms"),
            ("key to effect, slowest", f"{m.key_slowest_s * 1000:.0f} ms", ""),
            ("search through all of it", f"{m.search_s:.2f} s", ""),
            ("longest block of the loop", f"{m.block_s * 1000:.0f} ms", f"< {BLOCK_S * 1000:.0f} ms"),
            ("of it the loop's own work", f"{m.block_cpu_s * 1000:.0f} ms", ""),
            (f"marks lost in {m.kills} kills (of {m.acknowledged} called saved)", str(m.lost), "0"),
            (f"decisions lost (of {m.acknowledged_decisions} called signed)", str(m.lost_decisions), "0"),
        ]
        table(("what", "measured", "aim"), lines)
    if measured.open_s >= OPEN_S or measured.key_median_s >= KEY_S or measured.block_s >= BLOCK_S:
        note("short of an aim here and now; look again on an idle machine")
    if measured.lost or measured.lost_decisions:
        raise typer.Exit(ExitCode.FAILED)
