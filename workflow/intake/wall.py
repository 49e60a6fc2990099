"""The wall: refuses a candidate that its evidence does not carry, word for word.

Pure, and one of the few places that enforce a promise (P3, P7): what passes traces back to the text of a document.
It guards that every quote stands at its offsets (after NFC and white space only), that every number with its unit
and every word of the new object and of the qualifiers stands in the claim quote, that the subject stands there or is
the document's own product, that population, negation and hedges are not dropped, that the source version is the
newest, that no quote speaks to its reader, and that a retraction was asserted by a source. What can be read in one way
only refuses; what a person must look at asks for attention. It must never repair a candidate.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice

from connectors.notice import Section
from workflow.intake import injection, questions
from workflow.intake.list_facts import word_of_the_source
from workflow.intake.normalise import names_stand, plain_name, population_stands
from workflow.intake.phrases import AMOUNT
from workflow.intake.relations import DOSES, OTHER, VOCABULARY, relation_of, type_problems
from workflow.intake.sentences import tokens
from workflow.intake.wall_turns import NOTHING, Ruling, attend, named, refuse, sets_limit, stands, turns
from workflow.records import Candidate, ChangeKind, Evidence

NOT_SUPPORTED = ("not supported: the trial was retracted", "not supported: the study was retracted")
"""What can be said of a claim whose paper was retracted; never the reverse claim."""
NEEDS_ATTENTION = "needs attention: "
"""How a candidate's flag begins that the wall raised."""
_ROLES = frozenset({"claim", "previous", "retraction"})
_PLACED = frozenset({"population", "condition", "circumstance"})
"""Qualifiers of which every word must stand in the quote or its section; of the others a number must."""
_OF_THE_STUDY = frozenset({"comparator", "outcome"})
"""Qualifiers that a report names once and then takes for granted: their numbers may stand anywhere in the document."""
_FUNCTION_WORDS = frozenset(
    ["a", "an", "the", "of", "and", "or", "in", "for", "with", "to", "is", "be", "by", "as", "at", "on"]
)
_REVERSED = {
    "contraindicated_in": r"{object}\W+(?:\w+\W+){{0,2}}(?:is|are|remains)\W+(?:\w+\W+)?contraindicated",
    "indicated_for": r"{object}\W+(?:\w+\W+){{0,2}}(?:is|are)\W+(?:\w+\W+)?indicated",
}


@dataclass(frozen=True)
class NoticeStanding:
    """What the wall must know of a notice that a candidate quotes."""

    document_id: str
    start: int
    end: int
    is_newest: bool
    names: tuple[str, ...] = ()
    sections: tuple[Section, ...] = ()
    is_retracted: bool = False
    """A source in the ledger asserts that this notice's work was retracted, and none that it was reinstated."""


def check(
    candidate: Candidate,
    texts: Mapping[str, str],
    notices: Mapping[str, NoticeStanding],
    *,
    aliases: tuple[str, ...] = (),
) -> tuple[str, ...]:
    """Give the reasons for which a candidate is refused, its questions' included; empty where it passes.

    Args:
        candidate: Normalised, with its questions.
        texts: Text by document id.
        notices: Standing by notice id.
        aliases: Further names of the subject from the alias table.
    """
    return judge(candidate, texts, notices, aliases=aliases).refused


def judge(
    candidate: Candidate,
    texts: Mapping[str, str],
    notices: Mapping[str, NoticeStanding],
    *,
    aliases: tuple[str, ...] = (),
    asked: Candidate | None = None,
) -> Ruling:
    """Rule on a candidate with its questions, or those of ``asked`` (``list_facts``); arguments as ``check``."""
    broken = _broken(candidate, texts, notices)
    if broken.refused:
        return broken
    ruling = ground(candidate, texts, notices, aliases=aliases)
    if asked is not None and asked.item is not None:
        ruling += word_of_the_source(candidate)
    return ruling + named("questions", refuse(*questions.problems(asked or candidate)))


