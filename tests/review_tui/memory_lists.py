"""The lists of the desk in memory: rows, orders, filters with their choices, saved views."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from review_tui.protocol import (
    CandidateView,
    FilterChoices,
    FilterValue,
    QueueFilter,
    QueueOrder,
    QueueRow,
    QueueView,
    SavedView,
)


class MemoryLists:
    """What the queue's lists need; the desk gives the rest."""

    before_call: Callable[[str], None]
    _views: dict[str, CandidateView]
    _order: list[str]

    def _holder(self, key: str) -> str:
        raise NotImplementedError

    def _in_view(self, view: CandidateView, queue_view: QueueView) -> bool:
        raise NotImplementedError

    def filter_choices(self, view: QueueView) -> FilterChoices:
        """Count the values that occur in a view."""
        self.before_call("filter_choices")
        here = [each for each in self._views.values() if self._in_view(each, view)]
        return FilterChoices(
            risks=_values(each.risk for each in here),
            actions=_values(each.action for each in here),
            relations=_values(each.relation for each in here),
            subjects=_values(each.subject for each in here),
            sources=_values(evidence.kind for each in here for evidence in each.evidence),
            change_kinds=_values(each.change_kind for each in here),
            claimed_by=_values(self._holder(each.candidate_id) for each in here),
            flagged=sum(bool(each.flags) for each in here),
            in_conflict=sum(bool(each.conflicts) for each in here),
        )

    def saved_views(self) -> Sequence[SavedView]:
        """List the saved views by name."""
        self.before_call("saved_views")
        return tuple(self._saved[name] for name in sorted(self._saved))

    def save_view(self, view: SavedView) -> None:
        """Keep a view."""
        self.before_call("save_view")
        self._saved[view.name] = view

    def drop_view(self, name: str) -> None:
        """Forget a view."""
        self._saved.pop(name, None)

    def place(self) -> str:
        """Give the place kept."""
        self.before_call("place")
        return self._place

    def keep_place(self, place: str) -> None:
        """Keep the place."""
        self.before_call("keep_place")
        assert len(place) <= 4000
        self._place = place

    def _set_up_lists(self) -> None:
        self._saved: dict[str, SavedView] = {}
        self._place = ""

    def _ordered(self, keys: list[str], order: QueueOrder) -> list[str]:
        if order is QueueOrder.SUBJECT:
            return sorted(keys, key=lambda key: (self._views[key].subject, key))
        if order in {QueueOrder.AGE, QueueOrder.NEWEST}:
            return sorted(keys, reverse=order is QueueOrder.NEWEST)
        if order is QueueOrder.CONFLICT:
            return sorted(keys, key=lambda key: (not self._views[key].conflicts, key))
        return keys


def row_of(view: CandidateView) -> QueueRow:
    """Make the line of a candidate, without anything of this reviewer's."""
    return QueueRow(
        candidate_id=view.candidate_id,
        state=view.state,
        action=view.action,
        risk=view.risk,
        subject=view.subject,
        qualifiers=", ".join(value for _, value in view.qualifiers),
        relation=view.relation,
        summary_old=view.object_old or "",
        summary_new=view.object_new,
        age_text="2 d",
        flags_count=len(view.flags),
        conflict=bool(view.conflicts),
        mark=None,
        signatures=f"{len(view.signed_by)}/{view.required_signatures}",
    )


def in_filter(view: CandidateView, filters: QueueFilter, holder: str) -> bool:
    """Tell whether a candidate is within a filter."""
    subjects = tuple(subject.casefold() for subject in filters.subjects)
    return all(
        (
            not filters.risks or view.risk in filters.risks,
            not filters.actions or view.action in filters.actions,
            not filters.relations or view.relation in filters.relations,
            not subjects or view.subject.casefold() in subjects,
            not filters.sources or any(evidence.kind in filters.sources for evidence in view.evidence),
            not filters.change_kinds or view.change_kind in filters.change_kinds,
            not filters.claimed_by or holder in filters.claimed_by,
            filters.flagged is None or bool(view.flags) is filters.flagged,
            filters.in_conflict is None or bool(view.conflicts) is filters.in_conflict,
            filters.at_least_days is None or filters.at_least_days <= 2,
            filters.at_most_days is None or filters.at_most_days >= 2,
        )
    )


def searched(view: CandidateView) -> str:
    """Give the text that a search looks through."""
    sources = " ".join(evidence.source_title for evidence in view.evidence)
    words = (view.subject, view.relation, view.object_old or "", view.object_new, view.question, sources)
    return " ".join(words).casefold()


def _values(values: Iterable[str]) -> tuple[FilterValue, ...]:
    return tuple(FilterValue(value, count) for value, count in Counter(values).most_common(100))
