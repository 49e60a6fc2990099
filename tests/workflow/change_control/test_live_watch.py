"""What is live is watched: a trend, drift against answers on record, and the facts that are asked every night."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
from sqlalchemy import select, update

from editor_engine import Editor
from tests.workflow.change_control.gated_site import GatedSite, dose, load_editor
from tests.workflow.change_control.made_batches import approve
from workflow.change_control import environment
from workflow.change_control.drift import accept, read_reference
from workflow.change_control.live_watch import RecordedCheck, is_due, read_trend, watch_live
from workflow.change_control.nightly_questions import Exposure, NightlyAnswers, ask_facts, read_exposures
from workflow.change_control.rollback import roll_back
from workflow.clock import utc_text
from workflow.errors import ExitCode
from workflow.ledger import tables
from workflow.nightly_watch import complaint_of, exit_code_of
from workflow.records import CandidateState

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def editor() -> Editor:
    """The engine, loaded once."""
    return load_editor()


@pytest.fixture
def made(tmp_path: Path, editor: Editor) -> Iterator[GatedSite]:
    """A site on it."""
    site = GatedSite.make(tmp_path, editor)
    yield site
    site.lm.calls_left, site.lm.drifts = None, False
    site.ledger.close()


def watch(made: GatedSite, cause: str = "asked") -> RecordedCheck:
    return watch_live(made.bench(), cause=cause)[0]


def test_a_base_model_that_answers_otherwise_is_found_though_nothing_was_promoted(made: GatedSite) -> None:
    first, second = watch(made), watch(made)
    assert [exit_code_of(one.check) for one in (first, second)] == [ExitCode.DONE] * 2
    assert first.check.drift is not None
    assert first.check.drift.reference_id is None
    assert second.check.drift is not None
    assert (second.check.drift.compared, second.check.drift.moved) == (12, 0)
    made.lm.drifts = True
    found = watch(made)
    assert (found.check.verdict, exit_code_of(found.check)) == ("drift", ExitCode.HELD)
    line = complaint_of(found)
    assert "\n" not in line
    assert "12 of 12 answers on record are others now" in line
    assert "check --accept REASON" in line
    assert watch(made).check.verdict == "drift", "what drifted is not taken for the new measure"
    batch_id = made.staged(dose("corvandine"))
    report = made.gate(batch_id)
    assert report.verdict == "hold"
    assert "what is live drifted" in report.trouble
    assert accept(made.bench(), actor="s1", reason="the server was updated on purpose") == 2
    assert watch(made).check.verdict == "pass"
    made.lm.drifts = False
    assert watch(made).check.verdict == "drift", "back to the former model is another model too"


def test_another_number_format_is_drift_even_where_no_answer_moves(
    made: GatedSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch(made)
    monkeypatch.setattr(type(made.lm), "dtype", "bfloat16")
    found = watch(made)
    assert found.check.verdict == "drift"
    assert "changed since: dtype float32 -> bfloat16" in complaint_of(found)


def test_another_library_with_the_same_answers_is_told_and_no_drift(
    made: GatedSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch(made)
    monkeypatch.setattr(environment, "version", lambda name: "99.0" if name == "torch" else version(name))
    found = watch(made)
    assert found.check.verdict == "pass"
    assert found.check.drift is not None
    assert found.check.drift.line.startswith("drift: none")
    assert "-> 99.0" in found.check.drift.line
    made.lm.drifts = True
    assert "torch" in complaint_of(watch(made)), "where answers move the line names what changed"


def test_a_promotion_adds_to_the_reference_and_its_edits_are_compared_from_then_on(made: GatedSite) -> None:
    watch(made)
    made.promote(made.staged(dose("corvandine")))
    found = watch(made)
    assert found.check.drift is not None
    assert (found.check.drift.moved, found.check.drift.compared) == (0, 12)
    with made.ledger.read() as connection:
        reference = read_reference(connection)
    assert reference is not None
    assert reference.reference_id == 1
    made.lm.drifts = True
    moved = watch(made).check.drift
    assert moved is not None
    assert "What is the recommended dose of corvandine?" in {move.question for move in moved.moves}


def test_an_edit_in_force_that_holds_no_more_is_refused_by_name(made: GatedSite) -> None:
    made.promote(made.staged(dose("corvandine")))
    made.lm.drifts = True
    with made.ledger.write() as transaction:
        body = json.loads(transaction.execute(select(tables.edits.c.body)).scalar_one())
        transaction.execute(update(tables.edits).values(body=json.dumps({**body, "must_not_assert": ["so"]})))
    recorded, report = watch_live(made.bench(), cause="asked")
    assert recorded.check.verdict == "refuse"
    assert [gone.subject for gone in report.ejected] == ["corvandine"]
    assert exit_code_of(recorded.check) is ExitCode.GATE_REFUSED
    assert made.live.check_state == "failed"


def test_a_check_that_is_interrupted_holds_and_says_nothing_of_the_release(made: GatedSite) -> None:
    made.promote(made.staged(dose("corvandine")))
    before = made.live
    made.lm.calls_left = 0
    found = watch(made)
    assert (found.check.verdict, found.check.drift) == ("hold", None)
    assert "CUDA error" in complaint_of(found)
    assert made.live == before


def test_the_trend_keeps_the_order_of_the_checks_when_the_clock_jumps_back(made: GatedSite) -> None:
    watch(made)
    made.clock.jump(days=-2)
    watch(made, "nightly")
    with made.ledger.read() as connection:
        trend = read_trend(connection)
        assert [one.check_id for one in trend] == [1, 2]
        assert trend[0].checked_at > trend[1].checked_at
        assert not is_due(connection, trend[1].checked_at[:10])
        assert is_due(connection, trend[0].checked_at[:10]), "one that a person asked for is not the nightly one"


def asked(made: GatedSite) -> NightlyAnswers:
    return ask_facts(made.bench())


def exposures(made: GatedSite) -> dict[str, Exposure]:
    with made.ledger.read() as connection:
        return {one.subject: one for one in read_exposures(connection, now=utc_text(made.clock()))}


KNOWN = dose("tavorine", "15 mg twice daily", "20 mg twice daily")
"""The bundled model says the old dose of this one by itself."""


def test_how_long_the_old_thing_is_said_is_counted_from_the_first_night(made: GatedSite) -> None:
    approve(made.ledger, KNOWN, CandidateState.PENDING)
    (wrong,) = asked(made).wrong
    assert (wrong.days, wrong.standing) == (0, "pending")
    assert "since today" in wrong.words
    made.clock.jump(days=3)
    (wrong,) = asked(made).wrong
    assert wrong.days == 3
    assert "still says the old thing for 3 days" in wrong.words
    made.clock.jump(days=-5)
    assert asked(made).wrong[0].days == 0, "a clock behind the record makes no negative days"
    with made.ledger.write() as transaction:
        transaction.execute(update(tables.candidates).values(state=CandidateState.REJECTED))
    assert exposures(made) == {}


def test_promoted_facts_are_asked_and_withdrawn_ones_after_them(made: GatedSite) -> None:
    batch_id = made.staged(KNOWN)
    made.promote(batch_id)
    assert asked(made).wrong == ()
    assert exposures(made)["tavorine"].says == "new"
    roll_back(made.ledger, batch_id, reason="tests", actor="s1")
    seen = asked(made)
    assert seen.asked == 1
    assert exposures(made)["tavorine"].standing == "withdrawn"
    assert seen.wrong == (), "the base model answers again, and not with what was withdrawn"


def test_what_needed_no_edit_and_is_said_no_more_goes_back_to_its_rehearsal(made: GatedSite) -> None:
    says_it = dose("tavorine", "20 mg twice daily", "15 mg twice daily")
    approve(made.ledger, says_it, CandidateState.NO_EDIT_NEEDED)
    assert asked(made).reopened == ()
    made.lm.drifts = True
    assert asked(made).reopened == (), "other words that say the same are no change"
    other = dose("tavorine", "99 mg twice daily", "20 mg twice daily")
    approve(made.ledger, other, CandidateState.NO_EDIT_NEEDED)
    assert asked(made).reopened == (other.candidate_id,)
    with made.ledger.read() as connection:
        columns = tables.candidates.c
        query = select(columns.state).where(columns.candidate_id == other.candidate_id)
        assert connection.execute(query).scalar_one() == CandidateState.PROPOSED
        events = connection.execute(select(tables.audit.c.event)).scalars().all()
    assert events.count("candidate.reopened") == 1
