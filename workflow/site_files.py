"""Which files of a site are its own: what a backup holds, and what can be made anew and is left out.

The ledger is copied by SQLite and not as a file; index and logs are derived; graph checkpoints say nothing that the
ledger does not; a base model that lies in the site is the vendor's.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from workflow.site import Site
from workflow.workbench import BUNDLED_MODEL

LEDGER = "data/ledger.sqlite"
"""The ledger's name in a backup, and in a site."""
_DERIVED = ("data/index", "data/logs")
_COPIED_OTHERWISE = ("data/ledger.sqlite", "data/checkpoints.sqlite")


def files_of(site: Site) -> Iterator[tuple[str, Path]]:
    """Give each file of the site but the ledger with its name relative to the site, in the order of the names."""
    weights = _weights(site)
    for path in sorted(site.root.rglob("*")):
        name = path.relative_to(site.root).as_posix()
        if path.is_symlink() or not path.is_file() or path.name.startswith(".") or path.suffix == ".draft":
            continue
        if name.startswith(_COPIED_OTHERWISE) or any(name.startswith(f"{folder}/") for folder in _DERIVED):
            continue
        if weights is None or not path.is_relative_to(weights):
            yield name, path


def left_out(site: Site) -> tuple[str, ...]:
    """Name what a backup leaves to others: links, and the base model where it lies in the site."""
    links = sorted(path.relative_to(site.root).as_posix() for path in site.root.rglob("*") if path.is_symlink())
    weights = _weights(site)
    return (*links, *((weights.relative_to(site.root).as_posix(),) if weights else ()))


def _weights(site: Site) -> Path | None:
    base = site.settings.model.base
    if base == BUNDLED_MODEL or base.startswith(("http://", "https://")):
        return None
    path = (site.root / base).resolve()
    return path if path.is_dir() and path.is_relative_to(site.root) and path != site.root else None
