"""The queue as lists show it: counts, rows, filters, saved views."""

from __future__ import annotations

from dataclasses import dataclass

from review_tui.protocol.kinds import Action, CandidateState, QueueOrder, QueueView, Risk, Verdict


@dataclass(frozen=True)
class QueueCounts:
    """Candidates in each view, whatever the search."""

    pending: int
    marked: int
    awaiting_second: int
    deferred: int
    conflicts: int
    approved: int
    rejected: int
    mine: int = 0
    affected: int = 0
    no_edit_needed: int = 0

    def of(self, view: QueueView) -> int:
        """Give the count of one view."""
        counts: dict[QueueView, int] = {
            QueueView.PENDING: self.pending,
            QueueView.MARKED: self.marked,
            QueueView.AWAITING_SECOND: self.awaiting_second,
            QueueView.DEFERRED: self.deferred,
            QueueView.CONFLICTS: self.conflicts,
            QueueView.APPROVED: self.approved,
            QueueView.REJECTED: self.rejected,
            QueueView.MINE: self.mine,
            QueueView.AFFECTED: self.affected,
            QueueView.NO_EDIT_NEEDED: self.no_edit_needed,
        }
        return counts[view]


@dataclass(frozen=True)
class QueueRow:
    """One line of the queue."""

    candidate_id: str
    state: CandidateState
    action: Action
    risk: Risk
    subject: str
    qualifiers: str
    """For whom and how, in words (``women, oral``); empty where the fact holds in general."""
    relation: str
    summary_old: str
    """Old object, shortened by the desk or whole; empty where there is none."""
    summary_new: str
    age_text: str
    """Age as a reader says it: ``3 h``, ``2 d``."""
    flags_count: int
    conflict: bool
    mark: Verdict | None
    """This reviewer's own unsigned mark."""
    signatures: str
    """``n/m``: signatures given, of those asked for."""
    claimed_by: str = ""
    """Printed name of whoever works on it now; empty where nobody does."""
    has_draft: bool = False
    """Whether this reviewer has an unfinished comment on it."""
    comments: int = 0


@dataclass(frozen=True)
class QueueFilter:
    """What a list is narrowed to: within one field any of the values, all fields together; empty means whatever."""

    risks: tuple[Risk, ...] = ()
    actions: tuple[Action, ...] = ()
    relations: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    """Whatever the case."""
    drug_classes: tuple[str, ...] = ()
    """Names of the classes that the site's settings list."""
    sources: tuple[str, ...] = ()
    change_kinds: tuple[str, ...] = ()
    claimed_by: tuple[str, ...] = ()
    """Printed names; the empty one stands for *nobody*."""
    flagged: bool | None = None
    """Whether something is flagged on it."""
    in_conflict: bool | None = None
    at_least_days: int | None = None
    """Age in whole days."""
    at_most_days: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is narrowed."""
        return self == QueueFilter()


NO_FILTER = QueueFilter()


@dataclass(frozen=True)
class FilterValue:
    """One value that a filter can take, with how many of the view have it."""

    value: str
    count: int


@dataclass(frozen=True)
class FilterChoices:
    """The values that occur in a view, the most frequent first; never more than a hundred a field."""

    risks: tuple[FilterValue, ...] = ()
    actions: tuple[FilterValue, ...] = ()
    relations: tuple[FilterValue, ...] = ()
    subjects: tuple[FilterValue, ...] = ()
    drug_classes: tuple[FilterValue, ...] = ()
    sources: tuple[FilterValue, ...] = ()
    change_kinds: tuple[FilterValue, ...] = ()
    claimed_by: tuple[FilterValue, ...] = ()
    flagged: int = 0
    in_conflict: int = 0


@dataclass(frozen=True)
class SavedView:
    """A view with its search, filter and order under a name of the reviewer's own."""

    name: str
    view: QueueView
    search: str = ""
    filters: QueueFilter = NO_FILTER
    order: QueueOrder = QueueOrder.RISK
