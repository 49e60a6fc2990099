"""Asks for what a verdict needs (the fixed object, the day to defer to, the reason) and makes the request of it.

Opens modals over the page that asked; saves nothing.
"""

from __future__ import annotations

from datetime import date, timedelta

from review_tui.modals.fix_modal import FixModal
from review_tui.modals.pick_modal import Choice, Picked, PickModal
from review_tui.protocol import CandidateView, MarkRequest, Verdict
from review_tui.screens.desk_screen import DeskScreen
from review_tui.words import VERDICT_WORD

_WENT_BACK = "Nothing was marked."
_DEFER_DAYS = (("tomorrow", 1), ("in three days", 3), ("in a week", 7), ("in a month", 30))


async def gather_mark(screen: DeskScreen, view: CandidateView, verdict: Verdict) -> MarkRequest | None:
    """Ask for what a verdict needs and make the request.

    None where the reviewer went back or the desk did not answer; the screen has been told which.
    """
    fixed = await screen.app.push_screen_wait(FixModal(view)) if verdict is Verdict.FIX_AND_APPROVE else None
    if verdict is Verdict.FIX_AND_APPROVE and fixed is None:
        screen.say(_WENT_BACK)
        return None
    until, went_back = await _ask_until(screen) if verdict is Verdict.DEFER else (None, False)
    if went_back:
        screen.say(_WENT_BACK)
        return None
    reason = await _ask_reason(screen, verdict)
    if reason is None:
        return None
    return MarkRequest(
        candidate_id=view.candidate_id,
        shown_sha256=view.shown_sha256,
        verdict=verdict,
        quote_seen=screen.sitting.has_seen_all(view),
        reason_code=reason.code or None,
        reason_text=reason.text,
        fixed_object=fixed,
        deferred_until=until,
    )


async def _ask_reason(screen: DeskScreen, verdict: Verdict) -> Picked | None:
    reasons = await screen.ask(screen.sitting.desk.reasons, verdict)
    if reasons is None:
        return None
    if not reasons:
        return Picked("", "")
    choices = [Choice(reason.code, reason.words, reason.needs_text) for reason in reasons]
    title = f"Why {VERDICT_WORD[verdict]}?"
    picked = await screen.app.push_screen_wait(PickModal(title, choices, with_text=True))
    if picked is None:
        screen.say(_WENT_BACK)
    return picked


async def _ask_until(screen: DeskScreen) -> tuple[date | None, bool]:
    today = screen.sitting.today()
    days = [(words, today + timedelta(days=count)) for words, count in _DEFER_DAYS]
    choices = [Choice(day.isoformat(), f"{words} ({day:%a} {day.isoformat()})") for words, day in days]
    open_end = Choice("", "no date: until someone takes it up again")
    modal = PickModal("Defer until when?", [*choices, open_end], with_text=False)
    picked = await screen.app.push_screen_wait(modal)
    if picked is None:
        return None, True
    return (date.fromisoformat(picked.code) if picked.code else None), False
