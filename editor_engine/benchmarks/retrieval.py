"""The retrieval benchmark: does the right edit fire, and nothing else, at every size of memory. No LM takes part.

``measure`` computes, ``retrieval_files`` writes. A question *set apart* (``asked``) counts in no share but those
named "with apart".
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import torch

from editor_engine.benchmarks.asked import REPHRASE, Asked, Duplicates, memories, questions_of
from editor_engine.benchmarks.key_geometry import Similarity, mean_overlap, similarities, two_axes
from editor_engine.benchmarks.retrieval_scores import (
    CurvePoint,
    Line,
    Scored,
    Tally,
    best_level,
    curve_from,
    curve_numbers,
    curve_point,
    raw_line,
    score,
    scored_from,
)
from editor_engine.benchmarks.retrievers import EngineRetriever, Retriever, TfIdf
from editor_engine.benchmarks.robustness import Variation, searched_with, vary_questions
from editor_engine.benchmarks.run_journal import Part, RunJournal
from editor_engine.datasets.records import EditRecord
from editor_engine.edit import Edit

Progress = Callable[[str, int, int | None], None]
MAP_SIZE = 100


@dataclass(frozen=True)
class Plan:
    """What to measure. ``sizes``: edits in memory, None for all at once."""

    sizes: Sequence[int | None] = (1, 10, 100, None)
    curve_sizes: Sequence[int | None] = (100, None)
    levels: Sequence[float] | None = None
    """Values of the engine's swept limit; by default what ``EngineRetriever.levels`` finds worth a point."""
    variations: Sequence[Variation] = ()
    variation_size: int | None = None
    variation_records: int | None = None
    """Ask only so many records of a memory otherwise; the memory itself stays whole."""
    seed: int = 0
    most_false: float = 0.01
    """Where a trivial retriever's limit is chosen: most right edits with at most this share of false fires."""


@dataclass(frozen=True)
class Block:
    """One retriever at one size of memory, under one variation."""

    retriever: str
    size: int | None
    variation: str
    level: float
    lines: list[Line]


@dataclass
class Measured:
    """All results of one file."""

    records: int
    blocks: list[Block] = field(default_factory=list)
    curves: dict[tuple[str, int | None], list[CurvePoint]] = field(default_factory=dict)
    overlap: dict[int | None, float] = field(default_factory=dict)
    similar: list[Similarity] = field(default_factory=list)
    map_points: list[tuple[str, float, float]] = field(default_factory=list)
    margins: list[tuple[str, float]] = field(default_factory=list)
    """(kind of question, margin) at the largest memory, by the engine's decision."""


def measure(
    records: Sequence[EditRecord],
    engine: EngineRetriever,
    duplicates: Duplicates,
    plan: Plan,
    *,
    calibration: Sequence[EditRecord] = (),
    beside: Iterable[Retriever] = (),
    journal: RunJournal | None = None,
    progress: Progress = lambda *_: None,
) -> Measured:
    """Measure one editor, and others or trivial retrievers beside it, on one file.

    Args:
        engine: whose margins, keys and answers to what is asked otherwise are looked at.
        calibration: other records on which TF-IDF's limit is chosen; without them it is chosen on ``records``, which
            flatters it (tables say so).
        journal: takes each memory's outcomes as they come, and gives those of a run before this one.
    """
    measured = Measured(len(records))
    run = _Run(records, duplicates, plan, measured, journal, progress, engine)
    for size in plan.sizes:
        run.block(engine, size)
        measured.overlap[size] = mean_overlap(engine, [_edits(one) for one in run.memories(size)])
    for size in plan.curve_sizes:
        run.curve(engine, size, partial(_levels, engine, run, size, plan.levels))
    for retriever in beside:
        for size in plan.sizes:
            chosen = retriever
            if isinstance(retriever, TfIdf):
                level = chosen_level(
                    retriever, calibration or records, duplicates, size=size, seed=plan.seed, most_false=plan.most_false
                )
                chosen = retriever.at(level)
            run.block(chosen, size)
        for size in plan.curve_sizes if retriever.level_name else ():
            run.curve(retriever, size, partial(_levels, retriever, run, size))
    for variation in plan.variations:
        run.block(engine, plan.variation_size, variation)
    _look_at_keys(engine, run, measured)
    return measured


