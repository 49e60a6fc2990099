"""Text that is laid out anew for every width, so that further lines of a value stand under its first one."""

from __future__ import annotations

from collections.abc import Callable

from textual.content import Content
from textual.events import Resize
from textual.widgets import Static


class Reflowed(Static):
    """Shows what a function writes for the width at hand."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own word for it
        """Start empty."""
        super().__init__(Content(""), id=id)
        self._write: Callable[[int], Content] | None = None
        self._width = 0

    def show(self, write: Callable[[int], Content]) -> None:
        """Show what ``write`` gives for a width in cells."""
        self._write = write
        self._lay_out()

    def on_resize(self, event: Resize) -> None:
        """Lay out anew where the width changed."""
        del event
        if self.content_size.width != self._width:
            self._width = self.content_size.width
            self._lay_out()

    def _lay_out(self) -> None:
        if self._write is not None and self._width:
            self.update(self._write(self._width))
