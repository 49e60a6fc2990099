"""Signatures on acts of change control: who, what they are, when (UTC), meaning, reason, and what they were shown.

Every act of a person (promotion, rollback, stop, start, envelope, rebase) leaves one row that is bound by a hash to
what it was about and stands in full in its audit row, so that one that is moved, changed or slipped in is found
(``verify_acts``). Envelope and rebase take a PIN; what is done at once is signed with the account that does it, and
says so. The service signs nothing: the audit chain alone tells what it did.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from workflow.change_control.roles import PEOPLE, Act, Role, require_role, roles_of
from workflow.errors import UsageError
from workflow.ledger import audit
from workflow.ledger.control_tables import signatures
from workflow.ledger.ledger import Transaction
from workflow.ledger.tables import audit as audit_table
from workflow.ledger.tables import reviewers, site

SIGNED = "act.signed"
BY_ACCOUNT, BY_PIN = "account", "pin"
_MEANINGS: dict[Act, str] = {
    Act.CREATE_BATCH: "made by hand: these approved edits belong together",
    Act.CANCEL_BATCH: "cancelled: this batch is not to go live",
    Act.PROMOTE: "promoted: I saw what the gate found and the impact note",
    Act.ROLL_BACK: "rolled back: this is to leave the memory at once",
    Act.UNDO_ROLLBACK: "undone: what was rolled back is to answer again",
    Act.STOP: "stopped: the bare base model is to answer",
    Act.START: "started: the live release is to answer again",
    Act.SIGN_ENVELOPE: "signed: the night may promote within these limits",
    Act.SIGN_REBASE: "signed: I saw every carrier and answer that changes",
    Act.EXPEDITE: "expedited: to be decided, gated and promoted within the hour",
}
_COLUMNS = tuple(column.name for column in signatures.columns)


@dataclass(frozen=True)
class Person:
    """Who acts: an enrolled person, or an account that is not enrolled and counts as the service."""

    account: str
    name: str
    roles: tuple[Role, ...]
    scripted: bool = False

    @property
    def is_service(self) -> bool:
        """Whether nobody stands behind the account."""
        return self.roles == (Role.SERVICE,)


@dataclass(frozen=True)
class SignedAct:
    """One signature, as lists and exports show it."""

    signature_id: str
    act: str
    subject: str
    account: str
    signer_name: str
    roles: str
    meaning: str
    reason: str
    bound_sha256: str
    proof: str
    signed_at: str
    scripted: int


def person_of(connection: Connection, account: str) -> Person:
    """Tell who an account is here: enrolled with duties, or the service; on a demo site every account may play."""
    row = connection.execute(select(reviewers).where(reviewers.c.reviewer_id == account)).first()
    if row is not None:
        return Person(account, row.name, roles_of(row.duties), bool(row.scripted))
    kind = connection.execute(select(site.c.kind)).scalar()
    return Person(account, account, PEOPLE if kind == "demo" else (Role.SERVICE,), scripted=kind == "demo")


def sign_act(
    transaction: Transaction,
    account: str,
    act: Act,
    *,
    subject: str,
    reason: str,
    shown: object,
    proof: str = BY_ACCOUNT,
) -> Person:
    """Check that this account may do this, and sign it; the service passes where its role allows and signs nothing.

    Args:
        shown: what the act is about, as JSON; its hash binds the signature.

    Raises:
        IllegalTransitionError: none of its roles may do it.
        UsageError: no reason was given.
    """
    person = person_of(transaction.connection, account)
    require_role(person.roles, act, who=account)
    if not reason.strip():
        raise UsageError(f"{act.replace('_', ' ')}: expected a reason, got none; add --reason TEXT")
    if person.is_service:
        return person
    values: dict[str, object] = {
        "act": act.value,
        "subject": subject,
        "account": account,
        "signer_name": person.name,
        "roles": ",".join(person.roles),
        "meaning": _MEANINGS[act],
        "reason": " ".join(reason.split()),
        "bound_sha256": bound_sha256(shown),
        "proof": proof,
        "signed_at": transaction.now,
        "scripted": int(person.scripted),
    }
    _, head = audit.head(transaction.connection)
    digest = hashlib.sha256(audit.canonical_json({**values, "head": head}).encode()).hexdigest()
    values["signature_id"] = f"s-{digest[:16]}"
    transaction.execute(insert(signatures).values(**values))
    transaction.audit(SIGNED, subject, values, actor=account)
    return person


def bound_sha256(shown: object) -> str:
    """Hash what a signature is bound to."""
    return hashlib.sha256(audit.canonical_json(shown).encode("ascii")).hexdigest()


def acts_on(connection: Connection, subject: str) -> tuple[SignedAct, ...]:
    """Read the signatures on one subject, oldest first."""
    rows = connection.execute(
        select(signatures).where(signatures.c.subject == subject).order_by(signatures.c.signed_at)
    ).mappings()
    return tuple(SignedAct(**row) for row in rows)


def list_acts(connection: Connection) -> tuple[SignedAct, ...]:
    """Read every signature on an act of change control, oldest first."""
    rows = connection.execute(select(signatures).order_by(signatures.c.signed_at)).mappings()
    return tuple(SignedAct(**row) for row in rows)


def verify_acts(connection: Connection) -> tuple[str, ...]:
    """Compare every signature with its audit row; one line for each that was moved, changed, added or lost."""
    on_record = {}
    for body in connection.execute(select(audit_table.c.body).where(audit_table.c.event == SIGNED)).scalars():
        fields = json.loads(body)
        on_record[fields["signature_id"]] = {name: fields[name] for name in _COLUMNS}
    lines = []
    for row in connection.execute(select(signatures).order_by(signatures.c.signature_id)).mappings():
        expected = on_record.pop(row["signature_id"], None)
        if expected is None:
            lines.append(f"signature {row['signature_id']} has no audit row: it was not signed here")
        elif expected != dict(row):
            lines.append(f"signature {row['signature_id']} differs from its audit row: it was moved or changed")
    lines += [f"signature {name} is in the audit chain but not in the ledger" for name in on_record]
    return tuple(lines)
