"""Affected: finds what rests on something that was taken back, and proposes to withdraw it.

Works are matched by every identifier that names one thing or one version of it; those of substances and classes name
too much. An edit in force or in a batch gets a proposal to withdraw it; an open candidate is closed with its reason.
Where the work of an edit that was withdrawn is reinstated, the way back is proposed: ``ways_back``. Only proposes: a
person decides.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.sqlite import insert

from connectors.notice import AssertionKind, NoticeKind
from workflow.change_control.affected_list import ANSWERS_AGAIN, RAN_OUT
from workflow.fault_points import reached
from workflow.intake import takings_back
from workflow.intake.new_values import take_up_again
from workflow.intake.sentences import split, tokens
from workflow.intake.stored_notices import (
    Library,
    NoticeBody,
    identifiers_of,
    same_work,
    versions_of,
)
from workflow.intake.ways_back import find_ways, propose_ways_back
from workflow.ledger import tables
from workflow.ledger.documents import DocumentStore
from workflow.ledger.ledger import Ledger, Transaction
from workflow.ledger.lost_signatures import CLOSED_EVENT
from workflow.records import Action, Candidate, CandidateState, ChangeKind, Evidence, Risk

ACTOR = "intake"
_SEVEREST_FIRST = (
    (AssertionKind.RETRACTS, ChangeKind.RETRACTED, "was retracted"),
    (AssertionKind.PARTLY_RETRACTS, ChangeKind.PARTLY_RETRACTED, "was retracted in part"),
    (AssertionKind.DOUBTS, ChangeKind.CONCERN, "is under an expression of concern"),
    (AssertionKind.CORRECTS, ChangeKind.CORRECTED, "was corrected"),
    (AssertionKind.SUPERSEDES, ChangeKind.REVISED, "was superseded by a newer version"),
)
_OPEN = (
    CandidateState.PROPOSED,
    CandidateState.NO_EDIT_NEEDED,
    CandidateState.PENDING,
    CandidateState.AWAITING_SECOND,
    CandidateState.DEFERRED,
    CandidateState.APPROVED,
)
_MADE_GOOD = frozenset({AssertionKind.RETRACTS, AssertionKind.PARTLY_RETRACTS, AssertionKind.DOUBTS})
"""What a reinstatement takes back."""
_GONE = "its source has a newer version without the quoted sentence"
_IN_FORCE = ("live", "in_batch")
_LIVING = frozenset({NoticeKind.LABEL, NoticeKind.GUIDELINE, NoticeKind.SAFETY_COMMUNICATION, NoticeKind.DRUG_RECALL})
"""Notices of which a newer version takes the place of the older one."""
ARTICLES = frozenset({"pmid", "doi"})
"""Names that lead to each other."""
SUBSTANCES = frozenset({"unii", "rxcui", "atc"})
"""Names of what is in a product: many things carry them, so they say nothing of one."""


@dataclass(frozen=True)
class Affected:
    """What the step found."""

    proposed: tuple[str, ...] = ()
    """Candidates that withdraw an edit, new in this run."""
    closed: tuple[str, ...] = ()
    """Open candidates that were closed."""
    reinstated: int = 0
    """Identifiers of works that a source reinstated."""
    ways_back: tuple[str, ...] = ()
    """Candidates that propose a withdrawn edit again, new in this run."""


@dataclass(frozen=True)
class _Blow:
    """Why something no longer stands: what happened to a work, and who says so."""

    kind: ChangeKind
    words: str
    teller: str | None
    """The notice that says so; None for a newer version without the quoted sentence."""
    newer: str | None = None
    """The notice that is that newer version."""


@dataclass(frozen=True)
class _Holding:
    """An edit in force, or an open candidate, and what it was made from."""

    name: str
    candidate: Candidate
    is_edit: bool


def propose_withdrawals(ledger: Ledger, *, run_id: str, documents: DocumentStore) -> Affected:
    """Propose to withdraw every edit that rests on something taken back; run twice, it adds nothing."""
    with ledger.read() as connection:
        judge = _Judge(connection, documents)
        struck = [(holding, blow) for holding in _holdings(connection) if (blow := judge.blow(holding)) is not None]
        reinstated = len(judge.reinstated)
        ways = find_ways(connection, judge.reinstated, judge.works_that_stand) if reinstated else ()
    proposed, closed = [], []
    for holding, blow in struck:
        with ledger.write() as transaction:
            if holding.is_edit and (name := _propose(transaction, holding, blow, run_id)) is not None:
                proposed.append(name)
            elif not holding.is_edit and _close(transaction, holding, blow):
                closed.append(holding.name)
    return Affected(tuple(proposed), tuple(closed), reinstated, propose_ways_back(ledger, ways, run_id=run_id))


def _holdings(connection: Connection) -> Iterator[_Holding]:
    held = select(tables.edits.c.edit_id, tables.candidates.c.body).join(
        tables.candidates, tables.candidates.c.candidate_id == tables.edits.c.candidate_id
    )
    for row in connection.execute(held.where(tables.edits.c.state.in_(_IN_FORCE)).order_by(tables.edits.c.edit_id)):
        yield _Holding(row.edit_id, Candidate.model_validate_json(row.body), is_edit=True)
    columns = tables.candidates.c
    waiting = select(columns.candidate_id, columns.body).where(columns.state.in_(_OPEN), columns.action == Action.EDIT)
    for row in connection.execute(waiting.order_by(columns.candidate_id)):
        yield _Holding(row.candidate_id, Candidate.model_validate_json(row.body), is_edit=False)


def evidence_notices(connection: Connection) -> set[str]:
    """Name the notices on which edits in force and open candidates rest."""
    return {
        claim.notice_id
        for holding in _holdings(connection)
        for claim in holding.candidate.evidence
        if claim.role == "claim"
    }


class _Judge:
    """Says what struck a holding, in one snapshot."""

    def __init__(self, connection: Connection, documents: DocumentStore) -> None:
        self._connection = connection
        self._library = Library(connection, documents)
        tellings = list(takings_back.tellings(connection))
        self._seen_at = _first_seen(connection, {telling.notice_id for telling in tellings})
        self.reinstated: dict[takings_back.Pair, str] = {}
        for telling in tellings:
            if telling.kind is AssertionKind.REINSTATES:
                for pair in telling.target:
                    self.reinstated[pair] = max(self.reinstated.get(pair, ""), self._seen_at[telling.notice_id])
        self._about: dict[tuple[str, str], list[takings_back.Telling]] = defaultdict(list)
        for telling in tellings:
            for pair in telling.target:
                self._about[pair].append(telling)
        self._judged: dict[str, _Blow | None] = {}

    def blow(self, holding: _Holding) -> _Blow | None:
        """Give the severest blow to the evidence that claims the new object, if there is any."""
        for claim in holding.candidate.evidence:
            if claim.role != "claim":
                continue
            if claim.notice_id not in self._judged:
                self._judged[claim.notice_id] = self._taken_back(claim.notice_id)
            if (blow := self._judged[claim.notice_id] or self._gone(claim)) is not None:
                return blow
        return None

    def _taken_back(self, notice_id: str) -> _Blow | None:
        """Give the severest thing that is said of a notice's own work, or of a work that it cites."""
        own, cited = self._said_of(self._works(notice_id, "self")), self._said_of(self._works(notice_id, "cites"))
        for kind, change, words in _SEVEREST_FIRST:
            for telling in own:
                if telling.kind is kind:
                    return _Blow(change, f"its own source ({_named(telling)}) {words}", telling.notice_id)
            for telling in cited:
                if telling.kind is kind and kind is not AssertionKind.SUPERSEDES:
                    words = f"its source rests on a work ({_named(telling)}) that {words}"
                    return _Blow(change, words, telling.notice_id)
        return None

    def _said_of(self, works: set[tuple[str, str]]) -> list[takings_back.Telling]:
        """What is said of works; what was taken back by a reinstatement that came later is not."""
        said = dict.fromkeys(telling for pair in sorted(works) for telling in self._about[pair])
        return [telling for telling in said if not self._is_made_good(telling)]

    def _is_made_good(self, telling: takings_back.Telling) -> bool:
        if telling.kind not in _MADE_GOOD:
            return False
        good = max((self.reinstated.get(pair, "") for pair in telling.target), default="")
        return good >= self._seen_at[telling.notice_id]

    def works_that_stand(self, notice_id: str) -> set[tuple[str, str]]:
        """Every name of a notice's own work and of those that it cites; none while something is said against one."""
        works = self._works(notice_id, "self") | self._works(notice_id, "cites")
        return set() if self._taken_back(notice_id) is not None else works

    def _works(self, notice_id: str, role: str) -> set[tuple[str, str]]:
        named = {pair for pair in identifiers_of(self._connection, notice_id, role) if pair[0] not in SUBSTANCES}
        return named | same_work(self._connection, sorted(pair for pair in named if pair[0] in ARTICLES))

    def _gone(self, claim: Evidence) -> _Blow | None:
        """Say whether the newest version of the label or guideline no longer holds the quoted sentence."""
        notices = tables.notices.c
        row = self._connection.execute(
            select(notices.source, notices.key, notices.kind).where(notices.notice_id == claim.notice_id)
        ).one_or_none()
        if row is None or row.kind not in _LIVING:
            return None
        newest = versions_of(self._connection, row.source, row.key).newest
        if newest == claim.notice_id:
            return None
        return _Blow(ChangeKind.REVISED, _GONE, None, newest) if self._reads_otherwise(claim, newest) else None

    def _reads_otherwise(self, claim: Evidence, newest: str) -> bool:
        notice = self._library.notice(newest)
        said = f" {' '.join(tokens(claim.quote))} "
        sentences = split(notice.text, notice.start, notice.end, notice.sections)
        return said not in f" {' '.join(token for sentence in sentences for token in sentence.tokens)} "


