"""Cuts a notice into sentences with their offsets, and says which tokens a sentence is made of.

Owns what counts as *the same text*: two sentences with equal tokens differ at most in case, spacing, punctuation,
list marks, section numbers and cross-references. Numbers, units, signs and every word stay in the tokens, so that
"2.5 mg" never equals "25 mg" and "is not" never equals "is". It must never change or drop a character of a text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from connectors.notice import Section

_COUNTED = (
    r"(?i:mg|mcg|µg|ng|g|kg|ml|l|units?|iu|mmol|meq|tablets?|capsules?|caplets?|puffs?|drops?|sprays?|patch(?:es)?"
    r"|doses|vials?|ampoules?|sachets?|times|hours?|days?|weeks?|months?|years?|million|percent|milligrams?|micrograms?|grams?|minutes?|injections?|courses?"
    r"|cycles?|applications?|inhalations?|lozenges?|suppositor(?:y|ies)|drugs|patients|subjects|people|persons?|cases?)\b"
)
_HEADINGS = (
    r"(?i:boxed|indications|dosage|contraindications|warnings|precautions|adverse|drug\s+(?:interactions|abuse)|use\s+in\s+specific"
    r"|overdos|description|clinical|nonclinical|references|how\s+supplied|storage|patient\s+counsel|undesirable|pharmacolog)"
)
"""First words of the numbered headings of labels: before any other word a number may be a count."""
_NUMBERING = re.compile(
    r"^[\s\-*•·◦‣▪●#>–—]*"
    r"(?:"
    rf"\(?\d{{1,2}}(?:\.\d{{1,2}}){{1,3}}[.)]?\s+(?!{_COUNTED})(?=[^\W\d_])"  # 2.1 Dose
    rf"|\(?\d{{1,2}}[.)]\s+(?!{_COUNTED})(?=[^\W\d_])"  # 1. or (1) Dose
    rf"|\d{{1,2}}\s+(?={_HEADINGS})"  # 1 INDICATIONS
    r"|\(?(?:[a-z]|[ivx]{1,4})\)\s+"  # a) or iv)
    r")?"
)
_REFERENCES = re.compile(
    r"\[\s{0,9}see\b[^\]]{0,300}\]"
    r"|\(\s{0,9}see\b[^)]{0,300}\)"
    r"|(?<!CI)(?<!CI )\(\s*(?:[1-9]|1\d)(?:\.[1-9]\d?)?(?:\s*[,;]\s*(?:[1-9]|1\d)(?:\.[1-9]\d?)?)*\s*\)",
    re.IGNORECASE,
)
_RANGE = re.compile(r"(?<=\d)\s*[-‐‑‒–—]\s*(?=\d)")
_TOKEN = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?|\.\d+|[^\W\d_][^\W_]*|[%<>≤≥=+±×/°]")
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|vs|cf|dr|no|approx|fig|al|st|etc|resp|incl|max|min|ca)|\b[A-Z]|\d+\.)\.$", re.IGNORECASE
)
_BULLETS = "•·●▪"
_INSIDE = re.compile(rf"(?<=\s)[{_BULLETS}](?=\s)|" + r"[.!?][\"'”’)\]]*(?=\s+[^\sa-z])")
_BULLET = re.compile(r"\s*(?:[\-*•·◦‣▪●]\s|\(?\d{1,2}[.)]\s|\(?[a-z]\)\s|#)")
_HEADING_LENGTH = 60
_CAPITALS = re.compile(
    r"\s*(?:\d{1,2}(?:\.\d{1,2})*\s+[A-Z][A-Z,&/\-]{3,}(?:\s+[A-Z,&/\-]{2,})*|[A-Z][A-Z,&/\-]+(?:\s+[A-Z,&/\-]{2,})+)"
    r"\s+(?=[A-Z][a-z]|[•·●▪]|\d{1,2}\.\d{1,2}\s+[A-Z])"
)
"""A heading in capitals that runs on into a sentence, as openFDA writes its sections."""
_NEWLINE = re.compile(r"\n")


@dataclass(frozen=True)
class Sentence:
    """A sentence, heading or list item of a text, exactly as it stands at ``start:end``."""

    text: str
    start: int
    end: int
    section: str = ""
    """Title of the section that it stands in, or its code where there is no title."""
    code: str = ""

    @cached_property
    def tokens(self) -> tuple[str, ...]:
        """What the sentence says, whatever its form."""
        return tokens(self.text)

    @cached_property
    def token_set(self) -> frozenset[str]:
        """The distinct tokens."""
        return frozenset(self.tokens)


def tokens(text: str) -> tuple[str, ...]:
    """Give the words, numbers and signs of a text, case-folded, without numbering and cross-references."""
    text = unicodedata.normalize("NFC", text).replace("μ", "µ")
    text = _REFERENCES.sub(" ", _NUMBERING.sub("", text, count=1))
    text = _RANGE.sub(" to ", text)
    return tuple(_token(match.group()) for match in _TOKEN.finditer(text))


def _token(found: str) -> str:
    if found[0] == ".":
        return "0" + found
    return found.replace(",", "") if found[0].isdigit() else found.casefold()


def split(text: str, start: int, end: int, sections: Sequence[Section] = ()) -> list[Sentence]:
    """Cut ``text[start:end]`` into sentences, none of which crosses the border of a section."""
    found: list[Sentence] = []
    for first, last, section in _segments(start, end, sections):
        title, code = (section.title or section.code, section.code) if section else ("", "")
        for begin, finish in _spans(text, first, last):
            found.append(Sentence(text[begin:finish], begin, finish, title, code))
    return found


def _segments(start: int, end: int, sections: Sequence[Section]) -> Iterator[tuple[int, int, Section | None]]:
    """Cut the slice at every section border and give each piece its innermost section."""
    inside = [s for s in sections if s.start < s.end and s.start >= start and s.end <= end]
    borders = sorted({start, end, *(s.start for s in inside), *(s.end for s in inside)})
    for first, last in pairwise(borders):
        holding = [s for s in inside if s.start <= first and last <= s.end]
        yield first, last, min(holding, key=lambda s: s.end - s.start, default=None)


def _spans(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    for first, last in _blocks(text, start, end):
        begin = first
        for finish in _ends(text, first, last):
            if (span := _trimmed(text, begin, finish)) is not None:
                yield span
            begin = finish


def _blocks(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Cut at blank lines, list items and headings; a line that merely wraps is joined with the next."""
    begin = line = start
    for match in _NEWLINE.finditer(text, start, end):
        line_end = text.find("\n", match.end(), end)
        after = text[match.end() : end if line_end < 0 else line_end]
        if _breaks(text[line : match.start()], after):
            yield begin, match.end()
            begin = match.end()
        line = match.end()
    yield begin, end


def _breaks(before: str, after: str) -> bool:
    if not before.strip() or not after.strip() or _BULLET.match(after) or before.lstrip().startswith("#"):
        return True
    stripped = before.rstrip()
    if stripped[-1] in ".!?:;":
        return True
    return len(stripped) < _HEADING_LENGTH and not after.lstrip()[0].islower()


def _ends(text: str, start: int, end: int) -> Iterator[int]:
    if (heading := _CAPITALS.match(text, start, end)) is not None:
        yield heading.end()
    for match in _INSIDE.finditer(text, start, end):
        if match.group() in _BULLETS:
            yield match.start()
        elif not _ABBREVIATION.search(text, max(start, match.start() - 12), match.start() + 1):
            yield match.end()
    yield end


def _trimmed(text: str, start: int, end: int) -> tuple[int, int] | None:
    piece = text[start:end]
    if not piece.strip():
        return None
    return start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())
