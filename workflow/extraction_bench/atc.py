"""The ATC/DDD differ against an event list: every snapshot with the next, row for row."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from workflow.errors import UsageError
from workflow.intake.atc_tables import AtcTable, compare_atc

_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})\.csv$")


@dataclass(frozen=True)
class AtcResult:
    """How the differ's events agree with those that are listed."""

    snapshots: int
    events: int
    listed: int
    missing: tuple[str, ...]
    extra: tuple[str, ...]

    @property
    def exact(self) -> bool:
        """Whether they are the same rows, each as often."""
        return not (self.missing or self.extra) and self.events == self.listed


def measure_atc(data: Path) -> AtcResult:
    """Compare every two snapshots in order of their days.

    Raises:
        UsageError: fewer than two snapshots, or no event list.
    """
    snapshots = sorted((match[1], path) for path in data.glob("*.csv") if (match := _DAY.search(path.name)))
    listing = data / "changes.jsonl"
    if len(snapshots) < 2 or not listing.is_file():
        raise UsageError(
            f"--data {data}: expected two tables named ...YYYY-MM-DD.csv or more, and changes.jsonl, "
            f"got {len(snapshots)} tables and {'a' if listing.is_file() else 'no'} list"
        )
    tables = [(day, AtcTable.read(path.read_text(encoding="utf-8"), what=path.name)) for day, path in snapshots]
    found = [
        _line(event.as_row(first, second))
        for (first, old), (second, new) in pairwise(tables)
        for event in compare_atc(old, new)
    ]
    days = {(first, second) for (first, _), (second, _) in pairwise(tables)}
    rows = [json.loads(line) for line in listing.read_text(encoding="utf-8").splitlines() if line.strip()]
    listed = [_line(row) for row in rows if (row["from"], row["to"]) in days]
    return AtcResult(
        len(snapshots),
        len(found),
        len(listed),
        tuple(sorted(set(listed) - set(found))),
        tuple(sorted(set(found) - set(listed))),
    )


def _line(row: object) -> str:
    return json.dumps(row, sort_keys=True, ensure_ascii=False)
