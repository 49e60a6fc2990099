"""What a fact read by a language model becomes: a candidate, the doubts a reviewer must see, or a reason to refuse.

Pure. Every rule here looks at the quote that code found, never at what the model says of it. A text is refused as it
is, never repaired.
"""

from __future__ import annotations

from connectors.invisible import strip_invisible, visible_line
from workflow.intake.extractor import ChangedSentence
from workflow.intake.llm_schema import RELATIONS, LlmFact
from workflow.intake.relations import HIGH_RISK
from workflow.intake.sentences import tokens
from workflow.records import Candidate, Certainty, ObjectOrigin, Polarity, Risk

_LINKS = frozenset({"with", "for"})
"""Words by which a qualifier is put together of several."""


def claim_of(fact: LlmFact, change: ChangedSentence, *, extractor: str) -> Candidate:
    """The candidate without evidence and flags, its names as the model said them."""
    old = replaced_words(fact.object_new, change)
    return Candidate(
        subject=visible_line(fact.subject),
        relation=visible_line(fact.relation),
        qualifiers={name: visible_line(value) for name, value in sorted(fact.qualifiers.named().items())},
        object_new=visible_line(fact.object_new),
        object_old=old,
        object_old_origin=ObjectOrigin.UNKNOWN if old is None else ObjectOrigin.PREVIOUS_VERSION,
        question="",
        change_kind=change.kind,
        risk=Risk.HIGH if fact.relation in HIGH_RISK else Risk.LOW,
        extractor=extractor,
        polarity=fact.polarity,
        certainty=fact.certainty,
    )


def refusal_of(fact: LlmFact, quote: str, change: ChangedSentence) -> str:
    """Why the fact makes no candidate, in one line without document text; ``""`` where it may."""
    if any(strip_invisible(text)[0] != text for text in (fact.subject, fact.object_new)):
        return "subject or object holds invisible characters"
    if fact.relation not in RELATIONS:
        return "unknown relation"
    if fact.polarity is Polarity.NEGATED:
        return "negated: the text says that it does not hold"
    missing = [token for token in tokens(fact.object_new) if token[0].isdigit() and token not in tokens(quote)]
    if missing:
        return "a number of the object does not stand in the quote"
    if change.old_sentence and _holds(change.old_sentence, quote):
        return "no change: the previous version says the same"
    return ""


def doubts_of(fact: LlmFact, quote: str, change: ChangedSentence) -> tuple[str, ...]:
    """What a reviewer must know before signing, one plain line each."""
    doubts = ["proposed by a language model"]
    if fact.certainty is not Certainty.DEFINITE:
        doubts.append(f"not definite: the text says that it is {fact.certainty.value}")
    said = f"{quote} {change.section} {change.sentence}"
    for name, value in sorted(fact.qualifiers.named().items()):
        if name != "circumstance" and not set(tokens(value)) - _LINKS <= set(tokens(said)):
            doubts.append(f"the {name} does not stand in the quote")
    return tuple(doubts)


def replaced_words(object_new: str, change: ChangedSentence) -> str | None:
    """What stood in the object's place in the previous version, where the sentence is otherwise the same."""
    before, found, after = change.sentence.partition(object_new.strip())
    old = change.old_sentence
    if not found or not (before.strip() or after.strip()) or len(old) <= len(before) + len(after):
        return None
    if not (old.startswith(before) and old.endswith(after)):
        return None
    words = old[len(before) : len(old) - len(after)].strip()
    return words or None


def _holds(sentence: str, quote: str) -> bool:
    """Whether the sentence holds the quote's words in one piece."""
    return f" {' '.join(tokens(quote))} " in f" {' '.join(tokens(sentence))} "
