"""Attribution: the name that an answer carries, from which alone it is traced back. Served questions are not stored.

``r7.e-1a2b3c4d5e.0f9e8d7c`` says: release 7, edit e-1a2b3c4d5e, and the first eight digits of that release's digest, so
that a name from another site, or from before a restored backup, is found out. ``r7.none.0f9e8d7c``: no edit fired, the
base model's own answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy import Connection

from workflow.change_control.release import LiveState, read_release, release_edits
from workflow.errors import UsageError

_NAME = re.compile(r"r(\d{1,9})\.(none|e-[0-9a-f]{10})\.([0-9a-f]{8})")
NONE = "none"


@dataclass(frozen=True)
class Attributed:
    """What an answer's attribution id says, checked against the record."""

    attribution_id: str
    release: LiveState
    edit_id: str | None
    """None where no edit fired: the base model's own answer."""


def attribution_id(release_id: int, release_digest: str, edit_id: str | None) -> str:
    """Name what an answer came from."""
    return f"r{release_id}.{edit_id or NONE}.{release_digest[:8]}"


def is_attribution_id(text: str) -> bool:
    """Whether a text is such a name."""
    return _NAME.fullmatch(text) is not None


def read_attribution(connection: Connection, name: str) -> Attributed:
    """Look an answer's attribution id up.

    Raises:
        UsageError: it is none, or not of this site's record.
    """
    parts = _NAME.fullmatch(name)
    if parts is None:
        raise UsageError(f"{name!r}: expected an attribution id like r7.e-1a2b3c4d5e.0f9e8d7c")
    release = read_release(connection, int(parts[1]))
    if release is None or not release.digest.startswith(parts[3]):
        found = f"digest {release.digest[:8]}" if release else "no such release"
        raise UsageError(
            f"{name}: expected release {parts[1]} with digest {parts[3]}, got {found}: the answer is of another site, "
            "or of a record that was replaced since"
        )
    edit_id = None if parts[2] == NONE else parts[2]
    if edit_id and edit_id not in {edit.edit_id for edit in release_edits(connection, release.release_id)}:
        raise UsageError(f"{name}: edit {edit_id} was not in force in release {release.release_id}")
    return Attributed(name, release, edit_id)
