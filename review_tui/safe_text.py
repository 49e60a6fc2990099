"""Outside text made harmless before it reaches a widget, and visible where it tried to be invisible.

Owns the only way from a ``str`` to what a widget may show: ``clean`` (to ``SafeText``) and ``content`` (to a
markup-free ``Content``). ``ControlNet`` is the net under it: a line filter that no control character passes,
whatever a widget was given. This module must never drop a character silently: a reviewer has to see tampering.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from typing import NewType

from rich.segment import Segment
from textual.color import Color
from textual.content import Content
from textual.filter import LineFilter

SafeText = NewType("SafeText", str)
"""Text without a character that acts on a terminal or hides from the eye; made only by this module."""

FIELD_LIMIT = 2_000
"""Characters of one field that are laid out; more is cut, with a line that says how much."""

CONTEXT_LIMIT = 8_000
"""Characters of one quote with its surroundings that are laid out, the quote in the middle."""

LINE_LIMIT = 400
"""Characters of what is shown on a line of its own; an ellipsis tells of more."""

_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_INVISIBLE_LETTERS = (
    "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0"  # fillers and blanks that count as letters
    "\ufe00-\ufe0f\U000e0100-\U000e01ef"  # variation selectors: they can carry a whole message
)
_INVISIBLE = re.compile(f"[{_INVISIBLE_LETTERS}]")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class Cleaned:
    """Clean text, and where each raw offset went."""

    text: SafeText
    grown_at: tuple[int, ...]
    """Raw offsets behind each character that was replaced by a longer mark."""
    growth: tuple[int, ...]
    """Characters gained up to each of ``grown_at``."""

    def offset(self, raw_offset: int) -> int:
        """Give the offset in ``text`` of a raw offset; a mark is never cut in two."""
        before = bisect_right(self.grown_at, raw_offset)
        return raw_offset + (self.growth[before - 1] if before else 0)


@lru_cache(maxsize=4096)
def _shown(character: str) -> str:
    """Give what stands for one character: itself, a blank, or a visible mark."""
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    category = unicodedata.category(character)
    if category == "Zs":
        return " "
    if category in _HIDDEN_CATEGORIES or _INVISIBLE.match(character):
        return f"<U+{code:04X}>"
    return character


def clean_mapped(raw: str, *, multi_line: bool = True) -> Cleaned:
    """Clean text and keep the offset map, so that a highlight given in raw offsets still fits.

    Args:
        raw: Text from anywhere.
        multi_line: Whether a line feed stays one; otherwise it is shown as a mark.
    """
    if raw.isprintable() and not _INVISIBLE.search(raw):
        return Cleaned(SafeText(raw), (), ())
    shown: list[str] = []
    grown_at: list[int] = []
    growth: list[int] = []
    gained = 0
    for position, character in enumerate(raw):
        mark = character if multi_line and character == "\n" else _shown(character)
        shown.append(mark)
        if len(mark) > 1:
            gained += len(mark) - 1
            grown_at.append(position + 1)
            growth.append(gained)
    return Cleaned(SafeText("".join(shown)), tuple(grown_at), tuple(growth))


def clean(raw: str) -> SafeText:
    """Make text of several lines safe to show; clean text comes back as it is."""
    return clean_mapped(raw).text


def one_line(raw: str, limit: int = LINE_LIMIT) -> SafeText:
    """Make text safe for a single line: line feeds become marks, and what is over ``limit`` an ellipsis."""
    cut = raw if len(raw) <= limit else raw[: limit - 1] + "…"
    return clean_mapped(cut, multi_line=False).text


def content(raw: str, style: str = "", *, limit: int = FIELD_LIMIT) -> Content:
    """Make a ``Content`` of any text: cleaned, markup-free, cut at ``limit`` with a line that says so."""
    return _content(clean(raw[:limit]), style, len(raw) - limit)


def field_content(raw: str, style: str = "") -> Content:
    """Make a ``Content`` of a field that is one line by nature; a line feed in it is shown as a mark."""
    return _content(clean_mapped(raw[:FIELD_LIMIT], multi_line=False).text, style, len(raw) - FIELD_LIMIT)


def line_content(raw: str, style: str = "") -> Content:
    """Make a ``Content`` of one line of any text, cut at ``LINE_LIMIT`` with an ellipsis."""
    return _content(one_line(raw), style, 0)


def _content(text: SafeText, style: str, missing: int) -> Content:
    made = Content(text, strip_control_codes=False)
    made = made.stylize(style) if style else made
    return made + _cut_notice(missing) if missing > 0 else made


def highlighted(raw: str, start: int, end: int, style: str) -> Content:
    """Make a ``Content`` with raw offsets ``start`` to ``end`` in ``style``; cut around the highlight if very long."""
    first = max(0, start - CONTEXT_LIMIT // 2)
    last = max(end, start)
    last = min(len(raw), last + CONTEXT_LIMIT // 2, first + CONTEXT_LIMIT)
    cleaned = clean_mapped(raw[first:last])
    made = Content(cleaned.text, strip_control_codes=False)
    if end > start:
        made = made.stylize(style, cleaned.offset(start - first), cleaned.offset(min(end, last) - first))
    before = _cut_notice(first) + Content("\n") if first else Content("")
    return before + made + (_cut_notice(len(raw) - last) if last < len(raw) else Content(""))


def is_cut(raw: str) -> bool:
    """Tell whether ``content`` shows less than the whole of this text."""
    return len(raw) > FIELD_LIMIT


def _cut_notice(missing: int) -> Content:
    return Content(f" [… {missing:,} characters not shown] ", strip_control_codes=False).stylize("bold reverse")


class ControlNet(LineFilter):
    """The net under every widget: control characters in a rendered segment become a replacement mark.

    Textual calls line filters internal; the version is pinned and a pty test guards this one.
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002 - not coloured
        """Replace what ``clean`` should have replaced already."""
        if not any(_CONTROL.search(text) for text, _, control in segments if not control):
            return segments
        return [
            segment if segment.control else Segment(_CONTROL.sub("\ufffd", segment.text), segment.style)
            for segment in segments
        ]
