"""The first screen: how much waits and how long it takes, what is urgent, and what became of yesterday's."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content

from review_tui.action import Scope
from review_tui.actions import actions_of
from review_tui.keymap import KeyTable, bindings
from review_tui.protocol import Summary
from review_tui.safe_text import content, line_content
from review_tui.screens.deputising import deputise
from review_tui.screens.desk_screen import DeskScreen
from review_tui.screens.queue_screen import QueueScreen
from review_tui.sitting import Sitting
from review_tui.widgets.reflowed import Reflowed
from review_tui.widgets.scroll_pane import ScrollPane
from review_tui.words import counted

_WARN = "bold $text-warning"
_PAGES = ("go_batches", "go_releases", "go_affected", "flag_answer")


class StartScreen(DeskScreen):
    """Figures first, then the way into the queue."""

    SCOPE = Scope.START
    BINDINGS: ClassVar[list[BindingType]] = list(bindings(Scope.START))

    def __init__(self, sitting: Sitting) -> None:
        """Say that the desk is being read."""
        super().__init__(sitting)
        self._figures = Reflowed(id="summary")
        self._figures.show(lambda _: Content("· reading the desk …"))

    def compose_body(self) -> ComposeResult:
        """Lay out the figures."""
        with ScrollPane(id="start"):
            yield self._figures

    def reload(self) -> None:
        """Read the figures."""
        self._load()

    @work(group="load", exclusive=True)
    async def _load(self) -> None:
        summary = await self.ask(self.sitting.desk.summary)
        if summary is not None:
            self._figures.show(partial(summary_content, summary, self.sitting.options.keys))
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


def summary_content(summary: Summary, keys: KeyTable, width: int) -> Content:
    """Write the first screen for a width."""
    parts = [
        _waiting(summary),
        *(_hung(width, "!", notice, _WARN) for notice in summary.notices),
        _outcomes(summary, width),
        _sources(summary, width),
        _elsewhere(keys),
    ]
    return Content("\n\n").join(parts)


def _hung(width: int, sign: str, words: str, style: str = "", *, indent: int = 2) -> Content:
    """Write a sign and its words; their further lines stand under the first one."""
    lines = line_content(words, style).wrap(max(20, width - indent))
    return line_content(f"{sign:<{indent}}", style) + Content("\n" + " " * indent).join(lines)


def _elsewhere(keys: KeyTable) -> Content:
    """Name the other pages with their keys."""
    pages = [action for action in actions_of(Scope.START) if action.id in _PAGES]
    return content("elsewhere: " + " · ".join(f"{keys.shown_key(page)} {page.words}" for page in pages), "$quiet")


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


def _outcomes(summary: Summary, width: int) -> Content:
    lines = [Content("WHAT BECAME OF THE LAST DECISIONS").stylize("bold $text-primary")]
    lines += [_hung(width, f"{line.count:>4,}", line.words, indent=6) for line in summary.outcomes]
    return Content("\n").join(lines if summary.outcomes else [*lines, Content("·  nothing to tell yet")])


def _sources(summary: Summary, width: int) -> Content:
    lines = [Content("SOURCES").stylize("bold $text-primary")]
    lines += [_hung(width, "!", source, _WARN, indent=3) for source in summary.stale_sources]
    if not summary.stale_sources:
        lines.append(Content("✓  every source is up to date").stylize("$text-success"))
    return Content("\n").join(lines)
