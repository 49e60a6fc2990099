"""Pushes cases through the wall and counts what became of them.

Owns how a case becomes what the wall takes: offsets found by code where the case gives none, names under the alias
table of its documents, what the queue holds already. The wall itself is the one of the intake.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from editor_engine.metrics import wilson_interval
from workflow.grounding.candidate_fields import CaseEvidence, ReadCandidate
from workflow.grounding.cases import Case, CaseDocument
from workflow.intake import injection, questions
from workflow.intake.normalise import AliasTable, normalise, plain_name
from workflow.intake.phrases import AMOUNT
from workflow.intake.relations import relation_of
from workflow.intake.sentences import tokens
from workflow.intake.wall import (
    NOT_SUPPORTED,
    NoticeStanding,
    collapse,
    ground,
    locate,
    same_object,
)
from workflow.intake.wall_turns import Ruling, attend, refuse
from workflow.records import Candidate, ChangeKind, Evidence, ObjectOrigin, Risk

Progress = Callable[[str, int, int | None], None]


@dataclass(frozen=True)
class Judged:
    """A case and what the wall said."""

    case: Case
    ruling: Ruling
    grounded: bool
    """Every quote stands at its offsets."""
    numbers_hold: bool | None
    """Every number with its unit of the object stands in a quote; None where the object has none."""


@dataclass
class Line:
    """Counts of one kind."""

    kind: str
    right: bool
    semantic: bool
    cases: int = 0
    admitted: int = 0
    attention: int = 0
    refused: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def admitted_bounds(self) -> tuple[float, float]:
        """Wilson's bounds of the share admitted, 95 %."""
        return wilson_interval(self.admitted, self.cases)

    @property
    def refused_bounds(self) -> tuple[float, float]:
        """Wilson's bounds of the share refused, 95 %."""
        return wilson_interval(self.refused, self.cases)


@dataclass(frozen=True)
class Measured:
    """What a file of cases came to."""

    lines: tuple[Line, ...]
    groups: tuple[Line, ...]
    """The right ones again, by the set that they come from."""
    let_in: int
    """Admitted or sent to a person."""
    grounded: int
    with_numbers: int
    numbers_held: int

    def missed(self) -> tuple[str, ...]:
        """Name the aims that these cases miss, one line each."""
        found = []
        for line in self.lines:
            passed = line.cases - line.refused
            if not line.right and not line.semantic and passed:
                found.append(f"{line.kind}: {passed} of {line.cases} not refused, aim 0")
            if not line.right and line.semantic and line.admitted > 0.05 * line.cases:
                found.append(f"{line.kind}: {line.admitted} of {line.cases} admitted, aim at most 5 %")
            if line.right and line.refused > 0.01 * line.cases:
                found.append(f"{line.kind}: {line.refused} of {line.cases} refused, aim at most 1 %")
        if self.grounded < self.let_in:
            found.append(f"grounding: {self.grounded} of {self.let_in}, aim all")
        if self.numbers_held < self.with_numbers:
            found.append(f"number fidelity: {self.numbers_held} of {self.with_numbers}, aim all")
        return tuple(found)


def measure(cases: Iterable[Case], *, progress: Progress | None = None) -> Measured:
    """Push every case through the wall."""
    judged = []
    for number, case in enumerate(cases, start=1):
        judged.append(judge_case(case))
        if progress is not None and number % 50 == 0:
            progress("cases through the wall", number, None)
    return tally(judged)


def tally(judged: Sequence[Judged]) -> Measured:
    """Count what the wall said, by kind and, of the right ones, by set."""
    lines: dict[str, Line] = {}
    groups: dict[str, Line] = {}
    for one in judged:
        case = one.case
        _count(lines.setdefault(case.kind, Line(case.kind, case.right, case.semantic)), one)
        if case.right and case.group:
            _count(groups.setdefault(case.group, Line(case.group, right=True, semantic=False)), one)
    let_in = [one for one in judged if not one.ruling.refused]
    counted = [one for one in let_in if one.numbers_hold is not None]
    ordered = sorted(lines.values(), key=lambda line: (not line.right, line.semantic, line.kind))
    return Measured(
        lines=tuple(ordered),
        groups=tuple(sorted(groups.values(), key=lambda line: line.kind)),
        let_in=len(let_in),
        grounded=sum(one.grounded for one in let_in),
        with_numbers=len(counted),
        numbers_held=sum(bool(one.numbers_hold) for one in counted),
    )


def _count(line: Line, one: Judged) -> None:
    line.cases += 1
    outcome = one.ruling.outcome
    line.admitted += outcome == "admitted"
    line.attention += outcome == "attention"
    line.refused += outcome == "refused"
    line.reasons.update(one.ruling.refused or one.ruling.attention)


