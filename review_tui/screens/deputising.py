"""Who stands in for this reviewer, on which days: named here, ended here, printed with each signature."""

from __future__ import annotations

from datetime import date
from functools import partial

from review_tui.modals.find_modal import FindLine, FindModal
from review_tui.safe_text import line_content
from review_tui.screens.desk_screen import DeskScreen
from review_tui.widgets.message_line import Tone


async def deputise(screen: DeskScreen) -> None:
    """List who stands in for whom; end what this reviewer named, or name somebody."""
    desk = screen.sitting.desk
    deputies, people = await screen.ask(desk.deputies), await screen.ask(desk.people)
    if deputies is None or people is None:
        return
    mine = [deputy for deputy in deputies if deputy.mine]
    others = [person for person in people if person.account != screen.sitting.reviewer.account]
    words = [f"end: {d.deputy_name} stands in for you {d.first_day} to {d.last_day}" for d in mine]
    words += [f"name {person.name}, {person.role}" for person in others]
    if not words:
        screen.say("Nobody else is enrolled here.", Tone.ASK)
        return
    told = [f"{d.deputy_name} for {d.for_name}, {d.first_day} to {d.last_day}" for d in deputies if d.active]
    lines = [FindLine(line_content(text), text) for text in words]
    modal = FindModal("Deputies", lines, legend="Today: " + ("; ".join(told) or "nobody stands in for anybody"))
    chosen = await screen.app.push_screen_wait(modal)
    if chosen is None:
        return
    if chosen < len(mine):
        if await screen.do(desk.end_deputy, mine[chosen].deputy_id):
            screen.say("It ends today.", Tone.DONE)
        return
    person = others[chosen - len(mine)]
    days = await _ask_days(screen, person.name)
    if days is not None and await screen.do(partial(desk.name_deputy, person.account, *days)):
        screen.say(f"{person.name} stands in for you from {days[0]} to {days[1]}.", Tone.DONE)


async def _ask_days(screen: DeskScreen, name: str) -> tuple[date, date] | None:
    title = f"{name} stands in from when to when? (two dates, like {screen.sitting.today()} {screen.sitting.today()})"
    while written := await screen.ask_line(title):
        words = written.split()
        try:
            first, last = (date.fromisoformat(word) for word in words)
        except ValueError:
            title = f"“{written}” is not two dates, like {screen.sitting.today()} {screen.sitting.today()}"
            continue
        return first, last
    return None
