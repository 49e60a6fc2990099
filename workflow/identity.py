"""Who a person is, and that they know their PIN.

The rules:

- A person is who the operating system says (``pwd`` by uid); no flag and no variable changes that. Whoever can
  become another user can sign as them up to the PIN.
- Signing takes a PIN, of which the ledger keeps a scrypt hash; it is read from a terminal or a file descriptor,
  never from the command line or the environment, and never logged.
- Five wrong PINs within a quarter of an hour lock signing until the last of them is a quarter of an hour old. Each
  wrong one is an audit row.
- Scripted signers exist on demo sites only. Accounts without a login shell cannot be enrolled on a hospital site.
- A reviewer is never deleted and a name never given twice.
"""

from __future__ import annotations

import base64
import getpass
import hashlib
import hmac
import os
import pwd
import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Row, insert, select, update

from workflow.change_control.roles import PEOPLE, Role, roles_of
from workflow.clock import utc_moment, utc_text
from workflow.errors import IllegalTransitionError, SettingsError, UsageError, WorkflowError
from workflow.ledger.ledger import Ledger, Transaction
from workflow.ledger.tables import audit, reviewers

MOST_WRONG_PINS = 5
LOCKED_FOR = timedelta(minutes=15)
SHORTEST_PIN = {"hospital": 6, "demo": 4}
LONGEST_PIN = 128
_SCRYPT = {"n": 2**14, "r": 8, "p": 1}
_NO_LOGIN = ("nologin", "false", "sync", "halt", "shutdown")


class WrongPinError(WorkflowError):
    """The PIN is not this person's, or signing is locked; nothing was signed."""


@dataclass(frozen=True)
class OsUser:
    """A person as the operating system knows them."""

    user_id: str
    full_name: str
    can_log_in: bool


@dataclass(frozen=True)
class Reviewer:
    """An enrolled person."""

    reviewer_id: str
    name: str
    role: str
    scripted: bool
    duties: tuple[Role, ...] = PEOPLE
    """What they may do here."""


def os_user() -> OsUser:
    """Give the person this process runs as: by real uid, whatever USER and LOGNAME say."""
    try:
        entry = pwd.getpwuid(os.getuid())
    except KeyError as error:
        raise SettingsError(f"user id {os.getuid()} has no name here; run as a person's own account") from error
    full_name = entry.pw_gecos.split(",")[0].strip() or entry.pw_name
    return OsUser(entry.pw_name, full_name, can_log_in=not entry.pw_shell.endswith(_NO_LOGIN))


