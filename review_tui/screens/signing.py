"""One signature a sitting: what could not be saved is tried again, what is marked is listed, one PIN signs it."""

from __future__ import annotations

from functools import partial

from review_tui.modals.sign_modal import SignModal
from review_tui.protocol import SignResult
from review_tui.screens.desk_screen import DeskScreen
from review_tui.widgets.message_line import Tone
from review_tui.words import counted


async def sign_marks(screen: DeskScreen) -> None:
    """List what is marked, take the signature, and say what became of it."""
    sitting = screen.sitting
    await _save_again(screen)
    marks = await screen.ask(sitting.desk.marks)
    if marks is None:
        return
    if not marks:
        if not sitting.unsaved:
            screen.say("Nothing is marked. Open a candidate and mark it first.", Tone.ASK)
        return
    sign = partial(_sign, screen, tuple(mark.mark_id for mark in marks))
    modal = SignModal(sitting.reviewer, marks, sign, sitting.guard, len(sitting.unsaved))
    result = await screen.app.push_screen_wait(modal)
    if result is None:
        screen.say("Nothing was signed; the marks are kept.")
    else:
        _tell_signed(screen, result)


async def _sign(screen: DeskScreen, mark_ids: tuple[str, ...], pin: str) -> SignResult:
    return await screen.sitting.write(screen.sitting.desk.sign, mark_ids, pin)


async def _save_again(screen: DeskScreen) -> None:
    for unsaved in list(screen.sitting.unsaved.values()):
        result = await screen.save(unsaved.request)
        if result is not None and not result.saved:
            words = " ".join(refusal.words for refusal in result.refusals)
            screen.sitting.keep(unsaved.request, words)
            screen.say(f"{unsaved.request.candidate_id} could not be saved: {words}", Tone.FAILED)
    await screen.refresh_top_line()


def _tell_signed(screen: DeskScreen, result: SignResult) -> None:
    told = f"{counted(len(result.signed), 'decision')} signed"
    if result.refused:
        screen.say(f"{told}; {counted(len(result.refused), 'mark')} refused and kept.", Tone.ASK)
    else:
        screen.say(f"{told}.", Tone.DONE)
    screen.reload()
