"""For terminals without Unicode: a line filter that writes every sign of the screens in ASCII, cell for cell.

What outside text holds beyond ASCII becomes ``?`` there, never a look-alike letter: a reviewer must not take a
Cyrillic letter for a Latin one because the terminal could not show it.
"""

from __future__ import annotations

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_SIGNS = {
    "▲": "^", "·": ".", "✓": "+", "✗": "x", "±": "~", "»": ">", "≠": "#", "→": ">", "…": ".", "≈": "~",
    "“": '"', "”": '"', "’": "'", "–": "-", "—": "-", "−": "-", "↑": "^", "↓": "v", "←": "<", "●": "*", "○": "o",
    "◆": "*", "▌": "|", "▐": "|", "█": "#", "▔": "-", "▁": "_", "▎": "|", "▊": "|", "≥": ">", "≤": "<", "×": "x",
    "\ufffd": "?", "\u00a0": " ",
}  # fmt: skip
_BOX_LINES = {**dict.fromkeys("─━┄┅┈┉╌╍═", "-"), **dict.fromkeys("│┃┆┇┊┋╎╏║", "|")}
_TABLE = str.maketrans({**_SIGNS, **_BOX_LINES})


class AsciiNet(LineFilter):
    """Lets ASCII through, and writes everything else as its nearest sign of the same width."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002 - not coloured
        """Replace what is not ASCII."""
        return [
            segment if segment.control or segment.text.isascii() else Segment(to_ascii(segment.text), segment.style)
            for segment in segments
        ]


def to_ascii(text: str) -> str:
    """Give text of the same width in cells that is ASCII only."""
    return "".join(_one(character) for character in text.translate(_TABLE))


def _one(character: str) -> str:
    if character.isascii():
        return character
    if 0x2500 <= ord(character) <= 0x257F:
        return "+"
    if 0x2400 <= ord(character) <= 0x2421:
        return "?"
    return ("#" if 0x2580 <= ord(character) <= 0x259F else "?") * cell_len(character)
