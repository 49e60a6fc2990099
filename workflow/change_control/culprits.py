"""Culprits: which edit made a question come out wrong. Pure functions over the engine's outcomes.

A moved probe names the edit that fired; no halving is needed where there is attribution. What a batch changes on
purpose is no failure: a question that another of its edits was written for, and a near miss of one edit about the
subject of another, whose own near misses guard it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from editor_engine.edit import Edit
from editor_engine.metrics import says
from editor_engine.probes import ProbeKind
from workflow.change_control.gate_report import CheckName, Failure
from workflow.change_control.probe_sets import folded

if TYPE_CHECKING:
    from editor_engine import ProbeOutcome

_LONGEST_ANSWER = 80
"""Characters of an answer in a reason; the gate's report has it whole."""

CHECK_OF = {
    ProbeKind.CHECK: CheckName.TAKES,
    ProbeKind.NEAR_MISS: CheckName.NEAR_MISSES,
    ProbeKind.SAFETY: CheckName.NEAR_MISSES,
    ProbeKind.PORTFOLIO: CheckName.PORTFOLIO,
    ProbeKind.FAQ: CheckName.FAQ,
}


@dataclass(frozen=True)
class Intended:
    """What a batch means to change: its edits' own questions, and who answers them."""

    owner_of: dict[str, str]

    @classmethod
    def by(cls, edits: Iterable[Edit]) -> Intended:
        """The questions and paraphrases of these edits."""
        pairs = ((question, edit) for edit in edits for question in (edit.question, *edit.paraphrases))
        return cls({folded(question): edit.edit_id for question, edit in pairs})

    def covers(self, outcome: ProbeOutcome) -> bool:
        """Whether the edit that fires on this question was written for it."""
        owner = self.owner_of.get(folded(outcome.probe.question))
        return owner is not None and owner == outcome.staged.edit_id


def failures_of(outcomes: Sequence[ProbeOutcome], edits: Sequence[Edit]) -> list[Failure]:
    """Every question that came out wrong, each with its culprit among ``edits`` where there is one."""
    intended = Intended.by(edits)
    standing = {edit.edit_id: edit for edit in edits}
    wrong = (outcome for outcome in outcomes if _failed(outcome, intended, standing))
    return [_failure(outcome, frozenset(standing)) for outcome in wrong]


def _failed(outcome: ProbeOutcome, intended: Intended, standing: Mapping[str, Edit]) -> bool:
    if outcome.probe.kind is ProbeKind.CHECK:
        return outcome.takes is not True
    return outcome.moved and not intended.covers(outcome) and not _is_anothers_subject(outcome, standing)


def _is_anothers_subject(outcome: ProbeOutcome, standing: Mapping[str, Edit]) -> bool:
    """Whether a near miss of one edit names the subject of the other edit of the batch that fires on it."""
    fired = standing.get(outcome.staged.edit_id or "")
    if outcome.probe.kind is not ProbeKind.NEAR_MISS or fired is None or fired.edit_id == outcome.probe.edit_id:
        return False
    return any(says(outcome.probe.question, name) for name in (fired.subject, *fired.aliases))


def _failure(outcome: ProbeOutcome, standing: frozenset[str]) -> Failure:
    fired = outcome.staged.edit_id if outcome.staged.edit_id in standing else None
    owner = outcome.probe.edit_id if outcome.probe.edit_id in standing else None
    blamed_without_firing = owner if outcome.probe.kind is ProbeKind.CHECK else None
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
    names = {CheckName.NEAR_MISSES: "a near miss", CheckName.PORTFOLIO: "an earlier edit"}
    where = names.get(first.check, "a question")
    return f"moves {where}: {first.question!r} from {_short(first.live_answer)} to {_short(first.staged_answer)}{more}"


def _short(answer: str) -> str:
    return repr(answer if len(answer) <= _LONGEST_ANSWER else f"{answer[: _LONGEST_ANSWER - 1]}…")
