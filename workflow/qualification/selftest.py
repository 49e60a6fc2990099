"""The self-test, whole: what is installed, a copy of the site, one fact's life; nothing of the site is written."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
import tempfile
from importlib.metadata import distributions, version
from pathlib import Path
from typing import cast

from workflow.anchors import site_of
from workflow.clock import utc_now, utc_text
from workflow.qualification.copy_checks import CopyChecks, head_of
from workflow.qualification.life_checks import check_life, make_scratch
from workflow.qualification.record import QualificationRecord
from workflow.qualification.sheet import Progress, Sheet
from workflow.qualification.shell import CheckFailedError, SiteShell, expect
from workflow.site import Site


def run_selftest(site: Site, *, actor: str, progress: Progress, folder: Path | None = None) -> QualificationRecord:
    """Prove on copies that model, memory, gate, promotion, rollback, backup and restore work here.

    Args:
        site: The user's site; it is read, never written.
        actor: Who performs the test.
        progress: Is told how far it is.
        folder: Where the copies are made, on a disk with room for the site; the machine's temporary folder where None.
    """
    started, before = utc_text(utc_now()), head_of(site)
    sheet = Sheet(progress)
    with tempfile.TemporaryDirectory(prefix="medrek-flow-selftest-", dir=folder) as place:
        sheet.check("the program and its packages can be named", lambda: f"{len(_packages())} packages")
        sheet.check("there is room for copies of the site", lambda: _room(site, Path(place)))
        sheet.begin("OQ")
        scratch = make_scratch(site, Path(place, "scratch"))
        check_life(scratch, sheet)
        CopyChecks(site, Path(place), actor=actor, progress=progress).fill(sheet)
        sheet.check("the site itself was not written", lambda: _untouched(site, before))
        installed = (*_machine(site), *_digests(scratch))
    return _record(site, sheet, installed, actor=actor, started=started)


def _record(
    site: Site, sheet: Sheet, installed: tuple[tuple[str, str], ...], *, actor: str, started: str
) -> QualificationRecord:
    ledger = site.open_ledger()
    try:
        with ledger.read() as connection:
            site_id = site_of(connection)
        kind, profile = ledger.kind(), ledger.signer_profile()
    finally:
        ledger.close()
    packages = _packages()
    lines = "\n".join(f"{name}=={number}" for name, number in packages)
    return QualificationRecord(
        site_name=site.settings.site.name,
        site_kind=kind,
        signer_profile=profile,
        site_id=site_id,
        audit_head=head_of(site)[1],
        performed_by=actor,
        started_at=started,
        finished_at=utc_text(utc_now()),
        program=f"medrek-flow {version('medrek-flow')}",
        installed=installed,
        packages=packages,
        packages_sha256=hashlib.sha256(lines.encode()).hexdigest(),
        checks=tuple(sheet.checks),
    )


def _packages() -> tuple[tuple[str, str], ...]:
    found = {str(one.metadata["Name"]).lower(): str(one.version) for one in distributions()}
    return tuple(sorted(found.items()))


def _room(site: Site, place: Path) -> str:
    needed = 3 * sum(path.stat().st_size for path in site.root.rglob("*") if path.is_file() and not path.is_symlink())
    disk = os.statvfs(place)
    free = disk.f_bavail * disk.f_frsize
    return expect(free > needed, f"{free / 1e9:.1f} GB free, {needed / 1e9:.1f} GB wanted")


def _untouched(site: Site, before: tuple[int, str]) -> str:
    length, head = head_of(site)
    return expect((length, head) == before, f"audit head {head[:12]} after {length} entries, as before the test")


def _machine(site: Site) -> tuple[tuple[str, str], ...]:
    model = site.settings.model
    return (
        ("python", sys.version.split()[0]),
        ("operating system", platform.platform()),
        ("processor", f"{platform.machine()}, {os.cpu_count()} cores"),
        ("base model", f"{model.base} ({model.dtype} on {model.device})"),
        ("editor", site.settings.editor.checkpoint),
        ("settings (sha256)", hashlib.sha256(site.settings_path.read_bytes()).hexdigest()),
    )


def _digests(scratch: SiteShell) -> tuple[tuple[str, str], ...]:
    """What the engine said of the weights that it loaded."""
    try:
        release = cast(dict[str, object], scratch.json("release", "show", "0")["release"])
    except (CheckFailedError, KeyError):
        return (("base model digest", "none: it could not be loaded"),)
    return (
        ("base model digest", str(release["base_model_digest"])),
        ("encoder and editor digest", str(release["encoder_digest"])),
    )