def read_pin(*, pin_fd: int | None = None, prompt: str = "PIN: ") -> str:
    """Read a PIN from a file descriptor, or from the terminal without showing it.

    Raises:
        UsageError: There is no such descriptor, or no terminal to ask on.
    """
    if pin_fd is not None:
        try:
            with os.fdopen(os.dup(pin_fd), "rb") as file:
                return file.readline(LONGEST_PIN + 2).decode("utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"--pin-fd {pin_fd}: expected an open descriptor with one line of text") from error
    if not sys.stdin.isatty():
        raise UsageError("a PIN is needed and there is no terminal to ask on; give it with --pin-fd N")
    return getpass.getpass(prompt)


def hash_pin(pin: str) -> str:
    """Hash a PIN with a fresh salt: ``scrypt$n$r$p$salt$digest``."""
    salt = secrets.token_bytes(16)
    fields = (_SCRYPT["n"], _SCRYPT["r"], _SCRYPT["p"], _base64(salt), _base64(_digest(pin, salt, **_SCRYPT)))
    return "$".join(("scrypt", *map(str, fields)))


def pin_fits(pin: str, stored: str) -> bool:
    """Say whether a PIN has this hash, in the same time whatever the answer."""
    _, n, r, p, salt, digest = stored.split("$")
    found = _digest(pin, base64.b64decode(salt), n=int(n), r=int(r), p=int(p))
    return hmac.compare_digest(found, base64.b64decode(digest))


def add_reviewer(
    ledger: Ledger,
    *,
    reviewer_id: str,
    name: str,
    role: str,
    pin: str,
    actor: str,
    scripted: bool = False,
    duties: Sequence[Role] = PEOPLE,
) -> Reviewer:
    """Enrol a person with their duties, or on a demo site a scripted signer.

    Raises:
        IllegalTransitionError: A scripted signer on a hospital site, a service account, or a name that exists.
        UsageError: The PIN is too short, or the name is empty.
    """
    kind = ledger.kind()
    if scripted and kind != "demo":
        raise IllegalTransitionError(f"scripted signer {reviewer_id}: expected a demo site, got a {kind} site")
    if kind != "demo" and not _can_log_in(reviewer_id):
        raise IllegalTransitionError(f"{reviewer_id}: expected a person's own account with a login shell")
    if not (reviewer_id.strip() and name.strip() and role.strip()):
        raise UsageError("a reviewer needs an account, a printed name and a role")
    _check_length(pin, kind)
    hashed = hash_pin(pin)
    with ledger.write() as transaction:
        if transaction.execute(select(reviewers).where(reviewers.c.reviewer_id == reviewer_id)).first():
            raise IllegalTransitionError(f"reviewer {reviewer_id} is enrolled already; a name is never given twice")
        values = {
            "reviewer_id": reviewer_id,
            "name": name,
            "role": role,
            "scripted": int(scripted),
            "duties": _duties(duties),
        }
        transaction.execute(insert(reviewers).values(**values, pin_hash=hashed, created_at=transaction.now))
        transaction.audit("reviewer.added", _subject(reviewer_id), values, actor=actor)
    return Reviewer(reviewer_id, name, role, scripted, roles_of(_duties(duties)))


def set_duties(ledger: Ledger, reviewer_id: str, duties: Sequence[Role], *, actor: str) -> Reviewer:
    """Give a person other duties; what they signed stands. One release manager is always left.

    Raises:
        IllegalTransitionError: they are not enrolled, or nobody would be release manager.
    """
    find_reviewer(ledger, reviewer_id)
    with ledger.write() as transaction:
        others = transaction.execute(select(reviewers.c.duties).where(reviewers.c.reviewer_id != reviewer_id)).scalars()
        if not any(Role.RELEASE_MANAGER in roles_of(other) for other in [*others, _duties(duties)]):
            raise IllegalTransitionError(f"{reviewer_id}: expected a release manager to be left, got none")
        mine = update(reviewers).where(reviewers.c.reviewer_id == reviewer_id)
        transaction.execute(mine.values(duties=_duties(duties)))
        body = {"duties": _duties(duties)}
        transaction.audit("reviewer.duties_changed", _subject(reviewer_id), body, actor=actor)
    return find_reviewer(ledger, reviewer_id)


def _duties(duties: Sequence[Role]) -> str:
    """Write duties as the ledger has them.

    Raises:
        UsageError: none is named, or one that nobody can hold.
    """
    wrong = [str(duty) for duty in duties if duty not in PEOPLE]
    if wrong or not duties:
        raise UsageError(f"duties: expected some of {', '.join(PEOPLE)}, got {', '.join(wrong) or 'none'}")
    return ",".join(duty for duty in PEOPLE if duty in duties)


def find_reviewer(ledger: Ledger, reviewer_id: str) -> Reviewer:
    """Give an enrolled person.

    Raises:
        IllegalTransitionError: They are not enrolled.
    """
    with ledger.read() as connection:
        row = connection.execute(select(reviewers).where(reviewers.c.reviewer_id == reviewer_id)).first()
    if row is None:
        raise IllegalTransitionError(
            f"{reviewer_id} is no reviewer of this site; have them enrolled with medrek-flow reviewer add"
        )
    return _reviewer(row)


def list_reviewers(ledger: Ledger) -> tuple[Reviewer, ...]:
    """List who is enrolled, in the order of their names."""
    with ledger.read() as connection:
        rows = connection.execute(select(reviewers).order_by(reviewers.c.reviewer_id)).all()
    return tuple(_reviewer(row) for row in rows)


def _reviewer(row: Row[tuple[object, ...]]) -> Reviewer:
    return Reviewer(row.reviewer_id, row.name, row.role, bool(row.scripted), roles_of(row.duties))


def change_pin(ledger: Ledger, reviewer_id: str, *, old: str, new: str) -> None:
    """Give a person a new PIN, in exchange for the old one."""
    check_pin(ledger, reviewer_id, old)
    _check_length(new, ledger.kind())
    hashed = hash_pin(new)
    with ledger.write() as transaction:
        transaction.execute(update(reviewers).where(reviewers.c.reviewer_id == reviewer_id).values(pin_hash=hashed))
        transaction.audit("reviewer.pin_changed", _subject(reviewer_id), {}, actor=reviewer_id)


def check_pin(ledger: Ledger, reviewer_id: str, pin: str) -> None:
    """Let a person pass who knows their PIN; a wrong one is counted in the audit chain.

    Raises:
        WrongPinError: It is wrong, or signing is locked; the message says how many tries are left, or until when.
    """
    with ledger.write() as transaction:
        row = transaction.execute(select(reviewers).where(reviewers.c.reviewer_id == reviewer_id)).first()
        if row is None:
            raise IllegalTransitionError(f"{reviewer_id} is no reviewer of this site")
        refusal = _refusal(transaction, row, pin)
    if refusal:
        raise WrongPinError(refusal)


def _refusal(transaction: Transaction, row: Row[tuple[object, ...]], pin: str) -> str:
    wrong = _recent_wrong(transaction, row.reviewer_id)
    if len(wrong) >= MOST_WRONG_PINS:
        until = utc_text(utc_moment(wrong[-1]) + LOCKED_FOR)
        return f"{len(wrong)} wrong PINs: signing is locked until {until}; nothing was signed"
    if pin_fits(pin[:LONGEST_PIN], row.pin_hash):
        if wrong:
            transaction.audit("pin.accepted", _subject(row.reviewer_id), {}, actor=row.reviewer_id)
        return ""
    left = MOST_WRONG_PINS - len(wrong) - 1
    transaction.audit("pin.refused", _subject(row.reviewer_id), {"tries_left": left}, actor=row.reviewer_id)
    return (
        f"wrong PIN; nothing was signed, {left} tries left"
        if left
        else (f"wrong PIN; signing is locked for {LOCKED_FOR.seconds // 60} minutes, nothing was signed")
    )


def _recent_wrong(transaction: Transaction, reviewer_id: str) -> list[str]:
    """Times of the wrong PINs since the last right one, of the last quarter of an hour, oldest first."""
    since = utc_text(utc_moment(transaction.now) - LOCKED_FOR)
    rows = transaction.execute(
        select(audit.c.event, audit.c.at)
        .where(
            audit.c.subject == _subject(reviewer_id),
            audit.c.event.in_(("pin.refused", "pin.accepted")),
            audit.c.at > since,
        )
        .order_by(audit.c.seq)
    ).all()
    times: list[str] = []
    for row in rows:
        times = [*times, row.at] if row.event == "pin.refused" else []
    return times


def _subject(reviewer_id: str) -> str:
    return f"reviewer:{reviewer_id}"


def _check_length(pin: str, kind: str) -> None:
    shortest = SHORTEST_PIN[kind]
    if not shortest <= len(pin) <= LONGEST_PIN:
        raise UsageError(f"PIN: expected {shortest} to {LONGEST_PIN} characters, got {len(pin)}")


def _can_log_in(user_id: str) -> bool:
    try:
        return not pwd.getpwnam(user_id).pw_shell.endswith(_NO_LOGIN)
    except KeyError:
        return False


def _digest(pin: str, salt: bytes, *, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(pin.encode("utf-8", "surrogatepass"), salt=salt, n=n, r=r, p=p, dklen=32)


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")
