"""Detect: what a new notice says that the version before it did not.

The first version of a thing is a baseline and makes no news, but for the sections that it dates as recently changed
and for what it asserts about other works. Runs over every notice that has no change row yet, so that a night that
died is caught up; one transaction per notice.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import func, select, update
from sqlalchemy.dialects.sqlite import insert

from connectors.notice import NoticeKind, Section
from workflow.fault_points import reached
from workflow.intake import takings_back
from workflow.intake.compare import SentencePair, compare
from workflow.intake.extractor import NoticeText
from workflow.intake.scope import Scope, is_in_scope
from workflow.intake.sentences import Sentence, split, tokens
from workflow.intake.stored_notices import Library, identifiers_of, same_work
from workflow.intake.takings_back import Telling
from workflow.intake.told import Tellings, ToldChanges
from workflow.ledger import tables
from workflow.ledger.documents import DocumentStore
from workflow.ledger.ledger import Ledger, Transaction
from workflow.records import ChangeKind

WAITING, EXTRACTED, NO_CHANGE, OUT_OF_SCOPE, BASELINE = "waiting", "extracted", "no_change", "out_of_scope", "baseline"
_RECENT = re.compile(r"^(?P<title>.*?)\s*(?:\((?P<numbers>[\d.,\s]+)\))?\s*(?:\d{1,2}/\d{4}|\d{4}.*)?\s*$", re.DOTALL)
_RECENT_FIELD = "recent_major_changes"
_DATED = frozenset({NoticeKind.LABEL, NoticeKind.GUIDELINE, NoticeKind.SAFETY_COMMUNICATION})
_READ_ONCE = frozenset({NoticeKind.DRUG_RECALL})
"""What is news when it joins its list, and never again: later changes of it are on record and wait for nobody."""


@dataclass(frozen=True)
class Detected:
    """What a run of the step found."""

    notices: int = 0
    by_outcome: Mapping[str, int] = field(default_factory=dict)
    by_kind: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Change:
    """One row of ``changes`` before it is written."""

    kind: ChangeKind
    outcome: str
    notice_id: str
    previous_notice_id: str | None = None
    section: str = ""
    start: int | None = None
    end: int | None = None
    old_start: int | None = None
    old_end: int | None = None

    def row(self, run_id: str) -> dict[str, object]:
        """The row; its id is that of its content, but for run and outcome."""
        places = (self.previous_notice_id, self.section, self.start, self.end, self.old_start, self.old_end)
        content = chr(0).join(str(part) for part in (self.notice_id, self.kind.value, *places))
        return {
            "change_id": f"g-{hashlib.sha256(content.encode()).hexdigest()[:16]}",
            "run_id": run_id,
            "notice_id": self.notice_id,
            "previous_notice_id": self.previous_notice_id,
            "kind": self.kind.value,
            "section": self.section,
            "start": self.start,
            "end": self.end,
            "old_start": self.old_start,
            "old_end": self.old_end,
            "outcome": self.outcome,
        }


def detect(ledger: Ledger, documents: DocumentStore, *, run_id: str, scope: Scope | None = None) -> Detected:
    """Write the changes of every notice that was not looked at yet; run twice, it adds nothing."""
    within = scope if scope is not None else Scope()
    kinds: Counter[str] = Counter()
    outcomes: Counter[str] = Counter()
    fresh = _not_looked_at(ledger)
    if not fresh:
        return Detected()
    with ledger.read() as connection:
        tellings, told = Tellings(connection), ToldChanges(connection, closed_as=NO_CHANGE)
    first = _first_recalls(ledger)
    for notice_id in fresh:
        asserted = tellings.of(notice_id)
        with ledger.read() as connection:
            library = Library(connection, documents)
            found = _changes(library, library.notice(notice_id), asserted, within, first)
        with ledger.write() as transaction:
            written = [*_asserted(transaction, notice_id, asserted, told, found.in_scope), *found.changes]
            for change in written:
                transaction.execute(insert(tables.changes).values(change.row(run_id)).on_conflict_do_nothing())
            _reopen(transaction, notice_id, told)
            reached("detect.before_commit")
        kinds.update(change.kind.value for change in written)
        outcomes.update(change.outcome for change in written)
    return Detected(len(fresh), dict(outcomes), dict(kinds))


def _not_looked_at(ledger: Ledger) -> list[str]:
    """Notices without a change row, in order of arrival: versions of one thing after each other."""
    columns = tables.notices.c
    looked_at = select(tables.changes.c.notice_id)
    with ledger.read() as connection:
        rows = connection.execute(
            select(columns.notice_id)
            .where(columns.notice_id.not_in(looked_at))
            .order_by(columns.first_seen_at, columns.ordinal, columns.notice_id)
        )
        return list(rows.scalars())


@dataclass(frozen=True)
class _Found:
    changes: tuple[_Change, ...]
    in_scope: bool


def _changes(
    library: Library, notice: NoticeText, asserted: Sequence[Telling], scope: Scope, first: frozenset[str]
) -> _Found:
    about = [pair for telling in asserted for pair in telling.target]
    in_scope = is_in_scope(scope, notice, about)
    waiting = _outcome(notice, in_scope=in_scope)
    versions = library.versions(notice.source, notice.key)
    before = versions.before(notice.notice_id)
    if versions.is_late(notice.notice_id):
        late = _Change(ChangeKind.REVISED, NO_CHANGE, notice.notice_id, before, section="an older version came late")
        return _Found((late,), in_scope)
    if before is None and notice.kind is NoticeKind.DRUG_RECALL and _joins(library, notice, first):
        why, outcome = _recall_reason(notice), WAITING if in_scope else OUT_OF_SCOPE
        found = [_Change(ChangeKind.NEW, outcome, notice.notice_id, section=why.title, start=why.start, end=why.end)]
    elif before is None:
        found = [_Change(ChangeKind.BASELINE, BASELINE, notice.notice_id), *_recent(notice, waiting)]
    else:
        found = list(_revised(library.notice(before), notice, waiting))
    return _Found(tuple(found), in_scope)


def _first_recalls(ledger: Ledger) -> frozenset[str]:
    """Name the runs in which a list of recalls was first read: what stood on it then is a baseline."""
    columns = tables.notices.c
    query = (
        select(columns.source, columns.run_id, func.min(columns.first_seen_at).label("since"))
        .where(columns.kind == NoticeKind.DRUG_RECALL.value)
        .group_by(columns.source, columns.run_id)
    )
    with ledger.read() as connection:
        rows = sorted(connection.execute(query), key=lambda row: (str(row.since), str(row.run_id)), reverse=True)
    return frozenset({str(row.source): f"{row.source} {row.run_id}" for row in rows}.values())


def _joins(library: Library, notice: NoticeText, first: frozenset[str]) -> bool:
    """Say whether a recall came after the night on which its list was first read."""
    columns = tables.notices.c
    query = select(columns.run_id).where(columns.notice_id == notice.notice_id)
    return f"{notice.source} {library.connection.execute(query).scalar_one()}" not in first


def _recall_reason(notice: NoticeText) -> Section:
    """The part of a recall that says why; the whole of one without it."""
    whole = Section("", notice.title, notice.start, notice.end)
    return next((section for section in notice.sections if section.code == "reason_for_recall"), whole)


def _outcome(notice: NoticeText, *, in_scope: bool) -> str:
    if not in_scope:
        return OUT_OF_SCOPE
    return NO_CHANGE if notice.kind in _READ_ONCE else WAITING


def _revised(old: NoticeText, new: NoticeText, outcome: str) -> Iterator[_Change]:
    pairs = compare(_sentences(old), _sentences(new))
    for pair in pairs:
        yield _change_of(pair, old, new, outcome)
    if not pairs:
        yield _Change(ChangeKind.REVISED, NO_CHANGE, new.notice_id, old.notice_id)


def _change_of(pair: SentencePair, old: NoticeText, new: NoticeText, outcome: str) -> _Change:
    said, was = pair.new, pair.old
    if said is None:
        kind, outcome = ChangeKind.WITHDRAWN, outcome if outcome == OUT_OF_SCOPE else NO_CHANGE
    else:
        kind = ChangeKind.NEW if was is None else ChangeKind.REVISED
    place = said or was
    return _Change(
        kind,
        outcome,
        new.notice_id,
        old.notice_id,
        section=place.section if place else "",
        start=said.start if said else None,
        end=said.end if said else None,
        old_start=was.start if was else None,
        old_end=was.end if was else None,
    )


def _sentences(notice: NoticeText) -> list[Sentence]:
    """The sentences to compare; a list of recent changes is about the label, not part of what it says."""
    found = split(notice.text, notice.start, notice.end, notice.sections)
    return [sentence for sentence in found if sentence.code != _RECENT_FIELD]


def _recent(notice: NoticeText, outcome: str) -> Iterator[_Change]:
    """What a first version dates as recently changed: sections of a label or guideline, a safety notice as a whole."""
    if notice.kind not in _DATED or not notice.recent_changes:
        return
    whole = notice.kind is NoticeKind.SAFETY_COMMUNICATION
    for sentence in _sentences(notice):
        section = notice.section_at(sentence.start)
        if whole or (section is not None and any(_names(entry, section) for entry in notice.recent_changes)):
            yield _Change(
                ChangeKind.NEW,
                outcome,
                notice.notice_id,
                section=sentence.section,
                start=sentence.start,
                end=sentence.end,
            )


def _names(entry: str, section: Section) -> bool:
    """Say whether a dated entry ("Dosage and Administration, Recommended Dosage (2.1) 11/2026") means a section."""
    if section.code == _RECENT_FIELD:
        return False
    match = _RECENT.match(entry)
    title = f" {' '.join(tokens(match['title'] if match else entry))} "
    own = " ".join(tokens(section.title))
    return bool(own) and f" {own} " in title


def _asserted(
    transaction: Transaction, notice_id: str, asserted: Sequence[Telling], told: ToldChanges, in_scope: bool
) -> Iterator[_Change]:
    """The changes that a notice's assertions make, each kind and work once in the whole ledger."""
    for telling in asserted:
        kind = telling.change
        if kind is None or told.is_told(kind, same_work(transaction.connection, sorted(telling.target))):
            continue
        told.add(kind, telling.target)
        outcome = (WAITING if kind is ChangeKind.RETRACTED else NO_CHANGE) if in_scope else OUT_OF_SCOPE
        yield _Change(kind, outcome, notice_id, section=takings_back.label_of(telling.target))


def _reopen(transaction: Transaction, notice_id: str, told: ToldChanges) -> None:
    """Let a retraction wait again whose work was not in the ledger when it was told, now that the work has come."""
    own = {pair for pair in identifiers_of(transaction.connection, notice_id) if pair[0] in {"pmid", "doi"}}
    if not own:
        return
    for change_id in told.reopen(same_work(transaction.connection, sorted(own)), but_of=notice_id):
        transaction.execute(
            update(tables.changes).where(tables.changes.c.change_id == change_id).values(outcome=WAITING)
        )
