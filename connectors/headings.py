"""Finds the header lines, headings and sections of a plain text or Markdown document.

Works on the text as it is shown: offsets are into it, nothing is moved or rewritten. A line counts as a heading when
it is marked as one, numbered like one (``2.1 Dosage``), written in capitals,
or the name of a label's section that stands alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from connectors import labels

HEADER_KEYS = frozenset({"product", "kind", "set id", "effective", "references", "title", "url", "licence", "license"})
_HEADER = re.compile(r"[*_]{0,2}([A-Za-z][A-Za-z _-]{1,20}?)[*_]{0,2}\s*:[*_]{0,2}\s*(\S.*)?")
_MARKED = re.compile(r"(#{1,6})\s+(\S.*?)\s*#*\s*")
_NUMBERED = re.compile(r"(\d{1,2}(?:\.\d{1,2}){0,3})(\.?)\s+([A-Z\"'(].*)")
_UNIT = re.compile(r"(?:mg|mcg|g|kg|ml|l|iu|units?|mmol|meq|%|x)\b", re.IGNORECASE)
_DATED = re.compile(r"\d{1,2}/\d{4}$")
_LEADING_LINES = 40
_LONGEST = 120
_MOST_WORDS = 14


@dataclass(frozen=True)
class Heading:
    """A heading: its title without markup, its level, and where its line starts and ends (with the line feed)."""

    title: str
    level: int
    start: int
    end: int


@dataclass(frozen=True)
class Outline:
    """Header lines, headings, and where the body starts."""

    headers: dict[str, str] = field(default_factory=dict)
    headings: tuple[Heading, ...] = ()
    body_start: int = 0


@dataclass(frozen=True)
class _Line:
    text: str
    start: int
    end: int


def read_outline(text: str, *, marked_lines: dict[int, int] | None = None) -> Outline:
    """The outline of a text; ``marked_lines`` gives the level of lines (by number) known to be headings or not.

    With ``marked_lines`` (HTML) a line of level 0 is still a heading when it is numbered or in capitals.
    """
    lines = list(_lines(text))
    headers, body_start = _headers(lines)
    headings: list[Heading] = []
    fenced = False
    for number, line in enumerate(lines):
        if line.text.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
        if fenced or (line.start < body_start and _header_of(line.text)):
            continue
        level = (marked_lines or {}).get(number, 0)
        below = lines[number + 1].text if number + 1 < len(lines) else ""
        alone = number == 0 or not lines[number - 1].text.strip() or lines[number - 1].end <= body_start
        heading = (
            Heading(line.text.strip(), level, line.start, line.end) if level else _heading(line, below, alone=alone)
        )
        if heading is not None:
            headings.append(heading)
    return Outline(headers, tuple(headings), body_start)


def _lines(text: str) -> Iterator[_Line]:
    position = 0
    for line in text.split("\n"):
        end = min(position + len(line) + 1, len(text))
        yield _Line(line, position, end)
        position += len(line) + 1


def _headers(lines: list[_Line]) -> tuple[dict[str, str], int]:
    """The known ``Key: value`` lines at the top, a title line before or between them allowed."""
    found: dict[str, str] = {}
    end = 0
    titles = 0
    for line in lines[:_LEADING_LINES]:
        bare = line.text.strip()
        pair = _header_of(bare)
        if pair is not None:
            found.setdefault(*pair)
            end = line.end
        elif bare and bare.strip("-=") and not (_MARKED.fullmatch(bare) or titles == 0):
            break
        elif bare.strip("-="):
            titles += 1
    return found, end if found else 0


def _header_of(line: str) -> tuple[str, str] | None:
    match = _HEADER.fullmatch(line.strip())
    key = match.group(1).casefold().replace("_", " ").replace("-", " ").strip() if match else ""
    return (key, (match.group(2) or "").strip()) if match and key in HEADER_KEYS else None


def _heading(line: _Line, below: str, *, alone: bool) -> Heading | None:
    bare = line.text.strip()
    if not bare or len(bare) > _LONGEST or len(bare.split()) > _MOST_WORDS:
        return None
    if match := _MARKED.fullmatch(bare):
        return Heading(match.group(2).strip("*_ "), len(match.group(1)), line.start, line.end)
    if len(below.strip()) >= 3 and set(below.strip()) in ({"="}, {"-"}):
        return Heading(bare, 1 if "=" in below else 2, line.start, line.end + len(below) + 1)
    if (match := _NUMBERED.fullmatch(bare)) and _reads_as_title(match):
        return Heading(bare, match.group(1).count(".") + 1, line.start, line.end)
    if alone and _names_label_section(bare):
        return Heading(bare.strip("*_: "), 1, line.start, line.end)
    if _in_capitals(bare):
        return Heading(bare.strip("*_: "), 1, line.start, line.end)
    return None


def _names_label_section(line: str) -> bool:
    """Claim: a line that stands alone is the name of a label's section; one word or a sentence is not enough."""
    numbered = _NUMBERED.fullmatch(line)
    if (numbered and "." in numbered.group(1)) or line[-1] in ".;,!?" or len(line.split()) < 2:
        return False
    return labels.field_for_heading(line) != ""


def _reads_as_title(match: re.Match[str]) -> bool:
    """Claim: a numbered line is a heading, not a list item or a dose."""
    number, dot, title = match.groups()
    if _UNIT.match(title) or _DATED.search(title) or title[-1] in ".;,!?" or title.endswith(":"):
        return False
    if "." in number:
        return True
    words = [word for word in re.findall(r"[A-Za-z]+", title) if len(word) > 3]
    return bool(words) and (not dot or title.isupper()) and all(word[0].isupper() for word in words)


def _in_capitals(line: str) -> bool:
    """Claim: a line in capitals is a heading; a lone abbreviation, a table row or a sentence is not."""
    letters = [c for c in line if c.isalpha()]
    if len(letters) < 4 or not all(c.isupper() for c in letters) or line[-1] in ".;,!?" or "|" in line:
        return False
    return any(len(word) >= 4 for word in re.findall(r"[A-Za-z]+", line)) and not line.startswith(("-", "*", "["))
