"""Compares two versions of one thing, sentence by sentence: what is new, what was revised, what is gone.

Pure. Owns the promise that text which was only moved, renumbered, re-ordered, re-punctuated, re-spaced or re-cased is
no change. A pair is matched on equal tokens only, never on likeness: at 97 % alike is where "not" disappears.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from workflow.intake.sentences import Sentence, tokens

_FRAGMENT_TOKENS = 6
"""Shorter sentences say little without their heading ("10 mg once daily"): they may not change sections."""
_MOST_PAIRS = 4_000_000
"""Above this many pairs a text was written anew: its sentences are shown as new and gone."""
_ALIKE = 0.5
"""From this share of equal tokens on, a new sentence is shown as the revision of an old one, else as new."""


@dataclass(frozen=True)
class SentencePair:
    """One difference: ``new`` replaces ``old``; one of them is None where text was added or taken out."""

    new: Sentence | None
    old: Sentence | None


def compare(old: Sequence[Sentence], new: Sequence[Sentence]) -> list[SentencePair]:
    """Give the differences between two versions, in the order of the new text, then what is gone."""
    old_left, new_left = _unmatched(old, new)
    old_left, new_left = _without_resplit(old_left, new_left)
    return _paired(old_left, new_left)


def _key(sentence: Sentence) -> tuple[str, ...]:
    said = sentence.tokens
    if len(said) < _FRAGMENT_TOKENS:
        return ("", *tokens(sentence.section), "", *said)
    return said


def _unmatched(old: Sequence[Sentence], new: Sequence[Sentence]) -> tuple[list[Sentence], list[Sentence]]:
    """Drop what stands in both; said twice in one version counts as said."""
    old_keys = {_key(sentence) for sentence in old}
    new_keys = {_key(sentence) for sentence in new}
    return (
        [sentence for sentence in old if sentence.tokens and _key(sentence) not in new_keys],
        [sentence for sentence in new if sentence.tokens and _key(sentence) not in old_keys],
    )


def _without_resplit(old: list[Sentence], new: list[Sentence]) -> tuple[list[Sentence], list[Sentence]]:
    """Drop runs of sentences that say the same but are cut elsewhere (a full stop became a semicolon)."""
    starts: dict[str, list[int]] = defaultdict(list)
    for index, sentence in enumerate(old):
        starts[sentence.tokens[0]].append(index)
    gone_old: set[int] = set()
    gone_new: set[int] = set()
    for index, sentence in enumerate(new):
        if index in gone_new:
            continue
        for begin in starts[sentence.tokens[0]]:
            if begin not in gone_old and (ends := _equal_run(old, begin, new, index)) is not None:
                gone_old.update(range(begin, ends[0]))
                gone_new.update(range(index, ends[1]))
                break
    return (
        [sentence for index, sentence in enumerate(old) if index not in gone_old],
        [sentence for index, sentence in enumerate(new) if index not in gone_new],
    )


def _equal_run(old: Sequence[Sentence], old_at: int, new: Sequence[Sentence], new_at: int) -> tuple[int, int] | None:
    """Take sentences from both sides until both have said the same tokens; None where they part."""
    same_place = tokens(old[old_at].section) == tokens(new[new_at].section)
    left, right = list(old[old_at].tokens), list(new[new_at].tokens)
    old_at, new_at = old_at + 1, new_at + 1
    while left != right:
        shorter = min(len(left), len(right))
        if left[:shorter] != right[:shorter]:
            return None
        if len(left) < len(right):
            if old_at >= len(old):
                return None
            left += old[old_at].tokens
            old_at += 1
        else:
            if new_at >= len(new):
                return None
            right += new[new_at].tokens
            new_at += 1
    return (old_at, new_at) if same_place or len(left) >= _FRAGMENT_TOKENS else None


def _paired(old: list[Sentence], new: list[Sentence]) -> list[SentencePair]:
    """Pair each new sentence with the old one most like it, the most alike first, same section before others."""
    likely = enumerate(old) if len(old) * len(new) <= _MOST_PAIRS else ()
    scored = sorted(
        (-_likeness(was, now), old_index, new_index) for old_index, was in likely for new_index, now in enumerate(new)
    )
    partner: dict[int, int] = {}
    taken: set[int] = set()
    for score, old_index, new_index in scored:
        if -score < _ALIKE:
            break
        if old_index not in taken and new_index not in partner:
            partner[new_index] = old_index
            taken.add(old_index)
    pairs = [
        SentencePair(new=now, old=old[partner[index]] if index in partner else None) for index, now in enumerate(new)
    ]
    return pairs + [SentencePair(new=None, old=was) for index, was in enumerate(old) if index not in taken]


def _likeness(old: Sentence, new: Sentence) -> float:
    if 2 * len(old.token_set & new.token_set) < _ALIKE * (len(old.token_set) + len(new.token_set)):
        return 0.0
    ratio = SequenceMatcher(None, old.tokens, new.tokens, autojunk=False).ratio()
    return ratio + (0.1 if ratio and tokens(old.section) == tokens(new.section) else 0.0)
