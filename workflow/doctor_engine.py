"""The part of a health check that loads the model: base model, encoder with its checkpoint, live memory and key index.

Kept apart from ``doctor``, so that a visit without it imports no torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from editor_engine.errors import IndexBusyError
from editor_engine.thresholds import Thresholds
from workflow.change_control.release import LiveState, ReleasedEdit, read_live, release_edits
from workflow.doctor import Finding, Progress, fail, guarded, ok, warn
from workflow.errors import ExitCode, WorkflowError
from workflow.ledger.ledger import Ledger
from workflow.live_index import indexed_rows
from workflow.site import Site

if TYPE_CHECKING:
    from editor_engine.base_model import BaseModel
    from editor_engine.key_index import IndexedRow, KeyIndex


def examine_engine(site: Site, *, repair: bool, progress: Progress | None = None) -> Iterator[Finding]:
    """Check that base model and encoder load and are the release's, and that the key index equals the shards.

    Args:
        site: The site.
        repair: Whether an index that differs is mended, or built anew.
        progress: Told how far comparing and building the index are.
    """
    try:
        ledger = Ledger.open(site.ledger_path)
    except WorkflowError:
        return  # the record's own checks have said so
    try:
        with ledger.read() as connection:
            live = read_live(connection)
            edits = release_edits(connection, live.release_id) if live else ()
        loaded: list[BaseModel] = []
        yield from guarded("base model", lambda: _base_model(site, live, loaded))
        if loaded:
            yield from guarded("encoder", lambda: _encoder(site, live, loaded[0]))
        if live:
            yield from guarded("limits of retrieval", lambda: examine_limits(live.thresholds, len(edits)))
        yield from guarded("key index", lambda: examine_index(site, ledger, edits, repair=repair, progress=progress))
    finally:
        ledger.close()


def _base_model(site: Site, live: LiveState | None, loaded: list[BaseModel]) -> Iterator[Finding]:
    from workflow.workbench import load_base

    loaded.append(load_base(site))
    yield _fits("base model", loaded[0].name, loaded[0].digest, live.base_model_digest if live else None)
    if not loaded[0].is_verified:
        yield warn(
            "base model weights",
            "unverified: the digest covers the name and what the server tells, for nobody can look at its weights",
            "tell whoever runs the server that another model there needs a rebase here, and run `medrek-flow check`",
        )


def _encoder(site: Site, live: LiveState | None, base: BaseModel) -> Iterator[Finding]:
    from workflow.workbench import load_editor

    name = f"{site.settings.encoder.name}, checkpoint {site.settings.editor.checkpoint}"
    digest = load_editor(site, base).encoder.digest
    yield _fits("encoder", name, digest, live.encoder_digest if live else None)


def examine_limits(thresholds: str, in_force: int) -> Iterator[Finding]:
    """Whether a trained editor's limits were calibrated for as many edits as are in force; else nothing to say.

    Args:
        thresholds: The live release's, as canonical JSON.
        in_force: Edits in force.
    """
    limits = Thresholds.from_json(thresholds)
    if not limits.verifier_per_tenfold:
        return
    if in_force <= limits.verifier_edits:
        yield ok("limits of retrieval", f"set for {limits.verifier_edits} edits, {in_force} are in force")
        return
    wanted = 2 * in_force
    yield warn(
        "limits of retrieval",
        f"set for {limits.verifier_edits} edits, {in_force} are in force: edits fire on foreign questions more often",
        f"medrek-flow rebase --limits-for {wanted}",
    )


def _fits(what: str, name: str, digest: str, expected: str | None) -> Finding:
    if expected is None or expected == digest:
        return ok(
            what, f"{name} loads, digest {digest[:12]}{'' if expected is None else ', as the live release wants'}"
        )
    detail = f"{name} loads with digest {digest[:12]}, but the live release fits {expected[:12]}"
    return fail(what, detail, "set the one that the release fits in medrek-flow.toml", ExitCode.SETTINGS)


def examine_index(
    site: Site,
    ledger: Ledger,
    edits: tuple[ReleasedEdit, ...],
    *,
    repair: bool,
    progress: Progress | None = None,
) -> Iterator[Finding]:
    """Compare the key index with the verified shards: ids, vectors, and where they point to.

    Args:
        site: The site.
        ledger: Its ledger.
        edits: The edits in force.
        repair: Whether an index that differs is mended, or built anew.
        progress: Told how far it is.
    """
    from editor_engine.key_index import KeyIndex

    rows = indexed_rows(site, ledger, edits)
    try:
        with KeyIndex(site.index_folder) as index:
            yield from _compare_index(index, rows, repair=repair, progress=progress)
    except IndexBusyError as error:
        yield warn("key index", f"{error}; not compared", "run doctor again when that process is done")


def _compare_index(
    index: KeyIndex, rows: tuple[IndexedRow, ...], *, repair: bool, progress: Progress | None
) -> Iterator[Finding]:
    if index.collection_name is None and not rows:
        yield ok("key index", "empty, as the live memory is")
        return
    found = index.compare(rows, progress)
    if found.is_equal:
        yield ok("key index", f"{index.collection_name} equals the shards: {len(rows)} edits")
        return
    said = (
        "cannot be read"
        if found.unreadable
        else f"{len(found.missing)} keys missing, {len(found.extra)} extra, {len(found.different)} different"
    )
    if repair:
        written = index.bring_up_to(rows, progress)
        yield ok("key index", f"{said}; repaired from the shards: {written} keys written, {len(rows)} edits in it")
    else:
        yield warn("key index", f"{said}; no answer depends on it", "medrek-flow doctor --repair")
