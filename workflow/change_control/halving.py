"""Halving: the smallest part of a batch that a failure needs, where no single edit can be named for it.

Pure: what "fails" means is the caller's. Finds one part from which nothing can be taken away (a pair that fails only
together is found as a pair), in about ``k log n`` questions for a part of k among n.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def guilty_among(suspects: Sequence[T], fails: Callable[[Sequence[T]], bool]) -> tuple[T, ...]:
    """Give a smallest part of ``suspects`` that still fails; empty where even all of them do not.

    Args:
        suspects: in any order; the parts that are tried keep it.
        fails: whether a part shows the failure; what a part shows, every larger one must show too.
    """
    if not suspects or not fails(suspects):
        return ()
    return tuple(_needed([], list(suspects), fails, is_new=False))


def _needed(given: list[T], left: list[T], fails: Callable[[Sequence[T]], bool], *, is_new: bool) -> list[T]:
    """What of ``left`` the failure needs beside ``given``; ``is_new`` says that ``given`` grew and may be enough."""
    if is_new and fails(given):
        return []
    if len(left) == 1:
        return left
    half = len(left) // 2
    first, second = left[:half], left[half:]
    of_second = _needed([*given, *first], second, fails, is_new=True)
    of_first = _needed([*given, *of_second], first, fails, is_new=bool(of_second))
    return [*of_first, *of_second]
