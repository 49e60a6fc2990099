"""What can be done to one candidate: mark, comment, claim, re-open, expedite, copy. Asks, writes, and says what came.

A mark is saved before the page moves on. Nothing here decides policy: the desk refuses, the page says why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from review_tui.modals.write_modal import WriteModal
from review_tui.protocol import CandidateView, MarkResult, RefusalKind, Verdict
from review_tui.safe_text import line_content
from review_tui.screens.mark_gathering import gather_mark
from review_tui.widgets.message_line import Tone
from review_tui.words import VERDICT_WORD

if TYPE_CHECKING:
    from review_tui.screens.candidate_screen import CandidateScreen


async def mark_candidate(screen: CandidateScreen, view: CandidateView, verdict: Verdict) -> None:
    """Ask for what the verdict needs, save the mark, and go on."""
    request = await gather_mark(screen, view, verdict)
    if request is None:
        return
    screen.say("saving …")
    result = await screen.save(request)
    if result is None:
        screen.show_warnings(view)
        await screen.refresh_top_line()
    elif result.saved:
        await screen.advance(verdict)
    else:
        await _tell_refused(screen, view, result)


async def _tell_refused(screen: CandidateScreen, view: CandidateView, result: MarkResult) -> None:
    words = " ".join(refusal.words for refusal in result.refusals)
    kinds = {refusal.kind for refusal in result.refusals}
    if RefusalKind.STALE in kinds:
        screen.say(f"Not marked: {words} It is read again: look once more.", Tone.ASK)
        screen.reload()
    elif kinds == {RefusalKind.CLAIMED}:
        await _take_over(screen, view, words)
    else:
        screen.say(f"Not marked: {words}", Tone.ASK)


async def _take_over(screen: CandidateScreen, view: CandidateView, words: str) -> None:
    effect = line_content(words) + Content("\nTaking it over is on the record, with your name.")
    if not await screen.confirm("Take this candidate over?", effect, "takes it over"):
        screen.say(f"Not marked: {words}", Tone.ASK)
        return
    desk = screen.sitting.desk
    done = await screen.do(lambda: desk.claim(view.candidate_id, take_over=True))
    if done is not None:
        screen.reload()
        screen.say(
            "It is yours now; look, then mark it." if done[0].mine else f"It stays with {done[0].holder}.", Tone.DONE
        )


async def claim(screen: CandidateScreen, view: CandidateView) -> None:
    """Claim a candidate, or give the claim back."""
    desk = screen.sitting.desk
    if view.claim_is_mine:
        if await screen.do(desk.release_claim, view.candidate_id):
            screen.say("The claim is given back.", Tone.DONE)
    else:
        done = await screen.do(desk.claim, view.candidate_id)
        if done is not None and not done[0].mine:
            await _take_over(screen, view, f"{done[0].holder} works on it.")
            return
        if done is not None:
            until = f" until {done[0].until:%H:%M} UTC" if done[0].until else ""
            screen.say(f"Claimed{until}; others see it.", Tone.DONE)
    screen.reload()


async def comment(screen: CandidateScreen, view: CandidateView) -> None:
    """Add a comment; where the reviewer goes back, what was written is kept as a draft."""
    desk, key = screen.sitting.desk, view.candidate_id
    modal = WriteModal(
        "Comment", text=view.draft, on_pause=lambda text: _keep_draft(screen, key, text), can_be_empty=False
    )
    written = await screen.app.push_screen_wait(modal)
    if not written.is_done:
        if written.text != view.draft.strip() and await screen.do(desk.keep_draft, key, written.text):
            screen.say("The draft is kept." if written.text else "The draft is dropped.")
    elif await screen.do(desk.comment, key, written.text):
        screen.say("The comment is on record.", Tone.DONE)
    elif written.text:
        await screen.do(desk.keep_draft, key, written.text)
    screen.reload()


def _keep_draft(screen: CandidateScreen, candidate_id: str, text: str) -> None:
    screen.run_worker(screen.do(screen.sitting.desk.keep_draft, candidate_id, text), group="draft")


async def reopen(screen: CandidateScreen, view: CandidateView) -> None:
    """Put a decided candidate back into the queue."""
    if view.reopen_refused is not None:
        screen.say(f"It cannot be re-opened: {view.reopen_refused or 'it is open.'}", Tone.ASK)
        return
    reason = await screen.ask_line("Re-open: why?", about=Content("Its signatures will not count any more."))
    if reason is None:
        screen.say("Nothing was re-opened.")
        return
    done = await screen.do(screen.sitting.desk.reopen, view.candidate_id, reason)
    if done is not None and done[0].saved:
        made = done[0].made
        words = f"It is proposed again as {made}, once the worker has rehearsed it." if made else ""
        screen.say(words or "It is back in the queue.", Tone.DONE)
        screen.reload()
    elif done is not None:
        screen.say(" ".join(refusal.words for refusal in done[0].refusals), Tone.ASK)


async def expedite(screen: CandidateScreen, view: CandidateView) -> None:
    """Take an approved candidate through batch, gate and promotion before anything else."""
    releases = screen.sitting.releases
    if releases is None:
        screen.say("This desk has no batches and releases behind it.", Tone.ASK)
        return
    about = line_content(f"{view.subject}: {view.object_new}") + Content(
        "\nIt goes through batch, gate and promotion by itself, before anything else, and is marked as expedited."
    )
    reason = await screen.ask_line("Expedite: why can it not wait?", about=about)
    if reason is None:
        screen.say("Nothing was ordered.")
        return
    done = await screen.do(releases.expedite, view.candidate_id, reason)
    if done is not None:
        screen.say(done[0].words, Tone.DONE if done[0].done else Tone.ASK)


def citation(view: CandidateView, index: int) -> str:
    """Write a quote with its source, date and link."""
    if not view.evidence:
        return ""
    evidence = view.evidence[index]
    quote = evidence.context[evidence.quote_start : evidence.quote_end]
    parts = (evidence.source_title, evidence.section, evidence.source_date, evidence.url)
    return f"“{quote}” " + ", ".join(part for part in parts if part)


def why_asleep(screen: CandidateScreen, view: CandidateView, verdict: Verdict) -> str:
    """Say why a deciding key does nothing just now; empty where it does."""
    if why := dict(view.not_allowed).get(verdict):
        return f"You cannot {VERDICT_WORD[verdict]} this: {why}"
    if screen.must_look_first(view):
        seen = screen.sitting.seen_count(view)
        return (
            f"High risk: every quote must have been on the screen first ({seen} of {len(view.evidence)} so far; "
            "scroll, and [ ] steps through them)."
        )
    return ""
