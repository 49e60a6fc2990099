"""The line above the keys: what became of the last thing the reviewer did. It stays until the next one."""

from __future__ import annotations

from enum import StrEnum

from textual.content import Content
from textual.widgets import Static

from review_tui.safe_text import one_line


class Tone(StrEnum):
    """How a message is meant; each has a glyph as well as a colour."""

    QUIET = "quiet"
    DONE = "done"
    ASK = "ask"
    FAILED = "failed"


_GLYPH = {Tone.QUIET: "·", Tone.DONE: "✓", Tone.ASK: "!", Tone.FAILED: "✗"}


class MessageLine(Static):
    """Shows one message at a time; up to three rows, so that a refusal can say why."""

    def __init__(self) -> None:
        """Start without a message."""
        super().__init__(Content(""))

    def say(self, words: str, tone: Tone = Tone.QUIET) -> None:
        """Show a message."""
        for other in Tone:
            self.set_class(other is tone, f"-{other}")
        text = f"{_GLYPH[tone]} {one_line(words)}" if words else ""
        self.update(Content(text, strip_control_codes=False))
