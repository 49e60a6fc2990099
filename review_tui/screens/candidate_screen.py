"""One candidate on one page: evidence first, then the fact, then the rehearsal; and the verdict keys.

Owns what is on the screen and whether it was seen; what is done to a candidate is in ``candidate_acts``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.widgets import Static

from review_tui.action import Scope
from review_tui.actions import actions_of
from review_tui.keymap import bindings
from review_tui.protocol import CandidateView, Risk, Verdict
from review_tui.screens import candidate_acts as acts
from review_tui.screens.desk_screen import DeskScreen
from review_tui.screens.stepping import take_mark_back
from review_tui.sitting import Sitting
from review_tui.widgets.candidate_panes import CandidatePanes
from review_tui.widgets.evidence_pane import EvidencePane
from review_tui.widgets.fact_content import fact_content, header_content, warnings_content
from review_tui.widgets.history_content import history_content
from review_tui.widgets.message_line import Tone
from review_tui.widgets.reflowed import Reflowed
from review_tui.widgets.rehearsal_content import rehearsal_content
from review_tui.words import VERDICT_WORD

_DECIDING = frozenset(action.id for action in actions_of(Scope.CANDIDATE) if action.decides)


class CandidateScreen(DeskScreen):
    """Walks through the candidates of a list; answers with the id it was left on."""

    SCOPE = Scope.CANDIDATE
    BINDINGS: ClassVar[list[BindingType]] = list(bindings(Scope.CANDIDATE))

    def __init__(self, sitting: Sitting, ids: Sequence[str], index: int) -> None:
        """Open one candidate of a list."""
        super().__init__(sitting)
        self._ids = tuple(ids)
        self._index = index
        self._evidence_index = 0
        self._ends_seen: set[tuple[int, str]] = set()
        self.view: CandidateView | None = None
        self._header = Static(Content(""), id="header")
        self._warnings = Static(Content(""), id="warnings")
        self._evidence = EvidencePane()
        self._fact = Reflowed(id="fact")
        self._rehearsal = Reflowed(id="rehearsal")
        history = Static(Content(""), id="history")
        self._panes = CandidatePanes([self._warnings, self._evidence], self._fact, [self._rehearsal, history])

    @property
    def candidate_id(self) -> str:
        """The candidate that is open."""
        return self._ids[self._index]

    def compose_body(self) -> ComposeResult:
        """Lay out what stays on top, and the panes under it."""
        yield self._header
        yield self._panes

    # reading

    def come_back(self) -> None:
        """Read the candidate when the page is first shown; a modal that closes over it changes nothing."""
        if self.view is None:
            self.reload()

    def reload(self) -> None:
        """Read the candidate again."""
        self._open(self._index)

    def went_back_to(self, candidate_ids: Sequence[str]) -> None:
        """Open what a step changed, where it is of this list."""
        here = [self._ids.index(key) for key in candidate_ids if key in self._ids]
        self._open(here[0] if here else self._index)

    def _open(self, index: int) -> None:
        self._index = index
        self.view = None
        self.sitting.session.open_candidate = self.sitting.session.cursor = self.candidate_id
        self._load()

    @work(group="load", exclusive=True)
    async def _load(self) -> None:
        view = await self.ask(self.sitting.desk.candidate, self.candidate_id)
        if view is None:
            self._header.update(Content("✗ This candidate could not be read. n next, p previous, esc back."))
            self._panes.display = False
            return
        self._panes.display = True
        self._show(view)
        await self.refresh_top_line()

    def _show(self, view: CandidateView) -> None:
        self.view = view
        self._evidence_index = 0
        self._ends_seen.clear()
        self.show_warnings(view)
        self._header.update(header_content(view, (self._index + 1, len(self._ids))))
        self._evidence.show(view, 0, self.sitting.seen_count(view))
        self._fact.show(partial(fact_content, view))
        self._rehearsal.show(partial(rehearsal_content, view.rehearsal))
        self.query_one("#history", Static).update(history_content(view))
        self._panes.start_over()
        self.sitting.guard.shown()
        self._wake_keys()
        self.call_after_refresh(self._note_seen)

    def show_warnings(self, view: CandidateView) -> None:
        """Show what must be known before deciding."""
        unsaved = self.sitting.unsaved.get(view.candidate_id)
        told = warnings_content(view, unsaved.words if unsaved else None)
        self._warnings.display = told is not None
        self._warnings.update(told or Content(""))

    # evidence

    def must_look_first(self, view: CandidateView) -> bool:
        """Tell whether the deciding keys sleep until every quote was on the screen."""
        return view.risk is Risk.HIGH and bool(view.evidence) and not self.sitting.has_seen_all(view)

    def _wake_keys(self) -> None:
        asleep = self.view is None or self.must_look_first(self.view)
        self.key_line.put_to_sleep(_DECIDING if asleep else frozenset())

    def on_scroll_pane_moved(self) -> None:
        """Other lines are on the screen: perhaps the quote is among them now."""
        self.call_after_refresh(self._note_seen)

    def _note_seen(self) -> None:
        rows = self._evidence.quote_rows()
        if self.view is None or rows is None or not self.is_current or self.is_too_small:
            return
        shown = self._panes.around_evidence.content_region
        for end, row in zip(("first", "last"), rows, strict=True):
            if shown.y <= row < shown.bottom:
                self._ends_seen.add((self._evidence_index, end))
        if {(self._evidence_index, "first"), (self._evidence_index, "last")} <= self._ends_seen:
            self.sitting.note_seen(self.view, self._evidence_index)
            self._evidence.show_seen(self.view, self._evidence_index, self.sitting.seen_count(self.view))
            self._wake_keys()

    def action_next_evidence(self) -> None:
        """Show the next piece of evidence."""
        self._step_evidence(1)

    def action_previous_evidence(self) -> None:
        """Show the previous piece of evidence."""
        self._step_evidence(-1)

    def _step_evidence(self, by: int) -> None:
        if self.view is None or not self.view.evidence:
            return
        self._evidence_index = (self._evidence_index + by) % len(self.view.evidence)
        self._evidence.show(self.view, self._evidence_index, self.sitting.seen_count(self.view))
        self.call_after_refresh(self._scroll_to_quote)

    def _scroll_to_quote(self) -> None:
        rows = self._evidence.quote_rows()
        pane = self._panes.around_evidence
        if rows is not None and not pane.content_region.y <= rows[1] < pane.content_region.bottom:
            pane.by_lines(rows[0] - pane.content_region.y - 3)
        self._note_seen()

    # verdicts

    def action_approve(self) -> None:
        """Mark: approve."""
        self._decide(Verdict.APPROVE)

    def action_fix(self) -> None:
        """Mark: fix and approve."""
        self._decide(Verdict.FIX_AND_APPROVE)

    def action_reject(self) -> None:
        """Mark: reject."""
        self._decide(Verdict.REJECT)

    def action_defer(self) -> None:
        """Mark: defer."""
        self._decide(Verdict.DEFER)

    def action_close(self) -> None:
        """Mark: nothing to do here."""
        self._decide(Verdict.CLOSE)

    def _decide(self, verdict: Verdict) -> None:
        if not self.sitting.guard.admits():
            self.say("Too quick for a verdict: look first, then press the key once.", Tone.ASK)
        elif self.view is None or self.is_busy:
            self.say("Still reading or saving; nothing was marked.", Tone.ASK)
        elif why := acts.why_asleep(self, self.view, verdict):
            self.say(why, Tone.ASK)
        else:
            self.start(partial(acts.mark_candidate, self, self.view, verdict))

    async def advance(self, verdict: Verdict) -> None:
        """Go on to the next candidate of the list that has no mark yet; the mark is saved already."""
        done = f"{VERDICT_WORD[verdict].capitalize()} saved for {self.candidate_id}; u takes it back."
        if self.sitting.session.stays:
            self.say(done, Tone.DONE)
            self._open(self._index)
            return
        marks = await self.ask(self.sitting.desk.marks)
        marked = {mark.candidate_id for mark in marks or ()}
        onward = [*range(self._index + 1, len(self._ids)), *range(self._index)]
        following = next((index for index in onward if self._ids[index] not in marked), None)
        if following is None:
            self.say(f"{done} That was the last one here: S signs.", Tone.DONE)
            self._open(self._index)
        else:
            self.say(done, Tone.DONE)
            self._open(following)

    def action_auto_advance(self) -> None:
        """Go on by itself after a mark, or stay."""
        self.sitting.session.stays = not self.sitting.session.stays
        self.say("The page stays after a mark." if self.sitting.session.stays else "The page goes on after a mark.")

    def action_undo(self) -> None:
        """Take the last step back; what could not be saved is dropped first."""
        if self.candidate_id in self.sitting.unsaved:
            self.action_unmark()
        else:
            super().action_undo()

    def action_unmark(self) -> None:
        """Take back the mark on this candidate."""
        self.start(partial(take_mark_back, self, self.candidate_id))

    # everything else that is done to a candidate

    def _act(self, flow: Callable[[CandidateScreen, CandidateView], Awaitable[None]]) -> None:
        if self.view is not None:
            self.start(partial(flow, self, self.view))

    def action_comment(self) -> None:
        """Add a comment."""
        self._act(acts.comment)

    def action_claim(self) -> None:
        """Claim it, or give the claim back."""
        self._act(acts.claim)

    def action_reopen(self) -> None:
        """Put it back into the queue."""
        self._act(acts.reopen)

    def action_expedite(self) -> None:
        """Take it through first."""
        self._act(acts.expedite)

    def action_copy_id(self) -> None:
        """Copy the id."""
        self._copy(self.candidate_id)

    def action_copy_citation(self) -> None:
        """Copy quote and source."""
        self._copy(acts.citation(self.view, self._evidence_index) if self.view else "")

    def _copy(self, text: str) -> None:
        self.app.copy_to_clipboard(text)
        self.say(f"Copied, where the terminal lets it: {text}" if text else "There is nothing to copy.")

    # moving

    def action_next(self) -> None:
        """Next candidate of the list."""
        self._step(1)

    def action_previous(self) -> None:
        """Previous candidate of the list."""
        self._step(-1)

    def _step(self, by: int) -> None:
        to = self._index + by
        if self.is_busy:
            self.say("Still saving.", Tone.ASK)
        elif 0 <= to < len(self._ids):
            self.say("")
            self._open(to)
        else:
            self.say("This is the last one of the list." if by > 0 else "This is the first one of the list.")

    def action_back(self) -> None:
        """Back to the queue; not while a mark is being saved."""
        if self.is_busy:
            self.say("Still saving.", Tone.ASK)
        else:
            self.sitting.session.open_candidate = ""
            self.dismiss(self.candidate_id)

    def action_switch_pane(self) -> None:
        """Let the keys scroll the next pane."""
        self._panes.turn()

    def action_scroll(self, lines: int) -> None:
        """Scroll by lines."""
        self._panes.current.by_lines(lines)

    def action_page(self, pages: int) -> None:
        """Scroll by pages."""
        self._panes.current.by_pages(pages)

    def action_top(self) -> None:
        """To the top."""
        self._panes.current.scroll_home(animate=False)

    def action_bottom(self) -> None:
        """To the end."""
        self._panes.current.scroll_end(animate=False)
