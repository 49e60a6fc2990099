"""Batches, releases, rollback, affected edits and flags, through the keys only; and hostile text on all of them."""

from __future__ import annotations

import pytest

from review_tui.protocol import CandidateState
from review_tui.safe_text import clean
from tests.review_tui.memory_desk import MemoryDesk, candidate
from tests.review_tui.memory_releases import MemoryReleases
from tests.review_tui.sittings import SIZES, Seat, seated

HOSTILE = "[@click=app.quit]x[/] \x1b]52;c;aGFja2Vk\x07\x9b31m \u202egm 5\u200b [b + x"

at_both_sizes = pytest.mark.parametrize("size", SIZES)


@at_both_sizes
async def test_a_batch_is_assembled_watched_read_and_promoted(size: tuple[int, int]) -> None:
    releases = MemoryReleases()
    async with seated(MemoryDesk([candidate(0)]), size, releases=releases) as seat:
        await seat.press("B")
        await seat.shows("2 approved candidates are in no batch yet")
        await seat.press("n")
        await seat.shows("y makes a batch of 2 edits")
        await seat.press("space", "enter")
        await seat.shows("y makes a batch of 1 edit")
        await seat.press("space", "y")
        await seat.shows("Batch b-2 holds 2 edits")
        await seat.press("enter")
        await seat.shows("cannot promote it: It has not passed the gate.")
        await seat.press("p")
        await seat.shows("It has not passed the gate.")
        await seat.press("s", "y")
        await seat.shows("REFUSE")
        await seat.shows("would say")
        for words in ("10 mg", "because of e-2", "e-2 taken out"):
            await reach(seat, words)
        await seat.press("p", "y")
        await seat.until(lambda: releases.batches()[0].release_id == 13)


async def reach(seat: Seat, words: str) -> None:
    for _ in range(10):
        if words in seat.text():
            return
        await seat.press("pagedown")
    raise AssertionError(seat.text())


@at_both_sizes
async def test_a_batch_is_ended_with_a_reason_and_no_second_time(size: tuple[int, int]) -> None:
    releases = MemoryReleases()
    async with seated(MemoryDesk([candidate(0)]), size, releases=releases) as seat:
        await seat.press("B", "n")
        await seat.shows("y makes a batch of 2 edits")
        await seat.press("y")
        await seat.shows("Batch b-2 holds 2 edits")
        await seat.press("enter")
        await seat.shows("x: end it, and approve its candidates again")
        await seat.press("x", "escape")
        await seat.shows("The batch stays as it is")
        await seat.press("x")
        await seat.type("wrong mix")
        await seat.press("enter")
        await seat.shows("Batch b-2 is cancelled")
        await seat.press("x")
        await seat.shows("It is cancelled.")
        await seat.press("escape")
        await seat.shows("○ cancelled")


@at_both_sizes
async def test_a_rollback_shows_its_effect_and_wants_a_reason_and_the_id_typed(size: tuple[int, int]) -> None:
    releases = MemoryReleases()
    async with seated(MemoryDesk([candidate(0)]), size, releases=releases) as seat:
        await seat.press("R")
        await seat.shows("LIVE")
        await seat.press("b")
        await seat.shows("Older facts that will answer again")
        await seat.press("enter")
        await seat.type("b-2")
        await seat.press("enter")
        await seat.shows("needs a reason")
        await seat.type("trial retracted")
        await seat.press("enter", "enter")
        await seat.shows("Expected b-1")
        assert len(releases.in_force) == 2
        await seat.press("end", "ctrl+u")
        await seat.type("b-1")
        await seat.press("enter")
        await seat.shows("Release 13 is live")
    assert not releases.in_force


async def test_a_single_edit_is_rolled_back() -> None:
    releases = MemoryReleases()
    async with seated(MemoryDesk([candidate(0)]), (100, 30), releases=releases) as seat:
        await seat.press("R")
        await seat.shows("LIVE")
        await seat.press("e")
        await seat.type("e-8")
        await seat.press("enter")
        await seat.shows("Type e-8 to do it")
        await seat.type("wrong")
        await seat.press("enter")
        await seat.type("e-8")
        await seat.press("enter")
        await seat.shows("Release 13 is live; 1 edits are out")
    assert [line.edit_id for line in releases.in_force] == ["e-7"]


async def test_one_key_proposes_the_withdrawal_of_an_affected_edit() -> None:
    releases = MemoryReleases()
    async with seated(MemoryDesk([candidate(0)]), releases=releases) as seat:
        await seat.press("A")
        await seat.shows("2 without a")
        await seat.press("w")
        await seat.shows("proposes to withdraw e-7")
        await seat.shows("1 without a")
        await seat.press("w")
        await seat.shows("proposes it already")


async def test_a_wrong_answer_is_flagged_into_the_queue() -> None:
    desk = MemoryDesk([candidate(0)])
    async with seated(desk) as seat:
        await seat.press("F", "enter", "enter", "enter", "enter", "enter")
        await seat.shows("The question is missing")
        await seat.type("Dose of X?")
        await seat.press("enter")
        await seat.type("50 mg")
        await seat.press("enter")
        await seat.type("ten times too much")
        await seat.press("enter", "enter", "enter")
        await seat.shows("Flagged as c-90001")
    assert desk.flagged[0].note == "ten times too much"


async def test_an_approved_candidate_is_expedited_with_a_reason() -> None:
    desk, releases = MemoryDesk([candidate(0, state=CandidateState.APPROVED)]), MemoryReleases()
    async with seated(desk, releases=releases) as seat:
        await seat.press("enter")
        await seat.shows("Pending 0")
        await seat.press("8", "enter")
        await seat.shows("THE FACT")
        await seat.press("X")
        await seat.type("boxed warning")
        await seat.press("enter")
        await seat.shows("Ordered: expedite c-00000")
    assert releases.expedited == [("c-00000", "boxed warning")]


@at_both_sizes
async def test_hostile_text_is_shown_on_every_page_of_releases_and_does_nothing(size: tuple[int, int]) -> None:
    releases = MemoryReleases(text=HOSTILE)
    async with seated(MemoryDesk([candidate(0)]), size, releases=releases) as seat:
        for keys in (("B",), ("n",), ("t",), ("escape",), ("n", "y"), ("enter",), ("s", "y"), ("escape", "escape")):
            await seat.press(*keys)
            await harmless(seat)
        for keys in (("R",), ("b",), ("escape",), ("e",), ("enter",), ("escape",), ("escape",), ("A",), ("w",), ("j",)):
            await seat.press(*keys)
            await harmless(seat)
        await seat.press("escape")
        seat.app.notify(HOSTILE, title=HOSTILE)
        await harmless(seat)
        assert seat.app.is_running


async def harmless(seat: Seat) -> None:
    await seat.settle()
    assert not any(character < " " or "\x7f" <= character <= "\x9f" for character in seat.text().replace("\n", ""))
    assert "\u202e" not in seat.text()


async def test_hostile_text_is_shown_as_it_is_on_the_page_of_releases() -> None:
    async with seated(MemoryDesk([candidate(0)]), (140, 40), releases=MemoryReleases(text=HOSTILE)) as seat:
        await seat.press("R")
        await seat.shows(clean(HOSTILE)[:30])
