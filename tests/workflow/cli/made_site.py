"""A site with two promoted batches and a candidate that waits, made without a model."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sqlalchemy import insert, update

from tests.workflow.change_control.made_batches import pass_on_paper
from workflow.change_control.batches import create_batch
from workflow.change_control.promotion import promote_batch
from workflow.change_control.release import EngineIdentity, ensure_initial_release
from workflow.intake.stored_notices import document_id_of
from workflow.ledger import tables
from workflow.ledger.ledger import Ledger
from workflow.ledger.shown import shown_sha256
from workflow.records import BatchState, Candidate, CandidateState, ChangeKind, Evidence, Risk
from workflow.site import Site

RUN_ID = "r20260309-1"
SIGNED_AT = "2096-03-09T08:00:00Z"
"""After everything that the ledger holds, so that no rival in it is news to the signer."""
TEXT = "2.1 Dosage. The recommended dose of corvandine for women is 5 mg once daily."
QUOTE = "The recommended dose of corvandine for women is 5 mg once daily."


def make_candidate(
    document_id: str, notice_id: str, object_new: str = "5 mg once daily", **changed: object
) -> Candidate:
    """A dose of corvandine for women, quoted from the one document."""
    start = TEXT.index(QUOTE)
    quote = Evidence(
        document_id=document_id,
        notice_id=notice_id,
        role="claim",
        quote=QUOTE,
        start=start,
        end=start + len(QUOTE),
        section="2.1 Dosage",
    )
    fields: dict[str, object] = {
        "subject": "corvandine",
        "relation": "recommended_dose",
        "qualifiers": {"population": "women"},
        "object_new": object_new,
        "object_old": "10 mg once daily",
        "question": "What is the recommended dose of corvandine for women?",
        "evidence": (quote,),
        "change_kind": ChangeKind.REVISED,
        "risk": Risk.LOW,
        "extractor": "rules/1",
    }
    return Candidate.model_validate({**fields, **changed})


@dataclass(frozen=True)
class World:
    """The site and the names of what it holds."""

    site: Site
    first: Candidate
    second: Candidate
    pending: Candidate
    raw_sha256: str
    first_edit: str
    second_edit: str


def fill(site: Site) -> World:
    """Two batches in force (the second supersedes the first) and one candidate that waits."""
    ledger = site.open_ledger()
    raw_sha256, document_id = _document(site, ledger)
    first = make_candidate(document_id, "n-1", "7 mg once daily")
    second = make_candidate(document_id, "n-1")
    pending = make_candidate(
        document_id,
        "n-1",
        "5 mg twice daily",
        subject="\x1b[31mtavorine\u202e[bold]",
        question="\x1b[31mdose\u202e[bold]?",
    )
    ensure_initial_release(ledger, EngineIdentity("0" * 64, "1" * 64, "{}"))
    edits = [_promote(site, ledger, candidate) for candidate in (first, second)]
    with ledger.write() as transaction:
        transaction.execute(insert(tables.candidates).values(**candidate_row(pending, CandidateState.PENDING)))
    ledger.close()
    return World(site, first, second, pending, raw_sha256, *edits)


def _document(site: Site, ledger: Ledger) -> tuple[str, str]:
    raw = f"<label>{TEXT}</label>".encode()
    raw_sha256, text_sha256 = site.documents.put(raw), site.documents.put(TEXT.encode())
    document_id = document_id_of(raw_sha256, "openfda-label/1", text_sha256)
    with ledger.write() as transaction:
        transaction.execute(
            insert(tables.documents).values(
                document_id=document_id,
                raw_sha256=raw_sha256,
                text_sha256=text_sha256,
                extractor="openfda-label/1",
                media_type="application/json",
                origin="https://labels.example/1",
                fetched_at="2026-03-09T02:00:00Z",
                byte_count=len(raw),
            )
        )
        transaction.execute(
            insert(tables.notices).values(
                notice_id="n-1",
                source="openfda",
                kind="label",
                key="set_id:1",
                version="2",
                title="Corvandine tablets",
                document_id=document_id,
                start=0,
                end=len(TEXT),
                body="{}",
                content_sha256=text_sha256,
                ordinal=2,
                run_id=RUN_ID,
                first_seen_at="2026-03-09T02:00:00Z",
            )
        )
    return raw_sha256, document_id


def candidate_row(candidate: Candidate, state: CandidateState) -> dict[str, object]:
    """The ledger row of a candidate."""
    return {
        "candidate_id": candidate.candidate_id,
        "run_id": RUN_ID,
        "created_at": "2026-03-09T02:00:00Z",
        "state": state,
        "action": candidate.action,
        "subject": candidate.subject,
        "relation": candidate.relation,
        "functional_key": candidate.functional_key,
        "risk": candidate.risk,
        "content_sha256": candidate.content_sha256,
        "body": candidate.model_dump_json(),
    }


def _promote(site: Site, ledger: Ledger, candidate: Candidate) -> str:
    """Put one approved and signed candidate into force; its shard is made-up bytes with their sha256."""
    with ledger.write() as transaction:
        transaction.execute(insert(tables.candidates).values(**candidate_row(candidate, CandidateState.APPROVED)))
        decision = {
            "decision_id": f"d-{candidate.candidate_id}",
            "candidate_id": candidate.candidate_id,
            "reviewer_id": "script-one",
            "signer_name": "Script One",
            "verdict": "approve",
            "meaning": "I have read the evidence and approve this fact",
            "reason_code": "",
            "reason_text": "",
            "shown_sha256": shown_sha256(candidate, None),
            "signed_at": SIGNED_AT,
            "scripted": 1,
        }
        transaction.execute(insert(tables.decisions).values(**decision))
        subject = f"candidate:{candidate.candidate_id}"
        transaction.audit("candidate.signed", subject, decision, actor="script-one")
    batch_id = str(create_batch(ledger, actor="script-one", note="a test"))
    shard = f"shard of {batch_id}".encode()
    (site.memory_folder / f"{batch_id}.safetensors").write_bytes(shard)
    with ledger.write() as transaction:
        row_sha256 = hashlib.sha256(candidate.candidate_id.encode()).hexdigest()
        transaction.execute(
            update(tables.edits)
            .where(tables.edits.c.batch_id == batch_id)
            .values(carrier="text", row_sha256=row_sha256)
        )
        transaction.execute(
            update(tables.batches)
            .where(tables.batches.c.batch_id == batch_id)
            .values(
                state=BatchState.STAGED,
                shard_path=f"{batch_id}.safetensors",
                shard_sha256=hashlib.sha256(shard).hexdigest(),
            )
        )
        pass_on_paper(transaction, batch_id)
    return promote_batch(ledger, site.memory_folder, batch_id, actor="script-one").edits[0]
