"""Real labels that say nothing new: the same again, re-ordered, re-spaced, repackaged. Every fact is a false one."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from connectors.dropfolder import DropFolderSource
from connectors.notice import NoticeKind, Section
from connectors.source import DateWindow
from workflow.errors import UsageError
from workflow.extraction_bench.bounds import Rate
from workflow.intake.compare import compare
from workflow.intake.extractor import ChangedSentence, DocumentChanges, Extractor, NoticeText, Refused
from workflow.intake.sentences import Sentence, split
from workflow.records import ChangeKind

_ORIGINAL, _REPACKAGED = "-orig", "-repack"
_SHUFFLES = 5


@dataclass(frozen=True)
class LabelResult:
    """What a lane said about labels that did not change, and how fast it reads whole ones."""

    labels: int
    rates: tuple[Rate, ...]
    sentences: int
    facts: int
    """What it reads in the labels when all of it is new."""
    seconds: float
    processor_seconds: float

    @property
    def documents_per_minute(self) -> float:
        """Whole labels in a minute of the clock, every sentence of them new."""
        return 60 * self.labels / self.seconds if self.seconds else 0.0

    @property
    def documents_per_processor_minute(self) -> float:
        """The same in a minute of one core, whatever else the machine does."""
        return 60 * self.labels / self.processor_seconds if self.processor_seconds else 0.0


def measure_labels(data: Path, lane: Extractor) -> LabelResult:
    """Show a lane every label of a folder as its own next version, in several forms.

    Raises:
        UsageError: there is no label in the folder.
    """
    labels = dict(_labels(data))
    if not labels:
        raise UsageError(f"--data {data}: expected drug labels (SPL XML), got none that can be read")
    same = [facts_between(label, label, lane) for label in labels.values()]
    moved = [
        facts_between(label, shuffled(label, seed), lane) for label in labels.values() for seed in range(_SHUFFLES)
    ]
    spaced = [facts_between(label, respaced(label), lane) for label in labels.values()]
    repackaged = [
        facts_between(label, labels[other], lane)
        for name, label in labels.items()
        if name.endswith(_ORIGINAL) and (other := name.removesuffix(_ORIGINAL) + _REPACKAGED) in labels
    ]
    started, processor = time.perf_counter(), time.process_time()
    works = [_all_new(label) for label in labels.values()]
    facts = sum(not isinstance(one, Refused) for work in works for one in lane.propose(work))
    seconds, processor_seconds = time.perf_counter() - started, time.process_time() - processor
    forms = (
        ("the same label again", same),
        ("sections re-ordered", moved),
        ("re-cased and re-spaced", spaced),
        ("repackager's label", repackaged),
    )
    rates = tuple(Rate(f"false facts: {form}", sum(map(bool, found)), len(found), "0") for form, found in forms)
    return LabelResult(len(labels), rates, sum(len(work.changes) for work in works), facts, seconds, processor_seconds)


def facts_between(old: NoticeText, new: NoticeText, lane: Extractor) -> int:
    """Count what a lane proposes for the changes between two versions."""
    changes = tuple(
        ChangedSentence(
            f"g-{number}",
            ChangeKind.REVISED if pair.old else ChangeKind.NEW,
            new,
            old,
            pair.new.section,
            pair.new.start,
            pair.new.end,
            pair.old.start if pair.old else None,
            pair.old.end if pair.old else None,
        )
        for number, pair in enumerate(compare(_sentences(old), _sentences(new)))
        if pair.new is not None
    )
    given = lane.propose(DocumentChanges(new.document_id, changes)) if changes else ()
    return sum(not isinstance(one, Refused) for one in given)


def shuffled(label: NoticeText, seed: int) -> NoticeText:
    """Give a label with its sections in another order, their text as it is."""
    sentences = _sentences(label)
    titles = list(dict.fromkeys(sentence.section for sentence in sentences))
    random.Random(seed).shuffle(titles)  # noqa: S311 - an order, no secret
    return _laid_out(label, [sentence for title in titles for sentence in sentences if sentence.section == title])


def respaced(label: NoticeText) -> NoticeText:
    """Give a label in capitals, with two blanks for one."""
    changed = [replace(s, text=s.text.upper().replace(" ", "  ")) for s in _sentences(label)]
    return _laid_out(label, changed)


def _laid_out(label: NoticeText, sentences: list[Sentence]) -> NoticeText:
    text, sections = "", []
    for sentence in sentences:
        start = len(text)
        text += f"{sentence.text}\n\n"
        sections.append(Section(sentence.code, sentence.section, start, len(text)))
    return replace(
        label, notice_id=f"{label.notice_id}'", text=text, start=0, end=len(text), sections=tuple(sections), version="2"
    )


def _sentences(label: NoticeText) -> list[Sentence]:
    return split(label.text, label.start, label.end, label.sections)


def _all_new(label: NoticeText) -> DocumentChanges:
    return DocumentChanges(
        label.document_id,
        tuple(
            ChangedSentence(f"g-{number}", ChangeKind.NEW, label, section=s.section, start=s.start, end=s.end)
            for number, s in enumerate(_sentences(label))
        ),
    )


def _labels(data: Path) -> Iterator[tuple[str, NoticeText]]:
    folder = data if data.is_dir() else data.parent
    for delivery in DropFolderSource(folder).pull(DateWindow(date(1990, 1, 1), date(2100, 1, 1))):
        for notice in delivery.notices:
            if notice.kind is NoticeKind.LABEL:
                yield (
                    Path(delivery.document.origin).stem,
                    NoticeText(
                        notice_id=notice.key,
                        document_id=delivery.document.text_sha256,
                        source=notice.source,
                        kind=notice.kind,
                        key=notice.key,
                        version=notice.version,
                        title=notice.title,
                        start=notice.start,
                        end=notice.end,
                        text=delivery.document.text,
                        sections=notice.sections,
                        names=notice.names,
                    ),
                )
