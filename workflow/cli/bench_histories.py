"""``bench histories``: random histories of a whole site against a naive model, the promises asked after every step."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from workflow.cli.options import Json
from workflow.cli.output import emit_json, fields, note, progress_bar, say
from workflow.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from workflow.histories.run import Ran


def histories(
    count: Annotated[int, typer.Option("--count", min=1, help="Histories; each has a seed of its own.")] = 200,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The first one's seed; the others follow it.")] = 1,
    processes: Annotated[int, typer.Option("--processes", min=1, max=64, help="How many at once.")] = 1,
    steps: Annotated[
        str | None, typer.Option("--steps", help="Play these steps, as a violation prints them, on the site of --seed.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Play random histories against a naive model and ask promises P1 to P6 after every step (exit 1 on a violation).

    Propose, rehearse, mark, sign, fix, undo, batch, gate, promote, roll back, undo that, withdraw, expedite, stop,
    restart, crash (an exception, or kill -9, at any statement): the real code over a real ledger, in /dev/shm where
    there is one. Only what a language model would say is made up.
    """
    began = time.perf_counter()
    ran = _replay(seed, steps) if steps is not None else _run(count, seed, processes)
    seconds = time.perf_counter() - began
    if as_json:
        body = {**asdict(ran), "seed": seed, "processes": processes, "seconds": round(seconds, 3)}
        emit_json("bench-histories", {**body, "histories_per_s": round(ran.histories / seconds, 2)})
    else:
        _show(ran, seed, seconds)
    if ran.violations:
        raise typer.Exit(ExitCode.FAILED)


def _run(count: int, seed: int, processes: int) -> Ran:
    from workflow.histories.run import run_histories

    with progress_bar() as progress:
        return run_histories(
            count, seed=seed, processes=processes, told=lambda done, of: progress("histories", done, of)
        )


def _replay(seed: int, steps: str) -> Ran:
    from workflow.histories.run import replay
    from workflow.histories.story import read_story

    try:
        story = read_story(steps)
    except (ValueError, TypeError) as error:
        raise UsageError("--steps: expected the JSON list that a violation prints, got something else") from error
    return replay(seed, story)


def _show(ran: Ran, seed: int, seconds: float) -> None:
    fields(
        [
            ("histories", f"{ran.histories}, from seed {seed} on"),
            ("steps", f"{ran.steps}, the promises asked after each"),
            ("crashes in the middle of an act", ran.crashes),
            ("decisions signed", ran.decisions),
            ("promotions", ran.promotions),
            ("rollbacks, returns and undone rollbacks", ran.rollbacks),
            ("withdrawals", ran.withdrawals),
            ("took", f"{seconds:.1f} s, {ran.histories / seconds:.2f} histories a second"),
            ("violations", len(ran.violations)),
        ]
    )
    for one in ran.violations:
        note(f"seed {one.seed}: {one.words}")
        say(f"medrek-flow bench histories --seed {one.seed} --steps '{one.steps}'")
