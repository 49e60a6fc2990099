"""A clinician calls an answer wrong: question, answer and what is wrong with it enter the queue."""

from __future__ import annotations

from review_tui.modals.flag_modal import FlagModal
from review_tui.screens.desk_screen import DeskScreen
from review_tui.widgets.message_line import Tone


async def flag_answer(screen: DeskScreen) -> None:
    """Ask what was answered and what is wrong with it, and put it into the queue."""
    wrong = await screen.app.push_screen_wait(FlagModal())
    if wrong is None:
        screen.say("Nothing was flagged.")
        return
    done = await screen.do(screen.sitting.desk.flag, wrong)
    if done is not None:
        screen.reload()
        screen.say(f"Flagged as {done[0]}; it is in the queue under Affected.", Tone.DONE)
