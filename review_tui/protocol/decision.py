"""Marks, signatures and what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from review_tui.protocol.kinds import Action, RefusalKind, Risk, Verdict


@dataclass(frozen=True)
class ReasonCode:
    """One entry of the short list that a reject or a defer chooses from; at most nine a verdict are shown."""

    code: str
    words: str
    needs_text: bool = False
    """Whether the code says nothing without words (*other*)."""


@dataclass(frozen=True)
class MarkRequest:
    """What a reviewer chose, about what they saw."""

    candidate_id: str
    shown_sha256: str
    verdict: Verdict
    quote_seen: bool
    """Whether every quote of the candidate was on the screen in this sitting."""
    reason_code: str | None = None
    reason_text: str = ""
    fixed_object: str | None = None
    """The new object as the reviewer wrote it, for *fix and approve* only."""
    deferred_until: date | None = None
    """For *defer* only; None leaves it to the desk's policy."""


@dataclass(frozen=True)
class Refusal:
    """Why something was not taken, in one line for the reviewer."""

    kind: RefusalKind
    words: str


@dataclass(frozen=True)
class MarkResult:
    """What became of a mark or an unmark: saved where there is no refusal."""

    refusals: tuple[Refusal, ...] = ()
    made: str = ""
    """The candidate that stands for it from now on, where re-opening made one; it is rehearsed next."""

    @property
    def saved(self) -> bool:
        """Whether the record holds it."""
        return not self.refusals


@dataclass(frozen=True)
class MarkedRow:
    """A mark as the signature lists it."""

    mark_id: str
    """Names this very mark: marking the candidate again makes another id."""
    candidate_id: str
    risk: Risk
    action: Action
    verdict: Verdict
    subject: str
    qualifiers: str
    """For whom and how, in words; empty where the fact holds in general."""
    relation: str
    object_new: str
    """What would be signed: the fixed object where there is one."""
    reason: str
    """Reason in words, empty where none was given."""
    quote_seen: bool
    signatures_after: str
    """``n/m`` once this signature stands."""
    warnings: tuple[str, ...] = ()
    """What an approval of it passes over; the next signer sees it with this signer's name."""
    reason_code: str = ""
    deferred_until: date | None = None


@dataclass(frozen=True)
class SignRefusal:
    """A mark that was listed and could not be signed, with the reason; it stays on the desk."""

    candidate_id: str
    words: str


@dataclass(frozen=True)
class Revealed:
    """An item that the site had made false to see whether it is noticed."""

    candidate_id: str
    noticed: bool
    words: str
    """What was made false of what."""


@dataclass(frozen=True)
class SignResult:
    """What became of a signature."""

    signed: tuple[str, ...] = ()
    """Candidates whose decision stands now."""
    refused: tuple[SignRefusal, ...] = ()
    pin_refused: str | None = None
    """Why the PIN was not taken (nothing is signed then), in one line: wrong, or locked until."""
    revealed: tuple[Revealed, ...] = ()
    """Items of this sitting that were made false on purpose, to be told now."""


@dataclass(frozen=True)
class BulkRequest:
    """One verdict for many candidates: reject, defer or close, never an approval."""

    candidate_ids: tuple[str, ...]
    verdict: Verdict
    reason_code: str | None = None
    reason_text: str = ""
    deferred_until: date | None = None


@dataclass(frozen=True)
class BulkPlan:
    """What a verdict on many would do, before it is done."""

    taken: tuple[str, ...]
    """Ids that would be marked."""
    excluded: tuple[SignRefusal, ...]
    """Those left out, each with the reason: high risk, in conflict, a withdrawal, claimed by somebody else."""
    by_risk: tuple[tuple[Risk, int], ...]
    samples: tuple[str, ...]
    """Up to three of those taken, as sentences."""


@dataclass(frozen=True)
class BulkResult:
    """What became of a verdict on many; the marks still wait for the signature, and one undo takes all of them back."""

    marked: tuple[str, ...] = ()
    refused: tuple[SignRefusal, ...] = ()


@dataclass(frozen=True)
class Steps:
    """What undo and redo would do next, in words; empty where there is nothing."""

    undo: str = ""
    redo: str = ""
    redo_needs_pin: bool = False
    """The next redo gives a signature again: it asks for the PIN."""


@dataclass(frozen=True)
class StepResult:
    """What an undo or a redo did."""

    words: str
    candidate_ids: tuple[str, ...] = ()
    """Those that it changed; empty where it could not be done any more (the words say why, and it is passed over)."""
    pin_refused: str | None = None


@dataclass(frozen=True)
class ClaimResult:
    """Who works on a candidate now."""

    mine: bool
    holder: str
    """Printed name; empty where nobody does."""
    until: datetime | None = None


@dataclass(frozen=True)
class WrongAnswer:
    """An answer that somebody calls wrong."""

    question: str
    answer: str
    note: str
    """What is wrong with it."""
    reported_by: str = ""
    """Who noticed it, in words; not necessarily somebody who is enrolled."""
    edit_id: str | None = None
    """The edit that fired, as the answer's attribution names it."""
    release_id: int | None = None
    """The release that answered."""
    trace: str = ""
    """Any id that the serving side gave the answer, kept as it is."""