def ground(
    candidate: Candidate,
    texts: Mapping[str, str],
    notices: Mapping[str, NoticeStanding],
    *,
    aliases: tuple[str, ...] = (),
) -> Ruling:
    """Rule on a candidate by its evidence alone; arguments as ``check``."""
    broken = _broken(candidate, texts, notices)
    if broken.refused:
        return broken
    if candidate.change_kind is ChangeKind.RETRACTED and candidate.relation == "evidence_for":
        ruling = named("retraction", refuse(*_retraction_reasons(candidate, notices)))
    else:
        ruling = _claim_ruling(candidate, texts, notices, aliases)
    if candidate.object_old is not None and same_object(candidate.object_old, candidate.object_new):
        ruling += refuse("the new object equals the old one")
    return broken + ruling


def collapse(text: str) -> str:
    """Give the text in NFC with every run of white space as one blank: the only change a quote may show."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def locate(quote: str, text: str, *, within: tuple[int, int] | None) -> tuple[int, int] | str:
    """Find a quote in a document's text, up to white space and NFC; never by likeness.

    Args:
        quote: As a model returned it.
        text: Text of the document.
        within: Offsets between which the quote must stand; None for the whole text.

    Returns:
        Its offsets, or why it is refused.
    """
    words = unicodedata.normalize("NFC", quote).split()
    if not words:
        return "the quote is empty"
    before = r"(?<!\w)" if words[0][0].isalnum() else ""
    after = r"(?!\w)" if words[-1][-1].isalnum() else ""
    pattern = re.compile(before + r"\s+".join(_either_form(word) for word in words) + after)
    start, end = within or (0, len(text))
    found = list(islice(pattern.finditer(text, start, end), 2))
    if not found:
        return "the quote is not found in the text"
    if len(found) > 1:
        return "the quote is found twice in the text"
    return found[0].span()


def _either_form(word: str) -> str:
    decomposed = unicodedata.normalize("NFD", word)
    return re.escape(word) if word == decomposed else f"(?:{re.escape(word)}|{re.escape(decomposed)})"


def _broken(candidate: Candidate, texts: Mapping[str, str], notices: Mapping[str, NoticeStanding]) -> Ruling:
    reasons = [reason for evidence in candidate.evidence for reason in _evidence_reasons(evidence, texts, notices)]
    return NOTHING + named("quotes in their place", refuse(*reasons))


def _evidence_reasons(evidence: Evidence, texts: Mapping[str, str], notices: Mapping[str, NoticeStanding]) -> list[str]:
    text, standing = texts.get(evidence.document_id), notices.get(evidence.notice_id)
    if evidence.role not in _ROLES:
        return ["an evidence has an unknown role"]
    if text is None or standing is None:
        return ["the evidence names a document or notice that is not in the ledger"]
    if standing.document_id != evidence.document_id:
        return ["the evidence names a notice of another document"]
    if not 0 <= evidence.start < evidence.end <= len(text):
        return ["the offsets of a quote lie outside its document"]
    if not standing.start <= evidence.start < evidence.end <= standing.end:
        return ["a quote stands outside the notice that it names"]
    if collapse(text[evidence.start : evidence.end]) != collapse(evidence.quote):
        return ["a quote is not what stands at its offsets"]
    if _cuts_word(text, evidence.start) or _cuts_word(text, evidence.end):
        return ["a quote begins or ends inside a word or a number"]
    if evidence.role != "previous" and not standing.is_newest:
        return ["the source has a newer version than the one quoted"]
    return []


def _cuts_word(text: str, at: int) -> bool:
    around = text[max(0, at - 1) : at + 1]
    if 0 < at < len(text) and around.isalnum():
        return True
    return re.fullmatch(r"\d[.,]\d", text[max(0, at - 1) : at + 2]) is not None or (
        re.fullmatch(r"\d[.,]\d", text[max(0, at - 2) : at + 1]) is not None
    )


def _claim_ruling(
    candidate: Candidate,
    texts: Mapping[str, str],
    notices: Mapping[str, NoticeStanding],
    aliases: tuple[str, ...],
) -> Ruling:
    claims = [evidence for evidence in candidate.evidence if evidence.role == "claim"]
    if not claims:
        return refuse("no quote claims the new object")
    if any(evidence.role == "retraction" for evidence in candidate.evidence):
        return refuse("a retraction takes back, it claims nothing")
    if candidate.object_new in NOT_SUPPORTED:
        return refuse("only a retraction takes support away")
    ruling = named("relation", refuse(*_object_form(candidate)))
    for claim in claims:
        standing = notices[claim.notice_id]
        ruling += named("object", _object_ruling(candidate, claim))
        ruling += named("subject", refuse(*_subject_reasons(candidate, claim, standing, aliases)))
        ruling += named("product", attend(*_other_product(candidate, claim, standing)))
        ruling += named("qualifiers", _qualifier_ruling(candidate, claim, standing, texts[claim.document_id]))
        ruling += turns(candidate, claim, standing.names)
        said = injection.suspicions(claim.quote)
        ruling += named("nothing that speaks to its reader", refuse(*(f"the quote {what}" for what in said)))
    return ruling + named("old object", refuse(*_previous_reasons(candidate)))


def _object_form(candidate: Candidate) -> list[str]:
    if candidate.relation not in VOCABULARY or candidate.relation == OTHER:
        return ["the relation is not in the vocabulary"]
    said = " ".join(evidence.quote for evidence in candidate.evidence if evidence.role == "claim")
    if candidate.relation in DOSES:
        said = candidate.object_new if AMOUNT.search(candidate.object_new) is None else f"{candidate.object_new} {said}"
    else:
        said = candidate.object_new
    return list(type_problems(candidate.relation, candidate.subject, said))


def _object_ruling(candidate: Candidate, claim: Evidence) -> Ruling:
    said, quoted = tokens(candidate.object_new), tokens(claim.quote)
    if not said:
        return refuse("the new object is empty")
    if stands(said, quoted):
        return NOTHING
    for amount in AMOUNT.finditer(candidate.object_new):
        if not stands(tokens(amount.group()), quoted):
            return refuse("a number with its unit does not stand in the quote")
    if any(has_digit(word) and word not in quoted for word in said):
        return refuse("a number with its unit does not stand in the quote")
    if candidate.relation == "evidence_for":
        return NOTHING
    spelled = {form for word in quoted for form in (word, word.removesuffix("s"), f"{word}s")}
    if any(word not in spelled for word in said if word not in _FUNCTION_WORDS):
        return refuse("a word of the new object does not stand in the quote")
    if candidate.relation in DOSES:
        return refuse("the words of the dose do not stand together in the quote")
    return attend("the words of the new object do not stand together in the quote")


def _subject_reasons(
    candidate: Candidate, claim: Evidence, standing: NoticeStanding, aliases: tuple[str, ...]
) -> list[str]:
    names = (candidate.subject, *candidate.aliases, *aliases)
    own = {plain_name(name) for name in standing.names}
    is_own = plain_name(candidate.subject) in own
    reversal = _REVERSED.get(candidate.relation)
    if reversal and re.search(reversal.format(object=re.escape(candidate.object_new)), claim.quote, re.IGNORECASE):
        return ["subject and object are swapped"]
    if same_object(candidate.subject, candidate.object_new):
        return ["subject and object are the same"]
    if is_own:
        return []
    if not names_stand(names, claim.quote):
        return ["the subject neither stands in the quote nor is the document's own product"]
    is_mutual = relation_of(candidate.relation).symmetric or candidate.relation == "first_line_treatment_for"
    if own & {plain_name(candidate.object_new)} and not is_mutual:
        return ["subject and object are swapped"]
    return []


def _other_product(candidate: Candidate, claim: Evidence, standing: NoticeStanding) -> list[str]:
    own = {plain_name(name) for name in standing.names}
    if candidate.relation not in DOSES or not own or plain_name(candidate.subject) in own:
        return []
    if not names_stand(standing.names, claim.quote):
        return []
    return ["the quote names the document's own product beside the subject: whose dose is it?"]


_OUR_WORDS = frozenset({"kind", "advice"})
"""Qualifiers that class a statement in words of ours; the text says them in its own."""


def _qualifier_ruling(candidate: Candidate, claim: Evidence, standing: NoticeStanding, text: str) -> Ruling:
    titles = " ".join(s.title for s in standing.sections if s.start <= claim.start < s.end)
    around = f"{claim.quote} {claim.section} {titles}"
    ruling = NOTHING
    for name, value in candidate.qualifiers.items():
        if name in _OUR_WORDS or (name == "dose" and value == "maximum" and sets_limit(claim.quote)):
            continue
        said = tokens(text[standing.start : standing.end] if name in _OF_THE_STUDY else around)
        amounts = [tokens(match.group()) for match in AMOUNT.finditer(value)]
        numbers = [word for word in tokens(value) if has_digit(word)]
        if name in _PLACED and not population_stands(value, around):
            return refuse(f"the {name} does not stand in the quote or its section")
        if name in _OF_THE_STUDY:
            amounts += _numbers_with_what_follows(value)
        if any(word not in said for word in numbers) or not all(stands(amount, said) for amount in amounts):
            return refuse(f"a number of the {name} does not stand in the quote or its section")
        if not population_stands(value, around):
            ruling += attend(f"the {name} does not stand in the quote")
    return ruling


def _numbers_with_what_follows(value: str) -> list[tuple[str, ...]]:
    words = tokens(value)
    return [words[at : at + 2] for at in range(len(words) - 1) if has_digit(words[at])]


def _previous_reasons(candidate: Candidate) -> list[str]:
    previous = [evidence for evidence in candidate.evidence if evidence.role == "previous"]
    if candidate.object_old is None or not previous:
        return []
    said = tokens(candidate.object_old)
    if all(not stands(said, tokens(evidence.quote)) for evidence in previous):
        return ["the old object does not stand in the previous version's quote"]
    return []


def _retraction_reasons(candidate: Candidate, notices: Mapping[str, NoticeStanding]) -> list[str]:
    """A retracted claim: asserted by a source, quoted from the paper, and never turned into its reverse."""
    claimed = [evidence for evidence in candidate.evidence if evidence.role == "previous"]
    taken_back = [evidence for evidence in candidate.evidence if evidence.role == "retraction"]
    if candidate.object_new not in NOT_SUPPORTED:
        return ["evidence can only be taken back by a retraction, and only as not supported"]
    if any(evidence.role == "claim" for evidence in candidate.evidence):
        return ["a retraction takes back, it claims nothing"]
    if not claimed or not taken_back:
        return ["a retraction needs the quote of the claim and that of the retraction"]
    if not all(notices[evidence.notice_id].is_retracted for evidence in claimed):
        return ["no source asserts that the quoted work was retracted"]
    quote = " ".join(evidence.quote for evidence in claimed)
    if not names_stand((candidate.subject, *candidate.aliases), quote):
        return ["the subject does not stand in the quote of the claim"]
    for name in ("outcome", "population"):
        if not candidate.qualifiers.get(name) or not population_stands(candidate.qualifiers[name], quote):
            return [f"the {name} does not stand in the quote of the claim"]
    claim = re.sub(r"\s*\([^()]*\)$", "", candidate.object_old or "")
    if not claim or not stands(tokens(claim), tokens(quote)):
        return ["the old object does not stand in the quote of the claim"]
    return []


def has_digit(word: str) -> bool:
    """Say whether a token is a number or holds one: ``5``, ``ba31``."""
    return any(character.isdigit() for character in word)


def same_object(one: str, other: str) -> bool:
    """Say whether two objects say the same, whatever their case, spacing and punctuation."""
    return tokens(one) == tokens(other)
