"""A scrolling pane without keys of its own, which says when what it shows has changed."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.events import Resize
from textual.message import Message


class ScrollPane(VerticalScroll, can_focus=False, inherit_bindings=False):
    """Scrolled by the screen's actions; posts ``Moved`` after every scroll and resize."""

    BINDINGS: ClassVar[list[BindingType]] = []

    class Moved(Message):
        """Other lines are on the screen than before."""

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Tell the screen after the usual scrolling."""
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self.post_message(self.Moved())

    def on_resize(self, event: Resize) -> None:
        """Tell the screen: a larger pane shows more."""
        del event
        self.post_message(self.Moved())

    def by_lines(self, lines: int) -> None:
        """Scroll by some lines."""
        self.scroll_relative(y=lines, animate=False, immediate=True)

    def by_pages(self, pages: int) -> None:
        """Scroll by pages, two lines of overlap."""
        self.by_lines(pages * max(1, self.size.height - 2))