def _first_seen(connection: Connection, notice_ids: set[str]) -> dict[str, str]:
    columns = tables.notices.c
    rows = connection.execute(select(columns.notice_id, columns.first_seen_at))
    return {row.notice_id: row.first_seen_at for row in rows if row.notice_id in notice_ids}


def _named(telling: takings_back.Telling) -> str:
    return takings_back.label_of(telling.target)


def _propose(transaction: Transaction, holding: _Holding, blow: _Blow, run_id: str) -> str | None:
    """Put the proposal on record unless this edit has one for this kind of blow, decided or not."""
    candidate = holding.candidate.model_copy(
        update={
            "action": Action.WITHDRAW,
            "withdraws": holding.name,
            "risk": Risk.LOW,
            "change_kind": blow.kind,
            "flags": (blow.words,),
            "evidence": (*holding.candidate.evidence, *_telling_evidence(transaction.connection, blow.teller)),
        }
    )
    if blow.kind is ChangeKind.REVISED and (again := take_up_again(transaction, holding.name)) is not None:
        return again
    others = (known for known in _proposals_for(transaction, holding.name) if not _is_housekeeping(known))
    if any(known.change_kind is blow.kind for known in others):
        return None
    transaction.execute(
        insert(tables.candidates)
        .values(
            candidate_id=candidate.candidate_id,
            run_id=run_id,
            created_at=transaction.now,
            state=CandidateState.PROPOSED,
            action=candidate.action,
            subject=candidate.subject,
            relation=candidate.relation,
            functional_key=candidate.functional_key,
            risk=candidate.risk,
            content_sha256=candidate.content_sha256,
            body=candidate.model_dump_json(),
        )
        .on_conflict_do_nothing()
    )
    body = {"edit": holding.name, "why": blow.kind.value}
    transaction.audit("withdrawal.proposed", f"candidate:{candidate.candidate_id}", body, actor=ACTOR)
    reached("affected.before_commit")
    return candidate.candidate_id


