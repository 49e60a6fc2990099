"""One candidate with its evidence, its rehearsal and its history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from review_tui.protocol.kinds import Action, CandidateState, Risk, Verdict


@dataclass(frozen=True)
class EvidenceView:
    """One quote in its surroundings."""

    context: str
    """Text of the document around the quote, quote included, as the extractor made it."""
    quote_start: int
    """Offset of the quote within ``context``, in characters."""
    quote_end: int
    """End of the quote; equal to ``quote_start`` where it does not stand in the text: shown as a defect."""
    role: str
    """``claim``, ``previous`` or ``retraction``."""
    section: str
    source_title: str
    source_date: str
    """As the source dates it (ISO, possibly shortened); empty where it does not."""
    kind: str
    """What the notice is: article, retraction notice, label version, guideline, recall."""
    url: str


@dataclass(frozen=True)
class RehearsedAnswer:
    """A question of the candidate: what the model says now, and what it would say."""

    question: str
    now: str
    would_say: str
    takes: bool
    """Whether the would-be answer says the new object and nothing it must not."""


@dataclass(frozen=True)
class MovedAnswer:
    """A near miss whose answer would move although it must not."""

    question: str
    kind: str
    now: str
    would_say: str


@dataclass(frozen=True)
class RehearsalView:
    """One candidate staged alone on a copy of the live memory."""

    carrier: str
    answers: tuple[RehearsedAnswer, ...]
    moves: tuple[MovedAnswer, ...]
    already_says: bool
    takes: bool
    near_misses_asked: int = 0
    """How many near misses were asked, so that *nothing moves* says out of how many."""
    says_now: str = ""
    """What live says of the fact today, counted: *the old in 3 of 4, neither in 1 of 4*; empty where not recorded."""
    trials: tuple[str, ...] = ()
    """Each carrier that was tried and what it did, one line each; more than one where there was a choice."""


@dataclass(frozen=True)
class HistoryLine:
    """Who did what, when."""

    when: datetime
    """UTC, aware."""
    who: str
    what: str
    why: str = ""


@dataclass(frozen=True)
class CommentLine:
    """A comment on a candidate; it stays whatever is decided."""

    when: datetime
    who: str
    text: str


@dataclass(frozen=True)
class DismissedWarning:
    """A warning that stood on the screen of somebody who approved all the same."""

    words: str
    who: str
    when: datetime


@dataclass(frozen=True)
class CheckLine:
    """What a check of the machinery said of the candidate: the wall, the entailment check, the quote's place."""

    name: str
    passed: bool | None
    """None where the check did not run, or leaves it to a person."""
    words: str


@dataclass(frozen=True)
class CandidateView:
    """All that a reviewer sees of one candidate."""

    candidate_id: str
    shown_sha256: str
    """Hash over what is shown here; given back with the mark, so that nobody signs what they did not see."""
    state: CandidateState
    action: Action
    risk: Risk
    subject: str
    relation: str
    qualifiers: tuple[tuple[str, str], ...]
    object_old: str | None
    object_old_origin: str
    """Where the old object comes from, in words: ``previous version``, ``live memory``, ``base model``."""
    object_new: str
    question: str
    paraphrases: tuple[str, ...]
    evidence: tuple[EvidenceView, ...]
    rehearsal: RehearsalView | None
    flags: tuple[str, ...]
    """What must be known before deciding, one plain line each; shown at the top."""
    conflicts: tuple[str, ...]
    """Other candidates or live edits on the same fact, one plain line each."""
    history: tuple[HistoryLine, ...]
    required_signatures: int
    signed_by: tuple[str, ...]
    """Names with times, one line each."""
    extractor: str
    change_kind: str
    withdraws: str | None
    """For a withdrawal: the live edit it would take out, in words."""
    mark: Verdict | None
    """This reviewer's own unsigned mark."""
    marked_object: str | None = None
    """The object of a *fix and approve* mark, where it differs from ``object_new``."""
    deferred_until: date | None = None
    not_allowed: tuple[tuple[Verdict, str], ...] = ()
    """Verdicts that this reviewer may not give here, each with the reason in one line."""
    near_duplicates: tuple[str, ...] = ()
    """Edits in force that ask nearly the same under another fact, one plain line each."""
    checks: tuple[CheckLine, ...] = ()
    comments: tuple[CommentLine, ...] = ()
    draft: str = ""
    """This reviewer's unfinished comment."""
    dismissed: tuple[DismissedWarning, ...] = ()
    """What earlier signers were warned of; shown to the next one before they decide."""
    claimed_by: str = ""
    claimed_until: datetime | None = None
    claim_is_mine: bool = False
    fixed_from: str | None = None
    """The object as it was proposed, where a reviewer corrected it; ``object_new`` is the corrected one."""
    fixed_by: str = ""
    reopen_refused: str | None = ""
    """Why it cannot be re-opened, in one line; None where it can be (``reopen``); empty where it is open."""
    signatures_void: tuple[str, ...] = ()
    """Approvals that were given and do not count any more, each with the reason in one line."""
