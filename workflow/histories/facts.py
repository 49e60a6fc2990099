"""What the naive model is made of at the review desk: facts, words signed, marks, steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from workflow.records import Candidate

OPEN = ("pending", "awaiting_second", "deferred")
RIVALLING = ("proposed", "pending", "awaiting_second", "deferred", "approved")
FIX_TAKEN_BACK = "the correction was taken back"


@dataclass
class Word:
    """One signed decision."""

    person: str
    verdict: str
    wording: int
    """Of the rehearsal that was shown; 0 where there was none."""
    at: datetime
    taken_back: bool = False


@dataclass
class Fact:
    """One candidate."""

    body: Candidate
    version: int
    """Of the label that it cites."""
    created: datetime
    state: str = "proposed"
    wording: int = 0
    words: list[Word] = field(default_factory=list)
    why: str = ""
    defer_until: str = ""
    replaced_by: str = ""
    is_hasty: bool = False

    @property
    def is_edit(self) -> bool:
        """Whether it would bring something in."""
        return self.body.action == "edit"

    @property
    def key(self) -> str:
        """What only one object can be true of."""
        return self.body.subject


@dataclass
class Mark:
    """One choice that is not signed."""

    verdict: str
    wording: int
    fixed: str
    seen: bool
    reason: str
    at: int = 0
    """Its place among all marks ever made."""

    @property
    def content(self) -> tuple[str, int, str, bool, str]:
        """What it says."""
        return self.verdict, self.wording, self.fixed, self.seen, self.reason


@dataclass
class Did:
    """One thing that somebody did and may undo: a mark, or a decision with the mark that it used up."""

    name: str
    before: Mark | None = None
    after: Mark | None = None
    word: Word | None = None


@dataclass
class MadeEdit:
    """One edit."""

    fact: str
    batch: str
    state: str
    at: datetime
