"""The last line of every screen: the keys that matter here, generated from the registry of actions."""

from __future__ import annotations

from textual.content import Content
from textual.events import Resize
from textual.widgets import Static

from review_tui.action import Scope
from review_tui.keymap import KeyTable, key_line


class KeyLine(Static):
    """Shows as many keys as fit, says when ``?`` has more, and brackets those that do nothing just now."""

    def __init__(self, scope: Scope, table: KeyTable) -> None:
        """Show the keys of a scope."""
        super().__init__(Content(""))
        self._scope = scope
        self._table = table
        self._asleep: frozenset[str] = frozenset()

    def put_to_sleep(self, ids: frozenset[str]) -> None:
        """Say which actions do nothing just now."""
        if ids != self._asleep:
            self._asleep = ids
            self._lay_out(self.size.width)

    def on_resize(self, event: Resize) -> None:
        """Fit the keys to the width."""
        self._lay_out(event.size.width)

    def _lay_out(self, width: int) -> None:
        self.update(key_line(self._scope, width - 2, self._table, self._asleep))
