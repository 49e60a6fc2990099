"""Takes pictures of the real screens, without a terminal, for the documentation."""

from __future__ import annotations

import asyncio
from pathlib import Path

from textual.pilot import Pilot

from review_tui.app import DeskApp
from review_tui.options import DeskOptions
from review_tui.protocol import ReleaseDesk, ReviewDesk

SIZES = (((140, 40), "dark", ""), ((80, 24), "light", "_80"))
"""Columns and lines, theme, and what the file's name ends with."""
PAUSE_S = 1.5


def take_pictures(desk: ReviewDesk, releases: ReleaseDesk, folder: Path) -> list[Path]:
    """Walk through the pages at two sizes, and give the SVG files made."""
    made: list[Path] = []
    for size, theme, suffix in SIZES:
        app = DeskApp(desk, desk.who(), releases=releases, options=DeskOptions(theme=theme))
        made += asyncio.run(_walk(app, size, folder, suffix))
    return made


async def _walk(app: DeskApp, size: tuple[int, int], folder: Path, suffix: str) -> list[Path]:
    pages: tuple[tuple[str, tuple[str, ...]], ...] = (
        ("start", ()),
        ("queue", ("enter",)),
        ("candidate", ("enter",)),
        ("help", ("question_mark",)),
        ("batches", ("escape", "B")),
        ("releases", ("escape", "R")),
    )
    async with app.run_test(size=size) as pilot:
        return [await _shoot(pilot, folder / f"review_{name}{suffix}.svg", keys) for name, keys in pages]


async def _shoot(pilot: Pilot[None], path: Path, keys: tuple[str, ...]) -> Path:
    await pilot.press(*keys)
    await pilot.pause(PAUSE_S)
    path.write_text(pilot.app.export_screenshot(title="medrek-flow review"), encoding="utf-8")
    return path
