"""Where a quote of a language model stands: in what changed, or nowhere that counts. Offsets are computed here only.

Owns what part of a document a change is shown with, and in which its quotes are looked for. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from workflow.intake.extractor import ChangedSentence
from workflow.intake.llm_prompt import SentenceChange
from workflow.intake.wall import locate
from workflow.records import Evidence

CONTEXT_CHARS: Final = 300
NOT_FOUND: Final = "the quote is not found in the document"
NOT_IN_CHANGE: Final = "the quote stands in the document, but not in what changed"
FOUND_TWICE: Final = "the quote is found twice in what changed"


def find(quote: str, changes: tuple[ChangedSentence, ...]) -> tuple[ChangedSentence, int, int] | str:
    """The one change that the quote stands in or spans, with its offsets, or the reason why there is none.

    Looked for in the changed sentences first, then with their context: a quote that stands once in what changed is
    found there, wherever else in the document its words may stand.
    """
    reason = NOT_FOUND
    for window_of in (_sentence_span, _window):
        places, reason = _search(quote, changes, window_of)
        if len(places) > 1 or reason == FOUND_TWICE:
            return FOUND_TWICE
        for (start, end), change in places.items():
            return change, start, end
    return reason


def _search(
    quote: str,
    changes: tuple[ChangedSentence, ...],
    window_of: Callable[[ChangedSentence], tuple[int, int]],
) -> tuple[dict[tuple[int, int], ChangedSentence], str]:
    """Where the quote stands in one of the windows and touches its change; why not, where it does not."""
    places: dict[tuple[int, int], ChangedSentence] = {}
    reason = NOT_FOUND
    for change in changes:
        span = locate(quote, change.notice.text, within=window_of(change))
        if isinstance(span, str):
            reason = FOUND_TWICE if "twice" in span else reason
        elif _overlaps(span, _sentence_span(change)):
            places[span] = change
        elif reason == NOT_FOUND:
            reason = NOT_IN_CHANGE
    return places, reason


def shown(change: ChangedSentence) -> SentenceChange:
    """The change as the model sees it, with the text around it."""
    start, end = _window(change)
    return SentenceChange(
        section=change.section,
        before=change.old_sentence or None,
        after=change.sentence,
        context=change.notice.text[start:end],
    )


def _sentence_span(change: ChangedSentence) -> tuple[int, int]:
    return change.start or 0, change.end or 0


def _window(change: ChangedSentence) -> tuple[int, int]:
    """The changed sentence with ``CONTEXT_CHARS`` on both sides, within its section and notice."""
    start, end = _sentence_span(change)
    section = change.notice.section_at(start)
    first, last = (section.start, section.end) if section else (change.notice.start, change.notice.end)
    return max(first, start - CONTEXT_CHARS), max(end, min(last, end + CONTEXT_CHARS))


def _overlaps(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def claim_evidence(change: ChangedSentence, start: int, end: int) -> Evidence:
    """The claim that stands at these offsets of the new text."""
    return Evidence(
        document_id=change.notice.document_id,
        notice_id=change.notice.notice_id,
        role="claim",
        quote=change.notice.text[start:end],
        start=start,
        end=end,
        section=change.section,
    )


def previous_evidence(change: ChangedSentence) -> tuple[Evidence, ...]:
    """The sentence that was replaced, where one was."""
    if change.previous is None or not change.old_sentence:
        return ()
    claim = claim_evidence(change, *_sentence_span(change))
    return (
        claim.model_copy(
            update={
                "document_id": change.previous.document_id,
                "notice_id": change.previous.notice_id,
                "role": "previous",
                "quote": change.old_sentence,
                "start": change.old_start,
                "end": change.old_end,
            }
        ),
    )
