"""Who sits at the desk, and what the first screen tells them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from review_tui.protocol.kinds import SignerProfile


@dataclass(frozen=True)
class Reviewer:
    """Who sits at the desk, and by which rules. Shown on every screen."""

    name: str
    role: str
    needs_pin: bool
    site_kind: str
    """``demo`` puts a banner on every screen; anything else is a site of record."""
    signer_profile: SignerProfile
    account: str = ""
    """Their account on this machine; empty for a visitor."""
    read_only: bool = False
    """A visitor: sees everything and changes nothing; every write raises a ``DeskError``."""
    idle_lock_s: float = 0.0
    """Seconds without a key after which the screens lock and ask for the PIN (``unlock``); 0 for never."""
    stands_in_for: tuple[str, ...] = ()
    """Printed names of the people whose deputy this reviewer is today; printed with each signature."""


@dataclass(frozen=True)
class OutcomeLine:
    """What became of earlier decisions: ``OutcomeLine(7, "promoted in release 12")``."""

    count: int
    words: str


@dataclass(frozen=True)
class Summary:
    """The first screen: what waits, and what happened since."""

    items: int
    """Candidates that this reviewer can decide now (pending, or awaiting a second signature from them)."""
    minutes: int
    """About how long they take."""
    urgent: int
    """Of ``items``: those that cannot wait (retractions and withdrawals of live edits, recalls)."""
    unsigned: int
    """Marks of this reviewer that no signature covers yet."""
    outcomes: tuple[OutcomeLine, ...]
    """What became of yesterday's decisions."""
    stale_sources: tuple[str, ...]
    """One line per source that is behind: its name and since when."""
    notices: tuple[str, ...] = ()
    """Anything else to know first (served model stopped, live release unchecked), one line each."""
    decided_today: int = 0
    """Decisions that this reviewer signed today."""
    high_left: int = 0
    """Of ``items``: those of high risk."""
    mine: int = 0
    """Of the open ones: claimed, drafted, marked or corrected by this reviewer."""


@dataclass(frozen=True)
class Person:
    """Somebody who is enrolled here."""

    account: str
    name: str
    role: str


@dataclass(frozen=True)
class Deputy:
    """Somebody stands in for somebody on these days, both included."""

    deputy_id: int
    for_name: str
    deputy_name: str
    first_day: date
    last_day: date
    mine: bool
    """Whether this reviewer named them, and may end it."""
    active: bool
