"""What ``bench edit`` compares: a way from a question to what the base model is given, over a memory of edits.

The engine with each carrier, and the trivial systems that a sceptic names: a lexical look-up in front of the fact as
text, the exact question, and the fact always in the context, whatever is asked.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from editor_engine.base_model import Prompted
from editor_engine.benchmarks.asked import Asked
from editor_engine.benchmarks.kept_values import KeptValues
from editor_engine.benchmarks.retrievers import Retriever
from editor_engine.carriers import CarrierSettings, Progress, choose_carriers, refine_edits
from editor_engine.edit import Carrier, Edit
from editor_engine.edited_model import EditedModel
from editor_engine.editor import Editor
from editor_engine.lm_families import CausalLM
from editor_engine.memory import Memory, MemoryRow

CHOSEN = "chosen"
"""The carrier that measurement picks for each edit."""
AT_ONCE = 32
"""Edits that are refined, or whose carriers are chosen, in one go; each go is kept by itself."""


@dataclass(frozen=True)
class Given:
    """What one question comes with: the fired edit, and what the base model is given."""

    fired: str | None
    prompted: Prompted


class System(Protocol):
    """An editor, or what stands in for one."""

    @property
    def name(self) -> str:
        """How tables call it."""
        ...

    @property
    def identity(self) -> str:
        """What its results hang on, beside what all systems share."""
        ...

    @property
    def made_apart_s(self) -> float:
        """Seconds an edit that refining or choosing took, timed apart from encoding and staging."""
        ...

    @property
    def without_value(self) -> int:
        """Edits that got no value, and so are in no memory."""
        ...

    def learn(self, edits: Sequence[Edit], kept: KeptValues | None = None, /) -> float:
        """Take the edits in; seconds an edit, encoding and staging.

        Args:
            kept: values that took long to make in a run before this one.
        """
        ...

    def give(self, memory: Sequence[Edit], asked: Sequence[Asked]) -> list[Given]:
        """What each question comes with while these edits, learned before, are in memory."""
        ...


class EngineSystem:
    """The engine: its decision, and one carrier for all edits (or the one chosen for each)."""

    def __init__(self, editor: Editor, carrier: str, *, name: str, progress: Progress | None = None) -> None:
        self.name = f"{name}, {carrier}"
        self.identity = f"{editor.encoder.digest[:16]} {carrier}"
        self.made_apart_s = 0.0
        self.without_value = 0
        self._editor, self._carrier, self._progress = editor, carrier, progress
        self._rows: dict[str, MemoryRow] = {}
        self._live: EditedModel | None = None

    def learn(self, edits: Sequence[Edit], kept: KeptValues | None = None, /) -> float:
        """Rows once for all sizes of memory: a row does not depend on its company."""
        started = time.perf_counter()
        staged = Carrier.SOFT if self._carrier == Carrier.SOFT else Carrier.TEXT
        rows = self._editor.rows(edits, staged)
        seconds = (time.perf_counter() - started) / max(len(edits), 1)
        if self._carrier in (Carrier.REFINED, CHOSEN):
            rows, spent = self._with_values(rows, kept or KeptValues())
            self.made_apart_s = spent / max(len(edits), 1)
        self._rows = {row.edit_id: row for row in rows}
        self.without_value = len(edits) - len(self._rows)
        self._live = self._editor.model()
        return seconds

    def _with_values(self, rows: Sequence[MemoryRow], kept: KeptValues) -> tuple[list[MemoryRow], float]:
        """The rows with values that were made for them, those left out that got none; and the seconds of it."""
        found: list[MemoryRow] = []
        spent = 0.0
        for number, start in enumerate(range(0, len(rows), AT_ONCE)):
            part = kept.find(self.name, number)
            if part is None:
                started = time.perf_counter()
                made = list(self._made(rows[start : start + AT_ONCE]))
                part = kept.keep(self.name, number, made, seconds=time.perf_counter() - started)
            found += part.rows
            spent += part.seconds
            if self._progress:
                self._progress(f"{self.name}: values", min(start + AT_ONCE, len(rows)), len(rows))
        return found, spent

    def _made(self, rows: Sequence[MemoryRow]) -> Iterator[MemoryRow]:
        edits = [row.edit for row in rows]
        if self._carrier == CHOSEN:
            yield from (one.row for one in choose_carriers(edits, self._editor, settings=CarrierSettings()))
            return
        for row, one in zip(rows, refine_edits(edits, self._editor), strict=True):
            if one.prompt is not None:
                yield replace(row, carrier=Carrier.REFINED, context=None, prompt=one.prompt)

    def give(self, memory: Sequence[Edit], asked: Sequence[Asked]) -> list[Given]:
        """An edit that got no value (a refinement that did not take) is not in memory."""
        rows = tuple(self._rows[edit.edit_id] for edit in memory if edit.edit_id in self._rows)
        limits = self._editor.thresholds.at(len(rows)) if self._editor.verifier else self._editor.thresholds
        live = (self._live or self._editor.model()).with_memory(Memory(rows), limits)
        texts = [one.text for one in asked]
        firings = live.retrieve(texts)
        return [Given(one.edit_id, live.prompted(text, one)) for text, one in zip(texts, firings, strict=True)]


class LookUpSystem:
    """A trivial retriever in front of the fact as text."""

    made_apart_s = 0.0
    without_value = 0

    def __init__(self, retriever: Retriever, base: CausalLM) -> None:
        self.name = f"{retriever.name} + text"
        self.identity = f"limit {retriever.level}"
        self._retriever, self._base = retriever, base
        self._facts: dict[str, str] = {}

    def learn(self, edits: Sequence[Edit], _kept: KeptValues | None = None, /) -> float:
        """There is nothing to encode."""
        started = time.perf_counter()
        self._facts |= {edit.edit_id: self._base.context_of(edit.statement) for edit in edits}
        return (time.perf_counter() - started) / max(len(edits), 1)

    def give(self, memory: Sequence[Edit], asked: Sequence[Asked]) -> list[Given]:
        """By the retriever's own limit."""
        decided = self._retriever.prepare(memory, [one.text for one in asked])(self._retriever.level)
        return [
            Given(one.edit_id, Prompted(question.text, context=self._facts[one.edit_id] if one.edit_id else None))
            for question, one in zip(asked, decided, strict=True)
        ]


class AlwaysSystem:
    """The record's own fact in front of every question of that record, also of those it must leave alone."""

    name = "always in context"
    identity = ""
    made_apart_s = 0.0
    without_value = 0

    def __init__(self, base: CausalLM) -> None:
        self._base = base

    def learn(self, edits: Sequence[Edit], _kept: KeptValues | None = None, /) -> float:
        """There is nothing to learn."""
        return 0.0 * len(edits)

    def give(self, memory: Sequence[Edit], asked: Sequence[Asked]) -> list[Given]:
        """A fact that is no longer in memory is not given."""
        facts = {edit.edit_id: self._base.context_of(edit.statement) for edit in memory}
        return [
            Given(
                one.record_id if one.record_id in facts else None,
                Prompted(one.text, context=facts.get(one.record_id)),
            )
            for one in asked
        ]
