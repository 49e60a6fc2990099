"""Units for systemd, and lines for cron, that run a site: the night at its hour, the worker, a nightly backup.

Each unit is closed to everything but the site's folder (and the places that the settings name outside it). A command
that this installation does not have gets no unit. What is written here is checked by ``systemd-analyze verify``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from workflow.errors import SettingsError, UsageError
from workflow.site import Site

ENVIRONMENT_FILE = "medrek-flow.env"
_HOMES = ("/home", "/root", "/run/user")
_HOUR = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_PLAIN_PATH = re.compile(r"[A-Za-z0-9/._@+-]+")
_PLAIN_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")

_HARDENING = """\
User={user}
WorkingDirectory={root}
Environment=MEDREK_FLOW_HOME={root} HF_HUB_OFFLINE=1 PYTHONUNBUFFERED=1
EnvironmentFile=-{root}/{environment_file}
UMask=0077
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome={protect_home}
ReadWritePaths={writable}
PrivateTmp=yes
PrivateDevices={private_devices}
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
ProtectProc=invisible
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
CapabilityBoundingSet=
AmbientCapabilities=
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
"""


@dataclass(frozen=True)
class Service:
    """One unit: its file's name and text."""

    name: str
    text: str


def service_units(
    site: Site, *, program: Path, user: str, at: str, commands: Collection[str], backup_folder: Path | None = None
) -> tuple[Service, ...]:
    """Write the units of a site.

    Args:
        site: Which site; several sites on a machine have units of their own names.
        program: Path of ``medrek-flow``.
        user: Account that they run as.
        at: When the night begins, ``02:00``, in the machine's time zone.
        commands: The commands that this installation has.
        backup_folder: Where a backup is written every night; none where it is not given.

    Raises:
        UsageError: Time or account are written otherwise.
        SettingsError: A path holds characters that a unit file would read as something else.
    """
    hour = _HOUR.fullmatch(at)
    if hour is None:
        raise UsageError(f"--at {at}: expected an hour such as 02:00")
    if not _PLAIN_USER.fullmatch(user):
        raise UsageError(f"--user {user}: expected an account of this machine")
    for path in (site.root, program, *((backup_folder,) if backup_folder else ())):
        if not (path.is_absolute() and _PLAIN_PATH.fullmatch(str(path))):
            raise SettingsError(f"{path}: expected an absolute path of letters, digits and /._@+- for a unit file")
    values = _values(site, program, user, backup_folder)
    units = [
        _unit("night", "night: what changed, proposed and checked", "oneshot", f"{program} night", values, _NIGHT),
        _timer("night", f"*-*-* {int(hour[1]):02d}:{hour[2]}:00", "Persistent=true\nRandomizedDelaySec=5min\n"),
        _unit("worker", "worker: rehearsals and gates", "exec", f"{program} worker --watch 30", values, _LIVING),
    ]
    if "serve" in commands:
        units.append(_unit("serve", "serving the edited model", "exec", f"{program} serve", values, _LIVING))
    if backup_folder is not None:
        units.append(_unit("backup", "backup of the site", "oneshot", f"{program} backup {backup_folder}", values, ""))
        units.append(_timer("backup", "*-*-* 08:30:00", "Persistent=true\n"))
    return tuple(units)


def cron_lines(site: Site, *, program: Path, at: str) -> str:
    """Give the lines of a crontab that do the same without systemd."""
    hour = _HOUR.fullmatch(at)
    if hour is None:
        raise UsageError(f"--at {at}: expected an hour such as 02:00")
    home = f"MEDREK_FLOW_HOME={site.root}"
    return (
        f"# m h dom mon dow command; a line of its own says where the site is\n{home}\nHF_HUB_OFFLINE=1\n"
        f"{int(hour[2])} {int(hour[1])} * * * {program} night\n"
        f"*/15 * * * * {program} worker --once\n"
    )


_NIGHT = "TimeoutStartSec=8h\nTimeoutStopSec=120\nSuccessExitStatus=11 12 14\n"
"""11, 12 and 14 ask for a person or the next night; they are no failure of the machine."""
_LIVING = "Restart=on-failure\nRestartSec=60\nTimeoutStopSec=120\nKillSignal=SIGTERM\n"


def _values(site: Site, program: Path, user: str, backup_folder: Path | None) -> Mapping[str, str]:
    writable = [site.root, *_outside(site), *((backup_folder,) if backup_folder else ())]
    return {
        "user": user,
        "root": str(site.root),
        "environment_file": ENVIRONMENT_FILE,
        "writable": " ".join(dict.fromkeys(f"-{path}" if path != site.root else str(path) for path in writable)),
        "protect_home": "no"
        if any(path.is_relative_to(home) for path in (site.root, program) for home in _HOMES)
        else "yes",
        "private_devices": "yes" if site.settings.model.device == "cpu" else "no",
    }


def _outside(site: Site) -> list[Path]:
    """Folders outside the site that the settings have written to."""
    settings = site.settings
    named = [settings.audit.anchor.file, settings.metrics.file]
    folders = [(site.root / one).parent for one in named if one]
    return [*folders, *([site.root / settings.notify.folder] if settings.notify.folder else [])]


def _unit(what: str, description: str, kind: str, command: str, values: Mapping[str, str], more: str) -> Service:
    after = "network-online.target"
    head = f"[Unit]\nDescription=medrek-flow {description}\nAfter={after}\nWants={after}\n"
    body = f"[Service]\nType={kind}\nExecStart={command}\n{more}{_HARDENING.format(**values)}"
    install = "" if kind == "oneshot" else "\n[Install]\nWantedBy=multi-user.target\n"
    return Service(f"medrek-flow-{what}.service", f"{head}\n{body}{install}")


def _timer(what: str, calendar: str, more: str) -> Service:
    head = f"[Unit]\nDescription=medrek-flow: when the {what} begins\n"
    text = f"{head}\n[Timer]\nOnCalendar={calendar}\n{more}\n[Install]\nWantedBy=timers.target\n"
    return Service(f"medrek-flow-{what}.timer", text)
