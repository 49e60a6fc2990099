"""A rollback by hand: the exact effect first, then a reason, then the id typed; done at once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from review_tui.modals.find_modal import FindLine, FindModal
from review_tui.modals.rollback_modal import RollbackModal
from review_tui.safe_text import line_content
from review_tui.screens.list_page import ListPage
from review_tui.widgets.message_line import Tone


async def roll_back(page: ListPage, batch_id: str, only: Sequence[str] = ()) -> None:
    """Show what would leave and what would answer again, and do it once the id was typed."""
    desk = page.releases
    seen = await page.ask(desk.preview_rollback, batch_id, only)
    if seen is None:
        return
    wish = await page.app.push_screen_wait(RollbackModal(seen))
    if wish is None:
        page.say("Nothing was rolled back.")
        return
    done = await page.do(partial(desk.roll_back, seen, wish.reason, wish.typed))
    if done is not None:
        page.reload()
        page.say(done[0].words, Tone.DONE if done[0].done else Tone.ASK)


async def roll_one_back(page: ListPage, batch_id: str) -> None:
    """Choose a single edit of a batch, and roll that one back."""
    seen = await page.ask(page.releases.preview_rollback, batch_id, ())
    if seen is None:
        return
    words = [f"{line.edit_id}  {line.question} → {line.object_new}" for line in seen.leaving]
    lines = [FindLine(line_content(text), text) for text in words]
    chosen = await page.app.push_screen_wait(FindModal("Roll back which edit?", lines, does="shows its effect"))
    if chosen is not None:
        await roll_back(page, batch_id, (seen.leaving[chosen].edit_id,))
