"""The gate on the real engine: the bundled model and the embedded encoder, invented drugs, a small question set."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from editor_engine import CausalLM, EditedModel, Editor, MemoryRow, Probe, ProbeKind, TextEncoder
from editor_engine.demo import bundled_model
from editor_engine.demo.facts import demo_facts
from editor_engine.metrics import wilson_interval
from tests.workflow.change_control.made_batches import make_candidate
from workflow.change_control.gate import GateInputs, run_gate
from workflow.change_control.gate_report import Check, CheckName, GateReport, verdict_of
from workflow.change_control.question_sets import needed
from workflow.engine_seam import make_edit
from workflow.records import Candidate, GateVerdict, NearMiss, NearMissKind

FAQ = tuple(
    Probe(f"faq:{number}", fact.question, ProbeKind.FAQ) for number, fact in enumerate(demo_facts()) if number % 10 == 0
)


@pytest.fixture(scope="module")
def editor() -> Editor:
    """The real engine, loaded once."""
    return Editor(CausalLM.load(bundled_model()), TextEncoder.load())


@pytest.fixture(scope="module")
def live(editor: Editor) -> EditedModel:
    """An empty live release; what it encoded and answered is kept for the whole file."""
    return editor.model()


def dose(subject: str, new: str, old: str, population: str = "", near: tuple[str, ...] = ()) -> Candidate:
    """A dose candidate in the product's wordings."""
    for_whom = f" for {population}" if population else ""
    return make_candidate(
        subject,
        new,
        object_old=old,
        qualifiers={"population": population} if population else {},
        question=f"What is the recommended dose of {subject}{for_whom}?",
        paraphrases=(f"How much {subject} is recommended{for_whom}?",),
        near_misses=tuple(NearMiss(question=q, kind=NearMissKind.OTHER_POPULATION) for q in near),
    )


GOOD = dose(
    "corvandine",
    "5 mg once daily",
    "10 mg once daily",
    "women",
    ("What is the recommended dose of corvandine for men?",),
)
BAD = dose(
    "tavorine",
    "15 mg twice daily",
    "20 mg twice daily",
    "",
    ("What is the recommended dose of tavorine for patients taking verapamil?",),
)


def judge(
    live: EditedModel,
    *candidates: Candidate,
    faq_limit: float = 0.2,
    audit_share: float = 0.1,
    tamper: bool = False,
) -> GateReport:
    """Run the gate on these candidates as one batch."""
    editor = Editor(live.base, live.encoder)
    edits = tuple(make_edit(candidate) for candidate in candidates)
    rows = {row.edit_id: row for row in editor.rows(list(edits), sequence=1)}
    inputs = GateInputs(
        batch_id="b0001",
        live_release_id=0,
        edits=edits,
        candidates={make_edit(candidate).edit_id: candidate for candidate in candidates},
        in_force=(),
        faq=FAQ,
        faq_limit=faq_limit,
        audit_share=audit_share,
        confidence=0.95,
        max_new_tokens=32,
    )

    def reread() -> Mapping[str, MemoryRow]:
        sequence = 2 if tamper else 1
        return {row.edit_id: row for row in editor.rows(list(edits), sequence=sequence)}

    return run_gate(inputs, live, rows, reread=reread)


def ids(candidates: tuple[Candidate, ...]) -> tuple[str, ...]:
    return tuple(make_edit(candidate).edit_id for candidate in candidates)


def test_a_clean_batch_of_one_edit_passes(live: EditedModel) -> None:
    report = judge(live, GOOD)
    assert report.verdict is GateVerdict.PASS
    assert report.missing == ()
    assert report.passed_edits == ids((GOOD,))
    assert report.staged_digest != report.live_digest


def test_the_edit_that_moves_a_near_miss_is_ejected_by_name_and_the_rest_passes(live: EditedModel) -> None:
    report = judge(live, GOOD, BAD)
    assert report.verdict is GateVerdict.PASS
    assert [(out.subject, out.edit_id) for out in report.ejected] == [("tavorine", *ids((BAD,)))]
    assert "moves a near miss" in report.ejected[0].reason
    assert report.passed_edits == ids((GOOD,))
    assert report.rounds == 2


