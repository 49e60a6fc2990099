"""The first screen: how much waits and how long it takes, what is urgent, and what became of yesterday's."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.widgets import Static

from review_tui.action import Scope
from review_tui.keymap import bindings
from review_tui.protocol import Summary
from review_tui.safe_text import content, line_content
from review_tui.screens.deputising import deputise
from review_tui.screens.desk_screen import DeskScreen
from review_tui.screens.queue_screen import QueueScreen
from review_tui.widgets.scroll_pane import ScrollPane
from review_tui.words import counted

_WARN = "bold $text-warning"


class StartScreen(DeskScreen):
    """Figures first, then the way into the queue."""

    SCOPE = Scope.START
    BINDINGS: ClassVar[list[BindingType]] = list(bindings(Scope.START))

    def compose_body(self) -> ComposeResult:
        """Lay out the figures."""
        with ScrollPane(id="start"):
            yield Static(Content("· reading the desk …"), id="summary")

    def reload(self) -> None:
        """Read the figures."""
        self._load()

    @work(group="load", exclusive=True)
    async def _load(self) -> None:
        summary = await self.ask(self.sitting.desk.summary)
        if summary is not None:
            self.query_one("#summary", Static).update(summary_content(summary))
            self.top_line.show_unsigned(summary.unsigned, len(self.sitting.unsaved))

    def action_deputy(self) -> None:
        """Name who stands in, or end it."""
        self.start(partial(deputise, self))

    def action_scroll(self, lines: int) -> None:
        """Scroll the figures."""
        self.query_one("#start", ScrollPane).by_lines(lines)

    def action_open_queue(self) -> None:
        """Open the queue."""
        self.app.push_screen(QueueScreen(self.sitting))


def summary_content(summary: Summary) -> Content:
    """Write the first screen."""
    parts = [
        _waiting(summary),
        *(line_content(f"! {notice}", _WARN) for notice in summary.notices),
        _outcomes(summary),
        _sources(summary),
    ]
    return Content("\n\n").join(parts)


def _waiting(summary: Summary) -> Content:
    if not summary.items:
        lines = [Content("✓ Nothing waits for you.").stylize("bold $text-success")]
    else:
        about = f"about {counted(summary.minutes, 'minute')}"
        waits = "waits" if summary.items == 1 else "wait"
        lines = [content(f"{counted(summary.items, 'item')} {waits} for you, {about}.", "bold")]
    if summary.urgent:
        lines.append(content(f"▲ {summary.urgent:,} urgent: on top of the queue.", _WARN))
    if summary.high_left or summary.mine:
        mine = f", {summary.mine:,} of them yours" if summary.mine else ""
        lines.append(content(f"  {summary.high_left:,} of high risk{mine}."))
    if summary.decided_today:
        lines.append(content(f"✓ {counted(summary.decided_today, 'decision')} signed by you today.", "$text-success"))
    if summary.unsigned:
        marks = counted(summary.unsigned, "mark")
        lines.append(content(f"± {marks} of yours not signed yet: S signs.", _WARN))
    lines.append(content("Enter opens the queue.", "$quiet"))
    return Content("\n").join(lines)


def _outcomes(summary: Summary) -> Content:
    lines = [Content("WHAT BECAME OF THE LAST DECISIONS").stylize("bold $text-primary")]
    lines += [line_content(f"{line.count:>4,}  {line.words}") for line in summary.outcomes]
    return Content("\n").join(lines if summary.outcomes else [*lines, Content("·  nothing to tell yet")])


def _sources(summary: Summary) -> Content:
    lines = [Content("SOURCES").stylize("bold $text-primary")]
    lines += [line_content(f"!  {source}", _WARN) for source in summary.stale_sources]
    if not summary.stale_sources:
        lines.append(Content("✓  every source is up to date").stylize("$text-success"))
    return Content("\n").join(lines)
