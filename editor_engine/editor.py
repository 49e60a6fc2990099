"""The public face: an edited model that answers, and the editor that turns edits into rows and shards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from editor_engine.edit import Answer, Carrier, Edit, Firing, Silence
from editor_engine.lm_families import CausalLM, Prompted
from editor_engine.memory import Memory, MemoryRow
from editor_engine.memory_store import read_shard, write_shard
from editor_engine.prompt_encoder import PromptEncoder
from editor_engine.retrieval import retrieve
from editor_engine.row_builder import build_rows
from editor_engine.text_encoder import TextEncoder
from editor_engine.thresholds import Thresholds
from editor_engine.verifier import Verifier

Triple = tuple[str | None, str | None, str | None]
MAX_NEW_TOKENS = 32
MOST_KNOWN = 100_000
"""Questions whose encoding, and answers whose text, are kept; beyond that a cache begins anew."""


class QuestionEncodings:
    """Question encodings by text, shared by every memory over one encoder."""

    def __init__(self, encoder: TextEncoder) -> None:
        self._encoder = encoder
        self._known: dict[str, Tensor] = {}

    def __call__(self, texts: Sequence[str]) -> Tensor:
        """MLP_qk over texts; each distinct text is encoded once. Shape: [n, d_key]."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        found = dict(zip(new, self._encoder.keys(new), strict=True)) if new else {}
        z = torch.stack([found[text] if text in found else self._known[text] for text in texts])
        if len(self._known) + len(found) > MOST_KNOWN:
            self._known.clear()
        self._known.update(found)
        return z


class EditedModel:
    """A base model behind a memory of edits; immutable but for its caches.

    Args:
        base: the frozen LM.
        encoder: keys of questions.
        memory: the rows in force.
        thresholds: the release's limits.
        verifier: the second stage of retrieval, where there is one.
        stopped: the site's stop flag: nothing fires, the bare base model answers.
    """

    def __init__(
        self,
        base: CausalLM,
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
        self._encode = QuestionEncodings(encoder)
        self._texts: dict[tuple[str, Triple, int], str] = {}

    @property
    def digest(self) -> str:
        """Hex digest of the release that this model serves."""
        return self.memory.digest(
            base_digest=self.base.digest, encoder_digest=self.encoder.digest, thresholds=self.thresholds
        )

    def with_memory(self, memory: Memory) -> EditedModel:
        """The same model over another memory; base, encoder and the caches of encodings and answers are shared."""
        return self._with(memory, stopped=self.stopped)

    def with_stop(self, *, stopped: bool) -> EditedModel:
        """The same model with the stop flag set or lifted."""
        return self._with(self.memory, stopped=stopped)

    def _with(self, memory: Memory, *, stopped: bool) -> EditedModel:
        other = EditedModel(self.base, self.encoder, memory, self.thresholds, self.verifier, stopped=stopped)
        other._encode = self._encode
        other._texts = self._texts
        return other

    def retrieve(self, questions: Sequence[str]) -> list[Firing]:
        """The decision for each question, without running the LM."""
        if self.stopped:
            return [Firing(None, 0.0, 0.0, Silence.STOPPED) for _ in questions]
        return retrieve(
            questions,
            self.memory,
            self.thresholds,
            encode=self._encode,
            prototype=self._prototype,
            verifier=self.verifier,
        )

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
        texts = {key: self._texts[key] for key in wanted if key in self._texts} if use_known else {}
        new = [key for key in wanted if key not in texts]
        prompted = [self.prompted(key[0], wanted[key]) for key in new]
        texts.update(zip(new, self.base.generate(prompted, max_new_tokens=max_new_tokens), strict=True))
        if len(self._texts) + len(new) > MOST_KNOWN:
            self._texts.clear()
        self._texts.update(texts if use_known else {})
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


@dataclass(frozen=True)
class Editor:
    """Turns edits into rows and shards for one base model and one encoder.

    ``prompt_encoder`` is needed for the soft carrier only.
    """

    base: CausalLM
    encoder: TextEncoder
    prompt_encoder: PromptEncoder | None = None

    def rows(self, edits: Sequence[Edit], carrier: Carrier = Carrier.TEXT, *, sequence: int = 0) -> list[MemoryRow]:
        """One row per edit, in order; see ``build_rows``."""
        return build_rows(
            edits, self.encoder, self.base, carrier, sequence=sequence, prompt_encoder=self.prompt_encoder
        )

    def stage(
        self, edits: Sequence[Edit], path: Path, carrier: Carrier = Carrier.TEXT, *, sequence: int = 0
    ) -> tuple[list[MemoryRow], str]:
        """Write a batch's shard, read it back verified, and give its rows with the file's sha256."""
        sha256 = write_shard(self.rows(edits, carrier, sequence=sequence), path)
        return read_shard(path, sha256), sha256

    def model(self, memory: Memory | None = None, thresholds: Thresholds | None = None) -> EditedModel:
        """An edited model over a memory of such rows."""
        return EditedModel(self.base, self.encoder, memory or Memory(), thresholds)
