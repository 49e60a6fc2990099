"""Which questions ask for a fact that another record edits: a fixed rule, from the texts alone.

A benchmark counts an edit that fires on another record's question as a false fire. Where both questions ask for the
same fact that is no error, so such pairs are listed and set apart. The rule (``RULE``) must not hide errors either:
it knows no similarity threshold and no misspellings, since look-alike names are the harm that is measured.

A question's *content* is its words, case-folded, hyphens closed up, common endings and British spellings levelled,
less the words of question frames (``FRAME_WORDS``: "what is the", "seen in", "condition", ...). Numbers are words.

Two questions ask for the same fact where

- ``same_question``: their contents are equal, and they ask for the same kind of thing (who, when, where, how much), or
- ``same_answer``: the content of one contains the other's, at least three fifths of the larger one is shared, their
  numbers are equal, and the true answers have equal content, or one's contains the other's with equal numbers; or
- ``shared_answer``: at least half of the words of both contents together are shared, their numbers and their words of
  degree, order, side and negation (``DEGREES``) are equal, and the true answers agree as before, or differ in spelling
  alone (four fifths of the letters, in order); or two thirds of them with names of one thing, word forms and frames
  levelled (``question_meaning``), "most common" read as "common"; or 45 of 100 of those, each word weighed by how rare
  it is among all questions at hand, so that a name shared counts and a look-alike does not; or
- ``same_meaning``: their contents are equal so levelled (two words at least), they ask for the same kind of thing,
  their words of degree are equal, and neither true answer is what the other question asks about.

The last two hold only between records that name no subject: where they do, another subject with the same answer is a
look-alike, and no duplicate.

Words of degree, order, side and negation ("most", "least", "first", "not", "left") are content. Similar spellings of
questions are never equal. Neither the edit target nor any encoder is looked at.

``shared_answer`` was judged by reading every pair that it added on MedVersa's train and valid records: nine in ten
ask for the same fact in other words ("release" and "secretion", "bacterium" and "bacteria"). So were the pairs that
``/3`` and ``/4`` add on them (``same_meaning``, and the levelled half of ``shared_answer``).
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from difflib import SequenceMatcher
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Final, Literal

from editor_engine.datasets.duplicate_index import (
    LEAST_MEANT_OF_BOTH,
    LEAST_RARE_OF_BOTH,
    LEAST_SHARED_OF_BOTH,
    EditIndex,
    Weights,
)
from editor_engine.datasets.question_meaning import (
    MEANING_FRAME,
    meaning_text,
    meaning_words,
    root_of,
    same_word,
    without_most_common,
)
from editor_engine.datasets.records import EditRecord
from editor_engine.datasets.text_file import DataError, got_words, parse_data_json, read_data_text

RULE: Final = "near-duplicates/4"
LEAST_SHARED: Final = 0.6
ALIKE_ANSWERS: Final = 0.8
QUESTION_SLOT: Final = "question"
Kind = Literal["same_question", "same_answer", "shared_answer", "same_meaning"]

FRAME_WORDS: Final = frozenset(
    """
    a an the of in on at to for from by with within into as and or that this which what who whom whose where when how
    is are was were be been being do does did has have had can could may might should would will it its there
    s known called named name term refer refers referred describe described define defined definition meaning mean
    typical typically usual usually common commonly often frequent frequently generally primarily mainly normally
    seen see observed observe found find occur occurs occurring present presented exhibited noted performed
    used use uses employed considered consider associated association related relate specific particular
    following option options given provided
    main condition disease disorder type kind form part location site place area structure substance
    patient patients person individual individuals people case cases body
    """.split()  # noqa: SIM905 - a hundred words read better as words
)
DEGREES: Final = frozenset(
    word
    for line in (
        "most least more less first last next initial final early earliest late latest maximum minimum maximal minimal",
        "highest lowest high low higher lower largest smallest large small longest shortest long short best worst",
        "greatest increase increased decrease decreased elevated reduced left right upper anterior posterior medial",
        "lateral superior inferior proximal distal afferent efferent acute chronic primary secondary mild moderate",
        "severe profound male female men women fetal adult child children infant infants neonate",
        "not no never without except contraindicated",
    )
    for word in line.split()
)
_ASKED_FOR: Final = frozenset({"who", "where", "when", "why", "how", "many", "much", "long", "age"})
_BARE_HOW: Final = frozenset({"how"})
"""Alone it tells nothing: "how is it treated?", "what is its treatment?"."""
_SHORTEST_SPELLED: Final = 4
_FEWEST_MEANT: Final = 2
_HYPHEN: Final = re.compile(r"(?<=[^\W\d_])[‐‑‒–-](?=[^\W\d_])")
_APOSTROPHE: Final = re.compile(r"['’`]s?\b")
_WORD: Final = re.compile(r"\d+(?:[.,/]\d+)*|[^\W\d_]+|[+%<>-](?=\s*\d)|(?<=\w)[+-](?!\w)")
_LEVELLED: Final = (("ae", "e"), ("oe", "e"), ("our", "or"), ("ise", "ize"), ("yse", "yze"))
_ENDINGS: Final = ("ically", "ical", "ally", "ies", "ing", "ed", "es", "al", "ic", "s", "e", "y")


@dataclass(frozen=True)
class Duplicate:
    """A question of one record that asks for the fact which another record edits.

    ``slot`` is ``question`` (the record's own question, and with it its rephrasings) or a locality slot.
    """

    record_id: str
    slot: str
    other_id: str
    kind: Kind


@dataclass(frozen=True)
class Asked:
    """A question and its true answer, read once."""

    question: str
    answer: str
    subject: str | None = None

    @cached_property
    def content(self) -> frozenset[str]:
        """The question's words less its frame."""
        return frozenset(word for word in words(self.question) if word not in _FRAME_STEMS)

    @cached_property
    def asked_for(self) -> frozenset[str]:
        """Words that tell what kind of thing is asked for."""
        every = raw_words(self.question)
        often = {"often"} if ("how", "often") in pairwise(every) else set()
        return (frozenset(every) & _ASKED_FOR) | often

    @cached_property
    def degrees(self) -> frozenset[str]:
        """Words of degree, order, side and negation."""
        return frozenset(raw_words(self.question)) & DEGREES

    @cached_property
    def meaning(self) -> frozenset[str]:
        """The question's words less its frame, levelled (``question_meaning``)."""
        return meaning_words(self.question, raw_words) - _MEANING_FRAME_ROOTS

    @cached_property
    def meant_answer(self) -> frozenset[str]:
        """The answer's words, levelled like ``meaning``."""
        every = meaning_words(self.answer, raw_words)
        return (every - _MEANING_FRAME_ROOTS) or every

    @cached_property
    def answer_content(self) -> frozenset[str]:
        """The answer's words less articles and the like."""
        every = frozenset(words(self.answer))
        return (every - _FRAME_STEMS) or every


def find_duplicates(records: Sequence[EditRecord]) -> list[Duplicate]:
    """Every question of every record that asks for another record's fact, in the records' order."""
    edits = [Asked(record.question, record.ground_truth or "", record.subject) for record in records]
    asked = [
        [
            (QUESTION_SLOT, edit),
            *((one.slot, Asked(one.question, one.answer, one_of.subject)) for one in one_of.localities),
        ]
        for one_of, edit in zip(records, edits, strict=True)
    ]
    weights = weights_of([question for one in asked for _, question in one])
    index = EditIndex(edits, weights)
    found: list[Duplicate] = []
    for number, record in enumerate(records):
        for slot, question in asked[number]:
            for other in index.candidates(question):
                if other == number and slot == QUESTION_SLOT:
                    continue
                if kind := same_fact(question, edits[other], weights):
                    found.append(Duplicate(record.record_id, slot, records[other].record_id, kind))
    return found


def weights_of(questions: Sequence[Asked]) -> Weights:
    """For each levelled word the logarithm of the inverse share of questions that have it."""
    counts = Counter(word for question in questions for word in question.meaning)
    return {word: math.log(len(questions) / count) for word, count in counts.items()}


def same_fact(one: Asked, other: Asked, weights: Weights | None = None) -> Kind | None:
    """Which part of the rule says that both ask for the same fact; None where none does.

    Args:
        weights: of the questions at hand; without them no word is rarer than another.
    """
    if one.question == other.question:
        return "same_question"
    mine, theirs = one.content, other.content
    if not mine or not theirs:
        return None
    if mine == theirs and one.asked_for == other.asked_for:
        return "same_question"
    contained = mine <= theirs or theirs <= mine
    shared = len(mine & theirs) / max(len(mine), len(theirs))
    if contained and shared >= LEAST_SHARED and _numbers(mine) == _numbers(theirs) and _answers_agree(one, other):
        return "same_answer"
    if _answer_shared(one, other) or _meant_answer_shared(one, other, weights):
        return "shared_answer"
    return "same_meaning" if _meant_alike(one, other) else None


def _answer_shared(one: Asked, other: Asked) -> bool:
    mine, theirs = one.content, other.content
    if one.subject is not None or other.subject is not None or one.degrees != other.degrees:
        return False
    if len(mine & theirs) < LEAST_SHARED_OF_BOTH * len(mine | theirs) or _numbers(mine) != _numbers(theirs):
        return False
    return _answers_agree(one, other) or _answers_spelled_alike(one, other)


def _meant_answer_shared(one: Asked, other: Asked, weights: Weights | None) -> bool:
    """Enough of the levelled words shared, and the true answers agree."""
    mine, theirs = one.meaning, other.meaning
    if one.subject is not None or other.subject is not None or _numbers(mine) != _numbers(theirs):
        return False
    enough = bool(mine) and len(mine & theirs) >= LEAST_MEANT_OF_BOTH * len(mine | theirs)
    if not enough and not _rare_shared(mine, theirs, weights or {}):
        return False
    if _meant_degrees(without_most_common(one.question)) != _meant_degrees(without_most_common(other.question)):
        return False
    if _answer_asked_about(one, other) or _answer_asked_about(other, one):
        return False
    agree = one.meant_answer == other.meant_answer or _answers_agree(one, other)
    return agree or _answers_spelled_alike(one, other)


def _rare_shared(mine: frozenset[str], theirs: frozenset[str], weights: Weights) -> bool:
    every = math.fsum(weights.get(word, 0.0) for word in mine | theirs)
    return every > 0 and math.fsum(weights.get(word, 0.0) for word in mine & theirs) >= LEAST_RARE_OF_BOTH * every


def _meant_alike(one: Asked, other: Asked) -> bool:
    """Equal levelled words, kind of thing and degree; neither is the other's definition turned round."""
    mine, theirs = one.meaning, other.meaning
    if one.subject is not None or other.subject is not None or mine != theirs or len(mine) < _FEWEST_MEANT:
        return False
    if one.asked_for - _BARE_HOW != other.asked_for - _BARE_HOW or _meant_degrees(one.question) != _meant_degrees(
        other.question
    ):
        return False
    return not _answer_asked_about(one, other) and not _answer_asked_about(other, one)


def _meant_degrees(question: str) -> frozenset[str]:
    return frozenset(same_word(word) for word in raw_words(meaning_text(question))) & DEGREES


def _answer_asked_about(one: Asked, other: Asked) -> bool:
    """Whether the answer of one stands in the other's question as written ("What is the fear of strangers called?")."""
    return bool(one.answer_content) and one.answer_content <= other.content


def _answers_spelled_alike(one: Asked, other: Asked) -> bool:
    if _numbers(one.answer_content) != _numbers(other.answer_content):
        return False
    mine, theirs = (" ".join(raw_words(asked.answer)) for asked in (one, other))
    if min(len(mine), len(theirs)) < _SHORTEST_SPELLED:
        return False
    return SequenceMatcher(None, mine, theirs, autojunk=False).ratio() >= ALIKE_ANSWERS


def _answers_agree(one: Asked, other: Asked) -> bool:
    mine, theirs = one.answer_content, other.answer_content
    if not mine or not theirs or _numbers(mine) != _numbers(theirs):
        return False
    return mine <= theirs or theirs <= mine


def _numbers(content: frozenset[str]) -> frozenset[str]:
    return frozenset(word for word in content if word[0].isdigit() or not word[0].isalnum())


def raw_words(text: str) -> list[str]:
    """Case-folded words, numbers whole, hyphenated words closed up, possessives cut."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _WORD.findall(_APOSTROPHE.sub("", _HYPHEN.sub("", folded)))


def words(text: str) -> list[str]:
    """The words, levelled: endings cut, British spellings as American ones."""
    return [_stem(word) for word in raw_words(text)]


def _stem(word: str) -> str:
    if not word.isalpha() or len(word) < 4:
        return word
    for british, american in _LEVELLED:
        word = word.replace(british, american)
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            word = word[: -len(ending)]
            break
    return word[:-1] if len(word) > 4 and word[-1] == word[-2] else word


_FRAME_STEMS: Final = frozenset(_stem(word) for word in FRAME_WORDS)
_MEANING_FRAME_ROOTS: Final = frozenset(root_of(word) for word in (*FRAME_WORDS, *MEANING_FRAME.split()))


def read_duplicates(path: Path) -> list[Duplicate]:
    """The list that ``duplicates_body`` describes, as written beside a report.

    Raises:
        DataError: not such a list, or one made by another rule.
    """
    body = parse_data_json(path, read_data_text(path))
    try:
        if not isinstance(body, dict):
            raise TypeError
        rule, listed = body["rule"], [Duplicate(**one) for one in body["duplicates"]]
    except (KeyError, TypeError) as error:
        raise DataError(
            f"{path}: expected a list of duplicates as data report --duplicates writes it, got {got_words(body)} "
            "with something else"
        ) from error
    if rule != RULE:
        raise DataError(f"{path}: expected duplicates by rule {RULE}, got {rule}; make the list again with data report")
    return listed


def duplicates_body(duplicates: Sequence[Duplicate]) -> dict[str, object]:
    """The list of questions to set apart, ready for ``json.dump``; ``read_duplicates`` gives it back."""
    return {"rule": RULE, "duplicates": [asdict(one) for one in duplicates]}
