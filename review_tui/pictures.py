"""Takes pictures of the real screens, without a terminal, for the documentation."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from textual.pilot import Pilot

from review_tui.app import DeskApp
from review_tui.options import DeskOptions
from review_tui.protocol import ReleaseDesk, ReviewDesk

SIZES = (((140, 40), "dark", ""), ((80, 24), "light", "_80"))
"""Columns and lines, theme, and what the file's name ends with."""
PAUSE_S = 1.5


QUEUE_WALK = (("start", ()), ("queue", ("enter",)), ("candidate", ("enter",)), ("help", ("question_mark",)))
"""Pages with the keys that lead to each from the one before it: of a desk where something waits."""
RELEASE_WALK = (("batches", ("B",)), ("batch", ("enter",)), ("releases", ("escape", "escape", "R")))
"""The same, of a desk where something was promoted."""

Walk = Sequence[tuple[str, tuple[str, ...]]]


def take_pictures(desk: ReviewDesk, releases: ReleaseDesk, folder: Path, walk: Walk = QUEUE_WALK) -> list[Path]:
    """Walk through pages at two sizes, and give the SVG files made."""
    made: list[Path] = []
    for size, theme, suffix in SIZES:
        app = DeskApp(desk, desk.who(), releases=releases, options=DeskOptions(theme=theme))
        made += asyncio.run(_walk(app, size, walk, (folder, suffix)))
    return made


async def _walk(app: DeskApp, size: tuple[int, int], walk: Walk, to: tuple[Path, str]) -> list[Path]:
    async with app.run_test(size=size) as pilot:
        await pilot.pause(PAUSE_S)
        return [await _shoot(pilot, to[0] / f"review_{name}{to[1]}.svg", keys) for name, keys in walk]


async def _shoot(pilot: Pilot[None], path: Path, keys: tuple[str, ...]) -> Path:
    await pilot.press(*keys)
    await pilot.pause(PAUSE_S)
    path.write_text(pilot.app.export_screenshot(title="medrek-flow review"), encoding="utf-8")
    return path
