"""Shuffled orders that depend on a seed alone, kept while an epoch lasts."""

from __future__ import annotations

from random import Random
from typing import Final

_MOST_KEPT: Final = 16
_ORDERS: dict[tuple[int, int], list[int]] = {}


def shuffled(size: int, random: Random) -> list[int]:
    """An order of ``size`` things that depends on the generator's seed alone."""
    key = (size, random.getrandbits(64))
    if key not in _ORDERS:
        if len(_ORDERS) > _MOST_KEPT:
            _ORDERS.clear()
        order = list(range(size))
        Random(key[1]).shuffle(order)
        _ORDERS[key] = order
    return _ORDERS[key]
