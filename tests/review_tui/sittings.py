"""Opens the desk in a test: an app with a clock that a test moves, and words for what is on the screen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date

from textual._wait import wait_for_idle
from textual.events import Key
from textual.pilot import Pilot

from review_tui.app import DeskApp
from review_tui.options import DeskOptions
from review_tui.protocol import ReleaseDesk
from tests.review_tui.memory_desk import PIN, MemoryDesk, candidate

SIZES = ((80, 24), (140, 40))
TODAY = date(2026, 6, 1)


_KEY = {".": "full_stop", " ": "space", "/": "slash"}


class LeisurelyClock:
    """A clock that makes every key press come five seconds after the last, unless it is stopped."""

    def __init__(self) -> None:
        """Start at zero."""
        self.now = 0.0
        self.step_s = 5.0

    def __call__(self) -> float:
        """Give the next time."""
        self.now += self.step_s
        return self.now


@dataclass
class Seat:
    """A running desk under test."""

    app: DeskApp
    pilot: Pilot[None]
    clock: LeisurelyClock

    async def press(self, *keys: str) -> None:
        """Press keys, each after the screen has settled."""
        for key in keys:
            self.app.simulate_key(key)
            await self.settle()

    async def type(self, text: str) -> None:
        """Type into a field."""
        for letter in text:
            self.app.post_message(Key(_KEY.get(letter, letter), letter))
        await self.settle()

    async def settle(self) -> None:
        """Let what a key started come to rest; what takes longer is waited for by ``shows``."""
        await asyncio.sleep(0.005)
        await wait_for_idle(0)

    async def until(self, is_true: Callable[[], bool], timeout_s: float = 20.0) -> None:
        """Wait for something to become true; fail with the screen if it does not."""
        for _ in range(int(timeout_s / 0.02)):
            if is_true():
                await self.settle()
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"not reached; the screen shows:\n{self.text()}")

    async def shows(self, words: str) -> None:
        """Wait until the screen shows some words."""
        await self.until(lambda: words in self.text())

    def text(self) -> str:
        """Give the characters on the screen, line by line."""
        width, height = self.app.size
        lines = self.app.screen._compositor.render_strips()
        return "\n".join(line.text[:width].rstrip() for line in lines[:height])


@asynccontextmanager
async def seated(
    desk: MemoryDesk,
    size: tuple[int, int] = (80, 24),
    *,
    options: DeskOptions | None = None,
    releases: ReleaseDesk | None = None,
) -> AsyncIterator[Seat]:
    """Open the desk on its first screen."""
    clock = LeisurelyClock()
    app = DeskApp(
        desk, desk.who(), clock=clock, today=lambda: TODAY, options=options, releases=releases, place=desk.place()
    )
    async with app.run_test(size=size) as pilot:
        seat = Seat(app, pilot, clock)
        await seat.shows("WHAT BECAME")
        yield seat


@asynccontextmanager
async def at_first_candidate(desk: MemoryDesk, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Seat]:
    """Open the desk, its queue, and the first candidate."""
    async with seated(desk, size) as seat:
        await seat.press("enter")
        await seat.shows("old → new")
        await seat.press("enter")
        await seat.shows("quotes seen: 1 of")
        yield seat


def three_low() -> MemoryDesk:
    """Give a desk with three candidates of low risk."""
    return MemoryDesk([candidate(number, subject=f"drug{number}") for number in range(3)])


async def sign(seat: Seat, pin: str = PIN) -> None:
    """Give the PIN for everything that is marked."""
    await seat.press("S")
    await seat.shows("Sign ")
    await seat.type(pin)
    await seat.press("enter")
