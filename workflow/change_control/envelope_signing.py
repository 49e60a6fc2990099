"""Signatures on the envelope: bound to the bytes of the file, counted by people, a release manager among them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from workflow.change_control.envelope import EnvelopeFile
from workflow.change_control.roles import Act, EnvelopeState, Role, allowed
from workflow.change_control.signed_acts import BY_ACCOUNT, BY_PIN, SignedAct, acts_on, person_of, sign_act
from workflow.errors import IllegalTransitionError
from workflow.identity import check_pin
from workflow.ledger.ledger import Ledger


@dataclass(frozen=True)
class EnvelopeStanding:
    """How an envelope stands: who signed these bytes, and whether that is enough today."""

    sha256: str
    state: EnvelopeState
    signed: tuple[SignedAct, ...]
    required: int
    has_release_manager: bool

    @property
    def holds(self) -> bool:
        """Whether the night may use it."""
        return self.state is EnvelopeState.SIGNED

    @property
    def words(self) -> str:
        """How it stands, in one line."""
        missing = self.required - len({act.account for act in self.signed})
        by = ", ".join(f"{act.signer_name} ({act.signed_at})" for act in self.signed) or "nobody"
        needs = f"; {missing} more signature(s) needed" if missing > 0 else ""
        needs += "" if self.has_release_manager else "; a release manager's is needed"
        return f"{self.state.replace('_', ' ')}; signed by {by}{needs if not self.holds else ''}"


def standing_of(connection: Connection, file: EnvelopeFile, *, signer_profile: str, today: date) -> EnvelopeStanding:
    """Tell how an envelope stands on this site today."""
    signed = acts_on(connection, _subject(file))
    required = 1 if signer_profile == "one_signer" else 2
    has_manager = any(Role.RELEASE_MANAGER in act.roles.split(",") for act in signed)
    if file.envelope.expires < today:
        state = EnvelopeState.EXPIRED
    elif not signed:
        state = EnvelopeState.UNSIGNED
    elif len({act.account for act in signed}) >= required and has_manager:
        state = EnvelopeState.SIGNED
    else:
        state = EnvelopeState.PARTLY_SIGNED
    return EnvelopeStanding(file.sha256, state, signed, required, has_manager)


def sign_envelope(
    ledger: Ledger, file: EnvelopeFile, account: str, *, reason: str, pin: str, shown_sha256: str | None = None
) -> EnvelopeStanding:
    """Sign exactly these bytes with a PIN; each person counts once.

    Args:
        shown_sha256: the digest of what the person was shown, where that was read earlier.

    Raises:
        WrongPinError: the PIN is wrong, or signing is locked.
        IllegalTransitionError: they signed it already, it ran out, it changed since it was shown, or it is not theirs
            to sign.
    """
    if shown_sha256 is not None and shown_sha256 != file.sha256:
        raise IllegalTransitionError(
            f"envelope: {shown_sha256[:12]} was shown, but the file is {file.sha256[:12]} now; look at it again"
        )
    profile, today = ledger.signer_profile(), ledger.clock().date()
    with ledger.read() as connection:
        person = person_of(connection, account)
        standing = standing_of(connection, file, signer_profile=profile, today=today)
    if any(act.account == account for act in standing.signed):
        raise IllegalTransitionError(f"envelope {file.sha256[:12]}: {account} has signed it already")
    if person.roles and standing.state is not EnvelopeState.SIGNED:
        _require(person.roles, standing, file)
    if not person.scripted:
        check_pin(ledger, account, pin)
    with ledger.write() as transaction:
        sign_act(
            transaction,
            account,
            Act.SIGN_ENVELOPE,
            subject=_subject(file),
            reason=reason,
            shown={"envelope_sha256": file.sha256},
            proof=BY_ACCOUNT if person.scripted else BY_PIN,
        )
        body = {"sha256": file.sha256, "text": file.text}
        transaction.audit("envelope.signed", _subject(file), body, actor=account)
    with ledger.read() as connection:
        return standing_of(connection, file, signer_profile=profile, today=today)


def _require(roles: tuple[Role, ...], standing: EnvelopeStanding, file: EnvelopeFile) -> None:
    if standing.state is EnvelopeState.EXPIRED:
        raise IllegalTransitionError(
            f"envelope {file.sha256[:12]}: expires: expected a day to come, got {file.envelope.expires}"
        )
    if Role.SERVICE not in roles and not allowed(roles, Act.SIGN_ENVELOPE, standing.state):
        raise IllegalTransitionError(f"envelope {file.sha256[:12]}: is {standing.state}; nothing to sign")


def _subject(file: EnvelopeFile) -> str:
    return f"envelope:{file.sha256}"
