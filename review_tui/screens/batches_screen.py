"""Batches: what is approved and in none yet, what stands where, and what the worker is doing."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from textual import work
from textual.binding import BindingType
from textual.content import Content

from review_tui.action import Scope
from review_tui.keymap import bindings
from review_tui.modals.assemble_modal import AssembleModal
from review_tui.protocol import BatchLine, OrderLine, OrderState
from review_tui.safe_text import line_content
from review_tui.screens.batch_screen import BatchScreen
from review_tui.screens.list_page import ListPage
from review_tui.sitting import Sitting
from review_tui.widgets.message_line import Tone
from review_tui.widgets.release_content import batch_line, order_content, orders_content, serving_content
from review_tui.words import counted

WATCH_EVERY_S = 2.0
"""How often orders that are under way are looked at."""


class BatchesScreen(ListPage):
    """Newest first."""

    SCOPE = Scope.BATCHES
    BINDINGS: ClassVar[list[BindingType]] = list(bindings(Scope.BATCHES))

    def __init__(self, sitting: Sitting) -> None:
        """Start empty."""
        super().__init__(sitting)
        self._batches: tuple[BatchLine, ...] = ()
        self._orders: tuple[OrderLine, ...] = ()

    def on_mount(self) -> None:
        """Watch what is under way."""
        self.set_interval(WATCH_EVERY_S, self._watch)

    def _watch(self) -> None:
        if self.is_current and any(order.finished_at is None and not _is_over(order) for order in self._orders):
            self.reload()

    def reload(self) -> None:
        """Read batches and orders."""
        self._load()

    @work(group="load", exclusive=True)
    async def _load(self) -> None:
        desk = self.releases
        serving, ready = await self.ask(desk.serving), await self.ask(desk.ready)
        batches, orders = await self.ask(desk.batches), await self.ask(desk.orders)
        if serving is None or ready is None or batches is None or orders is None:
            return
        self._batches, self._orders = tuple(batches), tuple(orders)
        waiting = f"{counted(len(ready), 'approved candidate is', 'approved candidates are')} in no batch yet"
        lines = [serving_content(serving), line_content(f"{waiting}{': n makes one.' if ready else '.'}")]
        self.show(
            Content("\n").join([*lines, *orders_content(orders)]),
            [batch_line(batch) for batch in batches],
            "· no batch yet",
        )

    def detail(self) -> Content:
        """Write the orders that are over, newest first."""
        over = [order_content(order) for order in self._orders if _is_over(order)][:20]
        return Content("\n").join([Content("LATELY").stylize("bold $text-primary"), *over]) if over else Content("")

    def action_open(self) -> None:
        """Open the batch under the cursor."""
        if self._batches:
            self.app.push_screen(BatchScreen(self.sitting, self._batches[self.cursor].batch_id))

    def action_assemble(self) -> None:
        """Make a batch."""
        self.start(self._assemble)

    async def _assemble(self) -> None:
        ready = await self.ask(self.releases.ready)
        if ready is None:
            return
        if not ready:
            self.say("Nothing is approved that is in no batch yet.", Tone.ASK)
            return
        chosen = await self.app.push_screen_wait(AssembleModal(ready))
        if chosen is None:
            self.say("No batch was made.")
            return
        done = await self.do(partial(self.releases.assemble, chosen.candidate_ids, chosen.note))
        if done is not None:
            self.reload()
            self.say(done[0].words, Tone.DONE if done[0].done else Tone.ASK)

    def action_cancel(self) -> None:
        """Take back the newest order that the worker has not begun."""
        self.start(self._cancel)

    async def _cancel(self) -> None:
        waiting = [order for order in self._orders if order.state is OrderState.WAITING]
        if not waiting:
            self.say("No order waits for the worker.", Tone.ASK)
            return
        if not await self.confirm("Take this order back?", order_content(waiting[0]), "takes it back"):
            return
        done = await self.do(self.releases.cancel_order, waiting[0].order_id)
        if done is not None:
            self.reload()
            self.say(done[0].words, Tone.DONE if done[0].done else Tone.ASK)


def _is_over(order: OrderLine) -> bool:
    return order.state not in {OrderState.WAITING, OrderState.RUNNING}
