"""An edited model: a frozen base model behind a memory of edits, which answers and says why.

Owns the way of a question: the decision, what is put in front of it, the answer with its attribution. One memory for
the whole of a request; another memory is another ``EditedModel`` over the same weights and caches.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from threading import Lock

import torch
from torch import Tensor

from editor_engine.base_model import BaseModel, Piece, Prompted, Written
from editor_engine.chat import Asked, Chat, chat_of
from editor_engine.edit import Answer, Firing, Silence
from editor_engine.follow_up import History, Subjects, query_of
from editor_engine.generation import GREEDY, MAX_NEW_TOKENS, GenerationSettings
from editor_engine.known_pairs import KnownVerdicts, remembering
from editor_engine.long_question import best_of, parts_of
from editor_engine.memory import Memory
from editor_engine.prototype_decision import decision_named
from editor_engine.text_encoder import TextEncoder
from editor_engine.thresholds import Thresholds
from editor_engine.verifier import Verifier

Triple = tuple[str | None, str | None, str | None]
MOST_KNOWN = 100_000
"""Questions whose encoding, and answers whose text, are kept; beyond that a cache begins anew."""


@dataclass(frozen=True)
class Attributed:
    """The first event of a stream for a row: which edit fired, or why none did, before any word is said."""

    row: int
    firing: Firing
    query: str | None
    release: str


@dataclass(frozen=True)
class Answered:
    """The last event of a stream for a row: the whole answer."""

    row: int
    answer: Answer


StreamEvent = Attributed | Piece | Answered


class QuestionEncodings:
    """Question encodings by text, shared by every memory over one encoder."""

    def __init__(self, encoder: TextEncoder) -> None:
        self._encoder = encoder
        self._known: dict[str, Tensor] = {}

    def __call__(self, texts: Sequence[str]) -> Tensor:
        """MLP_qk over texts; each distinct text is encoded once. Shape: [n, d_key]."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        found = dict(zip(new, self._encoder.queries(new), strict=True)) if new else {}
        z = torch.stack([found[text] if text in found else self._known[text] for text in texts])
        if len(self._known) + len(found) > MOST_KNOWN:
            self._known.clear()
        self._known.update(found)
        return z


@dataclass(eq=False)
class _Shared:
    """What every memory over one base and encoder shares. ``lock`` is held while a decision is made or a cache
    written: an encoder's tokenizer serves one caller at a time."""

    encode: QuestionEncodings
    verify: KnownVerdicts | None
    texts: dict[tuple[str, Triple, int], str] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)


@dataclass(frozen=True)
class _Decided:
    """One request of a batch, ready for the base model."""

    chat: Chat
    query: str
    firing: Firing
    prompted: Prompted