class _Run:
    """One file's memories, asked by one retriever after another."""

    def __init__(
        self,
        records: Sequence[EditRecord],
        duplicates: Duplicates,
        plan: Plan,
        measured: Measured,
        journal: RunJournal | None,
        progress: Progress,
        engine: EngineRetriever,
    ) -> None:
        self._engine = engine
        self._records, self._duplicates, self._plan = records, duplicates, plan
        self._measured, self._journal, self._progress = measured, journal, progress
        self._by_id = {record.record_id: record for record in records}

    @property
    def records(self) -> int:
        return len(self._records)

    def memories(self, size: int | None) -> Iterator[list[EditRecord]]:
        return memories(self._records, size, seed=self._plan.seed)

    def asked(self, memory: Sequence[EditRecord]) -> list[Asked]:
        return questions_of(memory, self._duplicates)

    def block(self, retriever: Retriever, size: int | None, variation: Variation | None = None) -> None:
        name = variation.name if variation else ""
        tally, done = Tally(), 0
        for number, memory in enumerate(self.memories(size)):
            part = (
                retriever.name,
                f"{retriever.level:g}",
                name,
                self._asked_otherwise(variation),
                _size(size),
                str(number),
            )
            scored = self._kept(part)
            if scored is None:
                started = time.perf_counter()
                scored = self._score(retriever, memory, variation)
                self._keep(part, len(memory), scored, time.perf_counter() - started)
            tally.add(scored)
            if retriever is self._engine and size == self._plan.sizes[-1] and not variation:
                self._measured.margins += [(one.asked.kind, one.decision.margin) for one in scored]
            done += len(memory)
            self._progress(f"{retriever.name} {name}".strip(), done, len(self._records))
        level = retriever.limit_at(size or self.records) if isinstance(retriever, EngineRetriever) else retriever.level
        self._measured.blocks.append(Block(retriever.name, size, name, level, tally.lines()))

    def _score(self, retriever: Retriever, memory: Sequence[EditRecord], variation: Variation | None) -> list[Scored]:
        asked, taught = self.asked(memory), memory
        if variation:
            chosen = {record.record_id for record in memory[: self._plan.variation_records]}
            asked = [one for one in asked if one.record_id in chosen]
            asked = vary_questions(asked, self._by_id, variation, seed=self._plan.seed)
            taught = [variation.teach(record) for record in memory]
        if not asked:
            return []
        edits = _edits(taught)
        return score(asked, retriever.prepare(edits, searched_with(asked, edits))(retriever.level))

    def _asked_otherwise(self, variation: Variation | None) -> str:
        return str(self._plan.variation_records or "all") if variation else ""

    def _kept(self, part: Part) -> list[Scored] | None:
        kept = self._journal.find(part) if self._journal else None
        return None if kept is None else [scored_from(line) for line in kept.lines]

    def _keep(self, part: Part, memory: int, scored: Sequence[Scored], seconds: float) -> None:
        if self._journal:
            retriever, _, variation, *_ = part
            lines = [raw_line(retriever, memory, variation, one) for one in scored]
            self._journal.keep(part, lines, {"seconds": seconds})

    def curve(self, retriever: Retriever, size: int | None, levels: Callable[[], Sequence[float]]) -> None:
        part = (retriever.name, "curve", _size(size))
        kept = self._journal.find(part) if self._journal else None
        if kept is not None:
            points = curve_from(kept.numbers)
        else:
            found = levels()
            points = curve_of(retriever, self.memories(size), self._duplicates, found, progress=self._progress)
            if self._journal:
                self._journal.keep(part, numbers=curve_numbers(points))
        self._measured.curves[retriever.name, size] = points


def _size(size: int | None) -> str:
    return str(size or "all")


def curve_of(
    retriever: Retriever,
    cut: Iterable[Sequence[EditRecord]],
    duplicates: Duplicates,
    levels: Sequence[float],
    *,
    progress: Progress = lambda *_: None,
) -> list[CurvePoint]:
    """The threshold curve over several memories of one size."""
    scored: dict[float, list[Scored]] = {level: [] for level in levels}
    for number, memory in enumerate(cut):
        asked = questions_of(memory, duplicates)
        decide = retriever.prepare(_edits(memory), [one.text for one in asked])
        for level in levels:
            scored[level] += score(asked, decide(level))
        progress(f"{retriever.name} curve", number + 1, None)
    return [curve_point(level, found, must_fire=REPHRASE) for level, found in scored.items()]


def chosen_level(
    retriever: TfIdf,
    records: Sequence[EditRecord],
    duplicates: Duplicates,
    *,
    size: int | None,
    seed: int,
    most_false: float,
) -> float:
    """The limit that a trivial retriever gets: most right edits within the false fires allowed, on these records."""
    levels = [round(0.02 * step, 2) for step in range(5, 50)]
    points = curve_of(retriever, memories(records, size, seed=seed), duplicates, levels)
    return best_level(points, most_false=most_false)


def _levels(retriever: Retriever, run: _Run, size: int | None, given: Sequence[float] | None = None) -> Sequence[float]:
    if given:
        return given
    if not isinstance(retriever, EngineRetriever):
        return [round(0.05 * step, 2) for step in range(1, 20)]
    memory = next(run.memories(MAP_SIZE))
    asked = [one.text for one in run.asked(memory)]
    return retriever.levels(_edits(memory), asked, size=size or run.records)


def _look_at_keys(engine: EngineRetriever, run: _Run, measured: Measured) -> None:
    for memory in run.memories(min(MAP_SIZE, measured.records)):
        measured.similar += similarities(engine, _edits(memory), run.asked(memory))
    memory = next(run.memories(min(MAP_SIZE, measured.records)))
    asked = run.asked(memory)
    points = two_axes(torch.cat([engine.keys(_edits(memory)), engine.encode([one.text for one in asked])]))
    kinds = ["key"] * len(memory) + [one.kind for one in asked]
    measured.map_points = [(kind, x, y) for kind, (x, y) in zip(kinds, points.tolist(), strict=True)]


def _edits(records: Iterable[EditRecord]) -> list[Edit]:
    return [record.edit() for record in records]


def size_name(size: int | None, records: int) -> str:
    """How tables call a size of memory."""
    return f"all {records}" if size is None else str(size)


def by_kind(block: Block) -> Mapping[str, Line]:
    """A block's lines by kind of question."""
    return {line.kind: line for line in block.lines}
