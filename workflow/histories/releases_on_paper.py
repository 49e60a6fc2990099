"""What the naive model is made of in change control: batches, releases, signed acts, the envelope."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime

from workflow.histories.paper_site import IDENTITY, PEOPLE

BY_ENVELOPE = "envelope"
UNPROMOTED = ("open", "staged", "passed", "held")


@dataclass
class Batch:
    """One batch."""

    state: str
    ordinal: int
    ordered_by: str = ""
    gated_on: int = -1
    """The release that its gate compared with."""
    supersedes: bool = False
    """Whether its gate saw that a fact in force would stop answering."""
    is_hasty: bool = False


@dataclass
class Release:
    """One release: what is in force in it."""

    cause: str
    parent: int | None
    check: str
    rows: dict[str, str]
    """Row digests by edit."""
    at: datetime
    batch: str = ""
    order: str = ""

    @property
    def digest(self) -> str:
        """Digest of a memory built from these rows alone."""
        parts = ["memory/1", IDENTITY.base_model_digest, IDENTITY.encoder_digest, IDENTITY.thresholds]
        return hashlib.sha256("\n".join([*parts, *sorted(self.rows.values())]).encode()).hexdigest()


@dataclass
class Signed:
    """An act of change control that a person signed."""

    act: str
    subject: str
    account: str


@dataclass
class Envelope:
    """The file, and who signed these bytes."""

    version: int = 1
    signed: list[str] = field(default_factory=list)


def holds(account: str, *duties: str) -> bool:
    """Whether somebody holds one of these duties; who is nobody holds ``service``."""
    return any(duty in PEOPLE.get(account, "service").split(",") for duty in duties)
