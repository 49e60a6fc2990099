"""``bench grounding``: what the wall lets through, of cases that are right and of cases that are corrupted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workflow.cli.options import Json
from workflow.cli.output import emit_json, note, progress_bar, say, table
from workflow.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from workflow.grounding.cases import Case, CaseFile
    from workflow.grounding.measure import Judged, Line, Measured

_MOST_REASONS = 12
_MOST_PROBLEMS = 20


def grounding(
    data: Annotated[
        Path | None, typer.Option("--data", metavar="FILE", help="Cases, one JSON object a line (docs/llm.md).")
    ] = None,
    make: Annotated[
        Path | None,
        typer.Option(
            "--make",
            metavar="FOLDER",
            help="Make cases from annotated sets and drug labels under this folder; half of them right.",
        ),
    ] = None,
    cases: Annotated[int, typer.Option("--cases", min=2, help="Cases to make.")] = 2000,
    seed: Annotated[int, typer.Option("--seed", help="Which facts are taken, and how they are corrupted.")] = 0,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write the cases made here instead of judging them.")
    ] = None,
    show: Annotated[
        str, typer.Option("--show", metavar="KIND", help="Also list this kind's cases with their reasons; all for all.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Push candidates with their documents through the wall, and count what is admitted. Needs no model.

    Exit code 1 where an aim is missed: mechanical corruptions none, those of meaning at most 5 %, right ones refused
    at most 1 %, grounding and number fidelity whole; or where a record is no case (the others are judged all the same).
    """
    from workflow.grounding.cases import CaseFile, read_cases
    from workflow.grounding.measure import judge_case, tally

    if (data is None) == (make is None):
        raise UsageError("bench grounding: expected --data FILE or --make FOLDER, got " + ("both" if data else "none"))
    with progress_bar() as progress:
        judged = []
        file = read_cases(data) if data is not None else CaseFile(())
        source = file.cases if data is not None else _made(make or Path(), cases, seed, out)
        for number, case in enumerate(source, start=1):
            judged.append(judge_case(case))
            progress("cases through the wall", number, cases if make else len(file.cases))
    if out is not None and make is not None:
        say(f"wrote {out}")
        return
    measured = tally(judged)
    listed = [one for one in judged if show and show in ("all", one.case.kind)]
    for line in (*file.problems[:_MOST_PROBLEMS], *_more(file)):
        note(line)
    if as_json:
        emit_json("bench-grounding", {**_body(measured, listed), "not_read": file.problems, "unread": file.unread})
    else:
        _print(measured, listed)
    for line in measured.missed():
        note(f"missed: {line}")
    if measured.missed() or file.problems:
        raise typer.Exit(ExitCode.FAILED)


def _more(file: CaseFile) -> list[str]:
    lines = []
    if len(file.problems) > _MOST_PROBLEMS:
        lines.append(f"{len(file.problems) - _MOST_PROBLEMS} more records are no cases")
    if file.unread:
        lines.append(f"fields of the file's candidates that are passed over: {', '.join(file.unread)}")
    return lines


def _made(folder: Path, cases: int, seed: int, out: Path | None) -> Iterator[Case]:
    from workflow.grounding.attacks import read_attacks
    from workflow.grounding.cases import read_case, write_case
    from workflow.grounding.gold import read_gold
    from workflow.grounding.making import make_cases

    lines = [
        write_case(case) for case in make_cases(read_gold(folder), cases=cases, seed=seed, attacks=read_attacks(folder))
    ]
    if out is not None:
        out.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return
    for number, line in enumerate(lines, start=1):
        yield read_case(line, number)


def _share(hits: int, line: Line) -> str:
    from editor_engine.metrics import wilson_interval

    low, high = wilson_interval(hits, line.cases)
    return f"{hits} ({100 * low:.1f} to {100 * high:.1f} %)"


def _print(measured: Measured, listed: list[Judged]) -> None:
    rows = [
        (
            line.kind,
            "right" if line.right else "meaning" if line.semantic else "mechanical",
            line.cases,
            _share(line.admitted, line),
            line.attention,
            _share(line.refused, line),
        )
        for line in measured.lines
    ]
    columns = ("kind", "class", "cases", "admitted (95 %)", "needs attention", "refused (95 %)")
    table(columns, rows, empty="no cases")
    if len(measured.groups) > 1:
        groups = [
            (line.kind, line.cases, _share(line.admitted, line), line.attention, _share(line.refused, line))
            for line in measured.groups
        ]
        table(("right ones of", "cases", "admitted (95 %)", "needs attention", "refused (95 %)"), groups)
    for title, lines in _reasons(measured):
        table((title, "cases"), lines[:_MOST_REASONS])
    say(f"grounding of what was let in: {measured.grounded} of {measured.let_in}")
    say(f"number fidelity of what was let in: {measured.numbers_held} of {measured.with_numbers}")
    for one in listed:
        say(f"{one.case.case_id}  {one.case.kind}  {one.ruling.outcome}: {'; '.join(_why(one)) or 'nothing to say'}")


def _reasons(measured: Measured) -> list[tuple[str, list[tuple[str, int]]]]:
    from collections import Counter

    right: Counter[str] = Counter()
    corrupted: Counter[str] = Counter()
    for line in measured.lines:
        (right if line.right else corrupted).update(line.reasons)
    return [
        (title, counts.most_common())
        for title, counts in (("reasons, right ones", right), ("reasons, corrupted ones", corrupted))
        if counts
    ]


def _why(one: Judged) -> tuple[str, ...]:
    return one.ruling.refused or one.ruling.attention


def _body(measured: Measured, listed: list[Judged]) -> dict[str, object]:
    def row(line: Line) -> dict[str, object]:
        return {
            "kind": line.kind,
            "class": "right" if line.right else "semantic" if line.semantic else "mechanical",
            "cases": line.cases,
            "admitted": line.admitted,
            "admitted_bounds": line.admitted_bounds,
            "attention": line.attention,
            "refused": line.refused,
            "refused_bounds": line.refused_bounds,
            "reasons": dict(line.reasons.most_common()),
        }

    return {
        "kinds": [row(line) for line in measured.lines],
        "right_by_set": [row(line) for line in measured.groups],
        "let_in": measured.let_in,
        "grounded": measured.grounded,
        "with_numbers": measured.with_numbers,
        "numbers_held": measured.numbers_held,
        "missed": measured.missed(),
        "cases": [
            {"id": one.case.case_id, "kind": one.case.kind, "outcome": one.ruling.outcome, "reasons": _why(one)}
            for one in listed
        ],
    }
