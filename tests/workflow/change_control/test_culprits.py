"""Who is to blame for a moved answer, and what a batch may change on purpose."""

from __future__ import annotations

from dataclasses import replace

import pytest

from editor_engine.edit import Edit, Firing, Silence
from editor_engine.probes import Probe, ProbeKind
from editor_engine.regression import ProbeOutcome
from workflow.change_control.culprits import failures_of
from workflow.change_control.gate_report import CheckName
from workflow.change_control.release import ReleasedEdit


def edit(name: str, subject: str = "corvandine", **more: object) -> Edit:
    fields: dict[str, object] = {"relation": "dose", "object_new": "5 mg", "question": f"What dose of {subject}?"}
    return Edit(name, subject, **{**fields, **more})  # type: ignore[arg-type]


def released(one: Edit) -> ReleasedEdit:
    return ReleasedEdit(
        one.edit_id, "b1", "c", "", one.functional_key, one.subject, one.relation, (), one.object_new, one.question, 1
    )


def fired(edit_id: str | None) -> Firing:
    if edit_id is None:
        return Firing(None, 0.0, 0.0, Silence.BELOW_THRESHOLD)
    return Firing(edit_id, 1.0, 1.0, value_sha256=edit_id)


def outcome(
    kind: ProbeKind,
    before: str | None,
    after: str | None,
    *,
    question: str = "Another question?",
    of: str | None = None,
    takes: bool | None = None,
) -> ProbeOutcome:
    """A probe whose answer is told by what fires."""
    probe = Probe("p", question, kind, edit_id=of, expects_new="5 mg" if kind is ProbeKind.CHECK else None)
    return ProbeOutcome(probe, fired(before), fired(after), f"by {before}", f"by {after}", takes)


NEW = edit("new")
OLD = edit("old", object_new="10 mg")
OTHER = edit("other", "tavorine")


@pytest.mark.parametrize("kind", [ProbeKind.NEAR_MISS, ProbeKind.SAFETY, ProbeKind.PORTFOLIO, ProbeKind.FAQ])
def test_a_newer_edit_may_supersede_one_of_its_functional_key_and_no_other(kind: ProbeKind) -> None:
    assert failures_of([outcome(kind, "old", "new")], [NEW], [released(OLD)]) == []
    (failure,) = failures_of([outcome(kind, "old", "other")], [NEW, OTHER], [released(OLD)])
    assert failure.culprit == "other"
    assert failure.check is {"safety": CheckName.PINNED, "near_miss": CheckName.NEAR_MISSES}.get(kind, failure.check)


def test_where_a_superseded_edit_falls_silent_its_successor_is_to_blame() -> None:
    """The old wording fires nothing any more: the base model would answer with what was true before both."""
    moved = outcome(ProbeKind.PORTFOLIO, "old", None)
    (failure,) = failures_of([moved], [NEW, OTHER], [released(OLD)])
    assert (failure.check, failure.culprit) == (CheckName.PORTFOLIO, "new")


def test_an_edits_own_question_may_move_unless_it_is_pinned() -> None:
    assert failures_of([outcome(ProbeKind.NEAR_MISS, None, "new", question=NEW.question)], [NEW]) == []
    (failure,) = failures_of([outcome(ProbeKind.SAFETY, None, "new", question=NEW.question)], [NEW])
    assert (failure.check, failure.culprit) == (CheckName.PINNED, "new")


def test_a_near_miss_about_the_other_edits_subject_is_that_edits_own_affair() -> None:
    asked = "May tavorine be taken with corvandine?"
    assert failures_of([outcome(ProbeKind.NEAR_MISS, None, "other", of="new", question=asked)], [NEW, OTHER]) == []
    (failure,) = failures_of([outcome(ProbeKind.NEAR_MISS, None, "new", of="new", question=asked)], [NEW, OTHER])
    assert failure.culprit == "new"


def test_a_check_that_does_not_take_blames_what_fires_or_its_own_edit() -> None:
    assert failures_of([outcome(ProbeKind.CHECK, None, "new", of="new", takes=True)], [NEW]) == []
    silent = failures_of([outcome(ProbeKind.CHECK, None, None, of="new", takes=False)], [NEW])
    stolen = failures_of([outcome(ProbeKind.CHECK, None, "other", of="new", takes=False)], [NEW, OTHER])
    assert [one.culprit for one in (*silent, *stolen)] == ["new", "other"]


def test_what_nobody_can_be_named_for_has_no_culprit() -> None:
    (failure,) = failures_of([outcome(ProbeKind.PORTFOLIO, "old", None)], [OTHER], [released(OLD)])
    assert failure.culprit is None
    assert replace(OLD, edit_id="x").functional_key == NEW.functional_key