def _proposals_for(transaction: Transaction, edit_id: str) -> Sequence[Candidate]:
    columns = tables.candidates.c
    rows = transaction.execute(select(columns.body).where(columns.action == Action.WITHDRAW)).scalars()
    return [one for body in rows if (one := Candidate.model_validate_json(body)).withdraws == edit_id]


def _is_housekeeping(proposal: Candidate) -> bool:
    """Whether a proposal was made for another reason than what happened to a source."""
    return bool(proposal.flags) and proposal.flags[0].startswith((ANSWERS_AGAIN, RAN_OUT))


def _telling_evidence(connection: Connection, teller: str | None) -> tuple[Evidence, ...]:
    """Quote the title of the notice that tells, where the ledger knows its place."""
    if teller is None:
        return ()
    row = connection.execute(select(tables.notices).where(tables.notices.c.notice_id == teller)).mappings().one()
    sections = NoticeBody.model_validate_json(row["body"]).sections
    place = next((s for s in sections if s.code == "title" and s.end - s.start == len(row["title"])), None)
    if place is None:
        return ()
    return (
        Evidence(
            document_id=row["document_id"],
            notice_id=teller,
            role="retraction",
            quote=row["title"],
            start=place.start,
            end=place.end,
            section=place.title,
        ),
    )


def _close(transaction: Transaction, holding: _Holding, blow: _Blow) -> bool:
    """Close an open candidate, unless a person re-opened it after the very same newer version had closed it."""
    body = {"why": blow.kind.value, "by": blow.newer or blow.teller or ""}
    if blow.kind is ChangeKind.REVISED and body in _closed_before(transaction, holding.name):
        return False
    columns = tables.candidates.c
    closed = transaction.execute(
        update(tables.candidates)
        .where(columns.candidate_id == holding.name, columns.state.in_(_OPEN))
        .values(state=CandidateState.CLOSED, reason=blow.words)
    ).rowcount
    if closed:
        transaction.audit(CLOSED_EVENT, f"candidate:{holding.name}", body, actor=ACTOR)
    return bool(closed)


def _closed_before(transaction: Transaction, candidate_id: str) -> list[dict[str, str]]:
    columns = tables.audit.c
    query = select(columns.body).where(columns.subject == f"candidate:{candidate_id}", columns.event == CLOSED_EVENT)
    return [json.loads(body) for body in transaction.execute(query).scalars()]