class EditedModel:
    """A base model behind a memory of edits; immutable but for its caches, and safe for several threads.

    Args:
        base: the frozen model that answers.
        encoder: keys of questions.
        memory: the rows in force.
        thresholds: the release's limits.
        verifier: the second stage of retrieval, where there is one.
        stopped: the site's stop flag: nothing fires, the bare base model answers.
    """

    def __init__(
        self,
        base: BaseModel,
        encoder: TextEncoder,
        memory: Memory,
        thresholds: Thresholds | None = None,
        verifier: Verifier | None = None,
        *,
        stopped: bool = False,
    ) -> None:
        self.base = base
        self.encoder = encoder
        self.memory = memory
        self.thresholds = thresholds or Thresholds()
        self.verifier = verifier
        self.stopped = stopped
        self._prototype = encoder.prototype
        self._decide = decision_named(encoder.parts.decision)
        self._shared = _Shared(QuestionEncodings(encoder), remembering(verifier))

    @cached_property
    def digest(self) -> str:
        """Hex digest of the release that this model serves."""
        return self.memory.digest(
            base_digest=self.base.digest, encoder_digest=self.encoder.digest, thresholds=self.thresholds
        )

    def with_memory(self, memory: Memory, thresholds: Thresholds | None = None) -> EditedModel:
        """The same model over another memory, under its own limits if they are given; base, encoder and caches are
        shared.
        """
        return self._with(memory, stopped=self.stopped, thresholds=thresholds)

    def with_stop(self, *, stopped: bool) -> EditedModel:
        """The same model with the stop flag set or lifted."""
        return self._with(self.memory, stopped=stopped)

    def _with(self, memory: Memory, *, stopped: bool, thresholds: Thresholds | None = None) -> EditedModel:
        limits = thresholds or self.thresholds
        other = EditedModel(self.base, self.encoder, memory, limits, self.verifier, stopped=stopped)
        other._shared = self._shared
        return other

    def retrieve(self, questions: Sequence[str]) -> list[Firing]:
        """The decision for each question, without running the LM.

        Raises:
            PromptTooLongError: a question is longer than any that is looked at (``long_question``).
        """
        if self.stopped:
            return [Firing(None, 0.0, 0.0, Silence.STOPPED) for _ in questions]
        with self._shared.lock:
            parts = [parts_of(question, self.encoder.reads_whole) for question in questions]
            found = iter(
                self._decide(
                    [part for of_one in parts for part in of_one],
                    self.memory,
                    self.thresholds,
                    encode=self._shared.encode,
                    prototype=self._prototype,
                    verifier=self._shared.verify,
                )
            )
        return [
            self._with_carrier(best_of(question, [next(found) for _ in of_one], self.memory))
            for question, of_one in zip(questions, parts, strict=True)
        ]

    def anew(self) -> EditedModel:
        """The same model with nothing known: every encoding, verdict and answer is made again, for an audit."""
        other = self._with(self.memory, stopped=self.stopped)
        fresh = QuestionEncodings(self.encoder), remembering(self.verifier)
        other._shared = _Shared(*fresh, lock=self._shared.lock)
        return other

    def differs_in_memory_alone(self, other: EditedModel) -> bool:
        """Whether both decide by one encoder, one verifier, the same limits and the same stop flag."""
        mine = (self.encoder, self.verifier, self.thresholds, self.stopped)
        return mine == (other.encoder, other.verifier, other.thresholds, other.stopped)

    @property
    def decides_row_by_row(self) -> bool:
        """Whether a row's part in a decision follows from that row and the question, whatever else is in memory."""
        return self.encoder.parts.decision != "verified" and not self.stopped

    def warm_up(self) -> None:
        """Prepare what the first question would wait for: the search over the memory, and the release's digest."""
        self.retrieve(["?"])
        _ = self.digest

    def generate(
        self, asked: Asked, settings: GenerationSettings = GREEDY, *, history: History = History.LAST_TURN
    ) -> Answer:
        """The answer to a question or a chat, with what fired, or why nothing did; see ``generate_batch``."""
        return self.generate_batch([asked], settings, history=history)[0]

    def generate_batch(
        self, asked: Sequence[Asked], settings: GenerationSettings = GREEDY, *, history: History = History.LAST_TURN
    ) -> list[Answer]:
        """Answers to questions and chats, in order, each with what fired, or why nothing did.

        Args:
            asked: questions, or chats as lists of ``{"role": ..., "content": ...}`` that end with the user's turn.
            history: how the earlier turns of a chat count in the search of the memory; the base model gets them all.

        Raises:
            RequestError: an empty question, no chat, or more than the base model's window holds.
            BaseModelError: the base model cannot answer.
        """
        decided = self._prepare(asked, history)
        written = self.base.write([one.prompted for one in decided], settings)
        return [self._answer(one, said) for one, said in zip(decided, written, strict=True)]

    def stream(
        self, asked: Asked, settings: GenerationSettings = GREEDY, *, history: History = History.LAST_TURN
    ) -> Generator[StreamEvent, None, None]:
        """One answer as it comes; see ``stream_batch``."""
        return self.stream_batch([asked], settings, history=history)

    def stream_batch(
        self, asked: Sequence[Asked], settings: GenerationSettings = GREEDY, *, history: History = History.LAST_TURN
    ) -> Generator[StreamEvent, None, None]:
        """Answers as they come: first ``Attributed`` for every row, then pieces, and ``Answered`` as each row ends.

        The decision is made, and what cannot be answered is refused, before this returns. Closing it stops the model.

        Raises:
            see ``generate_batch``.
        """
        decided = self._prepare(asked, history)
        said = self.base.stream([one.prompted for one in decided], settings)
        return self._events(decided, said)

    def _events(
        self, decided: Sequence[_Decided], said: Generator[Piece | Written, None, None]
    ) -> Generator[StreamEvent, None, None]:
        try:
            for row, one in enumerate(decided):
                yield Attributed(row, one.firing, _other_than(one.chat.question, one.query), self.digest)
            for event in said:
                if isinstance(event, Written):
                    yield Answered(event.row, self._answer(decided[event.row], event))
                else:
                    yield event
        finally:
            said.close()

    def _prepare(self, asked: Sequence[Asked], history: History) -> list[_Decided]:
        chats = [chat_of(one) for one in asked]
        queries = [query_of(chat, history, self._subjects) if chat.before else chat.question for chat in chats]
        return [
            _Decided(chat, query, firing, replace(self.prompted(chat.question, firing), before=chat.before))
            for chat, query, firing in zip(chats, queries, self.retrieve(queries), strict=True)
        ]

    def _answer(self, one: _Decided, said: Written) -> Answer:
        return Answer(
            one.chat.question,
            said.text,
            one.firing,
            query=_other_than(one.chat.question, one.query),
            finish=said.finish,
            dropped_turns=said.dropped_turns,
            release=self.digest,
        )

    @cached_property
    def _subjects(self) -> Subjects:
        return Subjects(row.edit for row in self.memory)

    def answer(self, questions: Sequence[str], *, max_new_tokens: int = MAX_NEW_TOKENS) -> list[Answer]:
        """Free greedy answers and the decisions behind them; answers already known are not generated again."""
        return self.answer_fired(questions, self.retrieve(questions), max_new_tokens=max_new_tokens)

    def answer_plain(self, questions: Sequence[str], *, max_new_tokens: int = MAX_NEW_TOKENS) -> list[Answer]:
        """What the bare base model says, whatever the memory."""
        silent = [Firing(None, 0.0, 0.0, Silence.STOPPED) for _ in questions]
        return self.answer_fired(questions, silent, max_new_tokens=max_new_tokens)

    def answer_fired(
        self,
        questions: Sequence[str],
        firings: Sequence[Firing],
        *,
        max_new_tokens: int = MAX_NEW_TOKENS,
        use_known: bool = True,
    ) -> list[Answer]:
        """Answers under decisions already made by ``retrieve``.

        Args:
            use_known: False runs the LM for every question, for an audit.
        """
        wanted = {
            (question, firing.triple, max_new_tokens): firing
            for question, firing in zip(questions, firings, strict=True)
        }
        known = self._shared.texts
        texts = {key: text for key in wanted if (text := known.get(key)) is not None} if use_known else {}
        new = [key for key in wanted if key not in texts]
        prompted = [self.prompted(key[0], wanted[key]) for key in new]
        texts.update(zip(new, self.base.generate(prompted, max_new_tokens=max_new_tokens), strict=True))
        if use_known:
            with self._shared.lock:
                if len(known) + len(new) > MOST_KNOWN:
                    known.clear()
                known.update(texts)
        return [
            Answer(question, texts[(question, firing.triple, max_new_tokens)], firing)
            for question, firing in zip(questions, firings, strict=True)
        ]

    def prompted(self, question: str, firing: Firing) -> Prompted:
        """What the LM gets for a question under a decision."""
        if firing.edit_id is None:
            return Prompted(question)
        row = self.memory.row(firing.edit_id)
        return Prompted(question, context=row.context, soft=row.prompt)

    def _with_carrier(self, firing: Firing) -> Firing:
        return firing if firing.edit_id is None else replace(firing, carrier=self.memory.row(firing.edit_id).carrier)


def _other_than(question: str, query: str) -> str | None:
    return None if query == question else query
