"""Anchoring a site's audit head now: everywhere that the settings name, with an audit row that says where it went."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from workflow.anchors import (
    ANCHORED,
    Anchor,
    lost_anchors,
    lost_words,
    present_anchor,
    read_anchors,
    write_to_file,
    write_to_syslog,
)
from workflow.clock import utc_text
from workflow.errors import SettingsError, UsageError
from workflow.ledger.ledger import Ledger
from workflow.site import Site


@dataclass(frozen=True)
class Anchoring:
    """Where a head was noted, and where it could not be."""

    anchor: Anchor
    places: tuple[str, ...]
    problems: tuple[str, ...]


def is_anchored_somewhere(site: Site) -> bool:
    """Whether the settings name any place outside the site."""
    anchor = site.settings.audit.anchor
    return bool(anchor.file or anchor.syslog or anchor.mail)


def anchor_now(site: Site, ledger: Ledger, *, actor: str) -> Anchoring:
    """Note the head of the chain everywhere; a chain that lost an anchor is not anchored again over it.

    A file that cannot be read is not written to: a lost anchor in it would go unseen. The other places are.
    """
    settings = site.settings.audit.anchor
    path = Path(settings.file) if settings.file else None
    known, unread = _noted_in(path)
    with ledger.read() as connection:
        anchor = present_anchor(connection, at=utc_text(ledger.clock()))
        lost = lost_anchors(connection, known)
        if lost:
            return Anchoring(anchor, (), (lost_words(connection, lost),))

    def to_file() -> None:
        if unread:
            raise SettingsError(f"audit.anchor.file: {unread}")
        write_to_file(Path(str(settings.file)), anchor)

    ways: dict[str, Callable[[], None]] = {
        "file": to_file,
        "syslog": lambda: write_to_syslog(str(settings.syslog), anchor),
        "mail": lambda: _mail(site, anchor),
    }
    wanted = {"file": settings.file, "syslog": settings.syslog, "mail": settings.mail}
    places, problems = [], []
    for name, way in ways.items():
        if wanted[name]:
            try:
                way()
                places.append(name)
            except SettingsError as error:
                problems.append(str(error))
    if places:
        with ledger.write() as transaction:
            body = {"head": anchor.head, "length": anchor.length, "places": places}
            transaction.audit(ANCHORED, "audit", body, actor=actor)
    return Anchoring(anchor, tuple(places), tuple(problems))


def _noted_in(path: Path | None) -> tuple[tuple[Anchor, ...], str]:
    """Give the anchors of a file that may not be there yet, or why it cannot be read."""
    try:
        return (read_anchors(path), "") if path is not None and path.exists() else ((), "")
    except UsageError as error:
        return (), str(error)


def _mail(site: Site, anchor: Anchor) -> None:
    from workflow.notifications.mail import send_mail
    from workflow.outgoing import trusted_certificates

    mail = site.settings.notify.mail
    if not mail.to:
        raise SettingsError("audit.anchor.mail: expected addresses in notify.mail.to, got none")
    lines = ("Keep this message: it shows whether the audit chain of the site was changed afterwards.", anchor.line)
    subject = f"medrek-flow, {site.settings.site.name}: audit head"
    send_mail(mail, subject=subject, lines=lines, trusted=trusted_certificates(site.settings.http.ca_file))
