"""The queue page: opening, filters, saved views, picking, and verdicts on many."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import ClassVar

from textual import work
from textual.binding import BindingType

from review_tui.action import Scope
from review_tui.keymap import bindings
from review_tui.protocol import NO_FILTER, Verdict
from review_tui.screens import narrowing
from review_tui.screens.bulk import mark_many
from review_tui.screens.candidate_screen import CandidateScreen
from review_tui.screens.queue_listing import QueueListing
from review_tui.screens.stepping import take_mark_back
from review_tui.words import VIEW_EMPTY


class QueueScreen(QueueListing):
    """What can be done with the list."""

    SCOPE = Scope.QUEUE
    BINDINGS: ClassVar[list[BindingType]] = list(bindings(Scope.QUEUE))

    def on_queue_list_opened(self) -> None:
        """Open by click."""
        self.action_open()

    def action_open(self) -> None:
        """Open the candidate under the cursor."""
        if self.queue_list.current_id is None:
            self.say(VIEW_EMPTY[self.view])
            return
        screen = CandidateScreen(self.sitting, self.queue_list.ids, self.queue_list.cursor)
        self.app.push_screen(screen, self._came_back)

    def _came_back(self, candidate_id: str | None) -> None:
        self.selected = candidate_id

    @work(group="dialog", exclusive=True)
    async def _dialog(self, flow: Callable[[], Awaitable[None]]) -> None:
        await flow()

    def action_filter(self) -> None:
        """Switch one value of the filter."""
        self._dialog(partial(narrowing.change_filter, self))

    def action_clear_filter(self) -> None:
        """Take every filter off."""
        self.narrow(filters=NO_FILTER)

    def action_order(self) -> None:
        """Pick an order."""
        self._dialog(partial(narrowing.change_order, self))

    def action_open_view(self) -> None:
        """Open a saved view."""
        self._dialog(partial(narrowing.open_view, self))

    def action_save_view(self) -> None:
        """Save this view."""
        self.start(partial(narrowing.save_view, self))

    def action_drop_view(self) -> None:
        """Forget a saved view."""
        self.start(partial(narrowing.drop_view, self))

    def action_back(self) -> None:
        """Let picked lines go, then clear the search; then back to the first screen."""
        if self.queue_list.picked:
            self.queue_list.pick_none()
            self.show_chips()
        elif self.search or self.search_field.display:
            self.set_focus(None)
            self.search_field.display = False
            self.search_field.value = ""
            self.search = ""
            self.reload()
        else:
            self.dismiss(None)

    # picking, and verdicts on many

    def action_pick(self) -> None:
        """Pick the line under the cursor."""
        self.queue_list.pick_current()
        self.show_chips()

    def action_pick_range(self) -> None:
        """Begin or end a range."""
        self.queue_list.pick_range()
        self.show_chips()

    def action_pick_all(self) -> None:
        """Pick every line."""
        self.queue_list.pick_all()
        self.show_chips()

    def action_bulk_reject(self) -> None:
        """Reject the picked ones."""
        self._bulk(Verdict.REJECT)

    def action_bulk_defer(self) -> None:
        """Defer the picked ones."""
        self._bulk(Verdict.DEFER)

    def action_bulk_close(self) -> None:
        """Close the picked ones."""
        self._bulk(Verdict.CLOSE)

    def _bulk(self, verdict: Verdict) -> None:
        if self.sitting.guard.admits():
            self.start(partial(mark_many, self, verdict))

    def action_undo(self) -> None:
        """Take the last step back; what could not be saved is dropped first."""
        if self.queue_list.current_id in self.sitting.unsaved:
            self.action_unmark()
        else:
            super().action_undo()

    def action_unmark(self) -> None:
        """Take back the mark under the cursor."""
        if self.queue_list.current_id is not None:
            self.start(partial(take_mark_back, self, self.queue_list.current_id))
