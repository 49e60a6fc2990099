"""A sitting from start to signature, at the smallest and at a wide terminal, through the keys only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest

from review_tui.protocol import (
    CandidateState,
    MarkRequest,
    QueueRow,
    QueueView,
    Reviewer,
    Risk,
    SignerProfile,
    Verdict,
)
from tests.review_tui.memory_desk import PIN, MemoryDesk, candidate, demo_candidates, quoted
from tests.review_tui.sittings import SIZES, at_first_candidate, seated, sign, three_low

at_both_sizes = pytest.mark.parametrize("size", SIZES)


@at_both_sizes
async def test_the_first_screen_says_how_much_waits_and_what_became_of_yesterday(size: tuple[int, int]) -> None:
    async with seated(MemoryDesk(demo_candidates()), size) as seat:
        shown = seat.text()
    for words in (
        "12 items wait",
        "about 10 minutes",
        "1 urgent",
        "7  promoted",
        "drug labels",
        "DEMO SITE",
        "A. Berg",
    ):
        assert words in shown


@at_both_sizes
async def test_approve_is_saved_moves_on_and_is_signed_with_one_pin(size: tuple[int, int]) -> None:
    desk = three_low()
    async with at_first_candidate(desk, size) as seat:
        await seat.press("a")
        await seat.shows("Approve saved for c-00000")
        assert [mark.verdict for mark in desk.marks()] == [Verdict.APPROVE]
        await seat.shows("2 of 3")
        await seat.press("a")
        await seat.shows("saved for c-00001")
        await sign(seat)
        await seat.shows("2 decisions signed")
    assert [desk.candidate(f"c-0000{n}").state for n in range(3)] == [
        CandidateState.APPROVED,
        CandidateState.APPROVED,
        CandidateState.PENDING,
    ]


@at_both_sizes
async def test_fix_and_approve_signs_the_object_as_rewritten(size: tuple[int, int]) -> None:
    desk = three_low()
    async with at_first_candidate(desk, size) as seat:
        await seat.press("e")
        await seat.shows("what you change")
        await seat.press(*["backspace"] * 4)
        await seat.type("2.5 mg")
        await seat.press("enter")
        assert not desk.marks()  # enter only leaves the field
        await seat.shows("a approves the fix")
        await seat.press("a")
        await seat.shows("Fix and approve saved")
        assert desk.marks()[0].object_new == "2.5 mg"
        await sign(seat)
        await seat.shows("1 decision signed")
    assert desk.candidate("c-00000").object_new == "2.5 mg"


async def test_a_fix_that_changes_nothing_is_not_taken() -> None:
    desk = three_low()
    async with at_first_candidate(desk) as seat:
        await seat.press("e", "enter", "a")
        await seat.shows("Nothing is changed")
        await seat.press("escape")
        await seat.shows("Nothing was marked")
    assert not desk.marks()


@at_both_sizes
async def test_reject_asks_for_a_reason_and_other_for_words(size: tuple[int, int]) -> None:
    desk = three_low()
    async with at_first_candidate(desk, size) as seat:
        await seat.press("r")
        await seat.shows("Why reject?")
        await seat.press("1")
        await seat.shows("Reject saved for c-00000")
        await seat.press("r", "4")
        await seat.shows("needs words")
        await seat.type("duplicate")
        await seat.press("enter")
        await seat.shows("Reject saved for c-00001")
    assert [mark.reason for mark in desk.marks()] == ["not_in_quote", "duplicate"]


async def test_defer_takes_a_day() -> None:
    desk = three_low()
    async with at_first_candidate(desk) as seat:
        await seat.press("d")
        await seat.shows("2026-06-02")
        await seat.press("3")
        await seat.shows("Defer saved")
        await sign(seat)
        await seat.shows("1 decision signed")
    assert desk.candidate("c-00000").deferred_until == date(2026, 6, 8)


async def test_undo_takes_back_the_last_mark_and_goes_back_to_it() -> None:
    desk = three_low()
    async with at_first_candidate(desk) as seat:
        await seat.press("a")
        await seat.shows("2 of 3")
        await seat.press("u")
        await seat.shows("taken back")
        await seat.shows("1 of 3")
        assert not desk.marks()
        await seat.press("ctrl+r")
        await seat.shows("done again")
        assert [mark.verdict for mark in desk.marks()] == [Verdict.APPROVE]
        await seat.press("u", "u")
        await seat.shows("nothing to be taken back")


async def test_undo_works_in_the_queue_under_the_cursor() -> None:
    desk = three_low()
    async with at_first_candidate(desk) as seat:
        await seat.press("a")
        await seat.shows("2 of 3")
        await seat.press("escape")
        await seat.shows("> · low             drug1")  # the cursor is where the page was left
        await seat.press("k")
        await seat.shows("> · low  ✓ approve  drug0")
        await seat.press("U")
        await seat.shows("is taken back")
    assert not desk.marks()


async def test_search_narrows_and_says_what_is_outside() -> None:
    desk = MemoryDesk(demo_candidates())
    async with seated(desk) as seat:
        await seat.press("enter")
        await seat.shows("zolpidem")
        await seat.press("slash")
        await seat.type("warf 5")
        await seat.shows("2 of 12 match")
        await seat.until(lambda: "zolpidem" not in seat.text())
        await seat.press("enter", "enter")
        await seat.shows("1 of 2")
        await seat.press("escape", "escape")
        await seat.shows("zolpidem")
        await seat.press("slash")
        await seat.type("nonesuch")
        await seat.shows("No match here; 12 without the search")


async def test_views_follow_the_state_with_live_counts() -> None:
    desk = MemoryDesk(demo_candidates())
    async with seated(desk) as seat:
        await seat.press("enter")
        await seat.shows("[1 Pending 12]")
        await seat.press("tab")
        await seat.shows("[2 Mine 0]")
        await seat.press("3")
        await seat.shows("[3 Marked 0]")
        await seat.shows("Nothing is marked")
        await seat.press("6")
        await seat.shows("[6 Conflicts 1]")
        await seat.press("shift+tab")
        await seat.shows("[5 Deferred 0]")
        await seat.press("1", "G")
        await seat.shows("> · low")


async def test_queue_and_signature_name_the_people_that_a_dose_is_for() -> None:
    desk = MemoryDesk([candidate(0, qualifiers=(("population", "women"),))])
    async with at_first_candidate(desk, (120, 40)) as seat:
        await seat.press("a", "S")
        await seat.shows("zolpidem · women · recommended dose → 5 mg")
        await seat.press("escape", "escape")
        await seat.shows("Pending 1")
        await seat.shows("zolpidem · women · recommended dose")


async def test_a_desk_without_pin_signs_by_key_and_never_by_enter() -> None:
    desk = three_low()
    desk.reviewer = Reviewer("B. Ito", "pharmacist", False, "hospital", SignerProfile.ONE_SIGNER)
    async with at_first_candidate(desk) as seat:
        await seat.press("a")
        await seat.shows("2 of 3")
        await seat.press("S")
        await seat.shows("S signs")
        await seat.press("enter")
        assert desk.marks()
        await seat.press("S")
        await seat.shows("1 decision signed")


async def test_high_risk_needs_every_quote_on_the_screen() -> None:
    far = tuple(quoted("line\n" * 60, f"quote {n}", "\nend", f"source {n}") for n in range(2))
    desk = MemoryDesk([candidate(0, risk=Risk.HIGH, evidence=far)])
    async with seated(desk) as seat:
        await seat.press("enter")
        await seat.shows("HIGH")
        await seat.press("enter")
        await seat.shows("quotes seen: 0 of 2")
        await seat.press("a")
        await seat.shows("every quote must have been on the screen")
        await seat.press("right_square_bracket")
        await seat.shows("quote 1")
        await seat.press("left_square_bracket")
        await seat.shows("quote 0")
        await seat.press("a")
        await seat.shows("Approve saved")
    assert desk.marks()[0].quote_seen


async def test_after_the_last_one_the_page_says_so() -> None:
    desk = MemoryDesk([candidate(0)])
    async with at_first_candidate(desk) as seat:
        await seat.press("a")
        await seat.shows("That was the last one here")
        await seat.shows("marked: approve, not signed")


async def test_a_verdict_the_reviewer_may_not_give_says_why() -> None:
    why = ((Verdict.APPROVE, "you fixed it, another signer is needed."),)
    desk = MemoryDesk([candidate(0, not_allowed=why)])
    async with at_first_candidate(desk) as seat:
        await seat.press("a")
        await seat.shows("You cannot approve this: you fixed it")
    assert not desk.marks()


async def test_help_lists_every_key_of_the_screen() -> None:
    async with at_first_candidate(three_low(), (140, 50)) as seat:
        await seat.press("question_mark")
        for words in ("Mark: approve as it stands", "Mark: reject, with a reason", "Next piece of evidence"):
            await seat.shows(words)
        await seat.press("escape")
        await seat.shows("THE FACT")


class BigDesk(MemoryDesk):
    """Fifty thousand candidates that are made when they are asked for."""

    asked = 0

    def queue(self, view: QueueView, *_narrowed: object, **_more: object) -> tuple[str, ...]:
        return tuple(f"c-{number:05d}" for number in range(50_000))

    def rows(self, candidate_ids: Sequence[str]) -> Sequence[QueueRow]:
        self.asked += len(candidate_ids)
        (row,) = super().rows(["c-00000"])
        return [replace(row, candidate_id=each, subject=f"drug {each}") for each in candidate_ids]


async def test_fifty_thousand_candidates_open_at_once_and_read_only_what_is_shown() -> None:
    desk = BigDesk([candidate(0)])
    async with seated(desk) as seat:
        await seat.press("enter")
        await seat.shows("> · low             drug c-00000")
        await seat.press("G")
        await seat.shows("> · low             drug c-49999")
        await seat.press("k", "k", "pageup")
        await seat.shows("drug c-4998")
    assert desk.asked <= 400


@at_both_sizes
async def test_the_pin_stays_in_sight_however_many_marks_there_are(size: tuple[int, int]) -> None:
    desk = MemoryDesk([candidate(number) for number in range(30)])
    for number in range(30):
        shown = desk.candidate(f"c-{number:05d}")
        desk.mark(MarkRequest(shown.candidate_id, shown.shown_sha256, Verdict.APPROVE, quote_seen=True))
    async with seated(desk, size) as seat:
        await seat.press("S")
        await seat.shows("Sign 30 marks")
        await seat.shows("PIN, then enter: signs")
        await seat.shows("▊")
        await seat.type(PIN)
        await seat.press("enter")
        await seat.shows("30 decisions signed")


async def test_a_modal_that_closes_leaves_the_page_where_it_was_scrolled() -> None:
    asked: list[str] = []
    desk = three_low()
    async with at_first_candidate(desk) as seat:
        await seat.press("G")
        await seat.shows("HISTORY")
        desk.before_call = asked.append
        await seat.press("question_mark", "escape", "r")
        await seat.shows("Why reject?")
        await seat.press("escape")
        await seat.shows("Nothing was marked")
        await seat.shows("HISTORY")
    assert "candidate" not in asked
