"""Filters, orders, saved views, verdicts on many, claims, comments, the lock, and the place that is kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from review_tui.options import DeskOptions
from review_tui.protocol import CandidateState, QueueView, Risk, Verdict
from review_tui.session import session_of
from tests.review_tui.memory_desk import PIN, MemoryDesk, candidate, demo_candidates
from tests.review_tui.sittings import Seat, at_first_candidate, seated


async def open_queue(seat: Seat) -> None:
    await seat.press("enter")
    await seat.shows("old → new")


async def test_a_filter_is_a_chip_that_says_how_much_is_outside_and_a_saved_view_brings_it_back() -> None:
    desk = MemoryDesk(demo_candidates())
    async with seated(desk, (100, 30)) as seat:
        await open_queue(seat)
        await seat.press("f")
        await seat.type("risk high")
        await seat.press("enter")
        await seat.shows("[risk: high]")
        await seat.shows("4 in this filter, 8 outside")
        await seat.press("s", "5")
        await seat.shows("order: subject")
        await seat.press("w")
        await seat.type("mornings")
        await seat.press("enter")
        await seat.shows("Saved as mornings")
        await seat.press("c", "s", "1")
        await seat.until(lambda: "[risk: high]" not in seat.text())
        await seat.press("o")
        await seat.type("morn")
        await seat.press("enter")
        await seat.shows("[risk: high]")
        await seat.shows("order: subject")
        await seat.press("W", "enter")
        await seat.shows("mornings is forgotten")
    assert not desk.saved_views()


async def test_a_narrow_line_cuts_what_was_said_before_and_shows_what_would_be_said() -> None:
    desk = MemoryDesk([candidate(0, object_old="20 milligrams by mouth twice daily", object_new="15 mg twice daily")])
    async with seated(desk, (80, 24)) as seat:
        await open_queue(seat)
        await seat.shows("→ 15 mg twice daily")


async def test_a_search_typed_in_one_burst_is_a_search_and_no_command() -> None:
    async with seated(MemoryDesk(demo_candidates()), (100, 30)) as seat:
        await open_queue(seat)
        await seat.type("/warfarin 4")
        await seat.shows("match “warfarin 4”")
        assert seat.app.screen.view is QueueView.PENDING  # type: ignore[attr-defined]  # the queue page


async def test_a_search_can_mark_its_matches_among_all_lines() -> None:
    async with seated(MemoryDesk(demo_candidates()), (100, 30)) as seat:
        await open_queue(seat)
        await seat.press("equals_sign", "slash")
        await seat.type("warfarin")
        await seat.press("enter")
        await seat.shows("2 of 12 match")
        assert "zolpidem" in seat.text()
        await seat.press("n")
        await seat.shows("> · low             warfarin")
        first = seat.app.screen.queue_list.cursor  # type: ignore[attr-defined]  # the queue page
        await seat.press("n")
        assert seat.app.screen.queue_list.cursor > first  # type: ignore[attr-defined]
        await seat.press("N")
        assert seat.app.screen.queue_list.cursor == first  # type: ignore[attr-defined]


async def test_many_are_rejected_in_one_step_and_what_is_left_out_is_told() -> None:
    desk = MemoryDesk(demo_candidates())
    async with seated(desk, (100, 40)) as seat:
        await open_queue(seat)
        await seat.press("V")
        await seat.shows("12 picked")
        await seat.press("r", "1")
        await seat.shows("Reject 8 of 12?")
        await seat.shows("4 left out")
        await seat.shows("c-00000: high risk")
        await seat.press("enter")
        assert not desk.marks()
        await seat.press("y")
        await seat.shows("8 marks saved; 4 left out")
        assert {mark.verdict for mark in desk.marks()} == {Verdict.REJECT}
        assert all(mark.risk is Risk.LOW for mark in desk.marks())
        await seat.press("u")
        await seat.until(lambda: not desk.marks())


async def test_a_range_is_picked_and_nothing_is_approved_by_the_dozen() -> None:
    desk = MemoryDesk([candidate(number, subject=f"drug{number}") for number in range(6)])
    async with seated(desk) as seat:
        await open_queue(seat)
        await seat.shows("drug5")
        await seat.press("a")
        assert not desk.marks()
        await seat.press("j", "v", "j", "j", "v")
        await seat.shows("3 picked")
        await seat.press("d", "1")
        await seat.shows("Defer 3 of 3?")
        await seat.press("y")
        await seat.shows("3 marks saved")
    assert [mark.candidate_id for mark in desk.marks()] == ["c-00001", "c-00002", "c-00003"]
    assert all(mark.deferred_until == date(2026, 6, 2) for mark in desk.marks())


async def test_a_candidate_of_somebody_else_is_taken_over_only_on_purpose() -> None:
    desk = MemoryDesk([candidate(number) for number in range(2)])
    desk.claims["c-00000"] = "B. Ito"
    async with at_first_candidate(desk) as seat:
        await seat.shows("B. Ito works on it")
        await seat.press("a")
        await seat.shows("Take this candidate over?")
        await seat.press("escape")
        await seat.shows("Not marked: B. Ito works on it")
        await seat.press("a", "y")
        await seat.shows("It is yours now")
        assert not desk.marks()
        await seat.press("a")
        await seat.shows("Approve saved")


async def test_a_comment_that_is_not_finished_is_kept_as_a_draft() -> None:
    desk = MemoryDesk([candidate(0)])
    async with at_first_candidate(desk) as seat:
        await seat.press("c")
        await seat.type("ask the ward")
        await seat.press("escape")
        await seat.shows("The draft is kept")
        await seat.press("c")
        await seat.shows("ask the ward")
        await seat.type("!")
        await seat.press("enter")
        await seat.shows("The comment is on record")
        await seat.press("G")
        await seat.shows("A. Berg says: ask the ward!")
    assert not desk.drafts.get("c-00000")


async def test_a_decided_candidate_is_re_opened_with_a_reason() -> None:
    desk = MemoryDesk([candidate(0, state=CandidateState.REJECTED)])
    async with seated(desk) as seat:
        await open_queue_view(seat, "9", "[9 Rejected 1]")
        await seat.press("enter")
        await seat.shows("THE FACT")
        await seat.press("O")
        await seat.type("wrong label")
        await seat.press("enter")
        await seat.shows("It is back in the queue")
    assert desk.counts().of(QueueView.PENDING) == 1


async def open_queue_view(seat: Seat, key: str, words: str) -> None:
    await seat.press("enter")
    await seat.shows("Pending")
    await seat.press(key)
    await seat.shows(words)


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
async def test_deciding_keys_of_high_risk_sleep_until_the_evidence_was_shown(size: tuple[int, int]) -> None:
    high = candidate(0, risk=Risk.HIGH)
    desk = MemoryDesk([replace(high, evidence=(high.evidence[0], high.evidence[0]))])
    async with seated(desk, size) as seat:
        await open_queue(seat)
        await seat.press("enter")
        await seat.shows("(a approve")
        for key in ("a", "r", "d", "x", "e"):
            await seat.press(key)
            await seat.shows("every quote must have been on the screen first (1 of 2")
        await seat.press("right_square_bracket")
        await seat.until(lambda: "(a approve" not in seat.text())
        await seat.press("a")
        await seat.shows("Approve saved")


async def test_the_desk_locks_when_nobody_is_there_and_shows_nothing_until_the_pin_comes() -> None:
    desk = MemoryDesk([candidate(0, subject="secretin")])
    desk.reviewer = replace(desk.reviewer, idle_lock_s=1.0)
    async with seated(desk) as seat:
        await seat.shows("is locked")
        assert "12 items" not in seat.text()
        assert "WHAT BECAME" not in seat.text()
        await seat.type("1111")
        await seat.press("enter")
        await seat.shows("Wrong PIN")
        await seat.press("S", "question_mark", "escape", "backspace", "backspace")
        seat.clock.step_s = 0.0
        await seat.type(PIN)
        await seat.press("enter")
        await seat.shows("WHAT BECAME")


async def test_the_place_is_kept_and_the_next_sitting_goes_on_there() -> None:
    desk = MemoryDesk([candidate(number, subject=f"drug{number}") for number in range(5)])
    async with seated(desk) as seat:
        await open_queue(seat)
        await seat.press("s", "4", "j")
        await seat.shows("> · low             drug3")
        await seat.press("enter")
        await seat.shows("2 of 5")
        await seat.press("T")
        await seat.shows("Theme: light")
        await seat.until(lambda: session_of(desk.place()).theme == "desk-light")
    kept = session_of(desk.place())
    assert (kept.order, kept.open_candidate) == ("newest", "c-00003")
    async with seated(desk) as seat:
        await seat.press("enter")
        await seat.shows("2 of 5")
        assert seat.app.theme == "desk-light"
        await seat.press("escape")
        await seat.shows("order: newest first")


async def test_a_place_that_cannot_be_read_opens_the_desk_anew() -> None:
    for spoilt in ("{", "[]", '{"version": 1, "view": 7, "filters": {"risks": [1]}}', '{"version": 1, "order": "x"}'):
        desk = MemoryDesk([candidate(0)])
        desk.keep_place(spoilt)
        async with seated(desk) as seat:
            await open_queue(seat)
            await seat.shows("[1 Pending 1]")


@pytest.mark.parametrize("size", [(59, 30), (80, 15)])
async def test_a_terminal_that_is_too_small_says_so_and_decides_nothing(size: tuple[int, int]) -> None:
    desk = MemoryDesk([candidate(0)])
    async with seated(desk) as seat:
        await open_queue(seat)
        await seat.press("enter")
        await seat.shows("quotes seen: 1 of 1")
        await seat.pilot.resize_terminal(*size)
        await seat.shows("is too small")
        await seat.press("a")
        assert not desk.marks()
        await seat.pilot.resize_terminal(100, 30)
        await seat.shows("THE FACT")
        await seat.press("a")
        await seat.shows("Approve saved")


async def test_ascii_mode_sends_nothing_else() -> None:
    desk = MemoryDesk([replace(candidate(0), subject="wаrfarin µg", flags=("薬 é",))])
    async with seated(desk, (140, 40), options=DeskOptions(is_ascii=True)) as seat:
        await seat.press("enter")
        await seat.shows("old > new")
        await seat.press("enter")
        await seat.shows("THE FACT")
        await seat.shows("is not written in Latin")
        assert seat.text().isascii()
        assert "w?rfarin ?g" in seat.text()
