"""Affected edits: what was retracted, corrected, doubted or superseded, and which live edits rest on it."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from textual import work
from textual.binding import BindingType
from textual.content import Content

from review_tui.action import Scope
from review_tui.keymap import bindings
from review_tui.protocol import AffectedLine
from review_tui.safe_text import line_content
from review_tui.screens.candidate_screen import CandidateScreen
from review_tui.screens.list_page import ListPage
from review_tui.sitting import Sitting
from review_tui.widgets.message_line import Tone
from review_tui.widgets.release_content import affected_content, affected_line
from review_tui.words import counted


class AffectedScreen(ListPage):
    """Those without a proposal first; one key proposes the withdrawal, and a person decides it in the queue."""

    SCOPE = Scope.AFFECTED
    BINDINGS: ClassVar[list[BindingType]] = list(bindings(Scope.AFFECTED))

    def __init__(self, sitting: Sitting) -> None:
        """Start empty."""
        super().__init__(sitting)
        self._lines: tuple[AffectedLine, ...] = ()

    def reload(self) -> None:
        """Read what is affected."""
        self._load()

    @work(group="load", exclusive=True)
    async def _load(self) -> None:
        lines = await self.ask(self.releases.affected)
        if lines is None:
            return
        self._lines = tuple(lines)
        left = sum(not line.proposal for line in lines)
        told = f"{counted(len(lines), 'edit rests', 'edits rest')} on something that was taken back or replaced"
        head = line_content(f"{told}; {left:,} without a proposal.", "bold")
        self.show(head, [affected_line(line) for line in lines], "· no edit rests on anything that was taken back")

    def detail(self) -> Content:
        """Write what the edit under the cursor rests on."""
        return affected_content(self._lines[self.cursor]) if self._lines else Content("")

    def action_propose(self) -> None:
        """Propose the withdrawal."""
        if not self._lines:
            return
        line = self._lines[self.cursor]
        if line.proposal:
            self.say(f"{line.proposal} proposes it already; enter opens it.", Tone.ASK)
        else:
            self.start(partial(self._propose, line))

    async def _propose(self, line: AffectedLine) -> None:
        done = await self.do(self.releases.propose_withdrawal, line.edit_id, "; ".join(line.why))
        if done is not None:
            self.reload()
            self.say(done[0].words, Tone.DONE if done[0].done else Tone.ASK)

    def action_open(self) -> None:
        """Open the proposal that stands."""
        if self._lines and (proposal := self._lines[self.cursor].proposal):
            self.app.push_screen(CandidateScreen(self.sitting, [proposal], 0))
        else:
            self.say("There is no proposal yet; w makes one.", Tone.ASK)
