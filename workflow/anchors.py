"""Anchors: lines that note the head of the audit chain outside the site, and what they say about a chain.

A line is ``medrek-flow-anchor {"at", "head", "length", "site"}``; ``site`` is the hash of the chain's first row, so
that several sites may share a file. The same line goes to a file, to syslog and into mail, and is found again in any
text that holds it (a log with prefixes, a saved message). Nothing here can repair a chain.

An anchor that the chain does not hold means an older backup was restored, the tail was cut, or the chain was rebuilt.
A person may accept that, with a reason, in the chain itself; the anchors that were lost then stand there by name.
"""

from __future__ import annotations

import json
import os
import re
import socket
import stat
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, select

from workflow.clock import utc_moment
from workflow.errors import ExitCode, SettingsError, UsageError, WorkflowError
from workflow.ledger import audit, tables
from workflow.ledger.ledger import Ledger
from workflow.settings import AnchorTable

NOT_ANCHORED = "audit head is not anchored outside the site: note it elsewhere (medrek-flow audit verify --head HASH)"
ANCHORED = "audit.anchored"
ACCEPTED = "audit.gap_accepted"
_LINE = re.compile(r'medrek-flow-anchor (\{"at": "[0-9TZ:-]{20}", "head": "[0-9a-f]{64}", [^{}]{1,120}\})')
_NOTHING = "nothing was promoted, and what is live is served on"
_LARGEST_FILE = 64_000_000
_AT_ONCE = 500
_SYSLOG_PRIORITY = 10 * 8 + 5  # authpriv.notice


class AnchorLostError(WorkflowError):
    """The chain does not hold a head that was noted outside: nothing is promoted until a person has looked."""

    exit_code = ExitCode.HELD


@dataclass(frozen=True)
class Anchor:
    """The head of a site's chain at one time."""

    at: str
    head: str
    length: int
    site: str
    """Hash of the chain's first row."""

    @property
    def line(self) -> str:
        """The anchor as the one line that is noted everywhere."""
        return f"medrek-flow-anchor {json.dumps(asdict(self), sort_keys=True)}"


def present_anchor(connection: Connection, *, at: str) -> Anchor:
    """Give the head of the chain as it stands, at ``at`` (UTC text)."""
    length, head = audit.head(connection)
    return Anchor(at, head, length, site_of(connection))


def site_of(connection: Connection) -> str:
    """Give the hash of the chain's first row, which no other site has."""
    return str(connection.execute(select(tables.audit.c.hash).order_by(tables.audit.c.seq).limit(1)).scalar())


