"""Culprits: which edit made a question come out wrong. Pure functions over the engine's outcomes.

A moved probe names the edit that fired, or the one that shadows what fired before; halving (``halving``) is left for
what nobody can be named for. What a batch changes on purpose is no failure: the answer of an edit that a newer one of
the same functional key supersedes, a question that another of its edits was written for, and a near miss of one edit
about the subject of another, whose own near misses guard it. For a pinned question only the first of these counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from editor_engine.edit import Edit
from editor_engine.metrics import says
from editor_engine.probes import ProbeKind
from workflow.change_control.gate_report import CheckName, Failure
from workflow.change_control.question_sets import folded
from workflow.change_control.release import ReleasedEdit

if TYPE_CHECKING:
    from editor_engine import ProbeOutcome

_LONGEST_ANSWER = 80
"""Characters of an answer in a reason; the gate's report has it whole."""

CHECK_OF = {
    ProbeKind.CHECK: CheckName.TAKES,
    ProbeKind.NEAR_MISS: CheckName.NEAR_MISSES,
    ProbeKind.SAFETY: CheckName.PINNED,
    ProbeKind.PORTFOLIO: CheckName.PORTFOLIO,
    ProbeKind.FAQ: CheckName.FAQ,
}


@dataclass(frozen=True)
class Intended:
    """What a batch means to change: its edits' own questions with who answers them, and whom they supersede."""

    standing: Mapping[str, Edit]
    owner_of: Mapping[str, str]
    key_of: Mapping[str, str] = field(default_factory=dict)
    """Functional keys, by edit id, of the batch's edits and of those in force."""

    @classmethod
    def by(cls, edits: Sequence[Edit], in_force: Iterable[ReleasedEdit] = ()) -> Intended:
        """What these edits mean to change of a memory with those in force."""
        owners = {folded(question): edit.edit_id for edit in edits for question in (edit.question, *edit.paraphrases)}
        keys = {edit.edit_id: edit.functional_key for edit in in_force}
        keys |= {edit.edit_id: edit.functional_key for edit in edits}
        return cls({edit.edit_id: edit for edit in edits}, owners, keys)

    def covers(self, outcome: ProbeOutcome) -> bool:
        """Whether the edit that fires on this question was written for it."""
        owner = self.owner_of.get(folded(outcome.probe.question))
        return owner is not None and owner == outcome.staged.edit_id

    def supersedes(self, outcome: ProbeOutcome) -> bool:
        """Whether the edit that fired before gives way to one of this batch with the same functional key."""
        before, after = outcome.live.edit_id, outcome.staged.edit_id
        if before is None or after is None or after not in self.standing:
            return False
        return self.key_of.get(before) == self.key_of[after]

    def shadower(self, outcome: ProbeOutcome) -> str | None:
        """The edit of this batch because of which the one that fired before fires no more."""
        key = self.key_of.get(outcome.live.edit_id or "")
        of_key = [edit_id for edit_id in self.standing if key is not None and self.key_of[edit_id] == key]
        return of_key[0] if of_key and outcome.live.edit_id not in self.standing else None

    def is_anothers_subject(self, outcome: ProbeOutcome) -> bool:
        """Whether a near miss of one edit names the subject of the other edit of the batch that fires on it."""
        fired = self.standing.get(outcome.staged.edit_id or "")
        if outcome.probe.kind is not ProbeKind.NEAR_MISS or fired is None or fired.edit_id == outcome.probe.edit_id:
            return False
        return any(says(outcome.probe.question, name) for name in (fired.subject, *fired.aliases))


def failures_of(
    outcomes: Sequence[ProbeOutcome], edits: Sequence[Edit], in_force: Iterable[ReleasedEdit] = ()
) -> list[Failure]:
    """Every question that came out wrong, each with its culprit among ``edits`` where there is one."""
    intended = Intended.by(edits, in_force)
    return [_failure(outcome, intended) for outcome in outcomes if _failed(outcome, intended)]


def _failed(outcome: ProbeOutcome, intended: Intended) -> bool:
    if outcome.probe.kind is ProbeKind.CHECK:
        return outcome.takes is not True
    if not outcome.moved or intended.supersedes(outcome):
        return False
    if outcome.probe.kind is ProbeKind.SAFETY:
        return True
    return not intended.covers(outcome) and not intended.is_anothers_subject(outcome)


def _failure(outcome: ProbeOutcome, intended: Intended) -> Failure:
    fired = outcome.staged.edit_id if outcome.staged.edit_id in intended.standing else None
    owner = outcome.probe.edit_id if outcome.probe.edit_id in intended.standing else None
    blamed_without_firing = owner if outcome.probe.kind is ProbeKind.CHECK else intended.shadower(outcome)
    return Failure(
        check=CHECK_OF[outcome.probe.kind],
        question=outcome.probe.question,
        kind=outcome.probe.kind,
        live_answer=outcome.live_answer or "",
        staged_answer=outcome.staged_answer or "",
        culprit=fired or blamed_without_firing,
    )


def conflicting(edits: Sequence[Edit]) -> tuple[Edit, ...]:
    """Edits that claim different objects for one functional key within the batch: all of them, none is preferred."""
    objects: dict[str, set[str]] = {}
    for edit in edits:
        objects.setdefault(edit.functional_key, set()).add(" ".join(edit.object_new.casefold().split()))
    return tuple(edit for edit in edits if len(objects[edit.functional_key]) > 1)


def reason_for(failures: Sequence[Failure]) -> str:
    """One line for people: what an edit did that a batch may not."""
    first = failures[0]
    more = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
    if first.check is CheckName.TAKES:
        return f"does not take: {first.question!r} is answered {_short(first.staged_answer)}{more}"
    names = {
        CheckName.NEAR_MISSES: "a near miss",
        CheckName.PORTFOLIO: "an earlier edit",
        CheckName.PINNED: "a pinned question",
    }
    where = names.get(first.check, "a question")
    return f"moves {where}: {first.question!r} from {_short(first.live_answer)} to {_short(first.staged_answer)}{more}"


def _short(answer: str) -> str:
    return repr(answer if len(answer) <= _LONGEST_ANSWER else f"{answer[: _LONGEST_ANSWER - 1]}…")
