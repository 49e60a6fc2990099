"""What one action is: id, keys, words, where it can be taken. The registry itself is ``actions``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """Where an action can be taken: a screen, every screen, or a dialog over one."""

    EVERYWHERE = "everywhere"
    START = "start"
    QUEUE = "queue"
    CANDIDATE = "candidate"
    BATCHES = "batches"
    BATCH = "batch"
    RELEASES = "releases"
    AFFECTED = "affected"
    FIX = "fix"
    PICK = "pick"
    WRITE = "write"
    SIGN = "sign"
    CONFIRM = "confirm"
    ASSEMBLE = "assemble"
    LIST = "list"


DIALOGS = frozenset({Scope.FIX, Scope.PICK, Scope.WRITE, Scope.SIGN, Scope.CONFIRM, Scope.ASSEMBLE, Scope.LIST})
"""Scopes of dialogs: their keys are fixed, and no action of a screen reaches through them."""

SCREENS = tuple(scope for scope in Scope if scope not in DIALOGS and scope is not Scope.EVERYWHERE)

SCOPE_TITLE = {
    Scope.EVERYWHERE: "On every screen",
    Scope.START: "First screen",
    Scope.QUEUE: "Queue",
    Scope.CANDIDATE: "Candidate",
    Scope.BATCHES: "Batches",
    Scope.BATCH: "One batch",
    Scope.RELEASES: "Releases",
    Scope.AFFECTED: "Affected edits",
    Scope.FIX: "Dialog: fix and approve",
    Scope.PICK: "Dialog: pick from a list",
    Scope.WRITE: "Dialog: write",
    Scope.SIGN: "Dialog: sign",
    Scope.CONFIRM: "Dialog: confirm",
    Scope.ASSEMBLE: "Dialog: a new batch",
    Scope.LIST: "Dialog: actions and help",
}


@dataclass(frozen=True)
class DeskAction:
    """One thing that a reviewer can do by key."""

    id: str
    """The screen's method is ``action_<id>``; an argument stands in brackets."""
    keys: tuple[str, ...]
    """Textual key names; the first one is shown."""
    words: str
    scope: Scope
    help: str
    on_key_line: bool = False
    decides: bool = False
    """Whether it leads to a verdict; such a key is guarded against repeats and reflexes."""
    key_shown: str | None = None
    """How the key line writes the key, where that is not the key's own name and the user has not changed it."""

    @property
    def name(self) -> str:
        """The name that a keymap uses: ``queue.view_1``."""
        return f"{self.scope}.{self.id.replace('(', '_').rstrip(')')}"

    @property
    def method(self) -> str:
        """The name of the method that does it."""
        return f"action_{self.id.partition('(')[0]}"
