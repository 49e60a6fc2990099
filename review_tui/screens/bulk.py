"""One verdict for many: reject, defer or close, never an approval; what is left out is told before it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from review_tui.protocol import BulkPlan, BulkRequest, Verdict
from review_tui.safe_text import line_content
from review_tui.screens.mark_gathering import ask_reason, ask_until
from review_tui.widgets.message_line import Tone
from review_tui.words import RISK_LABEL, VERDICT_WORD, counted

if TYPE_CHECKING:
    from review_tui.screens.queue_screen import QueueScreen

MOST_TOLD = 200
"""Candidates that are left out and named one by one; more are counted."""


async def mark_many(screen: QueueScreen, verdict: Verdict) -> None:
    """Ask why, show what would be marked and what is left out, and mark it in one step."""
    picked = screen.queue_list.picked
    if not picked:
        screen.say("Nothing is picked: space picks a line, v a range, V all of them.", Tone.ASK)
        return
    request = await _request(screen, picked, verdict)
    if request is None:
        return
    plan = await screen.ask(screen.sitting.desk.plan_bulk, request)
    if plan is None:
        return
    if not plan.taken:
        screen.say(f"None of the {len(picked):,} can be marked together: {plan.excluded[0].words}", Tone.ASK)
        return
    title = f"{VERDICT_WORD[verdict].capitalize()} {len(plan.taken):,} of {len(picked):,}?"
    if not await screen.confirm(title, plan_content(plan), f"marks {len(plan.taken):,}, to be signed later"):
        screen.say("Nothing was marked.")
        return
    done = await screen.do(screen.sitting.desk.mark_bulk, request)
    if done is not None:
        screen.queue_list.pick_none()
        told = f"{counted(len(done[0].marked), 'mark')} saved"
        left = f"; {len(done[0].refused):,} left out" if done[0].refused else ""
        screen.reload()
        screen.say(f"{told}{left}; u takes them back, S signs.", Tone.DONE)


async def _request(screen: QueueScreen, picked: tuple[str, ...], verdict: Verdict) -> BulkRequest | None:
    until, went_back = await ask_until(screen) if verdict is Verdict.DEFER else (None, False)
    reason = None if went_back else await ask_reason(screen, verdict)
    if reason is None:
        if went_back:
            screen.say("Nothing was marked.")
        return None
    return BulkRequest(picked, verdict, reason.code or None, reason.text, until)


def plan_content(plan: BulkPlan) -> Content:
    """Write what a verdict on many would do."""
    mix = ", ".join(f"{count:,} {RISK_LABEL[risk]}" for risk, count in plan.by_risk)
    lines = [line_content(f"{len(plan.taken):,} would be marked ({mix}), for example:")]
    lines += [line_content(f"  · {sample}") for sample in plan.samples]
    if plan.excluded:
        lines.append(
            line_content(f"✗ {len(plan.excluded):,} left out; look at each of them by itself:", "bold $text-warning")
        )
        lines += [line_content(f"  {left.candidate_id}: {left.words}") for left in plan.excluded[:MOST_TOLD]]
    if len(plan.excluded) > MOST_TOLD:
        lines.append(Content(f"  … and {len(plan.excluded) - MOST_TOLD:,} more"))
    return Content("\n").join(lines)
