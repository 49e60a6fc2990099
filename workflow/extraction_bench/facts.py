"""Asks an extraction lane about a case, and puts what it gives through the wall: what stood before, what stands after.

Works with any lane behind ``Extractor``. Nothing is stored.
"""

from __future__ import annotations

from dataclasses import dataclass

from connectors.notice import NoticeKind
from workflow.extraction_bench.gold import Case
from workflow.intake import questions
from workflow.intake.extractor import ChangedSentence, DocumentChanges, Extractor, NoticeText, Refused
from workflow.intake.llm_client import LlmUnusableError
from workflow.intake.mentions import Lexicon
from workflow.intake.normalise import AliasTable, normalise
from workflow.intake.wall import NoticeStanding, collapse, ground
from workflow.records import Candidate, ChangeKind


@dataclass(frozen=True)
class Found:
    """One fact that a lane gave."""

    candidate: Candidate
    grounded: bool
    """Every quote equals the text at its offsets, after NFC and white space only."""
    outcome: str
    """What the wall said: ``admitted``, ``attention`` or ``refused``."""
    reasons: tuple[str, ...] = ()

    @property
    def stands(self) -> bool:
        """Whether a person would be shown it."""
        return self.outcome != "refused"


@dataclass(frozen=True)
class Reply:
    """What a lane gave for one case."""

    found: tuple[Found, ...]
    refused: tuple[str, ...]
    """Why the lane itself dropped something, in its words."""
    valid: bool = True
    """Whether its reply parsed and fitted the schema at the first attempt."""


def ask(lane: Extractor, case: Case) -> Reply:
    """Ask a lane about every sentence of a case, as if all of it were new."""
    work = changes_of(case)
    if not work.changes:
        return Reply((), ())
    try:
        given = list(lane.propose(work))
    except LlmUnusableError as error:
        return Reply((), (str(error),), valid=False)
    found, refused = [], []
    for one in given:
        if not isinstance(one, Refused):
            found.append(_judged(one, case, work))
        elif one.candidate is not None:
            found.append(_judged(one.candidate, case, work, one.reason))
        else:
            refused.append(one.reason)
    return Reply(tuple(found), tuple(refused))


def changes_of(case: Case) -> DocumentChanges:
    """Give a case as a lane is asked about it: a new guideline, or the label of its product."""
    notice = NoticeText(
        notice_id=f"n-{case.case_id}",
        document_id=f"d-{case.case_id}",
        source="bench",
        kind=NoticeKind.LABEL if case.product else NoticeKind.GUIDELINE,
        key=case.document,
        version="1",
        title="",
        start=0,
        end=len(case.text),
        text=case.text,
        names=case.product,
    )
    changes = (
        ChangedSentence(f"g-{case.case_id}-{number}", ChangeKind.NEW, notice, start=start, end=end)
        for number, (start, end) in enumerate(case.sentences)
    )
    return DocumentChanges(notice.document_id, tuple(changes), Lexicon.of(case.names))


def _judged(candidate: Candidate, case: Case, work: DocumentChanges, dropped: str = "") -> Found:
    aliases = AliasTable.of(())
    prepared = normalise(candidate, aliases, case.product)
    if not prepared.question:
        prepared = questions.write(prepared, ())
    standings = {
        change.notice.notice_id: NoticeStanding(
            document_id=change.notice.document_id,
            start=change.notice.start,
            end=change.notice.end,
            is_newest=True,
            names=change.notice.names,
        )
        for change in work.changes
    }
    texts = work.texts
    quoted = [piece for piece in candidate.evidence if piece.document_id in texts]
    grounded = bool(quoted) and all(
        collapse(texts[piece.document_id][piece.start : piece.end]) == collapse(piece.quote) for piece in quoted
    )
    if dropped:
        return Found(prepared, grounded, "refused", (dropped,))
    ruling = ground(prepared, texts, standings)
    return Found(prepared, grounded, ruling.outcome, (*ruling.refused, *ruling.attention))
