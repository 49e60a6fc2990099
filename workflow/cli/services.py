"""``services``: units for systemd, and lines for cron, that run this site."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workflow.cli.options import Folder, Json
from workflow.cli.output import emit_json, say
from workflow.errors import SettingsError

if TYPE_CHECKING:
    from workflow.site import Site

commands = typer.Typer()
At = Annotated[str, typer.Option("--at", metavar="HH:MM", help="When the night begins, in the machine's time zone.")]


@commands.command(rich_help_panel="Site")
def services(
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write the units there; systemd/ of the site otherwise.")
    ] = None,
    user: Annotated[str, typer.Option("--user", help="Account that they run as; yours where not given.")] = "",
    at: At = "02:00",
    backup_to: Annotated[
        Path | None, typer.Option("--backup-to", metavar="DIR", help="A unit that writes a backup there every morning.")
    ] = None,
    cron: Annotated[bool, typer.Option("--cron", help="Print lines for a crontab instead.")] = False,
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Write hardened systemd units and timers for night and worker; installing them is the administrator's."""
    from workflow.cli.opening import find_site
    from workflow.service_units import cron_lines

    site = find_site(folder)
    if cron:
        lines = cron_lines(site, program=_program(), at=at)
        if as_json:
            emit_json("services", {"folder": None, "units": [], "cron": lines})
        else:
            say(lines.rstrip("\n"))
        return
    target, names = write_units(site, out=out, user=user, at=at, backup_to=backup_to)
    if as_json:
        emit_json("services", {"folder": str(target), "units": names, "cron": None})
    else:
        tell_units(target, names)


def write_units(
    site: Site, *, out: Path | None = None, user: str = "", at: str = "02:00", backup_to: Path | None = None
) -> tuple[Path, list[str]]:
    """Write the units of a site into a folder, and name them."""
    from workflow.cli.main import app
    from workflow.identity import os_user
    from workflow.service_units import service_units

    known = getattr(typer.main.get_command(app), "commands", {})
    units = service_units(
        site,
        program=_program(),
        user=user or os_user().user_id,
        at=at,
        commands=frozenset(map(str, known)),
        backup_folder=backup_to.absolute() if backup_to else None,
    )
    target = out or site.root / "systemd"
    try:
        target.mkdir(parents=True, exist_ok=True)
        for unit in units:
            (target / unit.name).write_text(unit.text, encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"services: {target} cannot be written ({error.strerror})") from error
    return target, [unit.name for unit in units]


def tell_units(target: Path, names: list[str]) -> None:
    """Say what was written, and how it is installed."""
    for name in names:
        say(f"{target}/{name}")
    living = [
        name for name in names if name.endswith(".timer") or name.startswith(("medrek-flow-worker", "medrek-flow-s"))
    ]
    say("to install them, as root:")
    say(f"  cp {target}/medrek-flow-* /etc/systemd/system/ && systemctl daemon-reload")
    say(f"  systemctl enable --now {' '.join(living)}")
    say("keys and passwords go into medrek-flow.env in the site, mode 0600, one NAME=value a line")


def _program() -> Path:
    found = shutil.which("medrek-flow", path=str(Path(sys.executable).parent)) or shutil.which("medrek-flow")
    if found is None:
        raise SettingsError("services: expected an installed medrek-flow on the path, got none")
    return Path(found)
