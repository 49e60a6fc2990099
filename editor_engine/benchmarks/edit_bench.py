"""The editing benchmark: what the base model says with edits in force, at several numbers of edits, per system.

Every system gets the same records, the same memories and the same questions. Nothing is trained here. A rephrasing is
never shown to a system other than as a question.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field

from editor_engine.base_model import Prompted
from editor_engine.benchmarks.asked import QUESTION, Asked, Duplicates, memories, questions_of
from editor_engine.benchmarks.edit_answers import AnswerBook
from editor_engine.benchmarks.edit_scores import EditBlock, QuestionScore, agreement, block_of, fluency, score_from
from editor_engine.benchmarks.edit_systems import Given, System
from editor_engine.benchmarks.kept_values import KeptValues
from editor_engine.benchmarks.retrieval_scores import outcome_of
from editor_engine.benchmarks.run_journal import RunJournal
from editor_engine.datasets.records import EditRecord
from editor_engine.edit import Edit
from editor_engine.metrics import normalised, takes

Tell = Callable[[str, int, int | None], None]
MOST_REMOVED = 100
"""Edits of one memory that are taken out one by one, to see whether what they said is gone with them."""


@dataclass
class EditResults:
    """All blocks of one file on one base model."""

    records: int
    blocks: list[EditBlock] = field(default_factory=list)

    @property
    def columns(self) -> list[str]:
        """The paper's columns that this data has."""
        return list(self.blocks[0].paper) if self.blocks else []


def measure_edits(
    records: Sequence[EditRecord],
    systems: Sequence[System],
    book: AnswerBook,
    duplicates: Duplicates,
    *,
    sizes: Sequence[int | None],
    seed: int = 0,
    journal: RunJournal | None = None,
    values: KeptValues | None = None,
    tell: Tell = lambda *_: None,
) -> EditResults:
    """Measure every system at every number of edits.

    Args:
        sizes: edits in memory at a time; None for all at once (cumulative).
        journal: takes each memory's scores as they come, and gives those of a run before this one.
        values: the same for values that took long to make.
    """
    results = EditResults(len(records))
    by_id = {record.record_id: record for record in records}
    for system in systems:
        learnt = _Learnt(system, [record.edit() for record in records], journal, values)
        for size in sizes:
            scores: list[QuestionScore] = []
            for number, memory in enumerate(memories(records, size, seed=seed)):
                part = (system.name, str(size or "all"), str(number))
                found = _kept_scores(journal, part)
                if found is None:
                    learnt.now()
                    started = time.perf_counter()
                    found = _score_memory(system, memory, by_id, book, duplicates)
                    _keep_scores(journal, part, len(memory), found, time.perf_counter() - started)
                scores += found
                tell(f"{system.name}, {size or 'all'} edits", len(scores), None)
            results.blocks.append(learnt.block(size, scores))
    return results


class _Learnt:
    """What a system's learning took: done when first needed, told by the journal where all memories are kept."""

    def __init__(
        self, system: System, edits: Sequence[Edit], journal: RunJournal | None, values: KeptValues | None
    ) -> None:
        self._system, self._edits, self._journal, self._values = system, edits, journal, values
        kept = journal.find((system.name, "learnt")) if journal else None
        self._numbers = dict(kept.numbers) if kept else {}
        self._done = False

    def now(self) -> None:
        if self._done:
            return
        started = time.perf_counter()
        edit_s = self._system.learn(self._edits, self._values)
        self._done = True
        if not self._numbers:
            self._numbers = {
                "edit_s": edit_s,
                "apart_s": self._system.made_apart_s,
                "without_value": float(self._system.without_value),
                "seconds": time.perf_counter() - started,
            }
            if self._journal:
                self._journal.keep((self._system.name, "learnt"), numbers=self._numbers)

    def block(self, size: int | None, scores: Sequence[QuestionScore]) -> EditBlock:
        if not self._numbers:
            self.now()
        return block_of(
            self._system.name,
            size,
            scores,
            edit_s=self._numbers["edit_s"],
            apart_s=self._numbers["apart_s"],
            without_value=int(self._numbers["without_value"]),
        )


def _kept_scores(journal: RunJournal | None, part: tuple[str, ...]) -> list[QuestionScore] | None:
    kept = journal.find(part) if journal else None
    return None if kept is None else [score_from(line) for line in kept.lines]


def _keep_scores(
    journal: RunJournal | None, part: tuple[str, ...], memory: int, scores: Sequence[QuestionScore], seconds: float
) -> None:
    if journal:
        lines = [{"system": part[0], "memory": memory, **asdict(one)} for one in scores]
        journal.keep(part, lines, {"seconds": seconds})


def _score_memory(
    system: System,
    memory: Sequence[EditRecord],
    by_id: dict[str, EditRecord],
    book: AnswerBook,
    duplicates: Duplicates,
) -> list[QuestionScore]:
    edits = [record.edit() for record in memory]
    asked = questions_of(memory, duplicates)
    given = system.give(edits, asked)
    answers = book.say([one.prompted for one in given])
    before = book.say([Prompted(one.text) for one in asked])
    forced = _forced(asked, given, by_id, book)
    scores: list[QuestionScore] = []
    removed = 0
    for one, got, answer, was, share in zip(asked, given, answers, before, forced, strict=True):
        good = _good(one, by_id[one.record_id].edit(), answer, was)
        reverts = None
        if one.kind == QUESTION and good and got.fired == one.expected and removed < MOST_REMOVED:
            removed += 1
            reverts = _reverts(system, edits, one, by_id[one.record_id].edit(), book)
        scores.append(
            QuestionScore(
                record_id=one.record_id,
                kind=one.kind,
                question=one.text,
                expected=one.expected,
                fired=got.fired,
                outcome=outcome_of(one, got.fired),
                apart=one.apart,
                forced=share,
                answer=answer,
                before=was,
                good=good,
                fluency=fluency(f"{one.text} {answer}"),
                reverts=reverts,
            )
        )
    return scores


def _forced(
    asked: Sequence[Asked], given: Sequence[Given], by_id: dict[str, EditRecord], book: AnswerBook
) -> list[float]:
    """The paper's token accuracy: against the target, or against the unedited model along the true answer."""
    texts = [_forced_text(one, by_id[one.record_id]) for one in asked]
    best = book.likeliest([one.prompted for one in given], texts)
    plain = book.likeliest([Prompted(one.text) for one in asked], texts)
    return [
        agreement(found, book.token_ids(one.text, text) if one.expected else was)
        for one, text, found, was in zip(asked, texts, best, plain, strict=True)
    ]


def _forced_text(asked: Asked, record: EditRecord) -> str:
    if asked.expected is not None:
        return record.target_new
    return next(one.answer for one in record.localities if (one.slot, one.question) == (asked.kind, asked.text))


def _good(asked: Asked, edit: Edit, answer: str, before: str) -> bool:
    if asked.expected is None:
        return normalised(answer) == normalised(before)
    return takes(answer, edit.object_new, edit.object_old, edit.must_not_assert)


def _reverts(system: System, edits: Sequence[Edit], asked: Asked, edit: Edit, book: AnswerBook) -> bool:
    """Whether the answer no longer takes once this one edit is out of memory."""
    (given,) = system.give([one for one in edits if one.edit_id != asked.record_id], [asked])
    (answer,) = book.say([given.prompted])
    return not takes(answer, edit.object_new, edit.object_old, edit.must_not_assert)
