"""Compares two states of the WHO's ATC/DDD table: codes that came, moved or were renamed, and defined daily doses.

Pure and exact. A defined daily dose is a unit of consumption statistics, never a dose to give: nothing here is, or may
become, a ``recommended_dose``.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from workflow.errors import UsageError

COLUMNS: Final = ("atc_code", "atc_name", "ddd", "uom", "adm_r", "note")
_NONE: Final = "NA"
_SUBSTANCE: Final = 7
"""Letters and digits of a code of a single substance; shorter ones are groups."""
Dose = tuple[str, str]
Place = tuple[str, str, str]


@dataclass(frozen=True)
class AtcTable:
    """One state of the table."""

    names: Mapping[str, str]
    """Name by code."""
    doses: Mapping[Place, frozenset[Dose]]
    """Amounts with their units, by code, route and note."""

    @classmethod
    def read(cls, text: str, *, what: str) -> AtcTable:
        """Read the CSV form.

        Raises:
            UsageError: a column is missing, or a row has no code; the line is named.
        """
        rows = csv.DictReader(io.StringIO(text, newline=""))
        missing = [column for column in COLUMNS if column not in (rows.fieldnames or ())]
        if missing:
            raise UsageError(f"{what}: expected the columns {', '.join(COLUMNS)}, got none called {missing[0]}")
        names: dict[str, str] = {}
        doses: dict[Place, set[Dose]] = defaultdict(set)
        for row in rows:
            code = (row["atc_code"] or "").strip()
            if not code or None in row.values():
                raise UsageError(f"{what}, line {rows.line_num}: expected a code and {len(COLUMNS)} cells, got fewer")
            names.setdefault(code, row["atc_name"])
            if row["ddd"] != _NONE:
                doses[code, row["adm_r"], row["note"]].add((row["ddd"], row["uom"]))
        return cls(names, {place: frozenset(found) for place, found in doses.items()})


@dataclass(frozen=True)
class AtcEvent:
    """One difference; which fields are filled depends on ``kind``."""

    kind: str
    """``ddd_added``, ``ddd_changed``, ``ddd_removed``, ``code_moved``, ``code_added`` or ``renamed``."""
    code: str = ""
    name: str = ""
    route: str = ""
    note: str = ""
    old_doses: tuple[Dose, ...] = ()
    new_doses: tuple[Dose, ...] = ()
    old_codes: tuple[str, ...] = ()
    new_codes: tuple[str, ...] = ()
    old_name: str = ""

    def as_row(self, first: str, second: str) -> dict[str, object]:
        """Give the event as a row of an event list, with the days of the two states."""
        row: dict[str, object] = {"from": first, "to": second, "kind": self.kind}
        if self.kind == "code_moved":
            return row | {"name": self.name, "old": list(self.old_codes), "new": list(self.new_codes)}
        row["atc_code"] = self.code
        if self.kind == "renamed":
            return row | {"old": self.old_name, "new": self.name}
        row["name"] = self.name
        if self.kind == "code_added":
            return row
        doses = {"old": [list(dose) for dose in self.old_doses], "new": [list(dose) for dose in self.new_doses]}
        return row | {"route": self.route, "note": self.note} | doses


def compare_atc(old: AtcTable, new: AtcTable) -> list[AtcEvent]:
    """Give every difference: doses by place, moved substances by name, new substances and new names by code."""
    return [*_doses(old, new), *_moved(old, new), *_added(old, new), *_renamed(old, new)]


def _doses(old: AtcTable, new: AtcTable) -> Iterator[AtcEvent]:
    for place in sorted({*old.doses, *new.doses}):
        before, after = old.doses.get(place, frozenset()), new.doses.get(place, frozenset())
        if before != after:
            code, route, note = place
            kind = "ddd_added" if not before else "ddd_removed" if not after else "ddd_changed"
            name = new.names.get(code) or old.names[code]
            doses = (tuple(sorted(before)), tuple(sorted(after)))
            yield AtcEvent(kind, code, name, route, note, *doses)


def _moved(old: AtcTable, new: AtcTable) -> Iterator[AtcEvent]:
    """Substances that lost one code and gained another; one that only gained has a further use."""
    before, after = _codes(old), _codes(new)
    for name in sorted(before.keys() & after.keys()):
        lost, gained = before[name] - after[name], after[name] - before[name]
        if lost and gained:
            yield AtcEvent("code_moved", name=name, old_codes=tuple(sorted(lost)), new_codes=tuple(sorted(gained)))


def _codes(table: AtcTable) -> dict[str, set[str]]:
    codes: dict[str, set[str]] = defaultdict(set)
    for code, name in table.names.items():
        if len(code) == _SUBSTANCE:
            codes[name].add(code)
    return codes


def _added(old: AtcTable, new: AtcTable) -> Iterator[AtcEvent]:
    for code in sorted(new.names.keys() - old.names.keys()):
        if len(code) == _SUBSTANCE:
            yield AtcEvent("code_added", code, new.names[code])


def _renamed(old: AtcTable, new: AtcTable) -> Iterator[AtcEvent]:
    for code in sorted(old.names.keys() & new.names.keys()):
        if old.names[code] != new.names[code]:
            yield AtcEvent("renamed", code, new.names[code], old_name=old.names[code])
