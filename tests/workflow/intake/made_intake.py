"""A site's ledger and documents in a temporary folder, sources in memory, and nights run over them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import sqlalchemy as sa

from connectors.errors import SourceUnreachableError
from connectors.notice import Assertion, Delivery, Document, Identifier, Notice, NoticeKind, Section
from connectors.source import DateWindow, Source
from workflow.intake.affected import Affected, propose_withdrawals
from workflow.intake.collect import Collected, collect, window_for
from workflow.intake.detect import Detected, detect
from workflow.intake.extractor import ChangedSentence, Extractor, NoticeText
from workflow.intake.propose import Extracted, QuestionWriter, extract_document, waiting_documents
from workflow.intake.scope import Scope
from workflow.ledger import tables
from workflow.ledger.documents import DocumentStore
from workflow.ledger.intake_tables import candidate_sources
from workflow.ledger.ledger import Ledger
from workflow.records import Candidate, CandidateState, ChangeKind

TODAY = date(2026, 11, 20)
WINDOW = DateWindow(date(2026, 11, 1), TODAY)


@dataclass
class MemorySource:
    """Yields what it is given, and fails after it where it is told to."""

    deliveries: Sequence[Delivery] = ()
    name: str = "memory"
    overlap_days: int = 2
    fails: bool = False

    def pull(self, window: DateWindow) -> Iterator[Delivery]:
        yield from self.deliveries
        if self.fails:
            raise SourceUnreachableError(self.name, "timed out after 3 tries; the next night tries again")


@dataclass(frozen=True)
class Stored:
    """A row of the queue."""

    state: CandidateState
    reason: str
    candidate: Candidate


@dataclass
class Night:
    """What the steps of one night gave."""

    run_id: str
    collected: list[Collected] = field(default_factory=list)
    detected: Detected = field(default_factory=Detected)
    affected: Affected = field(default_factory=Affected)
    extracted: list[Extracted] = field(default_factory=list)


class IntakeSite:
    """Ledger and documents of one site."""

    def __init__(self, folder: Path) -> None:
        (folder / "documents").mkdir(parents=True)
        self.drop = folder / "drop"
        self.drop.mkdir()
        self.ledger = Ledger.create(
            folder / "ledger.sqlite", kind="demo", signer_profile="one_signer", actor="test", clock=_clock
        )
        self.documents = DocumentStore(folder / "documents")
        self._runs = 0

    def start_run(self) -> str:
        self._runs += 1
        run_id = f"r-{self._runs}"
        with self.ledger.write() as transaction:
            now = transaction.now
            row = {"run_id": run_id, "started_at": now, "now": now, "status": "running", "report": "{}"}
            transaction.execute(sa.insert(tables.runs).values(row))
        return run_id

    def night(
        self,
        *sources: Source,
        scope: Scope | None = None,
        lanes: tuple[Extractor, ...] = (),
        run_id: str = "",
        wordings: QuestionWriter | None = None,
    ) -> Night:
        night = Night(run_id or self.start_run())
        for source in sources:
            window = window_for(self.ledger, source, TODAY, 30)
            night.collected.append(collect(self.ledger, self.documents, source, run_id=night.run_id, window=window))
        night.detected = detect(self.ledger, self.documents, run_id=night.run_id, scope=scope)
        night.affected = propose_withdrawals(self.ledger, run_id=night.run_id, documents=self.documents)
        for document_id in waiting_documents(self.ledger):
            night.extracted.append(
                extract_document(
                    self.ledger,
                    self.documents,
                    run_id=night.run_id,
                    document_id=document_id,
                    lanes=lanes,
                    wordings=wordings,
                )
            )
        return night

    def queue(self, *states: CandidateState) -> list[Stored]:
        columns = tables.candidates.c
        with self.ledger.read() as connection:
            rows = connection.execute(
                sa.select(columns.state, columns.reason, columns.body).order_by(columns.relation, columns.candidate_id)
            ).all()
        stored = [
            Stored(CandidateState(row.state), row.reason or "", Candidate.model_validate_json(row.body)) for row in rows
        ]
        return [one for one in stored if not states or one.state in states]

    def proposed(self) -> list[Candidate]:
        return [one.candidate for one in self.queue(CandidateState.PROPOSED)]

    def rows(self) -> dict[str, list[tuple[object, ...]]]:
        """Every row that the intake writes, but for run bookkeeping."""
        kept = (
            tables.documents,
            tables.notices,
            tables.notice_identifiers,
            tables.assertions,
            tables.changes,
            tables.candidates,
            candidate_sources,
        )
        with self.ledger.read() as connection:
            return {table.name: sorted(map(tuple, connection.execute(sa.select(table))), key=repr) for table in kept}

    def changes(self, *outcomes: str) -> list[tuple[str, str]]:
        columns = tables.changes.c
        with self.ledger.read() as connection:
            rows = connection.execute(sa.select(columns.kind, columns.outcome).order_by(columns.change_id)).all()
        return [(row.kind, row.outcome) for row in rows if not outcomes or row.outcome in outcomes]


def _clock() -> datetime:
    return datetime(2026, 11, 20, 2, 0, 0, tzinfo=UTC)


def delivered(
    text: str,
    *,
    key: str = "set_id:c0",
    version: str = "1",
    kind: NoticeKind = NoticeKind.LABEL,
    title: str = "Corvanex",
    names: tuple[str, ...] = ("corvandine", "Corvanex"),
    sections: tuple[Section, ...] = (),
    identifiers: tuple[Identifier, ...] = (),
    cites: tuple[Identifier, ...] = (),
    assertions: tuple[Assertion, ...] = (),
    recent_changes: tuple[str, ...] = (),
    source: str = "memory",
) -> Delivery:
    """One document with one notice that is the whole of it."""
    document = Document(
        origin=f"https://example.org/{key}/{version}",
        media_type="text/plain",
        raw=f"{key} {version}\n{text}".encode(),
        text=text,
        extractor="plain-text/1",
        fetched_at=datetime(2026, 11, 20, tzinfo=UTC),
    )
    notice = Notice(
        source=source,
        kind=kind,
        key=key,
        version=version,
        title=title,
        start=0,
        end=len(text),
        url="https://example.org",
        identifiers=identifiers,
        cites=cites,
        assertions=assertions,
        sections=sections,
        names=names if kind is NoticeKind.LABEL else (),
        recent_changes=recent_changes,
    )
    return Delivery(document, (notice,))


def sectioned(*parts: tuple[str, str]) -> tuple[str, tuple[Section, ...]]:
    """A text of titled sections, as the connectors lay it out."""
    text, sections = "", []
    for title, body in parts:
        text += f"{title}\n"
        sections.append(Section("", title, len(text), len(text) + len(body)))
        text += f"{body}\n\n"
    return text, tuple(sections)


def noticed(text: str, *, number: int = 2, names: tuple[str, ...] = ("corvandine", "Corvanex")) -> NoticeText:
    """A stored label without a ledger."""
    return NoticeText(
        notice_id=f"n-{number}",
        document_id=f"d-{number}",
        source="memory",
        kind=NoticeKind.LABEL,
        key="set_id:c0",
        version=str(number),
        title="Corvanex",
        start=0,
        end=len(text),
        text=text,
        names=names,
    )


def changed(sentence: str, old: str = "", *, names: tuple[str, ...] = ("corvandine", "Corvanex")) -> ChangedSentence:
    """A change of a label that holds one sentence."""
    return ChangedSentence(
        change_id="g-1",
        kind=ChangeKind.REVISED if old else ChangeKind.NEW,
        notice=noticed(sentence, names=names),
        previous=noticed(old, number=1, names=names) if old else None,
        start=0,
        end=len(sentence),
        old_start=0 if old else None,
        old_end=len(old) if old else None,
    )
