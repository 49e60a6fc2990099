"""Every check of a site's health, one finding each, with the next step where it is not well.

Believes nothing that the ledger says about a file: every document and every shard is hashed again. Changes nothing
but, where asked to, the key index, which can always be rebuilt from the shards. A check that cannot run is itself a
finding; the others go on.
"""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from sqlalchemy import Connection, select

from editor_engine.errors import EngineError, MemoryDamagedError
from workflow.change_control.question_sets import require_passable
from workflow.change_control.release import LiveState, digest_of, list_releases, read_live, release_edits
from workflow.errors import DamagedError, ExitCode, SettingsError, WorkflowError, worst
from workflow.ledger import audit, tables
from workflow.ledger.control_tables import shards
from workflow.ledger.documents import DocumentStore
from workflow.ledger.ledger import Ledger
from workflow.site import Site

LEAST_FREE_BYTES = 1_000_000_000
"""Free space below which a night may fail half way: a night's documents, a shard and the ledger's log."""

Progress = Callable[[str, int, int | None], None]


class Level(StrEnum):
    """How a check came out."""

    OK = "OK"
    WARN = "WARN"
    FAIL = "FAIL"


@dataclass(frozen=True)
class Finding:
    """One check: what, how it came out, and what to do about it."""

    level: Level
    what: str
    detail: str
    next_step: str = ""
    exit_code: ExitCode = ExitCode.DONE


def exit_code_of(findings: list[Finding]) -> ExitCode:
    """Give the one exit code of a visit: damage before settings before the rest."""
    codes = {finding.exit_code for finding in findings if finding.level is Level.FAIL}
    if ExitCode.SETTINGS in codes and ExitCode.DAMAGED not in codes:
        return ExitCode.SETTINGS
    return worst(codes)


def ok(what: str, detail: str) -> Finding:
    """Make the finding of a check that passed."""
    return Finding(Level.OK, what, detail)


def warn(what: str, detail: str, next_step: str) -> Finding:
    """Make the finding of something that works and should be mended."""
    return Finding(Level.WARN, what, detail, next_step)


def fail(what: str, detail: str, next_step: str, code: ExitCode = ExitCode.DAMAGED) -> Finding:
    """Make the finding of something that does not work."""
    return Finding(Level.FAIL, what, detail, next_step, code)


def examine_record(site: Site, *, progress: Progress) -> Iterator[Finding]:
    """Check settings, files' modes, disk, ledger, audit chain, documents, shards and the live pointer."""
    yield from guarded("settings", lambda: _settings(site))
    yield from guarded("gate", lambda: _gate(site))
    yield from guarded("files", lambda: _modes(site))
    yield from guarded("drop folder", lambda: _drop_folder(site))
    yield from guarded("disk", lambda: _disk(site))
    yield from guarded("ledger file", lambda: _ledger_file(site))
    try:
        ledger = Ledger.open(site.ledger_path)
    except WorkflowError as error:
        yield fail("ledger", str(error), "restore data/ledger.sqlite from a backup", error.exit_code)
        return
    try:
        with ledger.read() as connection:
            yield from guarded("site kind", lambda: _site_kind(site, ledger))
            yield from guarded("audit chain", lambda: _audit_chain(connection))
            yield from guarded("documents", lambda: _documents(connection, site.documents, progress))
            yield from guarded("memory shards", lambda: _shards(connection, site.memory_folder, progress))
            yield from guarded("releases", lambda: _releases(connection))
            yield from guarded("live pointer", lambda: _live(connection))
    finally:
        ledger.close()