def test_a_batch_with_nothing_left_is_refused(live: EditedModel) -> None:
    report = judge(live, BAD)
    assert report.verdict is GateVerdict.REFUSE
    assert report.passed_edits == ()
    assert report.staged_digest == report.live_digest


def test_an_edit_that_does_not_take_is_ejected(live: EditedModel) -> None:
    forbidden = GOOD.model_copy(update={"must_not_assert": ("5 mg",)})
    report = judge(live, forbidden)
    assert report.verdict is GateVerdict.REFUSE
    assert report.ejected[0].reason.startswith("does not take")


def test_two_objects_for_one_functional_key_are_both_ejected(live: EditedModel) -> None:
    report = judge(live, GOOD, dose("corvandine", "2.5 mg once daily", "10 mg once daily", "women"))
    assert report.verdict is GateVerdict.REFUSE
    assert len(report.ejected) == 2
    assert all("conflicts within the batch" in out.reason for out in report.ejected)


def test_too_few_clinical_questions_hold_the_batch_and_say_how_many_are_needed(live: EditedModel) -> None:
    report = judge(live, GOOD, faq_limit=0.01)
    assert report.verdict is GateVerdict.HOLD
    faq = next(check for check in report.checks if check.name is CheckName.FAQ)
    assert "381 are needed" in faq.detail


def test_no_audit_sample_holds_the_batch(live: EditedModel) -> None:
    report = judge(live, GOOD, audit_share=0.0)
    assert report.verdict is GateVerdict.HOLD


def test_rows_that_come_back_different_from_disk_refuse_the_batch(live: EditedModel) -> None:
    report = judge(live, GOOD, tamper=True)
    assert report.verdict is GateVerdict.REFUSE
    undo = next(check for check in report.checks if check.name is CheckName.UNDO)
    assert undo.failed == 1


def test_the_same_inputs_give_the_same_gate(live: EditedModel) -> None:
    first, second = judge(live, GOOD, BAD), judge(live, GOOD, BAD)
    assert first.model_copy(update={"seconds": 0.0}) == second.model_copy(update={"seconds": 0.0})


def test_what_nothing_fires_on_is_the_base_models_own_answer(live: EditedModel) -> None:
    """P4: with edits in force, every question that fires none is answered as the bare model answers it."""
    edits = [make_edit(GOOD), make_edit(BAD)]
    rows = Editor(live.base, live.encoder).rows(edits, sequence=1)
    model = live.with_memory(live.memory.with_rows(rows))
    questions = [probe.question for probe in FAQ]
    silent = [q for q, firing in zip(questions, model.retrieve(questions), strict=True) if firing.edit_id is None]
    assert len(silent) > len(questions) // 2
    assert [a.text for a in model.answer(silent)] == [a.text for a in model.answer_plain(silent)]


@pytest.mark.parametrize("missing", list(CheckName))
def test_a_missing_check_is_not_passed(missing: CheckName) -> None:
    checks = tuple(
        Check(name=name, verdict=GateVerdict.PASS, asked=1, failed=0) for name in CheckName if name is not missing
    )
    assert verdict_of(checks, edits_left=1) is GateVerdict.HOLD


@pytest.mark.parametrize("failing", list(CheckName))
def test_one_refusing_check_refuses(failing: CheckName) -> None:
    checks = tuple(
        Check(
            name=name,
            verdict=GateVerdict.REFUSE if name is failing else GateVerdict.PASS,
            asked=1,
            failed=int(name is failing),
        )
        for name in CheckName
    )
    assert verdict_of(checks, edits_left=1) is GateVerdict.REFUSE


@pytest.mark.parametrize(("limit", "confidence"), [(0.01, 0.95), (0.02, 0.99), (0.2, 0.8), (0.5, 0.95)])
def test_needed_is_the_smallest_sample_that_can_pass(limit: float, confidence: float) -> None:
    count = needed(limit, confidence)
    assert wilson_interval(0, count, confidence=confidence)[1] <= limit
    assert wilson_interval(0, count - 1, confidence=confidence)[1] > limit
