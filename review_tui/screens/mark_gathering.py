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
_OTHER_DAY = "other"
_DEFER_DAYS = (("tomorrow", 1), ("in three days", 3), ("in a week", 7), ("in a month", 30))


async def gather_mark(screen: DeskScreen, view: CandidateView, verdict: Verdict) -> MarkRequest | None:
    """Ask for what a verdict needs and make the request.

    None where the reviewer went back or the desk did not answer; the screen has been told which.
    """
    fixed = await _ask_fix(screen, view) if verdict is Verdict.FIX_AND_APPROVE else None
    if verdict is Verdict.FIX_AND_APPROVE and fixed is None:
        screen.say(_WENT_BACK)
        return None
    until, went_back = await ask_until(screen) if verdict is Verdict.DEFER else (None, False)
    if went_back:
        screen.say(_WENT_BACK)
        return None
    reason = await ask_reason(screen, verdict)
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


async def _ask_fix(screen: DeskScreen, view: CandidateView) -> str | None:
    session, key = screen.sitting.session, view.candidate_id
    modal = FixModal(view, draft=session.drafts.get(key, ""), on_change=lambda text: session.keep_draft(key, text))
    fixed = await screen.app.push_screen_wait(modal)
    if fixed is not None:
        session.keep_draft(key, "")
    return fixed


async def ask_reason(screen: DeskScreen, verdict: Verdict) -> Picked | None:
    """Ask why; None where the reviewer went back, or the desk did not answer."""
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


async def ask_until(screen: DeskScreen) -> tuple[date | None, bool]:
    """Ask for a day; with whether the reviewer went back."""
    today = screen.sitting.today()
    days = [(words, today + timedelta(days=count)) for words, count in _DEFER_DAYS]
    choices = [Choice(day.isoformat(), f"{words} ({day:%a} {day.isoformat()})") for words, day in days]
    open_end = Choice("", "no date: until someone takes it up again")
    other = Choice(_OTHER_DAY, "another day: you write it")
    modal = PickModal("Defer until when?", [*choices, open_end, other], with_text=False)
    picked = await screen.app.push_screen_wait(modal)
    if picked is None:
        return None, True
    if picked.code == _OTHER_DAY:
        return await _ask_day(screen, today)
    return (date.fromisoformat(picked.code) if picked.code else None), False


async def _ask_day(screen: DeskScreen, today: date) -> tuple[date | None, bool]:
    title = "Defer until (year-month-day)"
    while written := await screen.ask_line(title):
        try:
            day = date.fromisoformat(written)
        except ValueError:
            title = f"{written} is no date. Defer until (year-month-day, like {today.isoformat()})"
            continue
        if day > today:
            return day, False
        title = f"{written} is not in the future. Defer until (year-month-day)"
    return None, True
