"""The wall: refuses a candidate that its evidence does not carry, word for word.

Pure, and one of the few places that enforce a promise (P3, P7): what passes traces back to the text of a document.
It guards that every quote stands at its offsets (after NFC and white space only), that every number with its unit
and every word of the new object stands in the claim quote, that the subject stands there or is the document's own
product, that population, negation and hedges are not dropped, that the source version is the newest, and that a
retraction was asserted by a source. It must never repair a candidate.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice

from connectors.notice import Section
from workflow.intake import questions
from workflow.intake.normalise import names_stand, plain_name, population, population_stands
from workflow.intake.phrases import AMOUNT, EXCEPTION, NEGATION, OPEN, PERIOD, POPULATION
from workflow.intake.sentences import tokens
from workflow.intake.wordings import WORDINGS
from workflow.records import Candidate, ChangeKind, Evidence

NOT_SUPPORTED = ("not supported: the trial was retracted", "not supported: the study was retracted")
"""What can be said of a claim whose paper was retracted; never the reverse claim."""
_ROLES = frozenset({"claim", "previous", "retraction"})
_DOSES = frozenset({"recommended_dose", "max_daily_dose"})
_MAY_SAY_NOT = {
    "max_daily_dose": r"\b(?:not|no|without)\s+(?:be\s+)?(?:to\s+)?"
    r"(?:exceed\w*|(?:(?:take|use|give|administer)\s+)?more)\b",
    "contraindicated_in": r"\b(?:should|must|do)\s+not\s+(?:be\s+)?(?:use|take|give|administer|prescribe)\w*",
    "interacts_with": r"\b(?:should|must|do)\s+not\s+(?:be\s+)?"
    r"(?:use|take|give|combin|administer|prescribe|co-?administer)\w*|\bnot\s+recommended\b",
    "pregnancy_lactation_advice": r"\b(?:should|must|do)\s+not\s+(?:be\s+)?\w+|\bnot\s+recommended\b",
}
"""Negations that belong to what a relation says; any other one in the clause turns the claim round."""
_FUNCTION_WORDS = frozenset(
    ["a", "an", "the", "of", "and", "or", "in", "for", "with", "to", "is", "be", "by", "as", "at", "on"]
)
_CLAUSE = re.compile(r";|\.\s+(?=[^\sa-z])|,\s+but\b|\n\s*\n")
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
    """Give the reasons for which a candidate is refused; empty where it passes.

    Args:
        candidate: Normalised, with its questions.
        texts: Text by document id.
        notices: Standing by notice id.
        aliases: Further names of the subject from the alias table.
    """
    reasons = [reason for evidence in candidate.evidence for reason in _evidence_reasons(evidence, texts, notices)]
    if reasons:
        return tuple(dict.fromkeys(reasons))
    if candidate.relation == "evidence_for":
        reasons = _retraction_reasons(candidate, notices)
    else:
        reasons = _claim_reasons(candidate, notices, aliases)
    if candidate.object_old is not None and _same(candidate.object_old, candidate.object_new):
        reasons.append("the new object equals the old one")
    return tuple(dict.fromkeys((*reasons, *questions.problems(candidate))))


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


def _claim_reasons(candidate: Candidate, notices: Mapping[str, NoticeStanding], aliases: tuple[str, ...]) -> list[str]:
    claims = [evidence for evidence in candidate.evidence if evidence.role == "claim"]
    if not claims:
        return ["no quote claims the new object"]
    if any(evidence.role == "retraction" for evidence in candidate.evidence):
        return ["a retraction takes back, it claims nothing"]
    reasons = _object_form(candidate)
    for claim in claims:
        standing = notices[claim.notice_id]
        reasons += _object_reasons(candidate, claim)
        reasons += _subject_reasons(candidate, claim, standing, aliases)
        reasons += _population_reasons(candidate, claim, standing)
        reasons += _turned_reasons(candidate, claim)
    return reasons + _previous_reasons(candidate)


def _object_form(candidate: Candidate) -> list[str]:
    if candidate.relation not in WORDINGS:
        return ["the relation is not in the vocabulary"]
    if candidate.relation in _DOSES:
        if AMOUNT.search(candidate.object_new) is None:
            return ["a dose has no number with a unit"]
        if AMOUNT.search(candidate.subject) is not None:
            return ["the subject is a dose"]
    elif AMOUNT.fullmatch(candidate.object_new.strip()) is not None:
        return ["the object is a dose, but the relation is not"]
    return []


def _object_reasons(candidate: Candidate, claim: Evidence) -> list[str]:
    said, quoted = tokens(candidate.object_new), tokens(claim.quote)
    if not said:
        return ["the new object is empty"]
    if _stands(said, quoted):
        return []
    for amount in AMOUNT.finditer(candidate.object_new):
        if not _stands(tokens(amount.group()), quoted):
            return ["a number with its unit does not stand in the quote"]
    if any(word[0].isdigit() and word not in quoted for word in said):
        return ["a number with its unit does not stand in the quote"]
    if any(word not in quoted for word in said if word not in _FUNCTION_WORDS):
        return ["a word of the new object does not stand in the quote"]
    return []


def _stands(said: tuple[str, ...], quoted: tuple[str, ...]) -> bool:
    return any(quoted[at : at + len(said)] == said for at in range(len(quoted) - len(said) + 1))


def _subject_reasons(
    candidate: Candidate, claim: Evidence, standing: NoticeStanding, aliases: tuple[str, ...]
) -> list[str]:
    names = (candidate.subject, *candidate.aliases, *aliases)
    own = {plain_name(name) for name in standing.names}
    is_own = plain_name(candidate.subject) in own
    reversal = _REVERSED.get(candidate.relation)
    if reversal and re.search(reversal.format(object=re.escape(candidate.object_new)), claim.quote, re.IGNORECASE):
        return ["subject and object are swapped"]
    if is_own:
        return []
    if not names_stand(names, claim.quote):
        return ["the subject neither stands in the quote nor is the document's own product"]
    if own and candidate.relation in _DOSES and names_stand(standing.names, claim.quote):
        return ["the quote gives the dose of the document's own product, not of the subject"]
    if own & {plain_name(candidate.object_new)} and candidate.relation in {"contraindicated_in", "indicated_for"}:
        return ["subject and object are swapped"]
    return []


def _population_reasons(candidate: Candidate, claim: Evidence, standing: NoticeStanding) -> list[str]:
    titles = " ".join(s.title for s in standing.sections if s.start <= claim.start < s.end)
    around = f"{claim.quote} {claim.section} {titles}"
    for name, value in candidate.qualifiers.items():
        if name in {"population", "condition", "circumstance", "outcome"} and not population_stands(value, around):
            return [f"the {name} does not stand in the quote or its section"]
    if candidate.relation in _DOSES and not candidate.qualifiers.get("population"):
        clause = _clause(candidate, claim.quote)
        for lead in re.finditer(r"\b(?:in|for)\s+|^[\s\-*•]*", clause, re.IGNORECASE):
            people = POPULATION.match(clause, lead.end())
            if people is not None and population(people["people"]) and "exceed" not in people.group():
                return ["the quote names a population that the candidate drops"]
    return []


def _turned_reasons(candidate: Candidate, claim: Evidence) -> list[str]:
    clause = _clause(candidate, claim.quote)
    if OPEN.search(clause) is not None:
        return ["the quote leaves the question open"]
    if EXCEPTION.search(clause) is not None:
        return ["the quote takes cases out that the candidate drops"]
    allowed = _MAY_SAY_NOT.get(candidate.relation)
    rest = re.sub(allowed, " ", clause, flags=re.IGNORECASE) if allowed else clause
    rest = _without(rest, candidate.object_new)
    if re.search(r"\bnot\s+contraindicated\b", clause, re.IGNORECASE) or NEGATION.search(rest) is not None:
        return ["the quote holds a negation that the candidate drops"]
    if candidate.relation == "max_daily_dose" and not _limits(clause):
        return ["the quote sets no limit"]
    return []


def _limits(clause: str) -> bool:
    limit = re.search(
        r"\b(?:max\w*|highest|exceed\w*|not?\s+more|more\s+than|up\s+to|limit\w*)\b", clause, re.IGNORECASE
    )
    return limit is not None and PERIOD.search(clause) is not None


def _without(clause: str, said: str) -> str:
    """Take the object's own words out, with what stands in brackets and beside it after a comma."""
    clause = re.sub(re.escape(said), " ", clause, flags=re.IGNORECASE)
    return re.sub(r"\([^()]*\)|\[[^\[\]]*\]|\bwith\s+or\s+without\s+food\b", " ", clause, flags=re.IGNORECASE)


