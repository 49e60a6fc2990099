"""Lane A: candidates out of structured changes, without a language model.

Owns how facts of a sentence become candidates: only what the new sentence says and no sentence of the previous
version said; the old object is what the previous version said under the same functional key.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from connectors.notice import NoticeKind
from workflow.intake.amounts import on_one_scale
from workflow.intake.extractor import ChangedSentence, DocumentChanges, NoticeText, Refused
from workflow.intake.headings import under_heading
from workflow.intake.mentions import NO_NAMES, Lexicon
from workflow.intake.normalise import names_stand, plain_name, population, product_names
from workflow.intake.phrases import Span
from workflow.intake.relations import HIGH_RISK, relation_of
from workflow.intake.rule_facts import Fact, Place
from workflow.intake.rules_care import read_care
from workflow.intake.rules_dose import read_doses
from workflow.intake.rules_interactions import INTERACTING, interaction_facts
from workflow.intake.rules_label import read_label
from workflow.intake.rules_recall import read_recall
from workflow.intake.rules_retraction import read_retraction
from workflow.intake.rules_uspstf import is_graded, read_graded
from workflow.intake.sentences import Sentence, split, tokens
from workflow.records import Candidate, ChangeKind, Evidence, ObjectOrigin, Risk

NAME = "rules/1"
_LONGEST_SENTENCE = 1500
_READ = frozenset({NoticeKind.LABEL, NoticeKind.GUIDELINE, NoticeKind.SAFETY_COMMUNICATION})
_Said = tuple[Sentence, Fact]


class RulesExtractor:
    """The extraction lane that needs no model."""

    @property
    def name(self) -> str:
        """Name and version."""
        return NAME

    def propose(self, document: DocumentChanges) -> Iterator[Candidate | Refused]:
        """Propose what the rules read in the changed sentences; most sentences give nothing, and no refusal."""
        graded: set[str] = set()
        for change in document.changes:
            if change.kind is ChangeKind.RETRACTED and change.start is None:
                yield from read_retraction(change, NAME)
            elif is_graded(change):
                found = {one.content_sha256: one for one in read_graded(change, NAME)}
                yield from (one for digest, one in found.items() if digest not in graded)
                graded.update(found)
            elif change.start is not None and change.notice.kind is NoticeKind.DRUG_RECALL:
                yield from read_recall(change, NAME)
            elif change.start is not None and change.notice.kind in _READ:
                yield from _read_change(change, document.lexicon)


def read_facts(text: str, place: Place, lexicon: Lexicon = NO_NAMES) -> list[Fact]:
    """Give every fact that the rules read in one sentence; none in one too long to be one.

    Where both drugs of an interaction are known by name, they are told one by one, in place of the whole phrase.
    """
    if len(text) > _LONGEST_SENTENCE:
        return []
    facts = [*read_doses(text, place), *read_label(text, place), *read_care(text, place)]
    named = interaction_facts(text, place, lexicon)
    kept = [*(fact for fact in facts if not named or fact.relation not in INTERACTING), *named]
    return [under_heading(fact, place) for fact in kept]


def _read_change(change: ChangedSentence, lexicon: Lexicon) -> Iterator[Candidate | Refused]:
    sentence = Sentence(change.sentence, change.start or 0, change.end or 0, change.section, _code(change))
    own = product_names(change.notice)
    before = _facts_of(change.previous, lexicon) if change.previous is not None else ()
    for read in read_facts(sentence.text, Place(sentence.section, sentence.code), lexicon):
        fact = _own_first(read, own)
        subject = fact.subject or (own[0] if own else None)
        if subject is None:
            reason = "the sentence names no drug and the document no product"
            yield Refused(change.change_id, NAME, reason)
        elif fact.relation in INTERACTING and own and names_stand(own, fact.value.text):
            yield Refused(change.change_id, NAME, "the document's own product is the object of the interaction")
        elif not any(_key(was, own) == _key(fact, own) and _same_value(was, fact) for _, was in before):
            flagged = replace(fact, flags=(*fact.flags, *_doubts(fact, own)))
            yield _candidate(change, sentence, flagged, subject, _replaced(change, fact, before, own))


def _own_first(fact: Fact, own: tuple[str, ...]) -> Fact:
    """Turn a symmetric statement round where its object is the document's own product: A with B is B with A."""
    if fact.subject is None or not own or not relation_of(fact.relation).symmetric:
        return fact
    if not names_stand(own, fact.value.text) or names_stand(own, fact.subject):
        return fact
    return replace(fact, subject=fact.value.text, value=Span(fact.subject, fact.value.start, fact.value.end))


