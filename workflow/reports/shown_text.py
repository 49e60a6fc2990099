"""Outside text made harmless for a terminal line, a log line and a Markdown page; free of textual.

Owns the one way from a ``str`` of the ledger to what a command prints or a report holds (promise P7). A character
that acts on a terminal or hides from the eye is never dropped, only made visible: a reader has to see tampering.
"""

from __future__ import annotations

import re
import unicodedata

_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#!|~&])")
_MARKDOWN_BLOCK = re.compile(r"^(|\d+(?=[.)] ))([-+=.)])")
_AUTOLINK = re.compile(r"(?i)\b(https?|ftp|mailto|www)([:.])")


def _visible(character: str) -> str:
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    category = unicodedata.category(character)
    if category == "Zs":
        return " "
    hidden = category in _HIDDEN_CATEGORIES or _INVISIBLE.match(character)
    return f"<U+{code:04X}>" if hidden else character


def shown(text: str) -> str:
    """Make text of several lines safe to print: only printable characters and line feeds remain."""
    if text.isprintable() and not _INVISIBLE.search(text):
        return text
    return "".join(character if character == "\n" else _visible(character) for character in text)


def shown_line(text: str, limit: int = 0) -> str:
    """Make text safe for one line, line feeds as blanks; over ``limit`` characters it ends in an ellipsis."""
    line = " ".join(shown(text).split())
    return line if not limit or len(line) <= limit else line[: limit - 1] + "…"


def shown_markdown(text: str) -> str:
    """Make text safe for a Markdown page: no markup, no HTML, no link of its own comes to life."""
    line = _MARKDOWN.sub(r"\\\1", shown_line(text))
    line = _MARKDOWN_BLOCK.sub(lambda found: f"{found[1]}\\{found[2]}", line)
    return _AUTOLINK.sub(lambda found: f"{found[1]}\u2060{found[2]}", line)
