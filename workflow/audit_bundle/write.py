"""Writing a bundle: one snapshot of the ledger into a new folder, which appears whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import Connection, select

from workflow.anchors import anchor_warning, site_of
from workflow.audit_bundle.fhir import audit_event, bundle, provenance
from workflow.audit_bundle.page import render_page
from workflow.audit_bundle.tables_of_record import TABLES, rows_of
from workflow.clock import utc_text
from workflow.errors import DamagedError, SettingsError, UsageError
from workflow.ledger import audit, tables
from workflow.ledger.ledger import Ledger
from workflow.site import Site
from workflow.status import standing_warnings

EXPORTED = "audit.exported"
NOT_CLAIMED = (
    "medrek-flow is no medical device and takes no clinical decision; validation stays with the site.",
    "A signature here is a hash of what was on the screen, bound to name, time, meaning and reason by the audit chain.",
)
Progress = Callable[[str, int, int | None], None]


@dataclass(frozen=True)
class Written:
    """A bundle on disk."""

    folder: Path
    files: int
    manifest_sha256: str
    warnings: tuple[str, ...]


def write_bundle(site: Site, ledger: Ledger, target: Path, *, actor: str, progress: Progress) -> Written:
    """Write everything of record, and note in the chain that it was handed out (after the snapshot).

    Raises:
        UsageError: Something is there already.
        DamagedError: The chain does not hold; nothing is written.
        SettingsError: The folder cannot be written.
    """
    if target.exists():
        raise UsageError(f"audit export: expected a folder that is not there yet, got {target}")
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    before = os.umask(0o077)
    try:
        draft.mkdir(parents=True)
        with ledger.read() as connection:
            manifest = _write_files(connection, site, ledger, draft, actor, progress)
        draft.rename(target)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        raise SettingsError(f"audit export: {target} cannot be written ({error.strerror})") from error
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    finally:
        os.umask(before)
    sha256 = hashlib.sha256((target / "manifest.json").read_bytes()).hexdigest()
    said = manifest["audit"]
    with ledger.write() as transaction:
        transaction.audit(EXPORTED, "audit", {"manifest_sha256": sha256, "audit": said}, actor=actor)
    files = manifest["files"]
    warnings = manifest["warnings"]
    assert isinstance(files, dict) and isinstance(warnings, list)  # noqa: S101, PT018 - made a few lines below
    return Written(target, len(files) + 1, sha256, tuple(warnings))


def _write_files(
    connection: Connection, site: Site, ledger: Ledger, folder: Path, actor: str, progress: Progress
) -> dict[str, object]:
    chain = audit.verify(connection)
    if not chain.ok:
        raise DamagedError(f"audit chain: {chain.reason}; nothing was exported; run medrek-flow audit verify")
    at = utc_text(ledger.clock())
    kind, profile = ledger.kind(), ledger.signer_profile()
    rows = [dict(row) for row in connection.execute(select(tables.audit).order_by(tables.audit.c.seq)).mappings()]
    signatures = list(rows_of(connection, tables.decisions))
    _lines(folder / "audit.jsonl", rows)
    _lines(folder / "signatures.jsonl", signatures)
    (folder / "tables").mkdir()
    for done, (name, table) in enumerate(TABLES.items()):
        progress(name, done, len(TABLES))
        _lines(folder / "tables" / f"{name}.jsonl", rows_of(connection, table))
    (folder / "fhir").mkdir()
    site_id = site_of(connection)
    _json(folder / "fhir" / "audit_events.json", bundle((audit_event(row, site=site_id) for row in rows), at=at))
    _json(folder / "fhir" / "provenance.json", bundle(_provenances(connection, signatures), at=at))
    script = Path(__file__).with_name("verify_bundle.py")
    (folder / script.name).write_bytes(script.read_bytes())
    warnings = standing_warnings(kind, profile, anchor_warning(connection, site.settings.audit.anchor, ledger.clock()))
    manifest: dict[str, object] = {
        "schema": "medrek-flow.audit-bundle",
        "version": 1,
        "program": f"medrek-flow {version('medrek-flow')}",
        "site": {"name": site.settings.site.name, "kind": kind, "signer_profile": profile, "id": site_id},
        "exported": {"at": at, "by": actor},
        "audit": {"length": chain.length, "head": chain.head},
        "warnings": list(warnings),
        "not_claimed": list(NOT_CLAIMED),
    }
    (folder / "report.html").write_text(render_page(manifest, rows, signatures, _facts(connection)), encoding="utf-8")
    manifest["files"] = _hashes(folder)
    _json(folder / "manifest.json", manifest)
    return manifest


def _provenances(connection: Connection, signatures: list[dict[str, object]]) -> list[dict[str, object]]:
    candidates = {str(row["candidate_id"]): row for row in rows_of(connection, tables.candidates)}
    by_candidate: dict[str, list[dict[str, object]]] = {}
    for one in sorted(signatures, key=lambda row: (str(row["signed_at"]), str(row["decision_id"]))):
        by_candidate.setdefault(str(one["candidate_id"]), []).append(one)
    in_force: dict[str, list[dict[str, object]]] = {}
    for row in rows_of(connection, tables.release_edits):
        in_force.setdefault(str(row["edit_id"]), []).append(row)
    return [
        provenance(
            edit,
            candidates[str(edit["candidate_id"])],
            by_candidate.get(str(edit["candidate_id"]), []),
            in_force.get(str(edit["edit_id"]), []),
        )
        for edit in rows_of(connection, tables.edits)
    ]


def _facts(connection: Connection) -> dict[str, str]:
    """What each candidate says, in one line."""
    facts = {}
    for row in rows_of(connection, tables.candidates):
        body = json.loads(str(row["body"]))
        facts[str(row["candidate_id"])] = f"{row['subject']}, {row['relation']}: {body['object_new']}"
    return facts


def _hashes(folder: Path) -> dict[str, dict[str, object]]:
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        name = path.relative_to(folder).as_posix()
        found[name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    return found


def _lines(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    with path.open("w", encoding="ascii") as file:
        file.writelines(json.dumps(row, default=str) + "\n" for row in rows)


def _json(path: Path, body: Mapping[str, object]) -> None:
    path.write_text(json.dumps(body, indent=1, default=str) + "\n", encoding="ascii")
