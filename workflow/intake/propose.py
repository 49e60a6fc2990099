"""Propose: one document's waiting changes become candidates in the ledger, lane A first, then the other lanes.

Owns the way from a lane's proposal to a row: normalised, asked, checked against the wall, and set beside what the
queue and the memory already hold. The same fact from several documents is one candidate with several quotes. Every
step may run twice; a lane that fails leaves what the lanes before it proposed, and its changes waiting.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection, RowMapping, select, update

from connectors.notice import AssertionKind, HiddenText
from workflow.fault_points import reached
from workflow.intake import injection, queue_entry, takings_back
from workflow.intake.detect import EXTRACTED, NO_CHANGE, WAITING
from workflow.intake.extractor import ChangedSentence, DocumentChanges, Extractor, NoticeText, Refused
from workflow.intake.list_facts import ask_by_item
from workflow.intake.normalise import AliasTable, names_stand, normalise, plain_name, product_names
from workflow.intake.questions import write as write_questions
from workflow.intake.risk import RiskLists, risk_of
from workflow.intake.rules import RulesExtractor, populations_said
from workflow.intake.sentences import tokens
from workflow.intake.stored_notices import Library, same_work
from workflow.intake.told import Tellings
from workflow.intake.vocabulary import NO_FILES, SiteVocabulary
from workflow.intake.wall import NEEDS_ATTENTION, NoticeStanding, judge
from workflow.intake.wall_turns import Ruling
from workflow.ledger import tables
from workflow.ledger.documents import DocumentStore
from workflow.ledger.ledger import Ledger
from workflow.records import Candidate, ChangeKind, Checked, Evidence, Risk

NOT_NAMED = "the quote does not name the drug: it is the document's own product"


QuestionWriter = Callable[[Candidate], Candidate]
"""Gives a candidate that passed the wall further wordings of its question, and near misses."""


@dataclass(frozen=True)
class Extracted:
    """What became of one document's changes."""

    document_id: str
    changes: int = 0
    by_result: Mapping[str, int] = field(default_factory=dict)
    """How many proposals ended how: proposed, merged, known, refused, and why lanes refused."""


@dataclass(frozen=True)
class _Desk:
    """What proposals of one document are checked with, read in one snapshot."""

    texts: Mapping[str, str]
    standings: Mapping[str, NoticeStanding]
    products: Mapping[str, tuple[str, ...]]
    aliases: AliasTable
    flags: tuple[str, ...]
    notices: Mapping[str, NoticeText]
    risk_lists: RiskLists | None


def waiting_documents(ledger: Ledger) -> tuple[str, ...]:
    """Name the documents with changes that wait for extraction, in order of arrival."""
    notices, changes = tables.notices.c, tables.changes.c
    query = (
        select(notices.document_id, notices.first_seen_at)
        .join(tables.changes, changes.notice_id == notices.notice_id)
        .where(changes.outcome == WAITING)
        .order_by(notices.first_seen_at, notices.document_id)
    )
    with ledger.read() as connection:
        return tuple(dict.fromkeys(row.document_id for row in connection.execute(query)))


def read_changes(ledger: Ledger, documents: DocumentStore, document_id: str) -> DocumentChanges:
    """Read a document's waiting changes as a lane is shown them."""
    with ledger.read() as connection:
        work, _ = _read(connection, documents, document_id, None, NO_FILES)
    return work


def extract_document(
    ledger: Ledger,
    documents: DocumentStore,
    *,
    run_id: str,
    document_id: str,
    lanes: tuple[Extractor, ...] = (),
    risk_lists: RiskLists | None = None,
    vocabulary: SiteVocabulary = NO_FILES,
    wordings: QuestionWriter | None = None,
) -> Extracted:
    """Propose candidates for a document's waiting changes, with the rules and then with ``lanes``.

    Args:
        ledger: Where they go.
        documents: Where the texts are.
        run_id: The run that proposes.
        document_id: The document.
        lanes: What reads it after the rules.
        risk_lists: The site's lists.
        vocabulary: The site's own names.
        wordings: Adds to the house's questions where there is a model for it.

    Raises:
        WorkflowError: Whatever a lane raises; the lanes before it stand, and the changes go on waiting.
    """
    with ledger.read() as connection:
        work, desk = _read(connection, documents, document_id, risk_lists, vocabulary)
    counts: Counter[str] = Counter()
    fruitful: set[str] = set()
    earlier: list[Candidate] = []
    for lane in (RulesExtractor(), *lanes):
        proposals = list(lane.propose(work)) if work.changes else []
        for proposal in (_set_beside(one, earlier) for one in proposals):
            change_id, result = _settle(ledger, proposal, work, desk, run_id, wordings)
            counts[result] += 1
            if not isinstance(proposal, Refused):
                fruitful.add(change_id)
        earlier += [one for one in proposals if isinstance(one, Candidate)]
    _close_changes(ledger, work, fruitful)
    return Extracted(document_id, len(work.changes), dict(counts))


