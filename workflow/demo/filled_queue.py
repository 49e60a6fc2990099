"""A queue of any length in a ledger, made at once: for measuring the review desk, never for deciding anything.

The candidates are invented, as their extractor says; every tenth is in conflict with the one before it, every third is
of high risk, each has evidence in a document, and each is rehearsed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

from sqlalchemy import insert

from workflow.ledger import tables
from workflow.ledger.documents import DocumentStore
from workflow.ledger.ledger import Ledger, Transaction
from workflow.records import (
    Candidate,
    CandidateState,
    ChangeKind,
    Evidence,
    NearMiss,
    NearMissKind,
    ObjectOrigin,
    Risk,
)
from workflow.rehearsal_records import QuestionOutcome, Rehearsal

EXTRACTOR = "bench/1"
_RUN = "bench"
_AT_ONCE = 5000
_RELATIONS = ("recommended_dose", "max_daily_dose", "adverse_reaction", "monitor_with")
_POPULATIONS = ("adults", "women", "children", "renal impairment")
_DRUGS = 4000


def fill_queue(ledger: Ledger, store: DocumentStore, count: int) -> tuple[str, ...]:
    """Put so many pending candidates into an empty ledger and give their ids; one document holds every quote.

    Args:
        ledger: A scratch ledger.
        store: Its documents.
        count: How many.
    """
    sentence = "The recommended dose is {0} mg for {1}."
    text = "\n".join(sentence.format(dose, group) for dose in range(1, 41) for group in _POPULATIONS)
    with ledger.write() as transaction:
        document_id, notice_id = _put_source(transaction, store, text)
    ids: list[str] = []
    for start in range(0, count, _AT_ONCE):
        made = [
            _candidate(number, text, document_id, notice_id) for number in range(start, min(count, start + _AT_ONCE))
        ]
        with ledger.write() as transaction:
            transaction.execute(insert(tables.candidates), list(_rows(made, transaction.now)))
            transaction.execute(insert(tables.rehearsals), [_rehearsed(one, transaction.now) for one in made])
            transaction.audit("bench.filled", "site", {"candidates": len(made)}, actor=EXTRACTOR)
        ids += [one.candidate_id for one in made]
    return tuple(ids)


def _put_source(transaction: Transaction, store: DocumentStore, text: str) -> tuple[str, str]:
    sha256 = store.put(text.encode())
    document_id = hashlib.sha256(f"{EXTRACTOR} {sha256}".encode()).hexdigest()
    transaction.execute(
        insert(tables.documents).values(
            document_id=document_id,
            raw_sha256=sha256,
            text_sha256=sha256,
            extractor=EXTRACTOR,
            media_type="text/plain",
            origin=EXTRACTOR,
            fetched_at=transaction.now,
            byte_count=len(text),
        )
    )
    notice_id = "n-" + hashlib.sha256(document_id.encode()).hexdigest()[:16]
    transaction.execute(
        insert(tables.notices).values(
            notice_id=notice_id,
            source="dropfolder",
            kind="label",
            key="bench:1",
            version="1",
            title="An invented label",
            document_id=document_id,
            start=0,
            end=len(text),
            body=json.dumps({"published": {"value": "2026-01-01"}, "url": "https://example.org/label"}),
            content_sha256=sha256,
            ordinal=1,
            run_id=_RUN,
            first_seen_at=transaction.now,
        )
    )
    return document_id, notice_id


def _candidate(number: int, text: str, document_id: str, notice_id: str) -> Candidate:
    rival = number % 10 == 9  # says another dose of the fact before it
    of = number - 1 if rival else number
    group = _POPULATIONS[of % 4]
    dose = of % 39 + 1 + rival
    quote = f"The recommended dose is {dose} mg for {group}."
    start = text.index(quote)
    drug = f"drug{of % _DRUGS:04d}"
    return Candidate(
        subject=drug,
        aliases=(f"Brand{of % _DRUGS:04d}",),
        relation=_RELATIONS[of // _DRUGS % 4],
        qualifiers={"population": group, "form": f"form {of // (4 * _DRUGS)}"},
        object_new=f"{dose} mg",
        object_old=f"{dose + 5} mg",
        object_old_origin=ObjectOrigin.PREVIOUS_VERSION,
        question=f"What is the recommended dose of {drug} for {group}?",
        paraphrases=(f"How much {drug} is given to {group}?",),
        near_misses=(NearMiss(question=f"What is {drug}?", kind=NearMissKind.OTHER_RELATION),),
        evidence=(
            Evidence(
                document_id=document_id,
                notice_id=notice_id,
                role="claim",
                quote=quote,
                start=start,
                end=start + len(quote),
                section="2.1",
            ),
        ),
        change_kind=ChangeKind.REVISED,
        risk=Risk.HIGH if of % 3 == 0 else Risk.LOW,
        flags=("an invented flag",) if of % 50 == 0 else (),
        extractor=EXTRACTOR,
    )


def _rows(made: list[Candidate], now: str) -> Iterator[dict[str, object]]:
    for one in made:
        yield {
            "candidate_id": one.candidate_id,
            "run_id": _RUN,
            "created_at": now,
            "state": CandidateState.PENDING,
            "action": one.action,
            "subject": one.subject,
            "relation": one.relation,
            "functional_key": one.functional_key,
            "risk": one.risk,
            "content_sha256": one.content_sha256,
            "body": one.model_dump_json(),
        }


def _rehearsed(one: Candidate, now: str) -> dict[str, object]:
    outcomes = tuple(
        QuestionOutcome(question=question, now=str(one.object_old), would_say=one.object_new, takes=True)
        for question in (one.question, *one.paraphrases)
    )
    record = Rehearsal(
        candidate_id=one.candidate_id,
        content_sha256=one.content_sha256,
        release_id=0,
        carrier="text",
        outcomes=outcomes,
        moves=(),
        already_says=False,
    )
    return {
        "candidate_id": one.candidate_id,
        "content_sha256": one.content_sha256,
        "release_id": 0,
        "rehearsed_at": now,
        "body": record.model_dump_json(),
    }
