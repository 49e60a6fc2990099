"""Several people at one desk: claims, comments, deputies, warnings passed over, filters, flagged answers, visitors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from review_tui import protocol as p
from review_tui.errors import DeskError
from tests.workflow.ledger.made_ledgers import (
    PIN,
    Desk,
    TickingClock,
    cite,
    create_desk,
    make_candidate,
    make_withdrawal,
    put_candidate,
    put_notice,
)
from workflow.desk.seat import DeskRules
from workflow.identity import find_reviewer
from workflow.ledger_desk import LedgerDesk
from workflow.records import Action, ChangeKind, Risk

TEXT = "The recommended dose is 5 mg for women."
LOW = {"risk": Risk.LOW}
HOSTILE = "[/] [@click=app.quit] \x1b]52;c;aGk=\x07 \u202egm 5 <script>alert(1)</script> {{ 7*7 }}"


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Desk]:
    """A two-signer demo site with people."""
    desk = create_desk(tmp_path / "site", scripted=False)
    yield desk
    desk.ledger.close()


def sit(made: Desk, person: str = "ada") -> LedgerDesk:
    """Sit down as somebody."""
    rules = DeskRules(drug_classes={"anticoagulants": ("Warfarin", "heparin")}, claim_lasts=timedelta(seconds=20))
    return LedgerDesk(made.ledger, made.store, find_reviewer(made.ledger, person), rules=rules)


def mark(desk: LedgerDesk, name: str, verdict: p.Verdict = p.Verdict.APPROVE, **fields: object) -> p.MarkResult:
    """Mark what is shown now."""
    shown = desk.candidate(name).shown_sha256
    return desk.mark(p.MarkRequest(name, shown, verdict, quote_seen=True, **fields))  # type: ignore[arg-type]


def sign(desk: LedgerDesk) -> p.SignResult:
    """Sign all that is marked."""
    return desk.sign([one.mark_id for one in desk.marks()], PIN)


def test_one_of_two_who_reach_for_a_candidate_gets_it_until_it_ends(made: Desk) -> None:
    name = put_candidate(made, make_candidate())
    ada, ben = sit(made), sit(made, "ben")
    assert ada.claim(name).mine
    theirs = ben.claim(name)
    assert (theirs.mine, theirs.holder) == (False, "Ada")
    assert [one.kind for one in mark(ben, name).refusals] == [p.RefusalKind.CLAIMED]
    assert ben.queue(p.QueueView.PENDING, filters=p.QueueFilter(claimed_by=("Ada",))) == [name]
    assert (ada.counts().mine, ben.counts().mine, ben.rows([name])[0].claimed_by) == (1, 0, "Ada")
    assert ben.claim(name, take_over=True).mine
    assert not ada.claim(name).mine
    assert any(line.what == "taken_over" for line in ada.candidate(name).history)
    assert isinstance(made.ledger.clock, TickingClock)
    made.ledger.clock.now += timedelta(minutes=1)
    assert ada.candidate(name).claimed_by == ""
    assert mark(ada, name).saved
    ben.claim(name)
    ben.release_claim(name)
    assert ada.claim(name).mine


def test_the_second_signer_sees_what_the_first_passed_over(made: Desk) -> None:
    name = put_candidate(made, make_candidate(flags=("the document holds hidden text",)))
    ada, ben = sit(made), sit(made, "ben")
    mark(ada, name)
    assert ada.marks()[0].warnings == ("the document holds hidden text",)
    sign(ada)
    (warning,) = ben.candidate(name).dismissed
    assert (warning.words, warning.who) == ("the document holds hidden text", "Ada")
    ada.undo()
    assert ben.candidate(name).dismissed == ()


def test_a_deputy_is_printed_with_their_signature_and_sees_the_others_work(made: Desk) -> None:
    name = put_candidate(made, make_candidate(**LOW))
    ada, ben = sit(made), sit(made, "ben")
    ada.keep_draft(name, "half a thou")
    for account, first, last in (
        ("ada", date(2026, 11, 1), date(2026, 12, 1)),
        ("nobody", date(2026, 11, 1), date(2026, 12, 1)),
        ("ben", date(2026, 12, 1), date(2026, 11, 1)),
    ):
        with pytest.raises(DeskError):
            ada.name_deputy(account, first, last)
    ada.name_deputy("ben", date(2026, 11, 1), date(2026, 12, 24))
    assert ben.who().stands_in_for == ("Ada",)
    assert (ben.counts().mine, ben.candidate(name).draft) == (1, "")
    mark(ben, name)
    sign(ben)
    assert any("deputy of Ada until 2026-12-24" in line.what for line in ben.candidate(name).history)
    (deputy,) = ada.deputies()
    with pytest.raises(DeskError):
        ben.end_deputy(deputy.deputy_id)
    ada.end_deputy(deputy.deputy_id)
    assert (ada.deputies(), ben.who().stands_in_for) == ([], ())


def test_comments_stay_and_drafts_are_ones_own(made: Desk) -> None:
    name = put_candidate(made, make_candidate())
    ada, ben = sit(made), sit(made, "ben")
    ada.keep_draft(name, HOSTILE)
    assert (ada.candidate(name).draft, ben.candidate(name).draft, ada.rows([name])[0].has_draft) == (HOSTILE, "", True)
    ada.comment(name, HOSTILE)
    assert ada.candidate(name).draft == ""
    assert [(one.who, one.text) for one in ben.candidate(name).comments] == [("Ada", HOSTILE.strip())]
    assert ben.rows([name])[0].comments == 1
    for bad in ("", "  ", "x" * 4001):
        with pytest.raises(DeskError):
            ada.comment(name, bad)


def test_filters_orders_and_saved_views(made: Desk) -> None:
    evidence = cite(TEXT, TEXT, put_notice(made, TEXT))
    warfarin = put_candidate(made, make_candidate("warfarin", flags=("a flag",)))
    aspirin = put_candidate(made, make_candidate("Aspirin", relation="adverse_reaction", evidence=(evidence,), **LOW))
    rivals = [put_candidate(made, make_candidate("zolpidem", f"{n} mg", **LOW)) for n in (5, 7)]
    desk = sit(made)
    cases: list[tuple[p.QueueFilter, list[str]]] = [
        (p.QueueFilter(risks=(p.Risk.LOW,)), [aspirin]),
        (p.QueueFilter(risks=(p.Risk.HIGH,)), [*rivals, warfarin]),
        (p.QueueFilter(drug_classes=("anticoagulants",)), [warfarin]),
        (p.QueueFilter(sources=("openfda",)), [aspirin]),
        (p.QueueFilter(subjects=("ASPIRIN", "warfarin")), [warfarin, aspirin]),
        (p.QueueFilter(relations=("adverse_reaction",)), [aspirin]),
        (p.QueueFilter(flagged=True), [warfarin]),
        (p.QueueFilter(in_conflict=True), rivals),
        (p.QueueFilter(claimed_by=("",)), [*rivals, warfarin, aspirin]),
        (p.QueueFilter(at_least_days=1), []),
        (p.QueueFilter(at_most_days=0, actions=(p.Action.EDIT,)), [*rivals, warfarin, aspirin]),
    ]
    for wanted, found in cases:
        assert desk.queue(p.QueueView.PENDING, filters=wanted) == found, wanted
    for order, found in {
        p.QueueOrder.AGE: [warfarin, aspirin, *rivals],
        p.QueueOrder.NEWEST: [rivals[1], rivals[0], aspirin, warfarin],
        p.QueueOrder.SUBJECT: [aspirin, warfarin, *rivals],
        p.QueueOrder.CONFLICT: [*rivals, warfarin, aspirin],
    }.items():
        assert desk.queue(p.QueueView.PENDING, order=order) == found, order
    choices = desk.filter_choices(p.QueueView.PENDING)
    assert (choices.flagged, choices.in_conflict) == (1, 2)
    assert choices.subjects[0] == p.FilterValue("zolpidem", 2)
    assert choices.drug_classes == (p.FilterValue("anticoagulants", 1),)
    view = p.SavedView("mornings", p.QueueView.PENDING, "dose", cases[1][0], p.QueueOrder.AGE)
    desk.save_view(view)
    assert (sit(made).saved_views(), sit(made, "ben").saved_views()) == ([view], [])
    desk.drop_view("mornings")
    desk.keep_place("pending:3")
    assert (desk.saved_views(), sit(made).place(), sit(made, "ben").place()) == ([], "pending:3", "")


def test_a_flagged_answer_is_an_item_of_its_own_kind(made: Desk) -> None:
    desk = sit(made)
    name = desk.flag(p.WrongAnswer(HOSTILE, "10 mg", "the label says 5 mg", reported_by="Dr. X", trace="req-7"))
    view = desk.candidate(name)
    assert (view.action, view.question, view.object_old) == (p.Action.FLAG, HOSTILE.strip(), "10 mg")
    assert "trace req-7" in view.flags
    assert desk.queue(p.QueueView.AFFECTED) == desk.queue(p.QueueView.PENDING) == [name]
    assert {verdict for verdict, _ in view.not_allowed} == {p.Verdict.FIX_AND_APPROVE}
    mark(desk, name)
    assert sign(desk).signed == (name,)
    assert desk.candidate(name).state is p.CandidateState.CLOSED
    for bad in (p.WrongAnswer("", "a", "b"), p.WrongAnswer("a", "b", ""), p.WrongAnswer("a", "b", "c" * 4001)):
        with pytest.raises(DeskError):
            desk.flag(bad)
    with pytest.raises(DeskError, match="attribution"):
        desk.flag(p.WrongAnswer("q", "a", "n", edit_id="e-none"))


def test_a_verdict_on_many_is_planned_first(made: Desk) -> None:
    low = [put_candidate(made, make_candidate(drug, **LOW)) for drug in ("aspirin", "digoxin")]
    high = put_candidate(made, make_candidate("warfarin"))
    gone = put_candidate(made, make_withdrawal("lithium"))
    desk = sit(made)
    request = p.BulkRequest((*low, high, gone), p.Verdict.REJECT, "not_for_us")
    plan = desk.plan_bulk(request)
    assert (plan.taken, plan.by_risk) == (tuple(low), ((p.Risk.LOW, 2),))
    assert [one.candidate_id for one in plan.excluded] == [high, gone]
    assert desk.marks() == []
    assert desk.mark_bulk(request).marked == tuple(low)
    assert desk.steps().undo == "reject mark on 2 candidates"
    unreasoned = desk.plan_bulk(p.BulkRequest(tuple(low), p.Verdict.REJECT))
    assert (unreasoned.taken, "needs a reason" in unreasoned.excluded[0].words) == ((), True)
    with pytest.raises(DeskError, match="never approved"):
        desk.plan_bulk(p.BulkRequest(tuple(low), p.Verdict.APPROVE))


def test_a_visitor_sees_everything_and_changes_nothing(made: Desk) -> None:
    name = put_candidate(made, make_candidate())
    visitor = LedgerDesk(made.ledger, made.store, None)
    who = visitor.who()
    assert (who.read_only, who.account, who.needs_pin) == (True, "", False)
    view = visitor.candidate(name)
    assert len(view.not_allowed) == len(p.Verdict)
    assert (visitor.counts().pending, visitor.summary().items, visitor.steps()) == (1, 1, p.Steps())
    request = p.MarkRequest(name, view.shown_sha256, p.Verdict.APPROVE, quote_seen=True)
    writes: list[Callable[[], object]] = [
        lambda: visitor.mark(request),
        lambda: visitor.unmark(name),
        lambda: visitor.sign([], PIN),
        visitor.undo,
        visitor.redo,
        lambda: visitor.reopen(name, "x"),
        lambda: visitor.claim(name),
        lambda: visitor.comment(name, "x"),
        lambda: visitor.keep_draft(name, "x"),
        lambda: visitor.keep_place("x"),
        lambda: visitor.unlock(PIN),
        lambda: visitor.flag(p.WrongAnswer("q", "a", "n")),
    ]
    for write in writes:
        with pytest.raises(DeskError, match="read only"):
            write()


def test_an_idle_screen_opens_with_the_pin(made: Desk) -> None:
    desk = sit(made)
    assert "tries left" in (desk.unlock("wrong") or "")
    assert desk.unlock(PIN) is None


def test_a_flag_never_becomes_an_edit(made: Desk) -> None:
    candidate = make_candidate(action=Action.FLAG, change_kind=ChangeKind.FLAGGED)
    name = put_candidate(made, candidate)
    made.decide("ada", name)
    assert made.state(name) == "closed"
