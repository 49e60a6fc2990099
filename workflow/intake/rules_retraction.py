"""Reads what a retracted paper had claimed, so that the claim, and only the claim, can be taken back.

A retraction does not make the opposite true: the new object says that the claim is not supported, never the reverse.
Whether a work was retracted is never read here; that is asserted by a source.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from workflow.intake import phrases, questions
from workflow.intake.extractor import ChangedSentence, NoticeText, Refused
from workflow.intake.normalise import plain_name, population
from workflow.intake.phrases import NEGATION, Span, trimmed
from workflow.intake.sentences import Sentence, split
from workflow.intake.wall import NOT_SUPPORTED
from workflow.records import Candidate, ChangeKind, Evidence, ObjectOrigin, Risk

NO_CLAIM = "no claim found in the retracted work"
_VERBS = {
    "reduce": ("reduces", "reduced", "reduce"),
    "halve": ("halves", "halved", "reduce"),
    "improve": ("improves", "improved", "improve"),
    "prevent": ("prevents", "prevented", "prevent"),
    "increase": ("increases", "increased", "increase"),
    "lower": ("lowers", "lowered", "lower"),
    "decrease": ("decreases", "decreased", "decrease"),
    "shorten": ("shortens", "shortened", "shorten"),
    "slow": ("slows", "slowed", "slow"),
    "double": ("doubles", "doubled", "increase"),
    "prolong": ("prolongs", "prolonged", "prolong"),
    "relieve": ("relieves", "relieved", "relieve"),
    "enhance": ("enhances", "enhanced", "enhance"),
    "attenuate": ("attenuates", "attenuated", "attenuate"),
    "alleviate": ("alleviates", "alleviated", "alleviate"),
    "ameliorate": ("ameliorates", "ameliorated", "ameliorate"),
    "suppress": ("suppresses", "suppressed", "suppress"),
    "inhibit": ("inhibits", "inhibited", "inhibit"),
    "delay": ("delays", "delayed", "delay"),
    "accelerate": ("accelerates", "accelerated", "accelerate"),
    "raise": ("raises", "raised", "raise"),
    "elevate": ("elevates", "elevated", "elevate"),
    "diminish": ("diminishes", "diminished", "diminish"),
    "restore": ("restores", "restored", "restore"),
}
"""Verbs of a claim: present, past, and the verb of the question."""
_BY_FORM = {form: base for base, (present, past, _) in _VERBS.items() for form in (base, present, past)}
_NO_OUTCOME = re.compile(
    r"(?:and|or|but|by|in|of|on|to|from|with|at|after|during|over|only|significantly|more|less|further|slightly|as|than"
    r"|was|were|is|are)\b|.*\b(?:is|was|were|are|has|have|had|been|did)\b",
    re.IGNORECASE,
)
"""What no verb of a claim acts on: "increased significantly in", "a reduced response was found in"."""
_OPEN_SUBJECT = re.compile(
    r"(?:there|effects?|findings?|prevalence|incidence|levels?|rates?|changes?|differences?|no|obtained|compared|combined"
    r"|the\s+(?:effects?|findings?|prevalence|incidence|levels?|rates?))\b"
    r"|.*\b(?:the|an?|of|and|or|with|has|have|had|was|were|is|are|been|by|in|for|to|not|more|less)$|the$",
    re.IGNORECASE,
)
"""Beginnings and ends of what is no treatment: the words before an adjective, or a measure that rose by itself."""
_ADVERB = r"(?:significantly|markedly|substantially|effectively|also|greatly|strongly|consistently|dramatically|safely)"
_LEAD = (
    r"(?:(?:in\s+conclusion|conclusions?|in\s+summary|overall|thus|therefore|taken\s+together)\s*[:,]?\s*)?"
    r"(?:(?:we|our\s+\w+|the(?:se)?\s+\w+|this\s+\w+|results?|data|findings)\s+(?:\w+\s+)?(?:found|conclude|show(?:s|ed)?|demonstrate[sd]?"
    r"|suggest(?:s|ed)?|confirm(?:s|ed)?|indicate[sd]?)\s+that\s+)?"
    r"(?:(?:retracted(?:\s+article)?)\s*:\s*)?"
    r"(?:(?:treatment|therapy|supplementation)\s+with\s+|(?:the\s+)?(?:use|administration)\s+of\s+|(?:daily|oral|early|low-dose|high-dose)\s+)*"
)
_CLAIM = re.compile(
    rf"^\s*{_LEAD}(?P<subject>[A-Za-z][\w'-]*(?:\s+(?!that\b|which\b|who\b|significantly\b)[\w'/+-]+){{0,4}}?)\s+(?:{_ADVERB}\s+)*"
    rf"(?P<claim>(?P<verb>{'|'.join(_BY_FORM)})\s+(?:{_ADVERB}\s+)?"
    r"(?P<outcome>(?:the\s+|all-cause\s+)?[a-z][^.;:()]{2,100}?))"
    r"(?:,?\s+by\s+[^.;:()]{1,60}?)?\s+(?:in|among)\s+(?P<population>[^.;:()]{3,120}?)"
    r"(?=\s*(?:[.;:,(\[]|$)|\s+(?:by|compared|versus|vs|and\s+(?:should|was|is)|when|over|during|after)\b)",
    re.IGNORECASE,
)
_NO_SUBJECT = re.compile(
    r"it|this|that|they|treatment|therapy|patients|we|drug|intervention|study|trial|results|which|both|these|placebo",
    re.IGNORECASE,
)
_HEDGE = re.compile(
    r"\b(?:may|might|could|can|appears?|seems?|possibly|potentially|probably|suggests?\s+a)\b", re.IGNORECASE
)
_TRIAL = re.compile(r"\b(?:trial|randomi[sz]ed|placebo)\b", re.IGNORECASE)
_RETRACTION = re.compile(r"\bretract(?:s|ed|ion)\b", re.IGNORECASE)
_CLAIMING_SECTIONS = re.compile(
    r"title|conclusion|interpretation|abstract|summary|unassigned|findings|^$", re.IGNORECASE
)


@dataclass(frozen=True)
class Claim:
    """What a sentence of a paper claims; spans are offsets into the sentence."""

    subject: str
    verb: str
    """Base form: ``halve``."""
    phrase: Span
    """Verb and outcome as written: ``halved mortality``."""
    outcome: str
    population: str

    @property
    def effect(self) -> str:
        """Verb and outcome as a question says them: ``reduce mortality``."""
        return f"{_VERBS[self.verb][2]} {self.outcome}"

    @property
    def forms(self) -> tuple[str, ...]:
        """The claim in present and past, as an answer might still say it."""
        present, past, asked = _VERBS[self.verb]
        spoken = (self.phrase.text, f"{present} {self.outcome}", f"{past} {self.outcome}")
        return tuple(dict.fromkeys((*spoken, *(f"{form} {self.outcome}" for form in _VERBS[asked][:2]))))


def read_claim(sentence: str) -> Claim | None:
    """Give the claim of a sentence of the form "X reduced Y in Z"; None where it is negated, hedged or another form."""
    match = _CLAIM.match(sentence)
    if match is None or NEGATION.search(match.group()) or _HEDGE.search(match.group()):
        return None
    subject = match["subject"].strip()
    if _NO_SUBJECT.fullmatch(subject) or _OPEN_SUBJECT.match(subject) or phrases.AMOUNT.search(subject):
        return None
    if _NO_OUTCOME.match(match["outcome"]):
        return None
    outcome = re.split(r"\s+(?:compared|versus|vs|relative\s+to)\b", match["outcome"].strip())[0]
    people = re.sub(r"^(?:the|our)\s+", "", match["population"].strip())
    phrase = trimmed(sentence, match.start("claim"), match.start("outcome") + len(outcome))
    return Claim(subject, _BY_FORM[match["verb"].casefold()], phrase, outcome, people)


def read_retraction(change: ChangedSentence, extractor: str) -> Iterator[Candidate | Refused]:
    """Give one candidate for each claim of the retracted work that the ledger holds, or say why there is none."""
    target = change.target
    if target is None:
        yield Refused(change.change_id, extractor, "the retracted work is not in the ledger")
        return
    taken_back = retraction_line(change.notice) or retraction_line(target)
    if taken_back is None:
        yield Refused(change.change_id, extractor, "the text of the retraction does not name it")
        return
    seen: set[tuple[str, str, str]] = set()
    for sentence, claim in _claims(target):
        key = (plain_name(claim.subject), claim.outcome.casefold(), population(claim.population))
        if key not in seen:
            seen.add(key)
            yield _candidate(target, sentence, claim, taken_back, extractor)
    if not seen:
        yield Refused(change.change_id, extractor, NO_CLAIM)


def _claims(target: NoticeText) -> Iterator[tuple[Sentence, Claim]]:
    for sentence in split(target.text, target.start, target.end, target.sections):
        place = f"{sentence.section} {sentence.code}"
        if not _CLAIMING_SECTIONS.search(place if place.strip() else ""):
            continue
        if (claim := read_claim(sentence.text)) is not None:
            yield sentence, claim


def claim_said(quote: str, *, subject: str, effect: str, population: str) -> Claim | None:
    """Give the claim whose parts were named by someone else; None unless all of them stand in the quote as they are.

    A quote that denies or hedges makes no claim, and neither does a verb that the wordings do not know.
    """
    verb = effect.split()[0].casefold() if effect.split() else ""
    place = re.search(re.escape(effect), quote)
    stands = all(re.search(rf"(?<!\w){re.escape(part)}(?!\w)", quote) for part in (subject, population) if part)
    if verb not in _BY_FORM or place is None or not stands or NEGATION.search(quote) or _HEDGE.search(quote):
        return None
    outcome = effect[len(verb) :].strip()
    if not outcome or _NO_SUBJECT.fullmatch(subject) or phrases.AMOUNT.search(subject):
        return None
    return Claim(subject, _BY_FORM[verb], trimmed(quote, *place.span()), outcome, population)


def retracted_claim(
    target: NoticeText, place: tuple[int, int], claim: Claim, taken_back: Evidence, extractor: str
) -> Candidate:
    """Give the candidate that takes a claim back which stands at these offsets of the retracted work."""
    start, end = place
    section = target.section_at(start)
    title, code = (section.title or section.code, section.code) if section else ("", "")
    return _candidate(target, Sentence(target.text[start:end], start, end, title, code), claim, taken_back, extractor)


def retraction_line(notice: NoticeText) -> Evidence | None:
    """Give the first sentence of a notice that says that something was retracted."""
    for sentence in split(notice.text, notice.start, notice.end, notice.sections):
        if _RETRACTION.search(sentence.text):
            return _evidence(notice, sentence, "retraction")
    return None


def _evidence(notice: NoticeText, sentence: Sentence, role: str) -> Evidence:
    return Evidence(
        document_id=notice.document_id,
        notice_id=notice.notice_id,
        role=role,
        quote=sentence.text,
        start=sentence.start,
        end=sentence.end,
        section=sentence.section,
    )


def _candidate(target: NoticeText, sentence: Sentence, claim: Claim, taken_back: Evidence, extractor: str) -> Candidate:
    qualifiers = {"outcome": re.sub(r"^the\s+", "", claim.outcome), "population": population(claim.population)}
    asked = questions.ask("evidence_for", _subject(claim.subject), qualifiers, effect=claim.effect)
    draft = Candidate(
        subject=_subject(claim.subject),
        relation="evidence_for",
        qualifiers=qualifiers,
        object_new=NOT_SUPPORTED[0 if _TRIAL.search(target.body) else 1],
        object_old=f"{claim.phrase.text} ({_cited(target)})",
        object_old_origin=ObjectOrigin.PREVIOUS_VERSION,
        question=asked[0],
        paraphrases=asked[1:],
        must_not_assert=claim.forms,
        evidence=(_evidence(target, sentence, "previous"), taken_back),
        change_kind=ChangeKind.RETRACTED,
        risk=Risk.LOW,
        extractor=extractor,
    )
    return questions.write(draft, (), effect=claim.effect)


def _subject(written: str) -> str:
    return plain_name(written)


def _cited(target: NoticeText) -> str:
    for scheme, value in target.identifiers:
        if scheme == "pmid":
            return f"PMID {value}"
    return next((f"{scheme} {value}" for scheme, value in target.identifiers), target.key)
