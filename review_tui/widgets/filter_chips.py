"""The line under the views: what narrows the list, how it is ordered, what is picked, and how much is outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content
from textual.widgets import Static

from review_tui.safe_text import line_content


@dataclass(frozen=True)
class Narrowing:
    """What stands between the whole view and what is listed."""

    search: str = ""
    chips: Sequence[str] = ()
    order: str = ""
    """In words; empty for the usual one."""
    listed: int = 0
    in_view: int = 0
    matches: int | None = None
    """How many the search finds, where all lines are listed."""
    picked: int = 0
    is_picking_range: bool = False


class FilterChips(Static):
    """Shows a chip for everything that narrows or orders; nothing at all where nothing does."""

    def __init__(self) -> None:
        """Start with nothing narrowed."""
        super().__init__(Content(""))
        self.display = False

    def show(self, now: Narrowing) -> None:
        """Show what narrows, and what that leaves."""
        parts = [line_content(f"[{chip}]", "bold $accent") for chip in now.chips]
        if now.search:
            found = now.listed if now.matches is None else now.matches
            parts.append(
                Content(f"{found:,} of {now.in_view:,} match").stylize("bold") + line_content(f" “{now.search}”")
            )
        elif now.chips:
            outside = max(0, now.in_view - now.listed)
            parts.append(Content(f"{now.listed:,} in this filter, {outside:,} outside").stylize("bold"))
        if now.order:
            parts.append(line_content(f"order: {now.order}"))
        if now.picked or now.is_picking_range:
            parts.append(
                Content(f"+ {now.picked:,} picked").stylize("bold reverse") + Content(" r reject d defer x close")
            )
        if now.is_picking_range:
            parts.append(Content("v ends the range").stylize("bold"))
        self.display = bool(parts)
        self.update(Content("  ").join(parts))
