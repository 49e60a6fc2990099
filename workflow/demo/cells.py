"""The demo's table: every question asked on every release, and what each cell has to say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from editor_engine.metrics import takes
from review_tui.safe_text import clean
from workflow.change_control.release import ReleasedEdit
from workflow.records import Candidate
from workflow.workbench import Workbench

BASELINE = "baseline"


@dataclass(frozen=True)
class Asked:
    """One question of the table: what kind it is, and which edit is meant to change it (None: none is)."""

    question: str
    kind: str
    edit_id: str | None = None


@dataclass(frozen=True)
class Column:
    """One release of the table: who answers with which edit, and what was said to every question."""

    title: str
    in_force: frozenset[str]
    digest: str
    answers: tuple[str, ...]


def ask_column(bench: Workbench, title: str, questions: Sequence[Asked]) -> Column:
    """Take up the live release and ask it every question of the table."""
    bench.refresh()
    results = bench.ask(*(asked.question for asked in questions))
    return Column(title, frozenset(bench.edits), bench.live.digest, tuple(result.answer for result in results))


def cell_holds(asked: Asked, answer: str, base: str, column: Column, candidates: dict[str, Candidate]) -> bool:
    """Whether a cell says what it has to: the new object where its edit is in force, else the model's own answer."""
    if asked.edit_id is None or asked.edit_id not in column.in_force:
        return answer == base
    fact = candidates[asked.edit_id]
    return takes(answer, fact.object_new, fact.object_old, fact.must_not_assert)


def questions_for(edits: Sequence[ReleasedEdit], candidates: dict[str, Candidate]) -> list[Asked]:
    """The changed and reworded questions and the near misses of these edits."""
    asked = [Asked(candidates[edit.edit_id].question, "changed", edit.edit_id) for edit in edits]
    asked += [
        Asked(candidates[edit.edit_id].paraphrases[-1], "reworded", edit.edit_id)
        for edit in edits
        if candidates[edit.edit_id].paraphrases
    ]
    own = {" ".join(one.question.casefold().split()) for one in asked}
    near = [
        Asked(candidates[edit.edit_id].near_misses[0].question, "near miss")
        for edit in edits
        if candidates[edit.edit_id].near_misses
    ]
    return asked + [one for one in near if " ".join(one.question.casefold().split()) not in own]


def draw(questions: Sequence[Asked], columns: Sequence[Column], wrong: set[tuple[int, int]]) -> Table:
    """Draw the table; a cell whose edit is in force is bold, a wrong one is red and says so."""
    table = Table(title="question x release, by the model's own answers", title_justify="left", show_lines=True)
    table.add_column("kind", no_wrap=True)
    table.add_column("question", max_width=34)
    for column in columns:
        table.add_column(f"{column.title}\n{column.digest[:8]}", max_width=26)
    for row, asked in enumerate(questions):
        cells = []
        for number, column in enumerate(columns):
            edited = asked.edit_id in column.in_force
            mark = "✗ " if (row, number) in wrong else "→ " if edited else ""
            style = "bold red" if (row, number) in wrong else "bold" if edited else ""
            cells.append(Text(clean(f"{mark}{column.answers[row]}"), style=style))
        table.add_row(asked.kind, Text(clean(asked.question)), *cells)
    return table
