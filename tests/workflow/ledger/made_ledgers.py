"""Ledgers with documents, reviewers and rehearsed candidates, made without sources or a model."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from sqlalchemy import insert, select

from workflow.identity import add_reviewer
from workflow.ledger import tables
from workflow.ledger.case_file import read_case_file
from workflow.ledger.documents import DocumentStore
from workflow.ledger.fixing import insert_candidate
from workflow.ledger.ledger import Ledger
from workflow.ledger.marks import list_marks, save_mark
from workflow.ledger.signing import Signed, sign_marks
from workflow.records import (
    Action,
    Candidate,
    CandidateState,
    ChangeKind,
    Evidence,
    NearMiss,
    NearMissKind,
    ObjectOrigin,
    Risk,
    Verdict,
)
from workflow.rehearsal_records import QuestionOutcome, Rehearsal
from workflow.review_policy import Choice, PolicyRefusal, ReviewPolicy

PIN = "pin-of-tests"
PEOPLE = ("ada", "ben", "cem")


@dataclass
class TickingClock:
    """Gives a later second each time it is asked."""

    now: datetime = field(default_factory=lambda: datetime(2026, 11, 20, 8, tzinfo=UTC))

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@dataclass
class Desk:
    """A ledger with its documents and people, and short words for what people do."""

    ledger: Ledger
    store: DocumentStore
    policy: ReviewPolicy

    def mark(
        self,
        person: str,
        candidate_id: str,
        verdict: Verdict = Verdict.APPROVE,
        *,
        fixed: str | None = None,
        quote_seen: bool = True,
        reason_code: str = "wrong_object",
        reason_text: str = "",
    ) -> tuple[PolicyRefusal, ...]:
        """Mark what is on record now."""
        with self.ledger.read() as connection:
            shown = read_case_file(connection, candidate_id).shown_sha256
        choice = Choice(person, verdict, shown, quote_seen, reason_code, reason_text, fixed)
        return save_mark(self.ledger, self.policy, candidate_id, choice)

    def sign(self, person: str, pin: str = PIN) -> Signed:
        """Sign everything marked."""
        with self.ledger.read() as connection:
            ids = [mark.mark_id for mark in list_marks(connection, person)]
        return sign_marks(self.ledger, self.policy, person, ids, pin=pin)

    def decide(self, person: str, candidate_id: str, verdict: Verdict = Verdict.APPROVE, fixed: str = "") -> Signed:
        """Mark and sign one candidate."""
        assert self.mark(person, candidate_id, verdict, fixed=fixed or None) == ()
        return self.sign(person)

    def state(self, candidate_id: str) -> CandidateState:
        """Give where a candidate stands."""
        with self.ledger.read() as connection:
            return read_case_file(connection, candidate_id).state


@cache
def _template(kind: str, signer_profile: str, scripted: bool) -> Path:
    """Make a site of its kind once; tests work on copies."""
    folder = Path(tempfile.mkdtemp())
    (folder / "documents").mkdir()
    ledger = Ledger.create(
        folder / "ledger.sqlite", kind=kind, signer_profile=signer_profile, actor="tests", clock=TickingClock()
    )
    for person in PEOPLE:
        add_reviewer(
            ledger,
            reviewer_id=person,
            name=person.title(),
            role="pharmacist",
            pin=PIN,
            actor="tests",
            scripted=scripted,
        )
    ledger.close()
    return folder


def create_desk(folder: Path, *, kind: str = "demo", signer_profile: str = "two_signer", scripted: bool = True) -> Desk:
    """Make a ledger with three people; scripted ones need no PIN."""
    shutil.copytree(_template(kind, signer_profile, scripted), folder)
    clock = TickingClock()
    clock.now += timedelta(hours=1)
    ledger = Ledger.open(folder / "ledger.sqlite", clock=clock)
    return Desk(ledger, DocumentStore(folder / "documents"), ReviewPolicy(signer_profile))


def put_notice(
    desk: Desk, text: str, *, key: str = "set_id:1", version: str = "1", ordinal: int = 1
) -> tuple[str, str]:
    """Store a document that is one notice; give their ids."""
    sha256 = desk.store.put(text.encode())
    document_id = hashlib.sha256(f"doc {sha256}".encode()).hexdigest()
    notice_id = "n-" + hashlib.sha256(f"{key} {version}".encode()).hexdigest()[:16]
    body = {"published": {"value": "2026-11", "precision": "month", "element": "x"}, "url": "https://example.org/1"}
    with desk.ledger.write() as transaction:
        transaction.execute(
            insert(tables.documents).values(
                document_id=document_id,
                raw_sha256=sha256,
                text_sha256=sha256,
                extractor="tests/1",
                media_type="text/plain",
                origin="tests",
                fetched_at=transaction.now,
                byte_count=len(text),
            )
        )
        transaction.execute(
            insert(tables.notices).values(
                notice_id=notice_id,
                source="openfda",
                kind="label",
                key=key,
                version=version,
                title="ZOLPIDEM label",
                document_id=document_id,
                start=0,
                end=len(text),
                body=json.dumps(body),
                content_sha256=sha256,
                ordinal=ordinal,
                run_id="r1",
                first_seen_at=transaction.now,
            )
        )
    return document_id, notice_id


def make_candidate(subject: str = "zolpidem", object_new: str = "5 mg", **changes: object) -> Candidate:
    """Make a dose candidate."""
    fields: dict[str, object] = {
        "subject": subject,
        "relation": "recommended_dose",
        "object_new": object_new,
        "object_old": "10 mg",
        "object_old_origin": ObjectOrigin.PREVIOUS_VERSION,
        "question": f"What is the recommended dose of {subject}?",
        "paraphrases": (f"How much {subject}?",),
        "near_misses": (NearMiss(question=f"What is {subject}?", kind=NearMissKind.OTHER_RELATION),),
        "must_not_assert": ("10 mg",),
        "change_kind": ChangeKind.REVISED,
        "risk": Risk.HIGH,
        "extractor": "rules/1",
    }
    return Candidate.model_validate({**fields, **changes})


def cite(text: str, quote: str, ids: tuple[str, str], role: str = "claim") -> Evidence:
    """Make evidence of a quote that stands in the text."""
    start = text.index(quote)
    return Evidence(
        document_id=ids[0], notice_id=ids[1], role=role, quote=quote, start=start, end=start + len(quote), section="2.1"
    )


def put_candidate(desk: Desk, candidate: Candidate, *, rehearsed: bool = True) -> str:
    """Put a candidate on record, rehearsed and pending."""
    with desk.ledger.write() as transaction:
        candidate_id = insert_candidate(transaction, candidate, run_id="r1", change_id=None, actor="tests")
    if rehearsed:
        rehearse(desk, candidate_id)
    return candidate_id


def rehearse(desk: Desk, candidate_id: str, *, answer: str = "", release_id: int = 0) -> None:
    """Record a rehearsal, and make a proposed candidate pending."""
    with desk.ledger.write() as transaction:
        file = read_case_file(transaction.connection, candidate_id)
        candidate = file.candidate
        said = answer or f"It is {candidate.object_new}."
        record = Rehearsal(
            candidate_id=candidate_id,
            content_sha256=candidate.content_sha256,
            release_id=release_id,
            carrier="text",
            outcomes=tuple(
                QuestionOutcome(question=question, now="10 mg", would_say=said, takes=True)
                for question in (candidate.question, *candidate.paraphrases)
            ),
            moves=(),
            already_says=False,
        )
        transaction.execute(
            insert(tables.rehearsals).values(
                candidate_id=candidate_id,
                content_sha256=record.content_sha256,
                release_id=release_id,
                rehearsed_at=transaction.now,
                body=record.model_dump_json(),
            )
        )
        if file.state is CandidateState.PROPOSED:
            transaction.execute(
                tables.candidates.update()
                .where(tables.candidates.c.candidate_id == candidate_id)
                .values(state=CandidateState.PENDING)
            )


def make_withdrawal(subject: str = "zolpidem") -> Candidate:
    """Make the proposal to take a live edit out."""
    return make_candidate(
        subject, action=Action.WITHDRAW, withdraws="e-1", change_kind=ChangeKind.RETRACTED, risk=Risk.HIGH
    )


def decision_ids(ledger: Ledger) -> set[str]:
    """Give the ids of all decisions."""
    with ledger.read() as connection:
        return set(connection.execute(select(tables.decisions.c.decision_id)).scalars())
