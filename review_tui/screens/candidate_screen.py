"""One candidate on one page: evidence first, then the fact, then the rehearsal; and the verdict keys.

A mark is saved before the page moves on. Nothing here decides policy: the desk refuses, the page says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.widgets import Static

from review_tui.actions import Scope
from review_tui.keymap import bindings
from review_tui.protocol import CandidateView, MarkResult, RefusalKind, Verdict
from review_tui.screens.desk_screen import DeskScreen
from review_tui.screens.mark_gathering import gather_mark
from review_tui.sitting import Sitting
from review_tui.widgets.evidence_pane import EvidencePane
from review_tui.widgets.fact_content import (
    fact_content,
    header_content,
    history_content,
    rehearsal_content,
    warnings_content,
)
from review_tui.widgets.message_line import Tone
from review_tui.widgets.reflowed import Reflowed
from review_tui.widgets.scroll_pane import ScrollPane
from review_tui.words import VERDICT_WORD


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
        self._saving = False
        self.view: CandidateView | None = None
        self._header = Static(Content(""), id="header")
        self._warnings = Static(Content(""), id="warnings")
        self._evidence = EvidencePane()
        self._fact = Reflowed(id="fact")
        self._rehearsal = Reflowed(id="rehearsal")
        self._left = ScrollPane(id="left")
        self._right = ScrollPane(id="right")
        self._page = ScrollPane(id="page")
        self._is_right_current = False

    @property
    def candidate_id(self) -> str:
        """The candidate that is open."""
        return self._ids[self._index]

    def compose_body(self) -> ComposeResult:
        """Lay out two panes, which a narrow terminal stacks on one page."""
        yield self._header
        with self._page:
            with self._left:
                yield self._warnings
                yield self._evidence
            with self._right:
                yield self._fact
                yield self._rehearsal
                yield Static(Content(""), id="history")

    # reading

    def come_back(self) -> None:
        """Read the candidate when the page is first shown; a modal that closes over it changes nothing."""
        if self.view is None:
            self.reload()

    def reload(self) -> None:
        """Read the candidate again."""
        self._open(self._index)

    def _open(self, index: int) -> None:
        self._index = index
        self.view = None
        self._load()

    @work(group="load", exclusive=True)
    async def _load(self) -> None:
        view = await self.ask(self.sitting.desk.candidate, self.candidate_id)
        if view is None:
            self._header.update(Content("✗ This candidate could not be read. n next, p previous, esc back."))
            self._page.display = False
            return
        self._page.display = True
        self._show(view)
        await self.refresh_top_line()

    def _show(self, view: CandidateView) -> None:
        self.view = view
        self._evidence_index = 0
        self._ends_seen.clear()
        self._show_warnings(view)
        self._header.update(header_content(view, self._index + 1, len(self._ids)))
        self._evidence.show(view, 0, self.sitting.seen_count(view))
        self._fact.show(partial(fact_content, view))
        self._rehearsal.show(partial(rehearsal_content, view.rehearsal))
        self.query_one("#history", Static).update(history_content(view))
        for pane in (self._page, self._left, self._right):
            pane.scroll_home(animate=False, immediate=True)
        self._make_current(right=False)
        self.sitting.guard.shown()
        self.call_after_refresh(self._note_seen)

    def _show_warnings(self, view: CandidateView) -> None:
        unsaved = self.sitting.unsaved.get(view.candidate_id)
        told = warnings_content(view, unsaved.words if unsaved else None)
        self._warnings.display = told is not None
        self._warnings.update(told or Content(""))

    # evidence

    def on_scroll_pane_moved(self) -> None:
        """Other lines are on the screen: perhaps the quote is among them now."""
        self.call_after_refresh(self._note_seen)

    def _note_seen(self) -> None:
        rows = self._evidence.quote_rows()
        if self.view is None or rows is None or not self.is_current:
            return
        shown = (self._page if self.has_class("-narrow") else self._left).content_region
        for end, row in zip(("first", "last"), rows, strict=True):
            if shown.y <= row < shown.bottom:
                self._ends_seen.add((self._evidence_index, end))
        if {(self._evidence_index, "first"), (self._evidence_index, "last")} <= self._ends_seen:
            self.sitting.note_seen(self.view, self._evidence_index)
            self._evidence.show_seen(self.view, self._evidence_index, self.sitting.seen_count(self.view))

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
        pane = self._page if self.has_class("-narrow") else self._left
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

    def _decide(self, verdict: Verdict) -> None:
        if not self.sitting.guard.admits():
            self.say("Too quick for a verdict: look first, then press the key once.", Tone.ASK)
        elif self.view is None or self._saving:
            self.say("Still reading or saving; nothing was marked.", Tone.ASK)
        elif why := dict(self.view.not_allowed).get(verdict):
            self.say(f"You cannot {VERDICT_WORD[verdict]} this: {why}", Tone.ASK)
        else:
            self._saving = True
            self._mark(self.view, verdict)

    @work(group="write")
    async def _mark(self, view: CandidateView, verdict: Verdict) -> None:
        try:
            request = await gather_mark(self, view, verdict)
            if request is None:
                return
            self.say("saving …")
            result = await self.save(request)
        finally:
            self._saving = False
        if result is None:
            self._show_warnings(view)
            await self.refresh_top_line()
        elif result.saved:
            await self._advance(verdict)
        else:
            self._tell_refused(result)

    def _tell_refused(self, result: MarkResult) -> None:
        words = " ".join(refusal.words for refusal in result.refusals)
        if any(refusal.kind is RefusalKind.STALE for refusal in result.refusals):
            self.say(f"Not marked: {words} It is read again: look once more.", Tone.ASK)
            self._open(self._index)
        else:
            self.say(f"Not marked: {words}", Tone.ASK)

    async def _advance(self, verdict: Verdict) -> None:
        """Go on to the next candidate of the list that has no mark yet; the mark is saved already."""
        done = f"{VERDICT_WORD[verdict].capitalize()} saved for {self.candidate_id}; u takes it back."
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

    def action_undo(self) -> None:
        """Take back the mark on this candidate, or else the last one made."""
        if self._saving or self.view is None:
            return
        if self.view.candidate_id in self.sitting.unsaved:
            del self.sitting.unsaved[self.view.candidate_id]
            self.say("The mark that could not be saved is dropped.", Tone.DONE)
            self._open(self._index)
        elif self.view.mark is not None:
            self._undo(self.view.candidate_id)
        elif self.sitting.last_marked:
            self._undo(self.sitting.last_marked[-1])
        else:
            self.say("There is no mark to take back.")

    @work(group="write")
    async def _undo(self, candidate_id: str) -> None:
        if await self.unmark(candidate_id):
            if candidate_id in self._ids:
                self._open(self._ids.index(candidate_id))
            else:
                await self.refresh_top_line()

    # moving

    def action_next(self) -> None:
        """Next candidate of the list."""
        self._step(1)

    def action_previous(self) -> None:
        """Previous candidate of the list."""
        self._step(-1)

    def _step(self, by: int) -> None:
        to = self._index + by
        if self._saving:
            self.say("Still saving.", Tone.ASK)
        elif 0 <= to < len(self._ids):
            self.say("")
            self._open(to)
        else:
            self.say("This is the last one of the list." if by > 0 else "This is the first one of the list.")

    def action_back(self) -> None:
        """Back to the queue; not while a mark is being saved."""
        if self._saving:
            self.say("Still saving.", Tone.ASK)
        else:
            self.dismiss(self.candidate_id)

    def _make_current(self, *, right: bool) -> None:
        self._is_right_current = right
        self._left.set_class(not right, "-current")
        self._right.set_class(right, "-current")

    def _scroller(self) -> ScrollPane:
        if self.has_class("-narrow"):
            return self._page
        return self._right if self._is_right_current else self._left

    def action_switch_pane(self) -> None:
        """Let the keys scroll the other pane."""
        self._make_current(right=not self._is_right_current)

    def action_scroll_down(self) -> None:
        """Scroll down."""
        self._scroller().by_lines(1)

    def action_scroll_up(self) -> None:
        """Scroll up."""
        self._scroller().by_lines(-1)

    def action_page_down(self) -> None:
        """One page down."""
        self._scroller().by_pages(1)

    def action_page_up(self) -> None:
        """One page up."""
        self._scroller().by_pages(-1)

    def action_top(self) -> None:
        """To the top."""
        self._scroller().scroll_home(animate=False)

    def action_bottom(self) -> None:
        """To the end."""
        self._scroller().scroll_end(animate=False)
