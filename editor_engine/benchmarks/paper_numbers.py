"""The paper's own numbers (its Tables 2, 3, 4, 9 and 10), to print beside ours; never mixed with them.

``paper_numbers.csv`` holds them as printed, one line a method, data set and number of edits; Table 10 has seconds an
edit alone. MEND's MedVersa numbers at 50 and 100 edits in Table 3 are left out: the text at hand has them garbled.
"""

from __future__ import annotations

import csv
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

SOURCE = "MedREK: Retrieval-Based Editing for Medical LLMs with Key-Aware Prompts, Tables 2, 3, 4, 9 and 10"
SECONDS = "s an edit"
"""How tables call the paper's edit time: for one edit, in seconds."""
COLUMNS = {name: name for name in ("Eff", "Gen", "TD", "EM", "SS", "TS", "Loc", "Flu", "Avg")} | {"edit_s": SECONDS}
"""Columns of the file, and how tables call them."""


@dataclass(frozen=True)
class PaperRow:
    """One method's line: ``numbers`` by column, only those that the table has."""

    table: int
    model: str
    data: str
    edits: int
    method: str
    numbers: dict[str, float]


@cache
def paper_rows() -> tuple[PaperRow, ...]:
    """Every line, in the paper's order."""
    with files(__package__).joinpath("paper_numbers.csv").open(encoding="utf-8") as file:
        return tuple(
            PaperRow(
                int(row["table"]),
                row["model"],
                row["data"],
                int(row["edits"]),
                row["method"],
                {shown: float(row[name]) for name, shown in COLUMNS.items() if row[name]},
            )
            for row in csv.DictReader(file)
        )


def paper_rows_beside(columns: Collection[str]) -> list[PaperRow]:
    """The rows on data with the locality slots of these columns, and those of edit times; none for other data."""
    slot = next((name for name in ("TD", "Loc") if name in columns), None)
    return [row for row in paper_rows() if slot is not None and (slot in row.numbers or "Eff" not in row.numbers)]


def number_text(column: str, value: float | None) -> str:
    """A number as tables print it: two places, seconds to a tenth of a millisecond."""
    if value is None:
        return "-"
    return f"{round(value, 4):g}" if column == SECONDS else f"{value:.2f}"


def average(numbers: dict[str, float]) -> float:
    """Eq. 13: the mean of efficacy and generality, and the mean of the locality slots, weigh the same."""
    slots = [numbers[name] for name in ("TD", "EM", "SS", "TS", "Loc") if name in numbers]
    return ((numbers["Eff"] + numbers["Gen"]) / 2 + sum(slots) / len(slots)) / 2