def guarded(what: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """Run one check; what it raises is a finding, and the visit goes on."""
    try:
        yield from check()
    except WorkflowError as error:
        yield fail(what, str(error), "", error.exit_code)
    except (MemoryDamagedError, sqlite3.DatabaseError) as error:
        yield fail(what, str(error), "restore it from a backup")
    except EngineError as error:
        yield fail(what, str(error), "", ExitCode.SETTINGS)
    except OSError as error:
        yield fail(what, f"{error.strerror}: {error.filename}", "look at the file and its owner", ExitCode.FAILED)


def _settings(site: Site) -> Iterator[Finding]:
    settings = site.settings
    yield ok("settings", f"{site.settings_path} reads well; base model {settings.model.base}")


def _gate(site: Site) -> Iterator[Finding]:
    """Limits that no batch could meet are found before a gate is run."""
    sets = require_passable(site)
    detail = f"{len(sets.faq)} clinical questions ({sets.origin}), {len(sets.pinned)} pinned; its limits can be met"
    yield ok("gate", detail)


def _modes(site: Site) -> Iterator[Finding]:
    lines = site.warnings()
    for line in lines:
        said, _, remedy = line.partition("; run: ")
        yield warn("files", said, remedy)
    if not lines:
        yield ok("files", "settings, ledger, documents and memory are closed to others")


def _drop_folder(site: Site) -> Iterator[Finding]:
    if not site.settings.sources.dropfolder.enabled:
        yield ok("drop folder", "switched off in the settings")
    elif site.drop_folder.is_dir():
        yield ok("drop folder", str(site.drop_folder))
    else:
        yield warn("drop folder", f"{site.drop_folder} is missing", f"mkdir {site.drop_folder}")


def _disk(site: Site) -> Iterator[Finding]:
    free = shutil.disk_usage(site.data).free
    detail = f"{free / 1e9:.1f} GB free for {site.data}"
    if free < LEAST_FREE_BYTES:
        yield warn("disk", detail, f"make room: a night wants {LEAST_FREE_BYTES / 1e9:.0f} GB")
    else:
        yield ok("disk", detail)


def _ledger_file(site: Site) -> Iterator[Finding]:
    if not site.ledger_path.is_file():
        raise SettingsError(f"ledger {site.ledger_path}: expected a file, got none; restore it from a backup")
    with closing(sqlite3.connect(f"{site.ledger_path.as_uri()}?mode=ro", uri=True)) as connection:
        said = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(5)")]
        orphans = connection.execute("PRAGMA foreign_key_check").fetchall()
    if said != ["ok"]:
        yield fail("ledger file", f"SQLite says: {said[0]}", "restore data/ledger.sqlite from a backup")
    elif orphans:
        yield fail("ledger file", f"{len(orphans)} rows point to nothing", "restore data/ledger.sqlite from a backup")
    else:
        yield ok("ledger file", "SQLite's integrity and foreign key checks pass")


def _site_kind(site: Site, ledger: Ledger) -> Iterator[Finding]:
    kind, profile = ledger.kind(), ledger.signer_profile()
    asked = site.settings.site.signer_profile
    if asked != profile:
        step = f'set site.signer_profile = "{profile}" in {site.settings_path}'
        yield fail("site kind", f"the ledger says {profile}, the settings {asked}", step, ExitCode.SETTINGS)
    else:
        yield ok("site kind", f"{kind}, {profile}, migration as expected")


def _audit_chain(connection: Connection) -> Iterator[Finding]:
    found = audit.verify(connection)
    if found.ok:
        yield ok("audit chain", f"{found.length} entries hold, head {found.head}")
    else:
        yield fail("audit chain", found.reason, "restore the ledger from a backup and compare the two")


def _documents(connection: Connection, store: DocumentStore, progress: Progress) -> Iterator[Finding]:
    columns = tables.documents.c
    rows = connection.execute(select(columns.document_id, columns.raw_sha256, columns.text_sha256)).all()
    bad = 0
    for done, (document_id, raw, text) in enumerate(rows, start=1):
        progress("documents", done, len(rows))
        for part, sha256 in (("raw bytes", raw), ("text", text)):
            try:
                store.get(sha256)
            except DamagedError as error:
                bad += 1
                yield fail("documents", f"{part} of {document_id[:12]}: {error}", "restore it from a backup")
    if not bad:
        yield ok("documents", f"{len(rows)} documents: raw bytes and text have their sha256")


def _shards(connection: Connection, memory_folder: Path, progress: Progress) -> Iterator[Finding]:
    columns = tables.batches.c
    query = select(columns.batch_id, columns.shard_path, columns.shard_sha256).where(columns.shard_path.is_not(None))
    of_rebases = select(shards.c.made_by, shards.c.path, shards.c.sha256).order_by(shards.c.path)
    rows = [*connection.execute(query.order_by(columns.ordinal)), *connection.execute(of_rebases)]
    bad = 0
    for done, (batch_id, name, expected) in enumerate(rows, start=1):
        progress("memory shards", done, len(rows))
        path = memory_folder / str(name)
        got = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "no file"
        if got != expected:
            bad += 1
            detail = f"{path.name} of batch {batch_id}: expected sha256 {str(expected)[:12]}, got {got[:12]}"
            yield fail("memory shards", detail, f"restore {path} from a backup; until then roll {batch_id} back")
    if not bad:
        yield ok("memory shards", f"{len(rows)} shards have their sha256")


def _releases(connection: Connection) -> Iterator[Finding]:
    every = list_releases(connection)
    wrong = [release for release in every if _digest(connection, release) != release.digest]
    for release in wrong:
        yield fail("releases", f"release {release.release_id}: its rows do not give its digest", "restore the ledger")
    if not wrong:
        yield ok("releases", f"{len(every)} releases: each digest follows from its rows")


def _live(connection: Connection) -> Iterator[Finding]:
    live = read_live(connection)
    if live is None:
        yield ok("live pointer", "no release yet")
        return
    edits = release_edits(connection, live.release_id)
    staged = select(tables.batches.c.batch_id).where(tables.batches.c.shard_sha256.is_not(None))
    whole = set(connection.execute(staged).scalars())
    missing = sorted({edit.batch_id for edit in edits} - whole)
    if missing:
        yield fail(
            "live pointer", f"release {live.release_id} rests on {missing[0]}, which has no shard", "roll it back"
        )
    elif live.stopped:
        detail = f"release {live.release_id} is complete; serving is stopped: {live.stop_reason}"
        yield warn("live pointer", detail, "medrek-flow start")
    elif live.check_state != "passed":
        detail = f"release {live.release_id} is complete; its check is {live.check_state}"
        yield warn("live pointer", detail, "medrek-flow check --live")
    else:
        yield ok("live pointer", f"release {live.release_id} is complete: {len(edits)} edits")


def _digest(connection: Connection, release: LiveState) -> str:
    columns = tables.release_edits.c
    rows = connection.execute(select(columns.row_sha256).where(columns.release_id == release.release_id))
    return digest_of(release.identity, tuple(rows.scalars()))
