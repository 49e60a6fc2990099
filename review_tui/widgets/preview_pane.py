"""What the candidate under the cursor says, beside the list of a very wide terminal. Nothing is decided from here."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.events import Resize
from textual.message import Message
from textual.widgets import Static

from review_tui.protocol import CandidateView
from review_tui.widgets.evidence_pane import quote_content, source_content
from review_tui.widgets.fact_content import fact_content, header_content, warnings_content

MOST_QUOTES = 3


class PreviewPane(VerticalScroll, can_focus=False, inherit_bindings=False):
    """Evidence first, then the fact; a quote seen here does not count as seen."""

    class Appeared(Message):
        """There is room for the preview now."""

    def __init__(self) -> None:
        """Start empty."""
        super().__init__(id="preview")
        self._shown = Static(Content(""))
        self._view: CandidateView | None = None

    def compose(self) -> ComposeResult:
        """Lay out one text."""
        yield self._shown

    def on_resize(self, event: Resize) -> None:
        """Lay out anew, and say that there is room."""
        if event.size.width:
            self.show(self._view)
            self.post_message(self.Appeared())

    def show(self, view: CandidateView | None) -> None:
        """Show a candidate."""
        self._view = view
        self._shown.update(Content("") if view is None else _preview(view, max(20, self.size.width - 2)))


def _preview(view: CandidateView, width: int) -> Content:
    parts = [header_content(view, None), warnings_content(view, None)]
    for number, evidence in enumerate(view.evidence[:MOST_QUOTES]):
        parts += [source_content(evidence, number, len(view.evidence), None), quote_content(evidence)]
    if len(view.evidence) > MOST_QUOTES:
        parts.append(Content(f"… and {len(view.evidence) - MOST_QUOTES} more").stylize("$quiet"))
    parts.append(fact_content(view, width))
    return Content("\n\n").join(part for part in parts if part is not None)
