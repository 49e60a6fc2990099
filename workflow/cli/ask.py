"""``ask``: a question to the served model, with the edit that fired, or why none did."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from workflow.cli.asking import at_terminal
from workflow.cli.options import Folder, Json
from workflow.cli.output import banner, emit_json, note, say
from workflow.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workflow.workbench import AskResult

commands = typer.Typer()

_SILENCE = {
    "empty_memory": "no edit is in force",
    "below_threshold": "no edit came near enough",
    "subject_not_named": "the nearest edit is about a subject that the question does not name",
    "other_relation": "the nearest edit answers another question about this subject",
    "other_qualifier": "the nearest edit holds for another population, route or form",
    "verifier_refused": "the second look found that it asks for something else",
    "stopped": "serving is stopped",
}


@commands.command(rich_help_panel="Every day")
def ask(
    questions: Annotated[list[str] | None, typer.Argument(metavar="[QUESTION]...")] = None,
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Ask the served model; without a question, ask until you are done."""
    from workflow.cli.opening import find_site, open_ledger
    from workflow.workbench import Workbench

    site = find_site(folder)
    with open_ledger(folder) as opened:
        lines = opened.demo_banner
    bench = Workbench.open(site)
    if questions:
        results = bench.ask(*questions)
        banner(lines)
        if as_json:
            emit_json("ask", {"warnings": lines, "results": [_as_json(result) for result in results]})
        else:
            for result in results:
                show_answer(result)
        return
    asked = False
    for question in _typed():
        asked = True
        bench.refresh()
        banner(lines)
        for result in bench.ask(question):
            if as_json:
                emit_json("ask", {"warnings": lines, "results": [_as_json(result)]})
            else:
                show_answer(result, echo=not at_terminal())
    if not (asked or at_terminal()):
        raise UsageError("ask: expected a question, on the command line or one a line on stdin, got none")


def show_answer(result: AskResult, *, echo: bool = True) -> None:
    """Print the question (unless it was just typed above), the answer and what decided it."""
    firing = result.firing
    if echo:
        say(result.question, style="bold")
    say(f"  {result.answer}")
    score = f"score {firing.score:.3f}, margin {firing.margin:+.3f}"
    if result.edit is not None:
        where = f"batch {result.edit.batch_id}, release {result.release_id}"
        say(
            f"  edit {result.edit.edit_id} fired ({score}; {where}); medrek-flow trace {result.attribution_id}",
            style="dim",
        )
        return
    why = _SILENCE.get(str(firing.silence), "no edit fired")
    nearest = f"; nearest is {result.best.edit_id} ({score})" if result.best is not None else ""
    say(f"  the base model's own answer: {why}{nearest}; {result.attribution_id}", style="dim")


def _typed() -> Iterator[str]:
    """Give the questions that are typed or piped in, one a line, until an empty line or the end."""
    if at_terminal():
        note("one question a line; an empty line ends")
    while True:
        if at_terminal():
            sys.stderr.write("> ")
            sys.stderr.flush()
        question = sys.stdin.readline().strip()
        if not question:
            return
        yield question


def _as_json(result: AskResult) -> dict[str, object]:
    firing = result.firing
    return {
        "question": result.question,
        "answer": result.answer,
        "release_id": result.release_id,
        "attribution_id": result.attribution_id,
        "stopped": result.stopped,
        "edit_id": firing.edit_id,
        "batch_id": result.edit.batch_id if result.edit else None,
        "score": firing.score,
        "margin": firing.margin,
        "silence": str(firing.silence) if firing.silence else None,
        "nearest_edit_id": firing.best_edit_id,
    }
