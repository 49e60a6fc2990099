"""The review desk over a ledger: what a reviewer sees, and that what they do arrives."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert

from review_tui import protocol as p
from review_tui.errors import DeskError, DeskUnavailableError, NoSuchCandidateError
from tests.workflow.ledger.made_ledgers import (
    PIN,
    Desk,
    cite,
    create_desk,
    make_candidate,
    make_withdrawal,
    put_candidate,
    put_notice,
    rehearse,
)
from workflow.desk.seat import DeskRules
from workflow.identity import find_reviewer
from workflow.ledger import ledger as ledger_module
from workflow.ledger import tables
from workflow.ledger.evidence_context import cut_context
from workflow.ledger.ledger import Ledger
from workflow.ledger_desk import LedgerDesk
from workflow.records import Evidence, Risk

TEXT = "Intro. Older text. The label says. The recommended dose is 5 mg for women. It is taken at bedtime. Rest. End."
LOW = {"risk": Risk.LOW}


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Desk]:
    """A two-signer demo site."""
    desk = create_desk(tmp_path / "site", scripted=False)
    yield desk
    desk.ledger.close()


def sit(made: Desk, person: str = "ada") -> LedgerDesk:
    """Sit down as somebody."""
    rules = DeskRules(sources=("pubmed",), drug_classes={"anticoagulants": ("Warfarin",)})
    return LedgerDesk(made.ledger, made.store, find_reviewer(made.ledger, person), rules=rules)


def request(desk: p.ReviewDesk, name: str, verdict: p.Verdict = p.Verdict.APPROVE, **changes: object) -> p.MarkRequest:
    """Ask for a mark on what is shown now."""
    shown = desk.candidate(name).shown_sha256
    fields: dict[str, object] = {"candidate_id": name, "shown_sha256": shown, "verdict": verdict, "quote_seen": True}
    return p.MarkRequest(**{**fields, **changes})  # type: ignore[arg-type]


def approve(desk: p.ReviewDesk, name: str) -> p.SignResult:
    """Mark and sign one candidate."""
    assert desk.mark(request(desk, name)).saved
    return desk.sign([mark.mark_id for mark in desk.marks()], PIN)


def test_it_is_a_review_desk(made: Desk) -> None:
    desk: p.ReviewDesk = sit(made)
    assert desk.who() == p.Reviewer("Ada", "pharmacist", True, "demo", p.SignerProfile.TWO_SIGNERS, account="ada")


def test_a_candidate_is_shown_with_its_evidence_in_context(made: Desk) -> None:
    evidence = cite(TEXT, "The recommended dose is 5 mg for women.", put_notice(made, TEXT))
    name = put_candidate(made, make_candidate(evidence=(evidence,), qualifiers={"population": "women"}))
    view = sit(made).candidate(name)
    (quote,) = view.evidence
    assert quote.context[quote.quote_start : quote.quote_end] == evidence.quote
    assert quote.context == (
        "Older text. The label says. The recommended dose is 5 mg for women. It is taken at bedtime. Rest."
    )
    assert (quote.source_title, quote.source_date, quote.url, quote.section) == (
        "ZOLPIDEM label",
        "2026-11",
        "https://example.org/1",
        "2.1",
    )
    assert view.qualifiers == (("population", "women"),)
    assert view.object_old_origin == "previous version"
    assert view.rehearsal is not None
    assert [answer.would_say for answer in view.rehearsal.answers] == ["It is 5 mg."] * 2
    assert (view.required_signatures, view.signed_by, view.not_allowed) == (2, (), ())
    assert all(line.when.tzinfo is not None for line in view.history)


def test_a_quote_that_does_not_stand_in_the_text_is_shown_as_a_defect(made: Desk) -> None:
    evidence = cite(TEXT, "5 mg", put_notice(made, TEXT))
    moved = evidence.model_copy(update={"start": evidence.start + 1, "end": evidence.end + 1})
    (quote,) = sit(made).candidate(put_candidate(made, make_candidate(evidence=(moved,)))).evidence
    assert quote.quote_start == quote.quote_end


def test_a_damaged_document_is_one_line(made: Desk) -> None:
    evidence = cite(TEXT, "5 mg", put_notice(made, TEXT))
    name = put_candidate(made, make_candidate(evidence=(evidence,)))
    for path in made.store.folder.iterdir():
        path.write_text("changed")
    with pytest.raises(DeskError, match="restore"):
        sit(made).candidate(name)


@given(text=st.text(max_size=3000), start=st.integers(0, 3000), length=st.integers(1, 100))
def test_the_context_always_holds_the_quote(text: str, start: int, length: int) -> None:
    quote = text[start : start + length]
    end = start + len(quote)
    evidence = Evidence(document_id="d", notice_id="n", role="claim", quote=quote, start=start, end=end)
    context, first, last = cut_context(text, evidence)
    assert context[first:last] == quote or not quote
    assert context in text


def test_two_people_sign_from_their_desks(made: Desk) -> None:
    name = put_candidate(made, make_candidate())
    ada, ben = sit(made, "ada"), sit(made, "ben")
    assert ada.summary().items == ben.summary().items == 1
    assert approve(ada, name).signed == (name,)
    assert ada.candidate(name).state is p.CandidateState.AWAITING_SECOND
    assert p.Verdict.APPROVE in dict(ada.candidate(name).not_allowed)
    assert (ada.summary().items, ben.summary().items) == (0, 1)
    (row,) = ben.rows(ben.queue(p.QueueView.AWAITING_SECOND))
    assert row.signatures == "1/2"
    approve(ben, name)
    view = ben.candidate(name)
    assert (view.state, len(view.signed_by)) == (p.CandidateState.APPROVED, 2)
    assert ben.summary().outcomes == (p.OutcomeLine(1, "approved, in no batch yet"),)


def test_a_mark_shows_until_it_is_signed(made: Desk) -> None:
    name = put_candidate(made, make_candidate(qualifiers={"population": "women"}))
    ada, ben = sit(made, "ada"), sit(made, "ben")
    assert ada.mark(request(ada, name)).saved
    assert (ada.counts().marked, ben.counts().marked, ada.counts().pending) == (1, 0, 1)
    assert (ada.rows([name])[0].mark, ben.rows([name])[0].mark) == (p.Verdict.APPROVE, None)
    (marked,) = ada.marks()
    assert (marked.signatures_after, marked.object_new, marked.quote_seen) == ("1/2", "5 mg", True)
    assert ada.rows([name])[0].qualifiers == marked.qualifiers == "women"
    assert ada.unmark(name).saved
    assert not ada.unmark(name).saved
    assert ada.marks() == []


def test_refusals_come_as_the_protocol_names_them(made: Desk) -> None:
    name = put_candidate(made, make_candidate())
    desk = sit(made)
    cases: list[tuple[p.MarkRequest, p.RefusalKind]] = [
        (request(desk, name, shown_sha256="0" * 64), p.RefusalKind.STALE),
        (request(desk, name, quote_seen=False), p.RefusalKind.EVIDENCE_NOT_SEEN),
        (request(desk, name, p.Verdict.REJECT), p.RefusalKind.REASON_NEEDED),
        (request(desk, name, p.Verdict.FIX_AND_APPROVE, fixed_object="5 mg"), p.RefusalKind.NOT_ALLOWED),
    ]
    for asked, kind in cases:
        result = desk.mark(asked)
        assert [refusal.kind for refusal in result.refusals] == [kind]
    assert sit(made, "ben").claim(name).mine
    assert [one.kind for one in desk.mark(request(desk, name)).refusals] == [p.RefusalKind.CLAIMED]
    told = {kind.value for _, kind in cases} | {p.RefusalKind.CLAIMED.value}
    assert {refusal.value for refusal in p.RefusalKind} == told


def test_a_wrong_pin_is_a_result(made: Desk) -> None:
    name = put_candidate(made, make_candidate())
    desk = sit(made)
    desk.mark(request(desk, name))
    ids = [mark.mark_id for mark in desk.marks()]
    refused = desk.sign(ids, "wrong")
    assert (refused.signed, "tries left" in (refused.pin_refused or "")) == ((), True)
    assert desk.sign(ids, PIN).signed == (name,)


def test_a_fix_waits_for_its_rehearsal_and_then_for_its_author(made: Desk) -> None:
    name = put_candidate(made, make_candidate(**LOW))
    desk = sit(made)
    desk.mark(request(desk, name, p.Verdict.FIX_AND_APPROVE, fixed_object="7 mg"))
    assert [mark.object_new for mark in desk.marks()] == ["7 mg"]
    assert desk.candidate(name).marked_object == "7 mg"
    assert desk.sign([mark.mark_id for mark in desk.marks()], PIN).signed == (name,)
    assert "wait for a rehearsal" in desk.summary().notices[0]
    with made.ledger.read() as connection:
        made_name = connection.execute(tables.candidates.select()).mappings().all()[-1]["candidate_id"]
    with pytest.raises(NoSuchCandidateError):
        desk.candidate(made_name)
    rehearse(made, made_name)
    assert desk.summary().notices == ()
    (row,) = desk.rows(desk.queue(p.QueueView.PENDING))
    assert (row.summary_new, row.signatures) == ("7 mg", "0/1")
    approve(desk, made_name)
    assert desk.candidate(made_name).state is p.CandidateState.APPROVED


def test_the_order_of_the_queue(made: Desk) -> None:
    low = put_candidate(made, make_candidate("aspirin", **LOW))
    high = put_candidate(made, make_candidate("warfarin"))
    rivals = [put_candidate(made, make_candidate("zolpidem", f"{n} mg", **LOW)) for n in (5, 7)]
    withdrawal = put_candidate(made, make_withdrawal("digoxin"))
    desk = sit(made)
    assert desk.queue(p.QueueView.PENDING) == [withdrawal, *rivals, high, low]
    assert desk.queue(p.QueueView.CONFLICTS) == rivals
    assert [row.risk for row in desk.rows(rivals)] == [p.Risk.HIGH] * 2
    counts = desk.counts()
    assert (counts.pending, counts.conflicts, counts.awaiting_second) == (5, 2, 0)
    summary = desk.summary()
    assert (summary.items, summary.urgent, summary.minutes) == (5, 1, 7)
    assert summary.stale_sources == ("pubmed: never read",)
    assert "7 mg" in desk.candidate(rivals[0]).conflicts[0]


def test_the_search_looks_in_fact_question_and_source(made: Desk) -> None:
    evidence = cite(TEXT, "5 mg", put_notice(made, TEXT))
    zolpidem = put_candidate(made, make_candidate(evidence=(evidence,)))
    warfarin = put_candidate(made, make_candidate("Warfarin", "2 mg", aliases=("Coumadin",)))
    desk = sit(made)
    for search, found in {
        "": [zolpidem, warfarin],
        "COUMADIN": [warfarin],
        "label zolpidem": [zolpidem],
        "recommended dose": [zolpidem, warfarin],
        "warfarin label": [],
        "coumadin 2": [warfarin],
        "%": [],
    }.items():
        assert desk.queue(p.QueueView.PENDING, search) == found, search
    later = put_candidate(made, make_candidate("lithium"))
    assert desk.queue(p.QueueView.PENDING, "lithium") == [later]


def test_every_verdict_that_asks_for_a_reason_offers_some(made: Desk) -> None:
    desk = sit(made)
    assert [bool(desk.reasons(verdict)) for verdict in p.Verdict] == [False, False, True, True, True]
    assert all(len(desk.reasons(verdict)) <= 9 for verdict in p.Verdict)


def test_a_deferral_says_until_when(made: Desk) -> None:
    name = put_candidate(made, make_candidate())
    desk = sit(made)
    until = date(2026, 12, 24)
    desk.mark(request(desk, name, p.Verdict.DEFER, reason_code="ask_colleague", deferred_until=until))
    desk.sign([mark.mark_id for mark in desk.marks()], PIN)
    view = desk.candidate(name)
    assert (view.state, view.deferred_until) == (p.CandidateState.DEFERRED, until)
    assert any("colleague" in line.why for line in view.history)


def test_the_first_screen_brings_back_what_is_due_or_void(made: Desk) -> None:
    deferred, outdated = put_candidate(made, make_candidate()), put_candidate(made, make_candidate("digoxin", **LOW))
    desk = sit(made)
    until = date(2026, 11, 20)
    desk.mark(request(desk, deferred, p.Verdict.DEFER, reason_code="ask_colleague", deferred_until=until))
    desk.mark(request(desk, outdated))
    desk.sign([mark.mark_id for mark in desk.marks()], PIN)
    rehearse(made, outdated, answer="another answer", release_id=1)
    assert desk.counts().pending == 0
    assert desk.summary().items == 2
    assert set(desk.queue(p.QueueView.PENDING)) == {deferred, outdated}
    assert any("answers changed" in line.why for line in desk.candidate(outdated).history)
    (notice,) = desk.summary().notices
    assert notice.startswith(f"signed, and not live: {outdated} (digoxin), signed by ")
    assert "is pending again: the fact, its evidence or the rehearsed answers changed" in notice


def test_many_lost_signatures_are_three_lines_and_a_number(made: Desk) -> None:
    desk = sit(made)
    names = [put_candidate(made, make_candidate(f"drug{number}", **LOW)) for number in range(5)]
    for name in names:
        assert desk.mark(request(desk, name)).saved
    desk.sign([mark.mark_id for mark in desk.marks()], PIN)
    assert desk.summary().notices == ()
    for name in names:
        rehearse(made, name, answer="another answer", release_id=1)
    *three, rest = desk.summary().notices
    assert len({one.split()[4] for one in three} & set(names)) == 3
    assert rest == "2 more were signed and are not live: medrek-flow status names them"


def test_a_locked_ledger_is_unavailable_not_lost(made: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    name = put_candidate(made, make_candidate())
    monkeypatch.setattr(ledger_module, "BUSY_TIMEOUT_S", 0.05)
    other = Ledger.open(made.ledger.path)
    desk = LedgerDesk(other, made.store, find_reviewer(other, "ada"))
    asked = request(desk, name)
    with made.ledger.write(), pytest.raises(DeskUnavailableError, match="try again"):
        desk.mark(asked)
    assert desk.mark(asked).saved


def test_an_unknown_candidate_is_not_on_the_desk(made: Desk) -> None:
    with pytest.raises(NoSuchCandidateError):
        sit(made).candidate("c-unknown")
    assert sit(made).rows(["c-unknown"]) == []


@pytest.mark.slow
def test_fifty_thousand_candidates_are_counted_listed_and_searched(made: Desk) -> None:
    fields = []
    for number in range(50_000):
        candidate = make_candidate(f"drug{number}", risk=Risk.HIGH if number % 3 else Risk.LOW)
        fields.append(
            {
                "candidate_id": f"c-{number:06d}",
                "run_id": "r1",
                "created_at": f"2026-11-20T00:00:{number % 60:02d}Z",
                "state": "pending",
                "action": "edit",
                "subject": candidate.subject,
                "relation": candidate.relation,
                "functional_key": candidate.functional_key,
                "risk": candidate.risk,
                "content_sha256": "0" * 64,
                "body": candidate.model_dump_json(),
            }
        )
    with made.ledger.write() as transaction:
        transaction.execute(insert(tables.candidates), fields)
    desk = sit(made)
    assert desk.counts().pending == desk.summary().items == 50_000
    ids = desk.queue(p.QueueView.PENDING)
    assert len(desk.rows(ids[:50])) == 50
    assert desk.queue(p.QueueView.PENDING, "drug49999") == ["c-049999"]
