"""Promise P3 as a command: from an answer's edit to the signatures, the quote, the text and the raw bytes received.

Every sha256 on the way is computed again, from the files and the rows as they stand now; nothing is believed because
the ledger says so. Reads only, and imports no model.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Row, Select, func, select

from workflow.attribution import is_attribution_id, read_attribution
from workflow.change_control.release import read_live, release_edits
from workflow.engine_seam import edit_from_json, make_edit
from workflow.errors import DamagedError, UsageError
from workflow.intake.stored_notices import document_id_of
from workflow.ledger import tables
from workflow.ledger.control_tables import shards
from workflow.ledger.documents import DocumentStore
from workflow.records import Candidate, Evidence

_RELEASE = re.compile(r"(?:release:)?(\d+)")


@dataclass(frozen=True)
class Proof:
    """One thing that was computed again, and whether it is what the record says."""

    what: str
    ok: bool
    detail: str
    """The digest that was found, or expected against found where they differ."""


@dataclass(frozen=True)
class TracedSignature:
    """One decision on the candidate."""

    signer_name: str
    reviewer_id: str
    verdict: str
    meaning: str
    reason: str
    shown_sha256: str
    signed_at: str
    scripted: bool


@dataclass(frozen=True)
class TracedQuote:
    """One quote, the document that it stands in, and the bytes that the document came from."""

    role: str
    quote: str
    section: str
    start: int
    end: int
    notice_id: str
    notice: str
    source: str
    version: str
    origin: str
    fetched_at: str
    extractor: str
    document_id: str
    raw_sha256: str
    text_sha256: str
    raw_path: str
    proofs: tuple[Proof, ...]


@dataclass(frozen=True)
class Trace:
    """One edit (or a candidate that is none yet) and everything that it rests on."""

    edit_id: str | None
    edit_state: str
    batch_id: str | None
    releases: tuple[int, ...]
    """The releases in which it is, or was, in force."""
    live: bool
    carrier: str | None
    rehearsed_value: str
    """Sha256 of the value of its newest rehearsal; empty where none is on record."""
    candidate_id: str
    candidate_state: str
    action: str
    subject: str
    relation: str
    qualifiers: tuple[tuple[str, str], ...]
    object_old: str | None
    object_new: str
    question: str
    extractor: str
    fixed_from: str | None
    """The candidate that a reviewer fixed to make this one."""
    signatures: tuple[TracedSignature, ...]
    quotes: tuple[TracedQuote, ...]
    proofs: tuple[Proof, ...]

    @property
    def whole(self) -> bool:
        """Whether everything that was computed again is what the record says."""
        every = (*self.proofs, *(proof for quote in self.quotes for proof in quote.proofs))
        return all(proof.ok for proof in every)


def find_candidates(connection: Connection, named: str) -> tuple[str, ...]:
    """Give the ids of the candidates behind an answer's attribution id, an edit, a candidate, a batch or a release.

    Raises:
        UsageError: nothing on record has that name.
    """
    if is_attribution_id(named):
        edit_id = read_attribution(connection, named).edit_id
        return find_candidates(connection, edit_id) if edit_id is not None else ()
    release = _RELEASE.fullmatch(named)
    if release:
        found = tuple(edit.candidate_id for edit in release_edits(connection, int(release[1])))
        if found or connection.execute(_known_release(int(release[1]))).first():
            return found
    columns = tables.edits.c
    query = select(columns.candidate_id).where((columns.edit_id == named) | (columns.batch_id == named))
    found = tuple(connection.execute(query.order_by(columns.edit_id)).scalars())
    if found:
        return found
    candidate = select(tables.candidates.c.candidate_id).where(tables.candidates.c.candidate_id == named)
    found = tuple(connection.execute(candidate).scalars())
    if not found:
        raise UsageError(
            f"{named!r}: expected the attribution id of an answer, or the id of an edit, a candidate, a batch or a "
            "release, got none such"
        )
    return found


def trace_candidate(connection: Connection, store: DocumentStore, memory_folder: Path, candidate_id: str) -> Trace:
    """Follow one candidate, and the edit that it became, back to the bytes received."""
    columns = tables.candidates.c
    row = connection.execute(select(tables.candidates).where(columns.candidate_id == candidate_id)).one()
    candidate = Candidate.model_validate_json(row.body)
    edit = connection.execute(select(tables.edits).where(tables.edits.c.candidate_id == candidate_id)).first()
    live = read_live(connection)
    releases = () if edit is None else _releases(connection, edit.edit_id)
    origin = select(columns.candidate_id).where(columns.replaced_by == candidate_id)
    return Trace(
        edit_id=None if edit is None else edit.edit_id,
        edit_state="" if edit is None else edit.state,
        batch_id=None if edit is None else edit.batch_id,
        releases=releases,
        live=live is not None and live.release_id in releases,
        carrier=None if edit is None else edit.carrier,
        rehearsed_value=_rehearsed_value(connection, candidate_id),
        candidate_id=candidate_id,
        candidate_state=row.state,
        action=candidate.action,
        subject=candidate.subject,
        relation=candidate.relation,
        qualifiers=tuple(sorted(candidate.qualifiers.items())),
        object_old=candidate.object_old,
        object_new=candidate.object_new,
        question=candidate.question,
        extractor=candidate.extractor,
        fixed_from=connection.execute(origin).scalars().first(),
        signatures=_signatures(connection, candidate_id),
        quotes=tuple(_trace_quote(connection, store, evidence) for evidence in candidate.evidence),
        proofs=_record_proofs(connection, memory_folder, candidate, row, edit),
    )


def _known_release(release_id: int) -> Select[int]:
    return select(tables.releases.c.release_id).where(tables.releases.c.release_id == release_id)


def _releases(connection: Connection, edit_id: str) -> tuple[int, ...]:
    columns = tables.release_edits.c
    query = select(columns.release_id).where(columns.edit_id == edit_id).order_by(columns.release_id)
    return tuple(connection.execute(query).scalars())


def _rehearsed_value(connection: Connection, candidate_id: str) -> str:
    columns = tables.rehearsals.c
    query = select(func.json_extract(columns.body, "$.value_sha256")).where(columns.candidate_id == candidate_id)
    return str(connection.execute(query.order_by(columns.rehearsal_id.desc()).limit(1)).scalar() or "")


def _signatures(connection: Connection, candidate_id: str) -> tuple[TracedSignature, ...]:
    columns = tables.decisions.c
    query = select(tables.decisions).where(columns.candidate_id == candidate_id).order_by(columns.signed_at)
    return tuple(
        TracedSignature(
            signer_name=row.signer_name,
            reviewer_id=row.reviewer_id,
            verdict=row.verdict,
            meaning=row.meaning,
            reason=" ".join(part for part in (row.reason_code, row.reason_text) if part),
            shown_sha256=row.shown_sha256,
            signed_at=row.signed_at,
            scripted=bool(row.scripted),
        )
        for row in connection.execute(query)
    )


def _record_proofs(
    connection: Connection, memory_folder: Path, candidate: Candidate, row: Row[tuple[object, ...]], edit: object
) -> tuple[Proof, ...]:
    proofs = [_same("candidate content", row.content_sha256, candidate.content_sha256)]
    if isinstance(edit, Row):
        made, kept = make_edit(candidate), edit_from_json(edit.body)
        proofs.append(_same("edit made of the candidate", made.sha256, kept.sha256))
        proofs += _shard_proof(connection, memory_folder, edit.batch_id)
        proofs += _release_shard_proofs(connection, memory_folder, edit.edit_id)
    return tuple(proofs)


def _shard_proof(connection: Connection, memory_folder: Path, batch_id: str) -> list[Proof]:
    columns = tables.batches.c
    query = select(columns.shard_path, columns.shard_sha256).where(columns.batch_id == batch_id)
    path, sha256 = connection.execute(query).one()
    if not path or not sha256:
        return []
    return [_computed("memory shard", sha256, lambda: hashlib.sha256((memory_folder / path).read_bytes()).hexdigest())]


def _release_shard_proofs(connection: Connection, memory_folder: Path, edit_id: str) -> list[Proof]:
    """The shards in which a rebase encoded the edit anew."""
    paths = select(tables.release_edits.c.shard_path).where(tables.release_edits.c.edit_id == edit_id)
    query = select(shards.c.path, shards.c.sha256).where(shards.c.path.in_(paths)).order_by(shards.c.path)
    rows = connection.execute(query).all()
    return [_file_proof("memory shard of a rebase", memory_folder / row.path, row.sha256) for row in rows]


def _file_proof(what: str, path: Path, sha256: str) -> Proof:
    return _computed(what, sha256, lambda: hashlib.sha256(path.read_bytes()).hexdigest())


def _trace_quote(connection: Connection, store: DocumentStore, evidence: Evidence) -> TracedQuote:
    documents, notices = tables.documents.c, tables.notices.c
    document = connection.execute(select(tables.documents).where(documents.document_id == evidence.document_id)).one()
    notice = connection.execute(select(tables.notices).where(notices.notice_id == evidence.notice_id)).one()
    return TracedQuote(
        role=evidence.role,
        quote=evidence.quote,
        section=evidence.section,
        start=evidence.start,
        end=evidence.end,
        notice_id=notice.notice_id,
        notice=f"{notice.title} ({notice.key})",
        source=notice.source,
        version=notice.version,
        origin=document.origin,
        fetched_at=document.fetched_at,
        extractor=document.extractor,
        document_id=document.document_id,
        raw_sha256=document.raw_sha256,
        text_sha256=document.text_sha256,
        raw_path=str(store.folder / document.raw_sha256),
        proofs=(_identity(document), *_quote_proofs(store, document, evidence)),
    )


def _identity(document: Row[tuple[object, ...]]) -> Proof:
    found = document_id_of(document.raw_sha256, document.extractor, document.text_sha256)
    return _same("document named by bytes, extractor and text", document.document_id, found)


def _quote_proofs(store: DocumentStore, document: Row[tuple[object, ...]], evidence: Evidence) -> tuple[Proof, ...]:
    raw = _computed(
        "raw bytes received", document.raw_sha256, lambda: hashlib.sha256(store.get(document.raw_sha256)).hexdigest()
    )
    try:
        text = store.get_text(document.text_sha256)
    except DamagedError as error:
        return (raw, Proof("text of the document", ok=False, detail=str(error)))
    read = hashlib.sha256(text.encode()).hexdigest()
    there = text[evidence.start : evidence.end] == evidence.quote
    where = f"characters {evidence.start} to {evidence.end}"
    return (
        raw,
        _same("text of the document", document.text_sha256, read),
        Proof("quote stands in the text", ok=there, detail=where if there else f"{where} say something else"),
    )


def _computed(what: str, expected: str, compute: Callable[[], str]) -> Proof:
    try:
        return _same(what, expected, compute())
    except (DamagedError, OSError) as error:
        return Proof(what, ok=False, detail=str(error))


def _same(what: str, expected: str, found: str) -> Proof:
    ok = expected == found
    return Proof(what, ok=ok, detail=f"sha256 {found}" if ok else f"expected sha256 {expected}, got {found}")
