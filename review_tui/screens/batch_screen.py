"""One batch: its edits, the worker's progress, the gate's report, and what may be done with it now."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import ClassVar

from textual import work
from textual.binding import BindingType
from textual.content import Content

from review_tui.action import Scope
from review_tui.keymap import bindings
from review_tui.protocol import ActResult, BatchView, OrderState
from review_tui.safe_text import line_content
from review_tui.screens.list_page import ListPage
from review_tui.screens.rolling_back import roll_back, roll_one_back
from review_tui.sitting import Sitting
from review_tui.widgets.message_line import Tone
from review_tui.widgets.release_content import batch_content

WATCH_EVERY_S = 1.0


class BatchScreen(ListPage):
    """Shows one batch; reads it again by itself while the worker is busy with it."""

    SCOPE = Scope.BATCH
    BINDINGS: ClassVar[list[BindingType]] = list(bindings(Scope.BATCH))

    def __init__(self, sitting: Sitting, batch_id: str) -> None:
        """Open a batch."""
        super().__init__(sitting)
        self._batch_id = batch_id
        self._view: BatchView | None = None
        self._list.display = False

    def on_mount(self) -> None:
        """Watch the worker."""
        self.set_interval(WATCH_EVERY_S, self._watch)

    def _watch(self) -> None:
        order = self._view.line.order if self._view else None
        if self.is_current and order is not None and order.state in {OrderState.WAITING, OrderState.RUNNING}:
            self.reload()

    def reload(self) -> None:
        """Read the batch."""
        self._load()

    @work(group="load", exclusive=True)
    async def _load(self) -> None:
        view = await self.ask(self.releases.batch, self._batch_id)
        if view is not None:
            self._view = view
            self._head.update(line_content(f"Batch {view.line.batch_id}", "bold $text-primary"))
            self.show_detail(self.detail())

    def detail(self) -> Content:
        """Write the batch."""
        return batch_content(self._view) if self._view else Content("")

    def action_down(self) -> None:
        """Scroll down."""
        self.action_scroll(1)

    def action_up(self) -> None:
        """Scroll up."""
        self.action_scroll(-1)

    def action_submit(self) -> None:
        """Send it to the worker."""
        self._order("Send this batch to the worker?", "stages it and runs its gate", self.releases.submit, "submit")

    def action_promote(self) -> None:
        """Make it live."""
        self._order("Promote this batch?", "makes it live", self.releases.promote, "promote")

    def _order(self, title: str, does: str, call: Callable[[str], ActResult], act: str) -> None:
        if self._view is None:
            return
        why = self._view.why_not_submit if act == "submit" else self._view.why_not_promote
        if why is not None:
            self.say(why, Tone.ASK)
        else:
            self.start(partial(self._confirm_and, title, does, call))

    async def _confirm_and(self, title: str, does: str, call: Callable[[str], ActResult]) -> None:
        if not await self.confirm(title, self.detail(), does):
            self.say("Nothing was ordered.")
            return
        await self._act(partial(call, self._batch_id))

    async def _act(self, call: Callable[[], ActResult]) -> None:
        done = await self.do(call)
        if done is not None:
            self.reload()
            self.say(done[0].words, Tone.DONE if done[0].done else Tone.ASK)

    def action_roll_back(self) -> None:
        """Roll it back whole."""
        self._roll_back(partial(roll_back, self, self._batch_id))

    def action_roll_one_back(self) -> None:
        """Roll one edit of it back."""
        self._roll_back(partial(roll_one_back, self, self._batch_id))

    def _roll_back(self, flow: Callable[[], Awaitable[None]]) -> None:
        if self._view is not None and self._view.why_not_roll_back is not None:
            self.say(self._view.why_not_roll_back, Tone.ASK)
        else:
            self.start(flow)

    def action_end(self) -> None:
        """End it, and give its candidates back."""
        if self._view is not None and self._view.why_not_cancel is not None:
            self.say(self._view.why_not_cancel, Tone.ASK)
        else:
            self.start(self._end)

    async def _end(self) -> None:
        about = Content("Its candidates are approved again, while their signatures stand: for another batch, or none.")
        reason = await self.ask_line(f"End {self._batch_id}: why?", about=about)
        if reason is None:
            self.say("The batch stays as it is.")
        else:
            await self._act(partial(self.releases.cancel_batch, self._batch_id, reason))

    def action_cancel(self) -> None:
        """Take its order back."""
        order = self._view.line.order if self._view else None
        if order is None or order.state is not OrderState.WAITING:
            self.say("It has no order that still waits.", Tone.ASK)
        else:
            self.start(partial(self._act, partial(self.releases.cancel_order, order.order_id)))
