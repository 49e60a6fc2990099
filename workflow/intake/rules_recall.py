"""Reads a new drug recall: which product, why, and how serious. What is recalled are lots, never the drug as such.

Only classes I and II are proposed; a recall that ended or is of class III stays on record and asks nobody.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from connectors.notice import Section
from workflow.intake.extractor import ChangedSentence, NoticeText, Refused
from workflow.intake.normalise import plain_name
from workflow.records import Candidate, Evidence, Risk

_SERIOUS = re.compile(r"\s*class\s+(?:I|II)\s*$", re.IGNORECASE)
_OVER = re.compile(r"\b(?:terminated|completed)\b", re.IGNORECASE)
_LONGEST_REASON = 300
LOTS_ONLY = "a recall of lots, not of the drug: it ends, and says nothing of other lots"


def read_recall(change: ChangedSentence, extractor: str) -> Iterator[Candidate | Refused]:
    """Give the one candidate of a new recall, or say why there is none."""
    notice = change.notice
    parts = {section.code: section for section in notice.sections}
    reason, graded, status = (parts.get(code) for code in ("reason_for_recall", "classification", "status"))
    if reason is None or graded is None or not _SERIOUS.match(_text(notice, graded)):
        return
    if status is not None and _OVER.search(_text(notice, status)):
        return
    said = " ".join(_text(notice, reason).split()).rstrip(".;, ")
    if not notice.names or not 3 <= len(said) <= _LONGEST_REASON:
        yield Refused(change.change_id, extractor, "the recall names no ingredient, or no reason that can be quoted")
        return
    yield Candidate(
        subject=plain_name(notice.names[0]),
        relation="recalled",
        object_new=said,
        question="",
        evidence=(_evidence(notice, reason),),
        change_kind=change.kind,
        risk=Risk.LOW,
        flags=(LOTS_ONLY,),
        extractor=extractor,
    )


def _text(notice: NoticeText, section: Section) -> str:
    return notice.text[section.start : section.end]


def _evidence(notice: NoticeText, section: Section) -> Evidence:
    text = _text(notice, section)
    return Evidence(
        document_id=notice.document_id,
        notice_id=notice.notice_id,
        role="claim",
        quote=text.strip(),
        start=section.start + len(text) - len(text.lstrip()),
        end=section.start + len(text.rstrip()),
        section=section.title,
    )
