"""Lane B: asks a language model what the changed sentences say, and finds its quotes in the text.

Owns the way from a reply to candidates. The model only proposes: its quote counts where code finds it within what
changed, its old object never counts, and that a work was retracted is not its to tell. What it gives still meets the
wall. ``prepare`` asks, ``propose`` judges: what was asked is answered from the cache, in the order of the document.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Final, TypeVar

from workflow.intake import llm_entailment, llm_retraction
from workflow.intake.extractor import ChangedSentence, DocumentChanges, NoticeText, Refused
from workflow.intake.llm_agreement import ALONE, agreement_of, second_reading
from workflow.intake.llm_backend import LlmBackend
from workflow.intake.llm_budget import LlmBudgetSpentError, LlmUnusableError
from workflow.intake.llm_cache import CallCache, CallKey
from workflow.intake.llm_claim import claim_of, doubts_of, refusal_of
from workflow.intake.llm_places import claim_evidence, find, previous_evidence, shown
from workflow.intake.llm_prompt import Prompt, write_prompts
from workflow.intake.llm_schema import LlmFact, LlmReply
from workflow.intake.llm_wire import read_reply
from workflow.intake.normalise import product_names
from workflow.intake.wall import NEEDS_ATTENTION
from workflow.records import Candidate, ChangeKind

_ONLY_CONNECTORS_TELL: Final = frozenset(
    {
        ChangeKind.CONCERN,
        ChangeKind.PARTLY_RETRACTED,
        ChangeKind.RETRACTED,
        ChangeKind.REINSTATED,
        ChangeKind.WITHDRAWN,
    }
)
_T = TypeVar("_T")


class LlmExtractor:
    """The lane, for one run.

    Args:
        backend: What is asked.
        cache: Where replies are kept between nights.
        runs: Times that a document with facts is asked about; what both say stands first.
        entailment: Whether each fact is shown once more with its quote alone.
    """

    def __init__(self, backend: LlmBackend, cache: CallCache, *, runs: int = 1, entailment: bool = False) -> None:
        self._backend = backend
        self._cache = cache
        self._runs = runs
        self._entailment = entailment
        self._failed: dict[str, LlmUnusableError] = {}

    @property
    def name(self) -> str:
        """Model and kind of lane; a candidate's own name also carries its prompt."""
        return f"llm:{self._backend.model}"

    def prepare(self, document: DocumentChanges) -> None:
        """Ask everything that ``propose`` will need, so that it only reads the cache; safe from several threads.

        Raises:
            LlmUnusableError: the model gave nothing usable; ``propose`` raises the same without asking again.
        """
        self.propose(document)

    def propose(self, document: DocumentChanges) -> list[Candidate | Refused]:
        """Candidates and refusals of one document, what both runs say first; read from the cache where asked before.

        Raises:
            LlmUnusableError: the model gave nothing usable for this document; the message names it.
        """
        found: list[Candidate | Refused] = []
        for change in document.changes:
            if change.kind is ChangeKind.RETRACTED and change.start is None and change.target is not None:
                found += self._propose_retraction(change, change.target)
        readable = [
            change for change in document.changes if change.kind not in _ONLY_CONNECTORS_TELL and change.sentence
        ]
        for _, group in groupby(readable, key=lambda change: change.notice.notice_id):
            found += self._propose_notice(tuple(group))
        return sorted(found, key=lambda one: isinstance(one, Candidate) and one.agreement == ALONE)

    def _propose_notice(self, changes: tuple[ChangedSentence, ...]) -> Iterator[Candidate | Refused]:
        """One notice's changes, in as many calls as their length asks for."""
        notice = changes[0].notice
        for prompt in write_prompts(notice.title, tuple(map(shown, changes))):
            reply = self._ask(prompt, notice, read_reply)
            extractor = f"{self.name}/{prompt.sha256[:12]}"
            if not reply.facts and not reply.no_change:
                yield Refused(changes[0].change_id, extractor, "the model saw a change and named no fact")
            again = self._again(prompt, notice) if reply.facts and self._runs > 1 else None
            for fact in reply.facts:
                judged = self._judge(fact, changes, extractor)
                if isinstance(judged, Candidate):
                    judged = self._checked(agreement_of(judged, fact, again), notice, changes[0].change_id)
                yield judged

    def _again(self, prompt: Prompt, notice: NoticeText) -> LlmReply | None:
        """The second run's reply; None where nothing usable came, which decides nothing."""
        return second_reading(lambda: self._ask(prompt.again(), notice, read_reply))

    def _propose_retraction(self, change: ChangedSentence, target: NoticeText) -> Iterator[Candidate | Refused]:
        """What the retracted work had claimed, so that it can be called no longer supported, and never the reverse."""
        prompt = llm_retraction.write_question(target)
        if prompt is not None:
            reply = self._ask(prompt, target, llm_retraction.read_claims)
            yield from llm_retraction.taken_back(reply, change, target, f"{self.name}/{prompt.sha256[:12]}")

    def _checked(self, candidate: Candidate, notice: NoticeText, change_id: str) -> Candidate | Refused:
        """The candidate after the entailment check, which can only take something away."""
        if not self._entailment:
            return candidate
        prompt = llm_entailment.write_check(candidate, next(iter(product_names(notice)), ""))
        try:
            verdict = self._ask(prompt, notice, llm_entailment.read_verdict)
        except LlmBudgetSpentError:
            raise
        except LlmUnusableError:
            return _flagged(llm_entailment.noted(candidate, None), llm_entailment.NOT_CHECKED)
        if verdict is llm_entailment.Verdict.CONTRADICTED:
            return Refused(change_id, candidate.extractor, llm_entailment.CONTRADICTED, candidate)
        if verdict is llm_entailment.Verdict.NOT_STATED:
            return _flagged(llm_entailment.noted(candidate, verdict), llm_entailment.NOT_STATED)
        return llm_entailment.noted(candidate, verdict)

    def _ask(self, prompt: Prompt, notice: NoticeText, read: Callable[[str], _T]) -> _T:
        document_sha256 = hashlib.sha256(notice.text.encode()).hexdigest()
        key = CallKey(document_sha256, prompt.sha256, self._backend.model)
        kept = self._cache.find(key)
        if kept is not None:
            return read(kept)
        if (before := self._failed.get(key.call_id)) is not None:
            raise before
        started = time.monotonic()
        try:
            answer = self._backend.ask(prompt, read)
        except LlmUnusableError as error:
            told = type(error)(f"document {notice.document_id[:12]} ({notice.source}): {error}")
            self._failed[key.call_id] = told
            if not isinstance(error, LlmBudgetSpentError):
                self._cache.fail(key, str(error), time.monotonic() - started)
            raise told from None
        self._cache.keep(key, answer)
        return read(answer.text)

    def _judge(self, fact: LlmFact, changes: tuple[ChangedSentence, ...], extractor: str) -> Candidate | Refused:
        """The candidate that a fact makes, or why it makes none."""
        place = find(fact.quote, changes)
        if isinstance(place, str):
            candidate = claim_of(fact, changes[0], extractor=extractor)
            return Refused(changes[0].change_id, extractor, place, candidate)
        change, start, end = place
        candidate = claim_of(fact, change, extractor=extractor)
        quote = change.notice.text[start:end]
        evidence = (claim_evidence(change, start, end), *previous_evidence(change))
        candidate = candidate.model_copy(update={"evidence": evidence, "flags": doubts_of(fact, quote, change)})
        reason = refusal_of(fact, quote, change)
        return Refused(change.change_id, extractor, reason, candidate) if reason else candidate


def _flagged(candidate: Candidate, doubt: str) -> Candidate:
    return candidate.model_copy(update={"flags": (*candidate.flags, f"{NEEDS_ATTENTION}{doubt}")})
