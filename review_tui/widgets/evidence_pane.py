"""The evidence, one piece at a time: where it comes from, and the quote highlighted in its surroundings.

Knows on which lines the quote stands, so that the screen can tell whether it was seen; decides nothing.
"""

from __future__ import annotations

from functools import lru_cache

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from review_tui.protocol import CandidateView, EvidenceView
from review_tui.safe_text import content, highlighted, line_content
from review_tui.words import EVIDENCE_ROLE

_QUOTE = "bold $text-warning on $warning-muted underline"


class EvidencePane(Vertical):
    """Source line, link, and the quote in its context."""

    def __init__(self) -> None:
        """Start without evidence."""
        super().__init__(id="evidence")
        self._source = Static(Content(""), id="source")
        self._quote = Static(Content(""), id="quote")
        self._shown: EvidenceView | None = None

    def compose(self) -> ComposeResult:
        """Lay out source above quote."""
        yield self._source
        yield self._quote

    def show(self, view: CandidateView, index: int, seen_count: int) -> None:
        """Show one piece of evidence of a candidate."""
        if not view.evidence:
            self._shown = None
            told = content("\n✗ This candidate has no evidence.", "bold")
            self._source.update(heading("EVIDENCE", "none") + told)
            self._quote.update(Content(""))
            return
        self._shown = view.evidence[index]
        self.show_seen(view, index, seen_count)
        self._quote.update(quote_content(self._shown))

    def show_seen(self, view: CandidateView, index: int, seen_count: int) -> None:
        """Show the source line, with how many quotes have been on the screen."""
        if self._shown is not None:
            self._source.update(source_content(self._shown, index, len(view.evidence), seen_count))

    def quote_rows(self) -> tuple[int, int] | None:
        """Give the first and last row on the terminal where the quote stands, wherever it is scrolled to."""
        if self._shown is None or not self._quote.content_size.width:
            return None
        first, last = _rows_of_quote(self._shown, self._quote.content_size.width)
        top = self._quote.content_region.y
        return top + first, top + last


def heading(title: str, rest: str = "") -> Content:
    """Write the heading of a part of the page."""
    return Content(title).stylize("bold $text-primary") + line_content(f"  {rest}" if rest else "", "$quiet")


def source_content(evidence: EvidenceView, index: int, count: int, seen_count: int | None) -> Content:
    """Write where a quote comes from; without a count of seen quotes, it is not said which were seen."""
    keys = "  [, ] show the others" if count > 1 else ""
    told = "" if seen_count is None else f" · quotes seen: {seen_count} of {count}{keys}"
    seen = f"{index + 1} of {count}{told}"
    facts = [evidence.kind, evidence.source_date or "no date", evidence.section]
    role = EVIDENCE_ROLE.get(evidence.role, evidence.role)
    lines = [
        heading("EVIDENCE", seen),
        line_content(evidence.source_title, "bold"),
        line_content(" · ".join([*(fact for fact in facts if fact), role])),
    ]
    if evidence.url:
        lines.append(line_content(evidence.url, "underline $text-primary"))
    return Content("\n").join(lines)


@lru_cache(maxsize=16)
def _rows_of_quote(evidence: EvidenceView, width: int) -> tuple[int, int]:
    """Give the first and last row of the quote once the text is wrapped to a width."""
    shown = quote_content(evidence)
    spans = [span for span in shown.spans if span.style == _QUOTE]
    if not spans:
        return 0, 0
    return len(shown[: spans[0].start + 1].wrap(width)) - 1, len(shown[: spans[0].end].wrap(width)) - 1


def quote_content(evidence: EvidenceView) -> Content:
    """Write a quote highlighted in its surroundings; where it does not stand there, that is said first."""
    shown = highlighted(evidence.context, evidence.quote_start, evidence.quote_end, _QUOTE)
    if evidence.quote_end > evidence.quote_start:
        return shown
    return Content("✗ The quote does not stand in this text.\n").stylize("bold reverse") + shown
