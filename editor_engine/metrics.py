"""Does an answer say an object, does an edit take, and how sure is a share. Free of torch."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable
from statistics import NormalDist

_NUMBER_UNIT = re.compile(r"(?<=\d)(?=[^\W\d_])")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_TOKEN = re.compile(r"\d+(?:[.,/]\d+)*|[^\W\d_]+|[^\w\s]|_")
_SPACE_LIKE = re.compile(r"[\s‐‑‒–—-]+")
_TRAILING = ".,;:!?"


def normalised(text: str) -> tuple[str, ...]:
    """Case-folded tokens: numbers whole ("2.5"), units apart from them, hyphens as spaces, no trailing mark."""
    text = unicodedata.normalize("NFKC", text).casefold()
    text = _THOUSANDS.sub("", text)
    text = _NUMBER_UNIT.sub(" ", _SPACE_LIKE.sub(" ", text))
    tokens = _TOKEN.findall(text.strip())
    while tokens and tokens[-1] in _TRAILING:
        tokens.pop()
    return tuple(tokens)


def says(answer: str, obj: str) -> bool:
    """Whether the object stands in the answer, token-bounded: "5 mg" stands neither in "2.5 mg" nor in "15 mg"."""
    wanted, given = normalised(obj), normalised(answer)
    return bool(wanted) and _find(given, wanted) is not None


def takes(answer: str, new: str, old: str | None = None, must_not_assert: Iterable[str] = ()) -> bool:
    """Whether an edit takes in an answer: it says the new object, and nothing that may not be said any more.

    The old object is looked for after the new one has been taken out of the answer, so that "5 mg twice a day" may
    follow on "5 mg"; a must-not-assert string is looked for in the whole answer.
    """
    given = normalised(answer)
    if not says(answer, new) or any(says(answer, text) for text in must_not_assert):
        return False
    if old is None or normalised(old) == normalised(new):
        return True
    return _find(_without(given, normalised(new)), normalised(old)) is None


def wilson_interval(hits: int, n: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's interval of a share: two-sided, (0, 1) without observations.

    Raises:
        ValueError: more hits than observations.
    """
    if not 0 <= hits <= n:
        raise ValueError(f"expected 0 <= hits <= n, got {hits} of {n}")
    if n == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share, spread = hits / n, z * z / n
    centre = (share + spread / 2) / (1 + spread)
    half = z * math.sqrt(share * (1 - share) / n + spread / (4 * n)) / (1 + spread)
    return (0.0 if hits == 0 else max(0.0, centre - half)), (1.0 if hits == n else min(1.0, centre + half))


def _find(given: tuple[str, ...], wanted: tuple[str, ...]) -> int | None:
    if not wanted:
        return None
    return next((at for at in range(len(given) - len(wanted) + 1) if given[at : at + len(wanted)] == wanted), None)


def _without(given: tuple[str, ...], wanted: tuple[str, ...]) -> tuple[str, ...]:
    """The tokens less every occurrence of the wanted run; a bar keeps what stood around it apart."""
    while (at := _find(given, wanted)) is not None:
        given = (*given[:at], "\0", *given[at + len(wanted) :])
    return given
