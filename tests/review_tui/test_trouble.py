"""What goes wrong at the desk: stale views, wrong PINs, a failing or slow desk, held keys. Nothing is lost."""

from __future__ import annotations

import asyncio
import threading

import pytest

from review_tui.protocol import (
    CandidateState,
)
from tests.review_tui.memory_desk import PIN, unavailable_on
from tests.review_tui.sittings import SIZES, at_first_candidate, seated, sign, three_low

at_both_sizes = pytest.mark.parametrize("size", SIZES)


async def test_a_stale_view_is_refused_and_read_again() -> None:
    desk = three_low()
    async with at_first_candidate(desk) as seat:
        desk.change("c-00000", object_new="4 mg")
        await seat.press("a")
        await seat.shows("Its source changed")
        await seat.shows("+ 4 mg")
        assert not desk.marks()
        await seat.press("a")
        await seat.shows("Approve saved")


async def test_a_wrong_pin_signs_nothing_and_asks_again() -> None:
    desk = three_low()
    async with at_first_candidate(desk) as seat:
        await seat.press("a")
        await seat.shows("2 of 3")
        await sign(seat, "1111")
        await seat.shows("Wrong PIN")
        assert len(desk.marks()) == 1
        await seat.type(PIN)
        await seat.press("enter")
        await seat.shows("1 decision signed")


async def test_a_signature_that_is_partly_refused_says_which_and_why() -> None:
    desk = three_low()
    async with at_first_candidate(desk) as seat:
        await seat.press("a")
        await seat.shows("2 of 3")
        await seat.press("a")
        await seat.shows("3 of 3")
        desk.change("c-00001", question="What else?")
        await sign(seat)
        await seat.shows("1 mark not signed")
        await seat.shows("changed after it was marked")
        await seat.press("escape")
        await seat.shows("1 mark refused and kept")
    assert [mark.candidate_id for mark in desk.marks()] == ["c-00001"]


async def test_a_locked_desk_loses_no_mark_and_saves_it_on_the_next_try() -> None:
    desk = three_low()
    async with at_first_candidate(desk) as seat:
        desk.before_call = unavailable_on("mark")
        await seat.press("a")
        await seat.shows("The record is locked by a backup")
        await seat.shows("1 NOT SAVED")
        await seat.shows("1 of 3")  # the page does not move on
        await seat.press("escape")
        await seat.shows("! NOT SAVED")
        await seat.press("ctrl+q")
        await seat.shows("would be lost")
        await seat.press("escape")
        desk.before_call = lambda name: None
        await sign(seat)
        await seat.shows("1 decision signed")
    assert desk.candidate("c-00000").state is CandidateState.APPROVED


async def test_any_other_failure_is_told_as_could_not_be_saved() -> None:
    def break_on_mark(name: str) -> None:
        if name == "mark":
            raise ValueError("secret text of a document")

    desk = three_low()
    async with at_first_candidate(desk) as seat:
        desk.before_call = break_on_mark
        await seat.press("a")
        await seat.shows("could not be saved")
        assert "secret" not in seat.text()
        await seat.press("u")
        await seat.shows("is dropped")
        assert not seat.app.sitting.unsaved


@pytest.mark.parametrize("method", ["summary", "counts", "queue", "rows", "candidate", "reasons", "marks"])
async def test_a_reading_call_that_fails_is_one_line_and_the_sitting_goes_on(method: str) -> None:
    desk = three_low()
    async with seated(desk) as seat:
        desk.before_call = unavailable_on(method)
        await seat.press("f5", "enter", "enter", "a", "escape")
        desk.before_call = lambda name: None
        await seat.press("escape", "escape", "escape", "enter", "f5")
        await seat.shows("drug0")


async def test_nothing_moves_while_a_slow_desk_saves_and_a_second_verdict_is_not_taken() -> None:
    gate = threading.Event()

    def wait_on_mark(name: str) -> None:
        if name == "mark":
            gate.wait(5)

    desk = three_low()
    async with at_first_candidate(desk) as seat:
        desk.before_call = wait_on_mark
        await seat.press("a")
        await seat.shows("saving")
        await seat.press("n", "escape", "r")
        await seat.shows("1 of 3")
        gate.set()
        await seat.shows("2 of 3")
        await asyncio.sleep(0.05)
    assert [mark.candidate_id for mark in desk.marks()] == ["c-00000"]


async def test_a_held_key_decides_one_candidate_only() -> None:
    desk = three_low()
    async with at_first_candidate(desk) as seat:
        seat.clock.step_s = 0.03
        seat.clock.now += 10
        await seat.press("a")
        await seat.shows("2 of 3")
        await seat.press(*["a"] * 12)
        await seat.shows("Too quick")
        assert len(desk.marks()) == 1


async def test_reasons_that_cannot_be_read_are_told_and_nothing_is_marked() -> None:
    desk = three_low()
    async with at_first_candidate(desk) as seat:
        desk.before_call = unavailable_on("reasons")
        await seat.press("r")
        await seat.shows("The record is locked by a backup")
    assert not desk.marks()