def judge_case(case: Case) -> Judged:
    """Rule on one case."""
    if case.candidate is None:
        return Judged(case, refuse(f"schema: {case.problem}"), grounded=False, numbers_hold=None)
    documents = {document.document_id: document for document in case.documents}
    evidence = [_placed(piece, documents) for piece in case.candidate.evidence]
    if problems := [piece for piece in evidence if isinstance(piece, str)]:
        return Judged(case, refuse(*problems), grounded=False, numbers_hold=None)
    pieces = tuple(piece for piece in evidence if isinstance(piece, Evidence))
    table = AliasTable.of((*case.aliases, *(document.names for document in case.documents)))
    candidate = _normal(case.candidate, pieces, table, documents)
    texts = {name: document.text for name, document in documents.items()}
    standings = {name: _standing(document) for name, document in documents.items()}
    ruling = ground(candidate, texts, standings, aliases=(case.candidate.subject, *table.aliases(candidate.subject)))
    if candidate.question:
        ruling += refuse(*questions.problems(candidate))
    ruling += _suspicion(candidate, documents) + _repetition(candidate, case, table, documents)
    return Judged(case, ruling, _is_grounded(pieces, texts), _numbers_hold(candidate))


def _placed(piece: CaseEvidence, documents: dict[str, CaseDocument]) -> Evidence | str:
    document = documents.get(piece.document_id)
    start, end = piece.start, piece.end
    if start is None or end is None:
        if document is None:
            return "the evidence names a document or notice that is not in the ledger"
        found = locate(piece.quote, document.text, within=None)
        if isinstance(found, str):
            return found
        start, end = found
    return Evidence(
        document_id=piece.document_id,
        notice_id=piece.document_id,
        role=piece.role,
        quote=piece.quote,
        start=start,
        end=end,
        section=piece.section,
    )


def _normal(
    given: ReadCandidate, evidence: tuple[Evidence, ...], table: AliasTable, documents: dict[str, CaseDocument]
) -> Candidate:
    taken_back = given.object_new in NOT_SUPPORTED
    kind = ChangeKind.RETRACTED if taken_back else ChangeKind.REVISED
    if given.change_kind in set(ChangeKind):
        kind = ChangeKind(given.change_kind)
    candidate = Candidate(
        subject=given.subject,
        aliases=given.aliases,
        relation=given.relation,
        qualifiers=dict(given.qualifiers),
        object_new=given.object_new,
        object_old=given.object_old,
        object_old_origin=ObjectOrigin.UNKNOWN if given.object_old is None else ObjectOrigin.PREVIOUS_VERSION,
        question=given.question,
        paraphrases=given.paraphrases if given.question else (),
        evidence=evidence,
        change_kind=kind,
        risk=Risk.LOW,
        extractor="case",
        polarity=given.polarity,
        certainty=given.certainty,
    )
    own = next((documents[e.document_id].names for e in evidence if e.document_id in documents), ())
    return normalise(candidate, table, own)


def _standing(document: CaseDocument) -> NoticeStanding:
    return NoticeStanding(
        document_id=document.document_id,
        start=0,
        end=len(document.text),
        is_newest=document.newest,
        names=document.names,
        sections=document.sections,
        is_retracted=document.retracted,
    )


def _suspicion(candidate: Candidate, documents: dict[str, CaseDocument]) -> Ruling:
    quoted = [documents[e.document_id] for e in candidate.evidence if e.document_id in documents]
    lines = [line for document in quoted for line in injection.flags(document.text, document.hidden)]
    return attend(*dict.fromkeys(lines))


def _repetition(candidate: Candidate, case: Case, table: AliasTable, documents: dict[str, CaseDocument]) -> Ruling:
    """Whether the queue or the memory says so already, under this name or another one."""
    ruling = Ruling()
    for given in case.existing:
        pieces = tuple(p for p in (_placed(one, documents) for one in given.evidence) if isinstance(p, Evidence))
        held = _normal(given, pieces, table, documents)
        if held.relation != candidate.relation or not _same_objects(held, candidate, table):
            continue
        if _same_subject(held, candidate) and held.qualifiers == candidate.qualifiers:
            ruling += refuse("duplicate: the queue or the memory says so already")
        elif _same_words(held, candidate):
            ruling += attend("another candidate reads the same object in the same words under another name")
    return ruling


def _same_objects(one: Candidate, other: Candidate, table: AliasTable) -> bool:
    names = [table.main(candidate.object_new) or plain_name(candidate.object_new) for candidate in (one, other)]
    return same_object(one.object_new, other.object_new) or names[0] == names[1]


def _same_subject(one: Candidate, other: Candidate) -> bool:
    mine = {plain_name(name) for name in (one.subject, *one.aliases)}
    return bool(mine & {plain_name(name) for name in (other.subject, *other.aliases)})


def _same_words(one: Candidate, other: Candidate) -> bool:
    return any(
        a.document_id == b.document_id and a.start < b.end and b.start < a.end
        for a in one.evidence
        for b in other.evidence
        if a.role == b.role == "claim"
    )


def _is_grounded(evidence: tuple[Evidence, ...], texts: dict[str, str]) -> bool:
    """Measured apart from the wall: the text at the offsets is the quote, but for NFC and white space."""
    return all(collapse(texts.get(e.document_id, "")[e.start : e.end]) == collapse(e.quote) for e in evidence)


def _numbers_hold(candidate: Candidate) -> bool | None:
    """Measured apart from the wall: each amount of the object, blanks aside, is in a claim's words."""
    amounts = [match.group() for match in AMOUNT.finditer(candidate.object_new)]
    if not amounts or relation_of(candidate.relation).name == "evidence_for":
        return None
    said = " ".join(word for e in candidate.evidence if e.role == "claim" for word in tokens(e.quote))
    return all(re.search(rf"(?<!\S){re.escape(' '.join(tokens(a)))}(?!\S)", said) is not None for a in amounts)
