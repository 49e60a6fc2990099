"""What the screens keep without a screen: writes in order, the place, filters in words, look-alike letters."""

from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from review_tui.filter_words import chips, switches
from review_tui.look_alikes import look_alikes
from review_tui.protocol import NO_FILTER, Action, FilterChoices, FilterValue, QueueFilter, Risk
from review_tui.session import LONGEST, Session, filter_of, session_of, words_of
from review_tui.write_queue import WriteQueue

words = st.text(max_size=30)
filters = st.builds(
    QueueFilter,
    risks=st.lists(st.sampled_from(Risk), unique=True, max_size=2).map(tuple),
    actions=st.lists(st.sampled_from(Action), unique=True, max_size=3).map(tuple),
    relations=st.lists(words, max_size=3).map(tuple),
    claimed_by=st.lists(words, max_size=2).map(tuple),
    flagged=st.none() | st.booleans(),
    in_conflict=st.none() | st.booleans(),
    at_least_days=st.none() | st.integers(0, 9999),
    at_most_days=st.none() | st.integers(0, 9999),
)


@given(filters)
def test_a_filter_survives_being_written_in_words(chosen: QueueFilter) -> None:
    assert filter_of(words_of(chosen)) == chosen


@given(words, words, st.dictionaries(words, st.text(max_size=1500), max_size=6), filters, st.booleans())
def test_a_place_survives_and_never_outgrows_what_the_desk_keeps(
    search: str, cursor: str, drafts: dict[str, str], chosen: QueueFilter, stays: bool
) -> None:
    session = Session(search=search, cursor=cursor, filters=words_of(chosen), stays=stays)
    for key, text in drafts.items():
        session.keep_draft(key, text)
    kept = session.to_words()
    assert len(kept) <= LONGEST
    again = session_of(kept)
    assert (again.search, again.cursor, again.queue_filter(), again.stays) == (search, cursor, chosen, stays)
    assert again.drafts.items() <= session.drafts.items()


@given(st.text() | st.recursive(st.none() | st.booleans() | st.text(), st.lists).map(str))
def test_whatever_was_kept_a_session_comes_of_it(kept: str) -> None:
    assert isinstance(session_of(kept), Session)


def test_a_switch_taken_twice_leaves_the_filter_as_it_was() -> None:
    choices = FilterChoices(
        risks=(FilterValue("high", 3),),
        relations=(FilterValue("dose", 2),),
        claimed_by=(FilterValue("", 4),),
        flagged=1,
    )
    for switch in switches(NO_FILTER, choices):
        assert not switch.is_on
        assert len(chips(switch.then)) == 1
        back = next(each for each in switches(switch.then, choices) if each.is_on)
        assert back.words == switch.words
        assert back.then == NO_FILTER


def test_a_value_that_is_on_can_be_switched_off_although_nothing_has_it_any_more() -> None:
    gone = QueueFilter(sources=("label version",))
    assert any(each.is_on and each.then == NO_FILTER for each in switches(gone, FilterChoices()))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(0, 0.002), min_size=1, max_size=12), st.sets(st.integers(0, 11)))
def test_writes_come_in_order_and_none_is_dropped_when_whoever_asked_is_gone(
    pauses: list[float], cancelled: set[int]
) -> None:
    done: list[int] = []

    def write(number: int) -> None:
        time.sleep(pauses[number])
        done.append(number)

    async def sit() -> None:
        queue = WriteQueue()
        asked = [asyncio.create_task(queue.run(write, number)) for number in range(len(pauses))]
        await asyncio.sleep(0)
        for number in cancelled & set(range(len(pauses))):
            asked[number].cancel()
        assert await queue.drain(10)

    asyncio.run(sit())
    assert done == list(range(len(pauses)))


def test_a_write_that_fails_keeps_none_behind_it_back() -> None:
    async def sit() -> str:
        queue = WriteQueue()
        with pytest.raises(ZeroDivisionError):
            await queue.run(lambda: 1 // 0)
        return await queue.run(lambda: "saved")

    assert asyncio.run(sit()) == "saved"


@pytest.mark.parametrize(
    "name",
    [
        "w\u0430rfarin",
        "zolpid\u0435m 5 mg",
        "\uff57arfarin",
        "w\u03bfrfarin",
        "\U0001d430arfarin",
    ],
)
def test_letters_that_are_not_what_they_look_like_are_told(name: str) -> None:
    (told,) = look_alikes(name)
    assert "U+" in told


@pytest.mark.parametrize(
    "name", ["warfarin", "IL-1β", "TNFα", "5 μg", "µg", "Ménière", "варфарин", "ибупрофен 5 мг", "сок", "ΑΝΤΙ", "薬"]
)
def test_names_that_hide_nothing_are_left_alone(name: str) -> None:
    assert look_alikes(name) == ()
