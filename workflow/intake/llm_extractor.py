"""Lane B: asks a language model what the changed sentences say, and finds its quotes in the text.

Owns the way from a reply to candidates. The model only proposes: its quote counts where code finds it within what
changed, its old object never counts, and a retraction is not its to tell. What it gives still meets the wall.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Final

from workflow.intake.extractor import ChangedSentence, DocumentChanges, NoticeText, Refused
from workflow.intake.llm_cache import CallCache, CallKey
from workflow.intake.llm_claim import claim_of, doubts_of, refusal_of
from workflow.intake.llm_client import LlmClient, LlmUnusableError
from workflow.intake.llm_prompt import Prompt, SentenceChange, write_prompts
from workflow.intake.llm_schema import LlmFact, LlmReply
from workflow.intake.llm_wire import read_reply
from workflow.intake.wall import locate
from workflow.records import Candidate, ChangeKind, Evidence

CONTEXT_CHARS: Final = 300
NOT_FOUND: Final = "the quote is not found in the document"
NOT_IN_CHANGE: Final = "the quote stands in the document, but not in what changed"
FOUND_TWICE: Final = "the quote is found twice in what changed"
_ONLY_CONNECTORS_TELL: Final = frozenset(
    {
        ChangeKind.CONCERN,
        ChangeKind.PARTLY_RETRACTED,
        ChangeKind.RETRACTED,
        ChangeKind.REINSTATED,
        ChangeKind.WITHDRAWN,
    }
)


class LlmExtractor:
    """The lane, for one run."""

    def __init__(self, client: LlmClient, cache: CallCache) -> None:
        self._client = client
        self._cache = cache

    @property
    def name(self) -> str:
        """Model and kind of lane; a candidate's own name also carries its prompt."""
        return f"llm:{self._client.endpoint.model}"

    def propose(self, document: DocumentChanges) -> list[Candidate | Refused]:
        """Candidates and refusals of one document; what was asked before is read from the cache.

        Raises:
            LlmUnusableError: the model gave nothing usable for this document; the message names it.
        """
        found: list[Candidate | Refused] = []
        readable = [
            change for change in document.changes if change.kind not in _ONLY_CONNECTORS_TELL and change.sentence
        ]
        for _, group in groupby(readable, key=lambda change: change.notice.notice_id):
            found += self._propose_notice(tuple(group))
        return found

    def _propose_notice(self, changes: tuple[ChangedSentence, ...]) -> Iterator[Candidate | Refused]:
        """One notice's changes, in as many calls as their length asks for."""
        notice = changes[0].notice
        for prompt in write_prompts(notice.title, tuple(map(_shown, changes))):
            reply = self._ask(prompt, notice)
            extractor = f"{self.name}/{prompt.sha256[:12]}"
            if not reply.facts and not reply.no_change:
                yield Refused(changes[0].change_id, extractor, "the model saw a change and named no fact")
            for fact in reply.facts:
                yield self._judge(fact, changes, extractor)

    def _ask(self, prompt: Prompt, notice: NoticeText) -> LlmReply:
        document_sha256 = hashlib.sha256(notice.text.encode()).hexdigest()
        key = CallKey(document_sha256, prompt.sha256, self._client.endpoint.model)
        kept = self._cache.find(key)
        if kept is not None:
            return read_reply(kept)
        try:
            answer = self._client.ask(prompt)
        except LlmUnusableError as error:
            raise type(error)(f"document {notice.document_id[:12]} ({notice.source}): {error}") from None
        self._cache.keep(key, answer)
        return answer.reply

    def _judge(self, fact: LlmFact, changes: tuple[ChangedSentence, ...], extractor: str) -> Candidate | Refused:
        """The candidate that a fact makes, or why it makes none."""
        place = _find(fact.quote, changes)
        if isinstance(place, str):
            candidate = claim_of(fact, changes[0], extractor=extractor)
            return Refused(changes[0].change_id, extractor, place, candidate)
        change, start, end = place
        candidate = claim_of(fact, change, extractor=extractor)
        quote = change.notice.text[start:end]
        evidence = (_claim_evidence(change, start, end), *_previous_evidence(change))
        candidate = candidate.model_copy(update={"evidence": evidence, "flags": doubts_of(fact, quote, change)})
        reason = refusal_of(fact, quote, change)
        return Refused(change.change_id, extractor, reason, candidate) if reason else candidate


def _find(quote: str, changes: tuple[ChangedSentence, ...]) -> tuple[ChangedSentence, int, int] | str:
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


def _shown(change: ChangedSentence) -> SentenceChange:
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


def _claim_evidence(change: ChangedSentence, start: int, end: int) -> Evidence:
    return Evidence(
        document_id=change.notice.document_id,
        notice_id=change.notice.notice_id,
        role="claim",
        quote=change.notice.text[start:end],
        start=start,
        end=end,
        section=change.section,
    )


def _previous_evidence(change: ChangedSentence) -> tuple[Evidence, ...]:
    if change.previous is None or not change.old_sentence:
        return ()
    claim = _claim_evidence(change, *_sentence_span(change))
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
