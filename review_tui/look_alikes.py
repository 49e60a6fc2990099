"""Finds letters of another script that pass for Latin ones in a name: ``wаrfarin`` with a Cyrillic letter.

Such a name is shown as it is; the reviewer is told which letters are not what they look like. Greek letters that
belong to a name (``IL-1β``, ``TNFα``, ``μg``) look like no Latin letter and are left alone, and so is a word that is
Greek or Cyrillic from end to end (``сок``): whether it passes for a drug's name is asked of ``latin_twins``.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_GREEK_LIKE_LATIN = dict(zip("ονρυικΑΒΕΖΗΙΚΜΝΟΡΤΥΧϲϳ", "ovpuikABEZHIKMNOPTYXcj", strict=True))
_CYRILLIC_LIKE_LATIN = dict(zip("аеорсухіјѕԁһԛԝғӏАВЕКМНОРСТУХІЈЅԌԜ", "aeopcyxijsdhqwflABEKMHOPCTYXIJSGW", strict=True))
_TWINS = {**_GREEK_LIKE_LATIN, **_CYRILLIC_LIKE_LATIN}
_FOREIGN = ("CYRILLIC", "ARMENIAN", "CHEROKEE", "COPTIC", "LISU")
_WORD = re.compile(r"[^\W\d_]+")
_LONGEST_LOOKED_AT = 2_000
_MOST_TOLD = 3


def look_alikes(*texts: str) -> tuple[str, ...]:
    """Tell, one plain line each, which words hold letters that are not what they look like."""
    told = [line for text in texts if not text.isascii() for line in _told(text[:_LONGEST_LOOKED_AT])]
    return tuple(dict.fromkeys(told))[:_MOST_TOLD]


def latin_twins(text: str) -> tuple[tuple[str, str], ...]:
    """Give the words of another script from end to end that pass for Latin ones, each with what it passes for."""
    if text.isascii():
        return ()
    words = dict.fromkeys(_WORD.findall(text[:_LONGEST_LOOKED_AT]))
    return tuple(
        (word, "".join(_TWINS[each] for each in word)) for word in words if all(each in _TWINS for each in word)
    )


@lru_cache(maxsize=1024)
def _told(text: str) -> tuple[str, ...]:
    lines = []
    for word in _WORD.findall(text):
        strange = [character for character in word if _passes_for_latin(character, word)]
        if strange:
            names = ", ".join(f"{_name(character)} (U+{ord(character):04X})" for character in dict.fromkeys(strange))
            lines.append(f"“{word}” is not written in Latin letters only: {names}")
    return tuple(lines)


def _passes_for_latin(character: str, word: str) -> bool:
    if character.isascii():
        return False
    name = _name(character)
    if name.startswith(("FULLWIDTH LATIN", "MATHEMATICAL ")):
        return True
    among_latin = any(each.isascii() for each in word)
    if character in _GREEK_LIKE_LATIN:
        return among_latin
    return name.startswith(_FOREIGN) and among_latin


def _name(character: str) -> str:
    return unicodedata.name(character, "UNNAMED")