def _set_beside(proposal: Candidate | Refused, earlier: list[Candidate]) -> Candidate | Refused:
    """Flag a proposal that reads another object out of the words that a lane before it read: a person decides."""
    if isinstance(proposal, Refused):
        return proposal
    rivals = [
        other
        for other in earlier
        if other.relation == proposal.relation
        and tokens(other.object_new) != tokens(proposal.object_new)
        and plain_name(other.subject) == plain_name(proposal.subject)
        and other.qualifiers.get("population", "") == proposal.qualifiers.get("population", "")
        and _same_words(other.evidence, proposal.evidence)
    ]
    if not rivals:
        return proposal
    flag = f"{NEEDS_ATTENTION}the rules read another value in the same words: {rivals[0].object_new}"
    return proposal.model_copy(update={"flags": (*proposal.flags, flag), "risk": Risk.HIGH})


def _same_words(one: Iterable[Evidence], other: Iterable[Evidence]) -> bool:
    theirs = [piece for piece in other if piece.role == "claim"]
    return any(
        a.notice_id == b.notice_id and a.start < b.end and b.start < a.end
        for a in one
        if a.role == "claim"
        for b in theirs
    )


def _settle(
    ledger: Ledger,
    proposal: Candidate | Refused,
    work: DocumentChanges,
    desk: _Desk,
    run_id: str,
    wordings: QuestionWriter | None,
) -> tuple[str, str]:
    """Put one proposal where it belongs; give its change and what became of it."""
    if isinstance(proposal, Refused):
        if proposal.candidate is None:
            return proposal.change_id, f"lane: {proposal.reason}"
        with ledger.write() as transaction:
            entry = queue_entry.Entry(proposal.candidate, proposal.change_id, run_id, (proposal.reason,))
            return proposal.change_id, queue_entry.enter(transaction, entry)
    read = _prepared(proposal, desk)
    candidate = _asked(read, desk)
    change_id = _change_of(candidate, work)
    own = desk.aliases.aliases(candidate.subject)
    ruling = judge(read, desk.texts, desk.standings, aliases=(proposal.subject, *own), asked=candidate)
    if ruling.attention:
        doubts = (f"{NEEDS_ATTENTION}{reason}" for reason in ruling.attention)
        candidate = candidate.model_copy(update={"flags": tuple(dict.fromkeys((*candidate.flags, *doubts)))})
    candidate = _with_wall(candidate, ruling)
    if wordings is not None and not ruling.refused:
        candidate = wordings(candidate)
    with ledger.write() as transaction:
        result = queue_entry.enter(transaction, queue_entry.Entry(candidate, change_id, run_id, ruling.refused))
        reached("candidate.before_commit")
    return change_id, result


def _with_wall(candidate: Candidate, ruling: Ruling) -> Candidate:
    """Keep what the wall said with the candidate, for the reviewer's eye; a refusal keeps its reasons instead."""
    if ruling.refused:
        return candidate
    told = Checked(name="wall", passed=True if ruling.admitted else None, words=ruling.words)
    return candidate.model_copy(update={"checks": (told, *candidate.checks)})


def _prepared(proposal: Candidate, desk: _Desk) -> Candidate:
    claims = [evidence for evidence in proposal.evidence if evidence.role == "claim"]
    own = next((desk.products[e.notice_id] for e in claims if desk.products.get(e.notice_id)), ())
    candidate = normalise(proposal, desk.aliases, own)
    flags = [*candidate.flags, *desk.flags]
    if own and plain_name(own[0]) == candidate.subject:
        names = (candidate.subject, *candidate.aliases)
        if any(not names_stand(names, claim.quote) for claim in claims):
            flags.append(NOT_NAMED)
    risk = risk_of(candidate, desk.risk_lists) if desk.risk_lists is not None else candidate.risk
    return candidate.model_copy(update={"flags": tuple(dict.fromkeys(flags)), "risk": risk})


def _asked(candidate: Candidate, desk: _Desk) -> Candidate:
    if candidate.question:
        return candidate
    known = [name for name in desk.aliases.known if name != candidate.subject]
    quoted = [e.notice_id for e in candidate.evidence if e.role == "claim" and e.notice_id in desk.notices]
    said = (populations_said(desk.notices[notice_id], candidate.relation) for notice_id in quoted)
    elsewhere = tuple(dict.fromkeys(people for populations in said for people in populations))
    return write_questions(ask_by_item(candidate), known, elsewhere=elsewhere)


def _change_of(candidate: Candidate, work: DocumentChanges) -> str:
    """Give the change that a candidate comes from: whose sentence its claim overlaps, or whose work it quotes."""
    for change in work.changes:
        if any(_belongs(evidence, change) for evidence in candidate.evidence):
            return change.change_id
    return work.changes[0].change_id


