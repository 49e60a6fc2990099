"""Amounts of mass on one scale, so that 0.5 mg and 500 mcg are the same amount and 5 mg and 5 mcg never are."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

_MICROGRAMS: Final = {
    "mcg": 1,
    "µg": 1,
    "μg": 1,
    "microgram": 1,
    "mg": 1_000,
    "milligram": 1_000,
    "g": 1_000_000,
    "gram": 1_000_000,
}
_MASS = re.compile(
    r"(?<![\w.,])(?P<number>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)\s*-?\s*"
    r"(?P<unit>micrograms?|milligrams?|grams?|mcg|µg|μg|mg|g)(?![A-Za-z0-9])",
    re.IGNORECASE,
)


def on_one_scale(text: str) -> str:
    """Give the text with every mass in micrograms; ranges and everything else stay as written."""
    return _MASS.sub(_in_micrograms, text)


def _in_micrograms(found: re.Match[str]) -> str:
    unit = found["unit"].casefold()
    factor = _MICROGRAMS.get(unit) or _MICROGRAMS[unit.removesuffix("s")]
    amount = Decimal(found["number"].replace(",", "")) * factor
    return f"{amount.normalize():f} mcg"
