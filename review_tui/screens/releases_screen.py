"""The history of releases: what came, what left, why, and the way back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import ClassVar

from textual import work
from textual.binding import BindingType
from textual.content import Content

from review_tui.action import Scope
from review_tui.keymap import bindings
from review_tui.protocol import ReleaseLine, ReleaseView
from review_tui.screens.batch_screen import BatchScreen
from review_tui.screens.list_page import ListPage
from review_tui.screens.rolling_back import roll_back, roll_one_back
from review_tui.sitting import Sitting
from review_tui.widgets.message_line import Tone
from review_tui.widgets.release_content import release_content, release_line, serving_content


class ReleasesScreen(ListPage):
    """Newest first; what the cursor is on is told below."""

    SCOPE = Scope.RELEASES
    BINDINGS: ClassVar[list[BindingType]] = list(bindings(Scope.RELEASES))

    def __init__(self, sitting: Sitting) -> None:
        """Start empty."""
        super().__init__(sitting)
        self._lines: tuple[ReleaseLine, ...] = ()
        self._shown: ReleaseView | None = None

    def reload(self) -> None:
        """Read the history."""
        self._load()

    @work(group="load", exclusive=True)
    async def _load(self) -> None:
        serving, lines = await self.ask(self.releases.serving), await self.ask(self.releases.releases)
        if serving is None or lines is None:
            return
        self._lines = tuple(lines)
        self.show(serving_content(serving), [release_line(line) for line in lines], "· no release yet")
        self._read_current()

    def moved(self) -> None:
        """Read the release under the cursor."""
        self._read_current()

    @work(group="detail", exclusive=True)
    async def _read_current(self) -> None:
        if self._lines:
            self._shown = await self.ask(self.releases.release, self._lines[self.cursor].release_id)
            self.show_detail(self.detail())

    def detail(self) -> Content:
        """Write what the release changed."""
        return release_content(self._shown) if self._shown else Content("")

    def action_open(self) -> None:
        """Open the batch of the release."""
        if self._lines and self._lines[self.cursor].batch_id:
            self.app.push_screen(BatchScreen(self.sitting, self._lines[self.cursor].batch_id))

    def action_roll_back(self) -> None:
        """Roll the batch of this release back."""
        self._with_batch(roll_back)

    def action_roll_one_back(self) -> None:
        """Roll one edit of it back."""
        self._with_batch(roll_one_back)

    def _with_batch(self, flow: Callable[[ListPage, str], Awaitable[None]]) -> None:
        if not self._lines or not self._lines[self.cursor].batch_id:
            self.say("This release came from no batch.", Tone.ASK)
        else:
            self.start(partial(flow, self, self._lines[self.cursor].batch_id))
