"""A fact of a list, asked about on its own: the item goes into the question, what the source says of it is the answer.

Owns what is said of an item ("contraindicated in asthma"): the word that the source itself uses, as strong and no
stronger, and never a yes or a no. The wall judges the fact as it was read, item and quote, before it is turned here;
the functional key is the same before and after. Facts that were proposed before keep their questions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType

from workflow.intake.list_wordings import ASKED_BY_ITEM, item_phrase
from workflow.intake.wall_turns import NOTHING, Ruling, attend, clause_of, named
from workflow.records import Candidate, Certainty, ObjectOrigin

_DONE = r"(?:be\s+)?(?:generally\s+)?(?:us|tak|giv|administ|prescrib|combin|co-?administ|start|receiv)\w*"
_CONTRAINDICATED = re.compile(r"\bcontraindicat", re.IGNORECASE)
_MUST_NOT = re.compile(rf"\b(?:must\s+(?:not|never)|do\s+not|never)\s+{_DONE}", re.IGNORECASE)
_NOT_RECOMMENDED = re.compile(r"\bnot\s+(?:\w+\s+)?recommended\b", re.IGNORECASE)
_SHOULD_NOT = re.compile(rf"\bshould\s+(?:not|never)\s+{_DONE}", re.IGNORECASE)
_AVOID = re.compile(r"\bavoid|\bkeep\b.{1,60}\baway\b", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class _Said:
    """What is said of an item, and what would deny it."""

    words: str
    denied: str


_CUES: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (_CONTRAINDICATED, "contraindicated", "not contraindicated"),
    (_MUST_NOT, "must not be {done}", "may be {done}"),
    (_NOT_RECOMMENDED, "not recommended", "is recommended"),
    (_SHOULD_NOT, "should not be {done}", "should be {done}"),
)
"""What a source says of an item that it advises against, the strongest word first, and its denial."""
_HOW = MappingProxyType(
    {
        "caution": ("caution", "no caution"),
        "monitor": ("monitoring", "no monitoring"),
        "adjust": ("change of dose", "no change of dose"),
        "mechanism": ("pharmacokinetic interaction", "no pharmacokinetic interaction"),
        "effect": ("pharmacodynamic interaction", "no pharmacodynamic interaction"),
    }
)
_UNSURE = MappingProxyType({Certainty.POSSIBLE: "may interact", Certainty.PROBABLE: "probably interacts"})


def ask_by_item(candidate: Candidate) -> Candidate:
    """Give a fact of a list as it is asked about: its item a qualifier, what the source says of it the new object.

    Other candidates, and those whose question a lane wrote itself, are given back as they are. What the previous
    version had in the item's place is another item and no older answer: its quote stays, as evidence.

    Args:
        candidate: As it was read, normalised, without a question.
    """
    if candidate.relation not in ASKED_BY_ITEM or candidate.question or candidate.item is not None:
        return candidate
    said = _said(candidate)
    joined = item_phrase(candidate.relation, candidate.object_new)
    return candidate.model_copy(
        update={
            "qualifiers": dict(sorted({**candidate.qualifiers, "object": candidate.object_new}.items())),
            "object_new": f"{said.words} {joined}",
            "object_old": None,
            "object_old_origin": ObjectOrigin.UNKNOWN,
            "must_not_assert": (*candidate.must_not_assert, f"{said.denied} {joined}"),
        }
    )


def word_of_the_source(candidate: Candidate) -> Ruling:
    """Ask for attention where a source is to call an item contraindicated and no word of its says so.

    Args:
        candidate: As it was read.
    """
    if candidate.relation not in {"contraindicated_in", "contraindicated_with"}:
        return NOTHING
    found = attend() if _cue(candidate) else attend("the quote has no word that rules the object out")
    return named("word of the relation", found)


def _said(candidate: Candidate) -> _Said:
    how = candidate.qualifiers.get("advice") or candidate.qualifiers.get("kind") or ""
    if candidate.relation == "interacts_with" and how in _HOW:
        words, denied = _HOW[how]
        unsure = "kind" in candidate.qualifiers and candidate.certainty is not Certainty.DEFINITE
        return _Said(f"{candidate.certainty} {words}" if unsure else words, denied)
    cue = None if how else _cue(candidate)
    if cue is not None:
        return cue
    if candidate.relation == "interacts_with":
        return _Said(_UNSURE.get(candidate.certainty, "interacts"), "does not interact")
    return _Said("contraindicated", "not contraindicated")


def _cue(candidate: Candidate) -> _Said | None:
    """The strongest word against the item: in its clause, else in its quote, else in the section's heading."""
    claims = [piece for piece in candidate.evidence if piece.role == "claim"]
    quotes = " ".join(piece.quote for piece in claims)
    for text in (clause_of(candidate.object_new, quotes), quotes):
        for pattern, words, denied in _CUES:
            if pattern.search(text):
                done = "used" if candidate.relation == "contraindicated_in" else "combined"
                return _Said(words.format(done=done), denied.format(done=done))
        if candidate.relation == "interacts_with" and _AVOID.search(text):
            return _Said("to be avoided", "not to be avoided")
    if candidate.relation != "interacts_with" and any(_CONTRAINDICATED.search(piece.section) for piece in claims):
        return _Said("contraindicated", "not contraindicated")
    return None
