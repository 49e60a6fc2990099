"""A question's words less its wording: names of one thing, word forms and question frames levelled.

For the rule that finds near-duplicates (``near_duplicates``), from the text alone and for no data set: ``SAME_WORDS``
are forms and plain synonyms of general words, clinical names come from ``clinical_terms``. No spelling is guessed:
look-alike names stay two. Free of torch.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from editor_engine.clinical_terms import level_terms

SAME_WORDS: Final = """
treatment treat treats treated treating therapy therapies therapeutic managed management
release released releases releasing secretion secrete secretes secreted secreting
begin begins beginning start starts started starting onset commence commences
increased increase increases increasing elevated elevation raised rise rises
decreased decrease decreases decreasing reduced reduction lowered
maximum maximal highest greatest
minimum minimal lowest
composed composition compose composes consists consist constituents constituent
deficient deficiency
assess assesses assessed evaluate evaluates evaluated evaluation evaluating assessment check checked
diagnosis diagnose diagnosed diagnosing diagnostic
innervation innervates innervated innervate
cause causes caused causing causative causal
absorb absorbs absorbed absorption
women woman female females girls girl
men man male males boys boy
child children pediatric
infant infants baby babies
fetus fetal fetuses foetus foetal
"""
"""One line: words that mean the same in a question; a line of people's words never mixes ages or sexes."""

MEANING_FRAME: Final = """
recommended advised adequate appropriate proper suitable approximate approximately potential possible human responsible
conducted done made up expected estimated during presence process among amongst all any various indicated indicates
indicate indicative thereof
"""
"""Words that tell nothing about which fact is asked for, beside the frame words of ``near_duplicates``."""

_CAUSE: Final = re.compile(r"\bcaus(?:ative|al) (?:agent|organism|pathogen|factor)s?\b", re.IGNORECASE)
_MOST_COMMON: Final = re.compile(
    r"\bmost (?=(?:common|frequent|prevalent|typical|usual|often|likely)(?:ly)?\b)", re.IGNORECASE
)
_INDICATED_FOR: Final = re.compile(r"\bindicated (?=for\b)", re.IGNORECASE)
_LEVELLED: Final = (("ae", "e"), ("oe", "e"), ("our", "or"), ("ise", "ize"), ("yse", "yze"), ("eller", "eler"))
_LONG_ENDINGS: Final = tuple(
    "ative ations ation ating ated ates ate tions tion ments ment ives ive ous ance ence".split()  # noqa: SIM905
)
_SHORT_ENDINGS: Final = ("ically", "ical", "ally", "ies", "ing", "ed", "es", "al", "ic", "s", "e", "y")
_LONG_ROOT: Final = 5
_SHORT_ROOT: Final = 4
_SAME: Final = {word: line.split()[0] for line in SAME_WORDS.strip().splitlines() for word in line.split()}


def meaning_text(question: str) -> str:
    """The question with the names of one thing levelled; "treatment indicated for" keeps what it asks."""
    return _INDICATED_FOR.sub("used as remedy ", _CAUSE.sub("cause", level_terms(question)))


def without_most_common(question: str) -> str:
    """The question with "most common" read as "common"."""
    return _MOST_COMMON.sub("", question)


def same_word(word: str) -> str:
    """The word that stands for it in ``SAME_WORDS``; itself where it is in no line."""
    return _SAME.get(word, word)


def meaning_words(question: str, split: Callable[[str], list[str]]) -> frozenset[str]:
    """Roots of the question's words, frames included; ``split`` gives case-folded words."""
    return frozenset(root_of(word) for word in split(meaning_text(question)))


def root_of(word: str) -> str:
    """The word less its plural and endings, British spellings as American ones; short and mixed words as they are."""
    word = same_word(word)
    if not word.isalpha() or len(word) < _SHORT_ROOT:
        return word
    for british, american in _LEVELLED:
        word = word.replace(british, american)
    if word.endswith("itides"):
        return word[:-6] + "itis"
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in _LONG_ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _LONG_ROOT:
            return word[: -len(ending)]
    for ending in _SHORT_ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORT_ROOT:
            word = word[: -len(ending)]
            break
    return word[:-1] if len(word) > _SHORT_ROOT and word[-1] == word[-2] else word
