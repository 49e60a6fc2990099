"""One name for what clinical English calls by many: synonyms, abbreviations and spellings, levelled before encoding.

A sentence encoder of general English does not know that measles is rubeola, or that an IUCD is an intrauterine device.
The list (``clinical_terms.txt``) was written by hand from general knowledge, for no data set. A term is levelled in
questions and key questions alike, so a wrong entry would make two things one: it holds names of one thing only. What
people read, what the language model gets and what qualifiers are read from is never levelled. Free of torch.

A list never changes once a checkpoint was trained with it, for keys and decisions hang on it: ``clinical_terms_2.txt``
holds what list 2 adds to list 1.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from importlib.resources import files
from typing import Literal

TermList = Literal["clinical-1", "clinical-2"]

_WORD = re.compile(r"[^\W_]+")
_POSSESSIVE = re.compile(r"(?<=\w)['’`]s\b")
_REPEATED = re.compile(r"\b(\w[\w -]*?)\s*\(\s*\1\s*\)", re.IGNORECASE)
_LONGEST_ABBREVIATION = 8

_SPELLINGS = tuple(
    (re.compile(british), american)
    for british, american in (
        ("oedema", "edema"),
        ("aemi", "emi"),
        ("haem", "hem"),
        (r"\bpaed", "ped"),
        ("gynaec", "gynec"),
        ("orthopaed", "orthoped"),
        ("rrhoea", "rrhea"),
        ("pnoea", "pnea"),
        ("tumour", "tumor"),
        ("colour", "color"),
        ("labour", "labor"),
        ("behaviour", "behavior"),
        (r"\bfoet", "fet"),
        ("anaesth", "anesth"),
        ("aetiolog", "etiolog"),
        ("caesar", "cesar"),
        ("oesoph", "esoph"),
        (r"\boestr", "estr"),
        ("coeliac", "celiac"),
        ("caec", "cec"),
        ("faec", "fec"),
        ("goitre", "goiter"),
        (r"fibre\b", "fiber"),
        (r"litre\b", "liter"),
        (r"metre\b", "meter"),
        ("centre", "center"),
        ("sulph", "sulf"),
        ("leucocyt", "leukocyt"),
    )
)


@lru_cache(maxsize=65536)
def _spelled(word: str) -> str:
    """The word case-folded, in American spelling."""
    folded = word.casefold()
    for british, american in _SPELLINGS:
        folded = british.sub(american, folded)
    return folded


def is_abbreviation(name: str) -> bool:
    """Whether a name counts only as written: one short word with two capitals ("ALL" is no "all")."""
    return (
        _WORD.fullmatch(name) is not None
        and len(name) <= _LONGEST_ABBREVIATION
        and sum(letter.isupper() for letter in name) > 1
    )


@cache
def term_groups(terms: TermList = "clinical-1") -> tuple[tuple[str, ...], ...]:
    """The list: the term that stands for all, then its other names."""
    groups = {group[0]: group for group in _read("clinical_terms.txt")}
    for first, *others in _read("clinical_terms_2.txt") if terms == "clinical-2" else ():
        groups[first] = (*groups.get(first, (first,)), *others)
    return tuple(groups.values())


def _read(name: str) -> list[tuple[str, ...]]:
    text = files("editor_engine").joinpath(name).read_text(encoding="utf-8")
    lines = (line.strip() for line in text.splitlines())
    return [tuple(one.strip() for one in line.split("|")) for line in lines if line and not line.startswith("#")]


@cache
def _names(terms: TermList) -> tuple[dict[tuple[str, ...], str], dict[str, str], int]:
    """Names by their spelled words, abbreviations as written, and the most words of a name."""
    phrases: dict[tuple[str, ...], str] = {}
    abbreviations: dict[str, str] = {}
    for term, *others in term_groups(terms):
        for name in (term, *others):
            if is_abbreviation(name):
                abbreviations[name] = term
            else:
                phrases[tuple(_spelled(word) for word in _WORD.findall(name))] = term
    return phrases, abbreviations, max(map(len, phrases))


@lru_cache(maxsize=65536)
def level_terms(text: str, terms: TermList = "clinical-1") -> str:
    """The text with every other name of a thing replaced by its term (longest name first), possessives cut.

    "What is Wilson's disease (hepatolenticular degeneration)?" gives "What is copper deposition disease?".
    """
    phrases, abbreviations, longest = _names(terms)
    text = _POSSESSIVE.sub("", text)
    words = list(_WORD.finditer(text))
    spelled = [_spelled(word.group()) for word in words]
    levelled: list[str] = []
    read = at = 0
    while at < len(words):
        count, term = _match(words[at].group(), spelled[at : at + longest], phrases, abbreviations)
        if term is not None:
            levelled += [text[read : words[at].start()], term]
            read = words[at + count - 1].end()
        at += count
    return _REPEATED.sub(r"\1", "".join([*levelled, text[read:]]))


def _match(
    word: str, ahead: list[str], phrases: dict[tuple[str, ...], str], abbreviations: dict[str, str]
) -> tuple[int, str | None]:
    """How many words from here a name takes, and its term; one word and its American spelling where none starts."""
    for count in range(len(ahead), 0, -1):
        term = phrases.get(tuple(ahead[:count]))
        if term is not None:
            return count, term
    if word in abbreviations:
        return 1, abbreviations[word]
    return 1, (ahead[0] if ahead[0] != word.casefold() else None)
