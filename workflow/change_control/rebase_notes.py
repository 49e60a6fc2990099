"""What a rebase measured so far, on disk, an edit a line: a run that was killed goes on from there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from editor_engine.edit import Carrier, Edit
from workflow.records import Record
from workflow.rehearsal_records import CarrierTrial

if TYPE_CHECKING:
    from editor_engine import Editor, MemoryRow


@dataclass(frozen=True)
class Measured:
    """One edit's row for the other model, and what every carrier did."""

    row: MemoryRow
    trials: tuple[CarrierTrial, ...]


class _Line(Record):
    edit_id: str
    edit_sha256: str
    carrier: str
    value_sha256: str
    trials: tuple[CarrierTrial, ...]


class Notes:
    """Lines in a file beside the reports, prompts in files of their own.

    Args:
        path: the file; None keeps nothing, as a dry run must.
        values_folder: where prompts are kept.
    """

    def __init__(self, path: Path | None, values_folder: Path) -> None:
        self._path = path
        self._values_folder = values_folder

    def add(self, measured: Measured) -> None:
        """Write one edit down for good, its prompt first."""
        from editor_engine.value_files import keep_value

        if self._path is None:
            return
        row = measured.row
        if row.prompt is not None:
            keep_value(row.prompt, self._values_folder)
        line = _Line(
            edit_id=row.edit_id,
            edit_sha256=row.edit.sha256,
            carrier=row.carrier,
            value_sha256=row.value_sha256,
            trials=measured.trials,
        )
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line.model_dump_json() + "\n")
            file.flush()
            os.fsync(file.fileno())

    def read(self, editor: Editor, bodies: Mapping[str, Edit], sequences: Mapping[str, int]) -> dict[str, Measured]:
        """What an earlier run wrote down, by edit id; a line that broke off is left out, to be measured again.

        Raises:
            MemoryDamagedError: a prompt that a line names is lost or damaged.
        """
        from editor_engine.value_files import read_value

        lines = {line.edit_id: line for line in self._lines() if _is_of(line, bodies)}
        found = {}
        for row in editor.rows([bodies[edit_id] for edit_id in lines]):
            line = lines[row.edit_id]
            made = replace(row, sequence=sequences[row.edit_id])
            if line.carrier != Carrier.TEXT:
                prompt = read_value(line.value_sha256, self._values_folder)
                made = replace(made, carrier=Carrier(line.carrier), context=None, prompt=prompt)
            found[row.edit_id] = Measured(made, line.trials)
        return found

    def forget(self) -> None:
        """Take the lines away: the report holds what they said."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _lines(self) -> list[_Line]:
        if self._path is None or not self._path.is_file():
            return []
        lines = []
        for text in self._path.read_text(encoding="utf-8").splitlines():
            try:
                lines.append(_Line.model_validate_json(text))
            except ValidationError:  # the write of the last line broke off
                continue
        return lines


def _is_of(line: _Line, bodies: Mapping[str, Edit]) -> bool:
    return line.edit_id in bodies and bodies[line.edit_id].sha256 == line.edit_sha256
