"""What a terminal shows that is too small to decide anything in; the style sheet hides everything else there."""

from __future__ import annotations

from textual.content import Content
from textual.events import Resize
from textual.widgets import Static

SMALLEST = (60, 16)


class TooSmall(Static):
    """Says how large the terminal is, and how large it has to be."""

    def __init__(self) -> None:
        """Start without a size."""
        super().__init__(Content(""))

    def on_resize(self, event: Resize) -> None:
        """Say the size."""
        del event
        width, height = self.app.size
        told = f"! {width} x {height} is too small to read evidence in: make it {SMALLEST[0]} x {SMALLEST[1]} or more."
        self.update(Content(told + " Nothing is lost.").stylize("bold $text-warning"))
