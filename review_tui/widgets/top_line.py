"""The first line of every screen: whose desk this is, on which site, and what is still unsigned."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from review_tui.protocol import Reviewer
from review_tui.safe_text import line_content
from review_tui.words import PROFILE_WORD, counted


class TopLine(Static):
    """Names the reviewer and the site; a demo site says so first, for ever."""

    def __init__(self, reviewer: Reviewer) -> None:
        """Show the reviewer, with no unsigned marks yet."""
        super().__init__(Content(""))
        self._reviewer = reviewer
        self.show_unsigned(0, 0)

    def show_unsigned(self, unsigned: int, unsaved: int) -> None:
        """Show how many marks no signature covers, and how many could not be saved."""
        who = self._reviewer
        demo = Content(" DEMO SITE ").stylize("bold reverse") + Content(" ") if who.site_kind == "demo" else Content("")
        lost = line_content(f"! {unsaved} NOT SAVED", "bold reverse") + Content(" ") if unsaved else Content("")
        to_sign = f"± {counted(unsigned, 'mark')} to sign · " if unsigned else ""
        rest = line_content(f" · {to_sign}{who.name} ({who.role}) · {PROFILE_WORD[who.signer_profile]}")
        self.update(demo + lost + Content("medrek-flow").stylize("bold") + rest)
