"""What narrows and orders the queue: filters, order, saved views. Asks in dialogs; the queue page does the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from review_tui.filter_words import chips, switches
from review_tui.modals.find_modal import FindLine, FindModal
from review_tui.modals.pick_modal import Choice, PickModal
from review_tui.protocol import NO_FILTER, QueueOrder, SavedView
from review_tui.safe_text import line_content
from review_tui.widgets.message_line import Tone
from review_tui.words import ORDER_WORD, VIEW_WORD

if TYPE_CHECKING:
    from review_tui.screens.queue_screen import QueueScreen


async def change_filter(screen: QueueScreen) -> None:
    """Switch one value of the filter on or off."""
    choices = await screen.ask(screen.sitting.desk.filter_choices, screen.view)
    if choices is None:
        return
    found = switches(screen.filters, choices)
    lines = []
    for switch in found:
        count = "" if switch.count is None else f"  {switch.count:,}"
        sign = Content("[x] " if switch.is_on else "[ ] ").stylize("bold $accent")
        lines.append(FindLine(sign + line_content(switch.words) + Content(count).stylize("$quiet"), switch.words))
    line = await screen.app.push_screen_wait(FindModal("Filter", lines, does="switches it"))
    if line is not None:
        screen.narrow(filters=found[line].then)


async def change_order(screen: QueueScreen) -> None:
    """Pick an order."""
    choices = [Choice(order.value, words) for order, words in ORDER_WORD.items()]
    picked = await screen.app.push_screen_wait(PickModal("Order by", choices, with_text=False))
    if picked is not None:
        screen.narrow(order=QueueOrder(picked.code))


async def save_view(screen: QueueScreen) -> None:
    """Keep view, search, filter and order under a name."""
    about = line_content(" · ".join(_told(screen.as_saved_view(""))), "$quiet")
    name = await screen.ask_line("Save this view as", about=about)
    if name and await screen.do(screen.sitting.desk.save_view, screen.as_saved_view(name)):
        screen.say(f"Saved as {name}; o opens it.", Tone.DONE)


async def open_view(screen: QueueScreen) -> None:
    """Show a saved view."""
    view = await _choose(screen, "Open a saved view", "opens it")
    if view is not None:
        screen.show_saved_view(view)


async def drop_view(screen: QueueScreen) -> None:
    """Forget a saved view."""
    view = await _choose(screen, "Forget a saved view", "forgets it")
    if view is not None and await screen.do(screen.sitting.desk.drop_view, view.name):
        screen.say(f"{view.name} is forgotten.", Tone.DONE)


async def _choose(screen: QueueScreen, title: str, does: str) -> SavedView | None:
    views = await screen.ask(screen.sitting.desk.saved_views)
    if views is None:
        return None
    if not views:
        screen.say("No view is saved yet; w saves this one.", Tone.ASK)
        return None
    lines = []
    for view in views:
        told = " · ".join(_told(view))
        lines.append(
            FindLine(line_content(view.name, "bold") + line_content(f"  {told}", "$quiet"), f"{view.name} {told}")
        )
    line = await screen.app.push_screen_wait(FindModal(title, lines, does=does))
    return None if line is None else views[line]


def _told(view: SavedView) -> list[str]:
    search = [f"“{view.search}”"] if view.search else []
    order = [ORDER_WORD[view.order]] if view.order is not QueueOrder.RISK else []
    return [VIEW_WORD[view.view], *search, *([] if view.filters == NO_FILTER else chips(view.filters)), *order]