def _doubts(fact: Fact, own: tuple[str, ...]) -> tuple[str, ...]:
    is_dose = fact.relation in {"recommended_dose", "max_daily_dose"}
    if own and is_dose and fact.subject and plain_name(fact.subject) not in {plain_name(name) for name in own}:
        return ("the drug that the sentence names is not the document's own product, by its names",)
    return ()


def _code(change: ChangedSentence) -> str:
    section = change.notice.section_at(change.start or 0)
    return section.code if section else ""


@lru_cache(maxsize=64)
def _facts_of(notice: NoticeText, lexicon: Lexicon = NO_NAMES) -> tuple[_Said, ...]:
    sentences = split(notice.text, notice.start, notice.end, notice.sections)
    return tuple(
        (sentence, fact)
        for sentence in sentences
        for fact in read_facts(sentence.text, Place(sentence.section, sentence.code), lexicon)
    )


def populations_said(notice: NoticeText, relation: str) -> tuple[str, ...]:
    """Give the populations for which a document states this relation, in its order, each once, in house words."""
    said = (dict(fact.qualifiers).get("population", "") for _, fact in _facts_of(notice) if fact.relation == relation)
    return tuple(dict.fromkeys(population(people) for people in said if people))


def _key(fact: Fact, own: tuple[str, ...]) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    """The functional key as far as the rules know it: the document's own product and its names are one subject."""
    names = {plain_name(name) for name in own}
    subject = plain_name(fact.subject) if fact.subject else ""
    qualifiers = tuple(
        (name, population(value) if name == "population" else " ".join(tokens(value)))
        for name, value in fact.qualifiers
    )
    return fact.relation, "" if subject in names else subject, qualifiers


def _same_value(one: Fact, other: Fact) -> bool:
    return tokens(on_one_scale(one.value.text)) == tokens(on_one_scale(other.value.text))


def _replaced(
    change: ChangedSentence, fact: Fact, before: tuple[_Said, ...], own: tuple[str, ...]
) -> tuple[str, Evidence | None] | None:
    """Give what the previous version said instead: in the sentence that was replaced, else anywhere if only once."""
    if fact.old_value is not None:
        return fact.old_value, None
    if change.previous is None:
        return None
    alike = [said for said in before if _key(said[1], own) == _key(fact, own)]
    paired = [said for said in alike if said[0].start == change.old_start]
    if not paired and not relation_of(fact.relation).functional:
        return None
    found = paired or alike
    if len({tokens(was.value.text) for _, was in found}) != 1:
        return None
    sentence, was = found[0]
    return was.value.text, _evidence(change.previous, sentence, "previous")


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


def _candidate(
    change: ChangedSentence,
    sentence: Sentence,
    fact: Fact,
    subject: str,
    replaced: tuple[str, Evidence | None] | None,
) -> Candidate:
    claim = _evidence(change.notice, sentence, "claim")
    old, previous = replaced if replaced is not None else (None, None)
    origin = ObjectOrigin.PREVIOUS_VERSION if old is not None else ObjectOrigin.UNKNOWN
    return Candidate(
        subject=subject,
        relation=fact.relation,
        qualifiers=dict(fact.qualifiers),
        object_new=fact.value.text,
        object_old=old,
        object_old_origin=origin,
        question="",
        evidence=(claim, previous) if previous is not None else (claim,),
        change_kind=change.kind,
        risk=Risk.HIGH if fact.relation in HIGH_RISK else Risk.LOW,
        flags=fact.flags,
        extractor=NAME,
        certainty=fact.certainty,
    )
