"""Reads dates that are only as precise as their source made them.

A part that makes no valid date (31 September) is dropped, never repaired.
"""

from __future__ import annotations

import re
from datetime import date

from connectors.notice import DatePrecision, PartialDate

_MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
    )
}
_ISO = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?(?:T.*)?", re.ASCII)
_COMPACT = re.compile(r"(\d{4})(\d{2})?(\d{2})?(?:\d{2,6}.*)?", re.ASCII)
_MONTH_YEAR = re.compile(r"(\d{1,2})/(\d{4})", re.ASCII)
_ENGLISH = re.compile(r"([A-Za-z]{3,9})\.?\s+(\d{1,2}),?\s+(\d{4})\b.*", re.ASCII | re.DOTALL)
_FREE = re.compile(r"\b(1[5-9]\d\d|20\d\d|21\d\d)\b(?:\s+([A-Za-z]{3,9}))?", re.ASCII)


def partial_date(year: str, month: str, day: str, *, element: str) -> PartialDate | None:
    """A date from its parts; month is a number or an English name. None where even the year is no year."""
    if not re.fullmatch(r"[0-9]{4}", year.strip()) or int(year) == 0:
        return None
    year_number, month_number = int(year), _month(month)
    if month_number is None:
        return PartialDate(f"{year_number:04d}", DatePrecision.YEAR, element)
    try:
        whole = date(year_number, month_number, int(day))
    except ValueError:
        return PartialDate(f"{year_number:04d}-{month_number:02d}", DatePrecision.MONTH, element)
    return PartialDate(whole.isoformat(), DatePrecision.DAY, element)


def read_date(text: str, *, element: str) -> PartialDate | None:
    """A date written ``2026-11-01``, ``2026-11``, ``2026``, ``20261101``, ``202611`` or ``11/2026``; else None."""
    text = text.strip()
    if match := _ISO.fullmatch(text) or _COMPACT.fullmatch(text):
        year, month, day = (part or "" for part in match.groups())
        if month and _month(month) is None:
            return None
        return partial_date(year, month, day, element=element)
    if match := _MONTH_YEAR.fullmatch(text):
        return partial_date(match.group(2), match.group(1), "", element=element)
    return None


def read_english_date(text: str, *, element: str) -> PartialDate | None:
    """A day written ``May 21, 2026`` or ``Aug 23, 2024, 20:39:50``, its time left out; else None."""
    match = _ENGLISH.fullmatch(text.strip())
    if match is None:
        return None
    month, day, year = match.groups()
    found = partial_date(year, month, day, element=element)
    return found if found is not None and found.precision is DatePrecision.DAY else None


def first_date(text: str, *, element: str) -> PartialDate | None:
    """The first year, with its month where one follows, of a free text such as ``1998 Dec-1999 Jan``."""
    match = _FREE.search(text)
    if match is None:
        return None
    return partial_date(match.group(1), match.group(2) or "", "", element=element)


def _month(text: str) -> int | None:
    text = text.strip().casefold()
    if re.fullmatch(r"[0-9]{1,2}", text):
        return int(text) if 1 <= int(text) <= 12 else None
    return _MONTHS.get(text[:3])
