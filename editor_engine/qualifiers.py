"""What a question says about population, route and form, and whether that fits an edit's qualifiers. Free of torch.

The lexicon below is small on purpose and stands for plain English clinical wording. What it does not know is compared
by its words: a qualifier that every wording of an edit states must be stated by the question too.

Rules, in this order:

- an edit with a qualifier that contradicts a stated one does not fit (women asked, men edited);
- an edit with a population does not fit a question that states none, unless the population is adults or general;
  one for adults does not fit a question about a special population, whose dose may be another;
- an edit without a population speaks of patients in general: it does not fit a question about children, the elderly,
  pregnancy, breast-feeding or impaired kidneys or liver, unless its own question is about them. A population that
  the lexicon does not know is not noticed: rehearsal and gate look for that hazard;
- route and form are mostly left unsaid: a question that states none fits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache, lru_cache

from editor_engine.clinical_terms import level_terms
from editor_engine.edit import Edit
from editor_engine.subject_mention import tokens_of

_POPULATIONS = {
    "women": r"wom[ae]n|females?",
    "men": r"m[ae]n|males?",
    "children": r"child(?:ren|hood)?|p(?:a)?ediatrics?|adolescents?|teenagers?|boys?|girls?",
    "infants": (
        r"infants?|neonat\w*|newborns?|bab(?:y|ies)|toddlers?|preterm"
        r"|premature (?:infant|bab|newborn|neonate|deliver|birth)\w*|first (?:\w+ )?\w+ of life"
    ),
    "elderly": r"elderly|geriatric\w*|older (?:people|patients|adults|persons|women|men)|aged 65|seniors?",
    "pregnancy": r"pregnan\w*|(?:during|in|throughout) gestation|gestational (?!age)\w+",
    "breast-feeding": r"breast[ -]?fe\w+|lactat\w*|nursing (?:mothers?|women)",
    "renal impairment": r"(?:renal|kidney) (?:impairment|insufficiency|failure|disease)|renally impaired|\w*dialysis",
    "hepatic impairment": r"(?:hepatic|liver) (?:impairment|insufficiency|failure|disease)|cirrho\w*",
    "adults": r"adults?",
}
_ROUTES = {
    "oral": r"oral(?:ly)?|by mouth|per os",
    "intravenous": r"intravenous(?:ly)?|iv|i\.v\.|infusions?|infused",
    "subcutaneous": r"subcutaneous(?:ly)?|sc|s\.c\.",
    "intramuscular": r"intramuscular(?:ly)?|im|i\.m\.",
    "topical": r"topical(?:ly)?|on the skin|cutaneous(?:ly)?",
    "inhaled": r"inhal\w+|nebuli[sz]\w+",
    "rectal": r"rectal(?:ly)?",
    "vaginal": r"vaginal(?:ly)?",
    "ophthalmic": r"ophthalmic|eye drops?",
    "nasal": r"(?:intra)?nasal(?:ly)?",
    "sublingual": r"sublingual(?:ly)?",
    "transdermal": r"transdermal(?:ly)?|patch(?:es)?",
}
_FORMS = {
    "immediate release": r"immediate[ -]release|ir",
    "extended release": r"(?:extended|prolonged|modified|sustained|slow|controlled)[ -]release|er|xr|cr",
    "delayed release": r"(?:delayed[ -]release|enteric[ -]coated|dr)",
}
_KINDS = {"population": _POPULATIONS, "route": _ROUTES, "form": _FORMS}
_GENERAL = frozenset({"general", "general population", "all", "all patients", "any", "everyone", "patients"})
_SPECIAL = frozenset(_POPULATIONS) - {"women", "men", "adults"}
"""Populations for whom a fact about patients in general may be wrong."""
_EMPTY_WORDS = frozenset(tokens_of("a an and are at by for from in is it of on or patients people the to who with"))

_SHORT = 4
"""Letters of a word that keeps its last one."""


@cache
def _patterns(kind: str) -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple(
        (name, re.compile(rf"(?<![\w-])(?:{pattern})(?![\w-])", re.IGNORECASE))
        for name, pattern in _KINDS[kind].items()
    )


@lru_cache(maxsize=65536)
def stated(kind: str, text: str) -> frozenset[str]:
    """The lexicon's populations, routes or forms that a text names; "pregnant women" names both."""
    found = {name for name, pattern in _patterns(kind) if pattern.search(text)}
    if kind == "population" and "elderly" in found:
        found.discard("adults")
    return frozenset(found)


def words_of_lexicon(text: str) -> frozenset[str]:
    """The words of a text that name a population, route or form of the lexicon."""
    return frozenset(
        word
        for kind in _KINDS
        for _, pattern in _patterns(kind)
        for found in pattern.finditer(text)
        for word in tokens_of(found.group())
    )


def restated(question: str, qualifying: str) -> str:
    """A question with another population, route or form: those that ``qualifying`` states, in place of its own."""
    for kind in _KINDS:
        if stated(kind, qualifying):
            for _, pattern in _patterns(kind):
                question = re.sub(rf"(?:\b(?:for|in|by|of)\s+)?{pattern.pattern}", "", question, flags=re.IGNORECASE)
    return f"{' '.join(question.split()).rstrip(' ?.')} {qualifying}"


def fits(edit: Edit, question: str) -> bool:
    """Whether what the question states agrees with the edit's qualifiers."""
    if not any(name == "population" for name, _ in edit.qualifiers):
        special = stated("population", question) & _SPECIAL
        if not special <= stated("population", edit.question) | stated("population", level_terms(edit.question)):
            return False
    return all(_one_fits(edit, name, value, question) for name, value in edit.qualifiers)


def specificity(edit: Edit) -> int:
    """How narrowly an edit is qualified: of two that fit, the narrower one answers."""
    return sum(
        value.casefold() not in _GENERAL and stated("population", value) != {"adults"} for _, value in edit.qualifiers
    )


def _one_fits(edit: Edit, name: str, value: str, question: str) -> bool:
    if value.casefold().strip() in _GENERAL:
        return True
    own = stated(name, value) if name in _KINDS else frozenset()
    if not own:
        return _words_fit(edit, value, question)
    asked = stated(name, question)
    if name == "population":
        if own == {"adults"}:
            return asked.isdisjoint(_SPECIAL)
        return own <= asked
    return not asked or not own.isdisjoint(asked)


def _words_fit(edit: Edit, value: str, question: str) -> bool:
    """A value outside the lexicon: where all of the edit's own wordings state it, the question must too.

    One or many of a thing are the same ("an MAO inhibitor", "MAO inhibitors").
    """
    wanted = frozenset(tokens_of(value)) - _EMPTY_WORDS
    if not all(wanted <= frozenset(tokens_of(wording)) for wording in (edit.question, *edit.paraphrases)):
        return True
    return _of_one(wanted) <= _of_one(tokens_of(question))


def _of_one(words: Iterable[str]) -> frozenset[str]:
    """Words without the mark of the plural; short ones may need their last letter ("gas")."""
    return frozenset(word.removesuffix("s") if len(word) > _SHORT else word for word in words)