def _belongs(evidence: Evidence, change: ChangedSentence) -> bool:
    if change.start is None or change.end is None:
        target = change.target
        return evidence.role == "previous" and target is not None and evidence.notice_id == target.notice_id
    is_claim = evidence.role == "claim" and evidence.notice_id == change.notice.notice_id
    return is_claim and evidence.start < change.end and change.start < evidence.end


def _close_changes(ledger: Ledger, work: DocumentChanges, fruitful: set[str]) -> None:
    with ledger.write() as transaction:
        for change in work.changes:
            outcome = EXTRACTED if change.change_id in fruitful else NO_CHANGE
            transaction.execute(
                update(tables.changes)
                .where(tables.changes.c.change_id == change.change_id, tables.changes.c.outcome == WAITING)
                .values(outcome=outcome)
            )
        reached("extract.before_commit")


def _read(
    connection: Connection,
    documents: DocumentStore,
    document_id: str,
    risk_lists: RiskLists | None,
    vocabulary: SiteVocabulary,
) -> tuple[DocumentChanges, _Desk]:
    library = Library(connection, documents)
    changes, notices = tables.changes, tables.notices
    rows = connection.execute(
        select(changes)
        .join(notices, notices.c.notice_id == changes.c.notice_id)
        .where(notices.c.document_id == document_id, changes.c.outcome == WAITING)
        .order_by(changes.c.start, changes.c.change_id)
    ).mappings()
    tellings = Tellings(connection)
    work = DocumentChanges(document_id, tuple(_changed_sentence(library, row, tellings) for row in rows))
    involved = {
        notice.notice_id: notice
        for change in work.changes
        for notice in (change.notice, change.previous, change.target)
        if notice is not None
    }
    hidden = connection.execute(
        select(tables.documents.c.hidden).where(tables.documents.c.document_id == document_id)
    ).scalar_one_or_none()
    pieces = [HiddenText(**piece) for piece in json.loads(hidden or "[]")]
    visible = "\n".join(change.notice.body for change in _one_per_notice(work.changes))
    aliases = AliasTable.of((*library.names, *(product_names(notice) for notice in involved.values())), vocabulary)
    work = replace(work, lexicon=aliases.lexicon())
    desk = _Desk(
        texts=work.texts,
        standings={notice_id: _standing(library, notice, tellings) for notice_id, notice in involved.items()},
        products={notice_id: product_names(notice) for notice_id, notice in involved.items()},
        aliases=aliases,
        flags=injection.flags(visible, pieces),
        notices=involved,
        risk_lists=risk_lists,
    )
    return work, desk


def _one_per_notice(changes: Iterable[ChangedSentence]) -> Iterable[ChangedSentence]:
    return {change.notice.notice_id: change for change in changes}.values()


def _changed_sentence(library: Library, row: RowMapping, tellings: Tellings) -> ChangedSentence:
    kind = ChangeKind(row["kind"])
    notice = library.notice(row["notice_id"])
    if kind in takings_back.KINDS and row["start"] is None and row["previous_notice_id"] is None:
        return _taken_back(library, row, notice, kind, tellings)
    previous = row["previous_notice_id"]
    return ChangedSentence(
        change_id=row["change_id"],
        kind=kind,
        notice=notice,
        previous=library.notice(previous) if previous else None,
        section=row["section"],
        start=row["start"],
        end=row["end"],
        old_start=row["old_start"],
        old_end=row["old_end"],
    )


def _taken_back(
    library: Library, row: RowMapping, notice: NoticeText, kind: ChangeKind, tellings: Tellings
) -> ChangedSentence:
    """An asserted change: the work itself, and the notice that tells of it best, a retraction notice before others."""
    works = same_work(library.connection, sorted(takings_back.pairs_in(row["section"])))
    asserted = next(said for said, change in takings_back.CHANGE_OF.items() if change is kind)
    target = takings_back.newest_of(library.connection, works)
    tellers = takings_back.best_first(
        library.connection, {one.notice_id for one in tellings.about(works) if one.kind is AssertionKind(asserted)}
    )
    return ChangedSentence(
        change_id=row["change_id"],
        kind=kind,
        notice=library.notice(tellers[0]) if tellers else notice,
        section=row["section"],
        asserts=asserted,
        target=library.notice(target) if target else None,
    )


def _standing(library: Library, notice: NoticeText, tellings: Tellings) -> NoticeStanding:
    return NoticeStanding(
        document_id=notice.document_id,
        start=notice.start,
        end=notice.end,
        is_newest=library.versions(notice.source, notice.key).newest == notice.notice_id,
        names=product_names(notice),
        sections=notice.sections,
        is_retracted=tellings.is_retracted(notice.notice_id),
    )
