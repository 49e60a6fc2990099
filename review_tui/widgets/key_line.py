"""The last line of every screen: the keys that matter here, generated from the registry of actions."""

from __future__ import annotations

from textual.content import Content
from textual.events import Resize
from textual.widgets import Static

from review_tui.actions import Scope
from review_tui.keymap import key_line


class KeyLine(Static):
    """Shows as many keys as fit, and says when ``?`` has more."""

    def __init__(self, scope: Scope) -> None:
        """Show the keys of a scope."""
        super().__init__(Content(""))
        self._scope = scope

    def on_resize(self, event: Resize) -> None:
        """Fit the keys to the width."""
        self.update(key_line(self._scope, event.size.width - 2))
