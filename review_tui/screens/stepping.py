"""Back and forth through marks and decisions, across sittings: each step is an entry of its own on the record."""

from __future__ import annotations

from collections.abc import Callable

from review_tui.protocol import StepResult
from review_tui.screens.desk_screen import DeskScreen
from review_tui.widgets.message_line import Tone


async def take_mark_back(screen: DeskScreen, candidate_id: str) -> None:
    """Take this reviewer's mark on one candidate back; a mark that could not be saved is dropped."""
    if screen.sitting.unsaved.pop(candidate_id, None) is not None:
        screen.say("The mark that could not be saved is dropped.", Tone.DONE)
        screen.went_back_to([candidate_id])
        return
    done = await screen.do(screen.sitting.desk.unmark, candidate_id)
    if done is None:
        return
    if not done[0].saved:
        screen.say(f"The mark stands: {' '.join(refusal.words for refusal in done[0].refusals)}", Tone.ASK)
        return
    screen.say(f"The mark on {candidate_id} is taken back; ctrl+r marks it again.", Tone.DONE)
    screen.went_back_to([candidate_id])


async def step_back(screen: DeskScreen) -> None:
    """Take the last step back."""
    await _step(screen, screen.sitting.desk.undo)


async def step_on(screen: DeskScreen) -> None:
    """Do again what was taken back last; a signature asks for its PIN again."""
    steps = await screen.ask(screen.sitting.desk.steps)
    if steps is None:
        return
    pin = ""
    if steps.redo_needs_pin:
        written = await screen.ask_line(f"PIN, to do again: {steps.redo}", is_secret=True)
        if written is None:
            screen.say("Nothing was done again.")
            return
        pin = written
    await _step(screen, lambda: screen.sitting.desk.redo(pin))


async def _step(screen: DeskScreen, call: Callable[[], StepResult]) -> None:
    done = await screen.do(call)
    if done is None:
        return
    result = done[0]
    if result.pin_refused is not None:
        screen.say(result.pin_refused, Tone.ASK)
    elif result.candidate_ids:
        screen.say(result.words, Tone.DONE)
        screen.went_back_to(result.candidate_ids)
    else:
        screen.say(result.words, Tone.ASK)
