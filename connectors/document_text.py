"""Builds a document's text piece by piece, and knows the offsets of every piece.

Owns the rule that what ends up in ``Document.text`` has been through ``strip_invisible``.
"""

from __future__ import annotations

from connectors.invisible import strip_invisible
from connectors.notice import HiddenText, Section


class DocumentText:
    """A text that grows at its end; offsets are code points into the finished text."""

    def __init__(self) -> None:
        """Start empty."""
        self._parts: list[str] = []
        self._hidden: list[HiddenText] = []
        self.length = 0

    def add(self, text: str, *, keep_lines: bool = False) -> tuple[int, int]:
        """Append the visible part of ``text`` and give its offsets; white space is collapsed unless asked not to."""
        visible, hidden = strip_invisible(text)
        self._hidden.extend(hidden)
        if not keep_lines:
            visible = " ".join(visible.split())
        start = self.length
        self._append(visible)
        return start, self.length

    def add_section(self, code: str, title: str, body: str, *, lead: str) -> Section:
        """Append ``lead`` (the title as shown, with what follows it) and the body; the section is the body."""
        self._append(lead)
        start, end = self.add(body)
        return Section(code=code, title=title, start=start, end=end)

    def blank_line(self) -> None:
        """Append one blank line, unless the text is empty."""
        if self.length:
            self._append("\n\n")

    def add_break(self) -> None:
        """Append one line feed."""
        self._append("\n")

    def note_hidden(self, hidden: tuple[HiddenText, ...]) -> None:
        """Remember hidden text that was found before the pieces were added."""
        self._hidden.extend(hidden)

    @property
    def text(self) -> str:
        """What was appended so far."""
        return "".join(self._parts)

    @property
    def hidden(self) -> tuple[HiddenText, ...]:
        """What was taken out so far."""
        return tuple(self._hidden)

    def _append(self, text: str) -> None:
        self._parts.append(text)
        self.length += len(text)