def read_anchors(path: Path) -> tuple[Anchor, ...]:
    """Find every anchor line in a text, of whatever site, oldest first.

    Raises:
        UsageError: The file cannot be read, or is a device or pipe, which would never end.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise UsageError(f"anchors {path}: expected a plain file, got {_kind(found.st_mode)}")
        if found.st_size > _LARGEST_FILE:
            raise UsageError(f"anchors {path}: expected at most {_LARGEST_FILE} bytes; cut the log first")
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise UsageError(f"anchors {path} cannot be read ({error.strerror}); mount it, or name another file") from error
    return tuple(anchor for line in _LINE.findall(text) if (anchor := _parsed(line)) is not None)


def _kind(mode: int) -> str:
    return "a folder" if stat.S_ISDIR(mode) else "a device, pipe or socket"


def _parsed(text: str) -> Anchor | None:
    try:
        fields = json.loads(text)
        return Anchor(str(fields["at"]), str(fields["head"]), int(fields["length"]), str(fields["site"]))
    except (ValueError, KeyError, TypeError):
        return None


def lost_anchors(connection: Connection, anchors: Iterable[Anchor]) -> tuple[Anchor, ...]:
    """Name the anchors of this site that its chain does not hold, and that nobody has accepted as lost."""
    site = site_of(connection)
    mine = [anchor for anchor in anchors if anchor.site == site]
    if not mine:
        return ()
    hashes = _hashes_at(connection, sorted({anchor.length for anchor in mine}))
    accepted = accepted_heads(connection)
    return tuple(one for one in mine if hashes.get(one.length) != one.head and one.head not in accepted)


def _hashes_at(connection: Connection, lengths: list[int]) -> dict[int, str]:
    columns, found = tables.audit.c, {}
    for at in range(0, len(lengths), _AT_ONCE):
        rows = connection.execute(select(columns.seq, columns.hash).where(columns.seq.in_(lengths[at : at + _AT_ONCE])))
        found.update(dict(rows.all()))
    return found


def accepted_heads(connection: Connection) -> frozenset[str]:
    """The heads that a person accepted as lost."""
    bodies = connection.execute(select(tables.audit.c.body).where(tables.audit.c.event == ACCEPTED)).scalars()
    return frozenset(str(head) for body in bodies for head in json.loads(body)["heads"])


def accept_lost(ledger: Ledger, lost: tuple[Anchor, ...], *, reason: str, actor: str) -> None:
    """Put on record that these anchors are lost and that work goes on from the chain as it stands."""
    body: dict[str, object] = {"heads": sorted({anchor.head for anchor in lost}), "reason": reason}
    body |= {"longest": max(anchor.length for anchor in lost), "newest": max(anchor.at for anchor in lost)}
    with ledger.write() as transaction:
        transaction.audit(ACCEPTED, "audit", body, actor=actor)


def require_anchored(connection: Connection, settings: AnchorTable) -> None:
    """Let a promotion pass whose chain holds every head noted in the anchor file.

    Raises:
        AnchorLostError: It does not, or the file that it was anchored in cannot be read.
    """
    if settings.file is None:
        return
    path = Path(settings.file)
    if not path.exists():
        if last_anchored(connection, "file") is None:
            return
        raise AnchorLostError(f"anchor file {path}: expected the heads noted there, got no file; mount it; {_NOTHING}")
    try:
        lost = lost_anchors(connection, read_anchors(path))
    except UsageError as error:
        raise AnchorLostError(f"{error}; {_NOTHING}") from error
    if lost:
        raise AnchorLostError(f"{lost_words(connection, lost)}; {_NOTHING}")


def lost_words(connection: Connection, lost: tuple[Anchor, ...]) -> str:
    """Say in one line what the chain has lost, and what to do."""
    newest = max(lost, key=lambda anchor: anchor.length)
    length, _ = audit.head(connection)
    what = "it is older than its anchor" if newest.length > length else "it is another one than was anchored"
    return (
        f"audit chain: {length} entries, but {newest.length} were anchored at {newest.at}: {what} (a backup was "
        f'restored, or the chain was cut or rebuilt); find the newer ledger, or medrek-flow audit accept --reason "..."'
    )


def last_anchored(connection: Connection, where: str = "") -> str | None:
    """When the chain last noted that it was anchored (at a place); None where it never was."""
    columns = tables.audit.c
    query = select(columns.at, columns.body).where(columns.event == ANCHORED).order_by(columns.seq.desc())
    for row in connection.execute(query):
        if not where or where in json.loads(row.body)["places"]:
            return str(row.at)
    return None


def anchor_warning(connection: Connection, settings: AnchorTable, now: datetime) -> str:
    """Say in one line what is wrong with the anchoring of a site; empty where nothing is."""
    if not (settings.file or settings.syslog or settings.mail):
        return NOT_ANCHORED
    last = last_anchored(connection)
    if last is None:
        return "audit head was never anchored outside the site: medrek-flow audit anchor"
    if now - utc_moment(last) > timedelta(days=settings.stale_days):
        return f"audit head was last anchored outside the site at {last}: medrek-flow audit anchor"
    try:
        require_anchored(connection, settings)
    except AnchorLostError as error:
        return str(error)
    return ""


def write_to_file(path: Path, anchor: Anchor) -> None:
    """Add the line to a file and bring it to disk; the file is made, its folder is not.

    Raises:
        SettingsError: It cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
        try:
            os.write(descriptor, f"{anchor.line}\n".encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise SettingsError(
            f"audit.anchor.file: {path} cannot be written ({error.strerror}); expected a file on a mount of its own"
        ) from error


def write_to_syslog(address: str, anchor: Anchor) -> None:
    """Send the line to the machine's log socket, or as one datagram to a log host.

    Raises:
        SettingsError: Nobody listens there, as far as this machine can tell.
    """
    message = f"<{_SYSLOG_PRIORITY}>medrek-flow[{os.getpid()}]: {anchor.line}".encode()
    is_path = address.startswith("/")
    host, _, port = address.rpartition(":")
    if not is_path and not (host and port.isascii() and port.isdigit()):
        raise SettingsError(f'audit.anchor.syslog: expected "/dev/log" or "host:port", got {address!r}')
    try:
        target = address if is_path else (host, int(port))
        family = socket.AF_UNIX if is_path else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as log:
            log.settimeout(5.0)
            log.connect(target)
            log.send(message)
    except OSError as error:
        raise SettingsError(f"audit.anchor.syslog: {address} takes nothing ({type(error).__name__})") from error