def _clause(candidate: Candidate, quote: str) -> str:
    """Give the clause of the quote that holds the object; the whole quote where none holds it whole."""
    said = tokens(candidate.object_new)
    clauses = [clause for clause in _CLAUSE.split(collapse(quote)) if _stands(said, tokens(clause))]
    return clauses[0] if clauses else collapse(quote)


def _previous_reasons(candidate: Candidate) -> list[str]:
    previous = [evidence for evidence in candidate.evidence if evidence.role == "previous"]
    if candidate.object_old is None or not previous:
        return []
    said = tokens(candidate.object_old)
    if all(not _stands(said, tokens(evidence.quote)) for evidence in previous):
        return ["the old object does not stand in the previous version's quote"]
    return []


def _retraction_reasons(candidate: Candidate, notices: Mapping[str, NoticeStanding]) -> list[str]:
    """A retracted claim: asserted by a source, quoted from the paper, and never turned into its reverse."""
    claimed = [evidence for evidence in candidate.evidence if evidence.role == "previous"]
    taken_back = [evidence for evidence in candidate.evidence if evidence.role == "retraction"]
    if candidate.change_kind is not ChangeKind.RETRACTED or candidate.object_new not in NOT_SUPPORTED:
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
    if not claim or not _stands(tokens(claim), tokens(quote)):
        return ["the old object does not stand in the quote of the claim"]
    return []


def _same(one: str, other: str) -> bool:
    return tokens(one) == tokens(other)
