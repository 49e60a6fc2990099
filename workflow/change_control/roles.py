"""Who may do what, in which state: one table of roles, one of states, and nothing else decides it.

Roles are duties that an enrolled person holds (``reviewer add --duty``); one person may hold several, and four-eyes
rules count people, not duties. An account that is not enrolled is the *service*: it runs the night, and it may always
do what is safe. Taking facts out of force, stopping and sending back are safe: everybody may. Letting facts in, lifting
a stop and widening the envelope are not: that takes a release manager, and the envelope's signatures for the night.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

from workflow.errors import IllegalTransitionError
from workflow.records import BatchState, CandidateState


class Role(StrEnum):
    """A duty, as it is printed with a signature."""

    REVIEWER = "reviewer"
    """Decides on candidates: alone where the risk is low, first where two must sign."""
    SECOND_SIGNER = "second_signer"
    """Gives the second signature, and never the first."""
    RELEASE_MANAGER = "release_manager"
    """Makes, cancels and promotes batches; signs envelope and rebase; lifts a stop."""
    SERVICE = "service"
    """The night and the worker: accounts without a person. Signs nothing."""


class Act(StrEnum):
    """What is done, by a person or by the night."""

    DECIDE_FIRST = "decide_first"
    DECIDE_SECOND = "decide_second"
    EXPEDITE = "expedite"
    CREATE_BATCH = "create_batch"
    CANCEL_BATCH = "cancel_batch"
    CHECK = "check"
    PROMOTE = "promote"
    PROMOTE_IN_ENVELOPE = "promote_in_envelope"
    ROLL_BACK = "roll_back"
    UNDO_ROLLBACK = "undo_rollback"
    STOP = "stop"
    START = "start"
    SIGN_ENVELOPE = "sign_envelope"
    SIGN_REBASE = "sign_rebase"


class SiteState(StrEnum):
    """Whether the live release is served."""

    SERVING = "serving"
    STOPPED = "stopped"


class RebaseState(StrEnum):
    """Where a rebase stands."""

    PREPARED = "prepared"
    PROMOTED = "promoted"


class EnvelopeState(StrEnum):
    """Where an envelope file stands, with its signatures."""

    UNSIGNED = "unsigned"
    PARTLY_SIGNED = "partly_signed"
    SIGNED = "signed"
    EXPIRED = "expired"


State = BatchState | CandidateState | SiteState | RebaseState | EnvelopeState

PEOPLE = (Role.REVIEWER, Role.SECOND_SIGNER, Role.RELEASE_MANAGER)
"""What a person can be; the service is nobody's duty."""

_MAY: dict[Role, frozenset[Act]] = {
    Role.REVIEWER: frozenset(
        {Act.DECIDE_FIRST, Act.DECIDE_SECOND, Act.EXPEDITE, Act.CHECK, Act.ROLL_BACK, Act.STOP, Act.SIGN_ENVELOPE}
    ),
    Role.SECOND_SIGNER: frozenset({Act.DECIDE_SECOND, Act.CHECK, Act.ROLL_BACK, Act.STOP, Act.SIGN_ENVELOPE}),
    Role.RELEASE_MANAGER: frozenset(
        {
            Act.EXPEDITE,
            Act.CREATE_BATCH,
            Act.CANCEL_BATCH,
            Act.CHECK,
            Act.PROMOTE,
            Act.ROLL_BACK,
            Act.UNDO_ROLLBACK,
            Act.STOP,
            Act.START,
            Act.SIGN_ENVELOPE,
            Act.SIGN_REBASE,
        }
    ),
    Role.SERVICE: frozenset({Act.CREATE_BATCH, Act.CHECK, Act.PROMOTE_IN_ENVELOPE, Act.ROLL_BACK, Act.STOP}),
}
_OPEN_CANDIDATE = {CandidateState.PENDING, CandidateState.AWAITING_SECOND, CandidateState.DEFERRED}
_UNPROMOTED = {BatchState.OPEN, BatchState.STAGED, BatchState.PASSED, BatchState.HELD}
_WHEN: dict[Act, frozenset[State]] = {
    Act.DECIDE_FIRST: frozenset(_OPEN_CANDIDATE),
    Act.DECIDE_SECOND: frozenset({CandidateState.AWAITING_SECOND, CandidateState.DEFERRED}),
    Act.EXPEDITE: frozenset({CandidateState.PROPOSED, *_OPEN_CANDIDATE, CandidateState.APPROVED}),
    Act.CREATE_BATCH: frozenset({CandidateState.APPROVED}),
    Act.CANCEL_BATCH: frozenset({*_UNPROMOTED, BatchState.REFUSED}),
    Act.CHECK: frozenset(_UNPROMOTED),
    Act.PROMOTE: frozenset({BatchState.PASSED}),
    Act.PROMOTE_IN_ENVELOPE: frozenset({BatchState.PASSED}),
    Act.ROLL_BACK: frozenset({BatchState.PROMOTED}),
    Act.UNDO_ROLLBACK: frozenset({BatchState.PROMOTED, BatchState.ROLLED_BACK}),
    Act.STOP: frozenset({SiteState.SERVING}),
    Act.START: frozenset({SiteState.STOPPED}),
    Act.SIGN_ENVELOPE: frozenset({EnvelopeState.UNSIGNED, EnvelopeState.PARTLY_SIGNED}),
    Act.SIGN_REBASE: frozenset({RebaseState.PREPARED}),
}


def holds(roles: Collection[Role], act: Act) -> bool:
    """Whether one of these roles may ever do this."""
    return any(act in _MAY[role] for role in roles)


def allowed(roles: Collection[Role], act: Act, state: State) -> bool:
    """Whether whoever holds these roles may do this to something in this state: the one table."""
    return holds(roles, act) and state in _WHEN[act]


def require_role(roles: Collection[Role], act: Act, *, who: str) -> None:
    """Refuse an act that none of these roles may do.

    Raises:
        IllegalTransitionError: with the roles that may.
    """
    if not holds(roles, act):
        may = [role.replace("_", " ") for role in Role if act in _MAY[role]]
        has = ", ".join(role.replace("_", " ") for role in roles) or "none"
        raise IllegalTransitionError(
            f"{who}: {act.replace('_', ' ')} is for: {', '.join(may)}; they are: {has}; see medrek-flow reviewer list"
        )


def roles_of(duties: str) -> tuple[Role, ...]:
    """Read the duties of a reviewer as the ledger has them."""
    return tuple(Role(name) for name in duties.split(",") if name)
