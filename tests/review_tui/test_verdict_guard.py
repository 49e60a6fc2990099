"""The guard of the verdict keys, on a clock that the test moves."""

from __future__ import annotations

import pytest

from review_tui.verdict_guard import LOOK_S, REPEAT_S, VerdictGuard


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_verdict_after_a_look_counts(clock: Clock) -> None:
    guard = VerdictGuard(clock)
    guard.shown()
    clock.now += LOOK_S + 0.01
    assert guard.admits()


def test_a_verdict_before_a_look_does_not(clock: Clock) -> None:
    guard = VerdictGuard(clock)
    guard.shown()
    clock.now += LOOK_S - 0.01
    assert not guard.admits()


def test_a_second_press_at_once_does_not_count(clock: Clock) -> None:
    guard = VerdictGuard(clock)
    assert guard.admits()
    clock.now += REPEAT_S - 0.01
    assert not guard.admits()
    clock.now += REPEAT_S + 0.01
    assert guard.admits()


def test_a_key_held_for_a_minute_counts_once(clock: Clock) -> None:
    """660 ms to the first repeat, then 30 a second; the next candidate appears 20 ms after a verdict."""
    guard = VerdictGuard(clock)
    counted = [guard.admits()]
    clock.now += 0.02
    guard.shown()
    clock.now += 0.64
    for _ in range(1800):
        counted.append(guard.admits())
        clock.now += 1 / 30
    assert counted.count(True) == 1
