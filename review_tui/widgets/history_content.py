"""Who decided what before, who said what, and what this reviewer may not do: in words. Pure functions."""

from __future__ import annotations

from textual.content import Content

from review_tui.protocol import CandidateView, CommentLine, HistoryLine
from review_tui.safe_text import content, line_content
from review_tui.widgets.evidence_pane import heading
from review_tui.words import VERDICT_WORD


def history_content(view: CandidateView) -> Content:
    """Write who decided what, when."""
    lines = [heading("HISTORY")]
    lines += [_history_line(line) for line in view.history] or [Content("· nothing yet")]
    lines += [line_content(f"✓ signed: {signer}") for signer in view.signed_by]
    lines += [_comment_line(comment) for comment in view.comments]
    if view.draft:
        lines.append(line_content(f"… your unfinished comment: {view.draft}", "$quiet"))
    if view.deferred_until is not None:
        lines.append(Content(f"» deferred until {view.deferred_until.isoformat()}"))
    lines += [line_content(f"· you cannot {VERDICT_WORD[verdict]}: {why}") for verdict, why in view.not_allowed]
    if view.reopen_refused is None:
        lines.append(Content("· O puts it back into the queue"))
    return Content("\n").join(lines)


def _comment_line(comment: CommentLine) -> Content:
    head = line_content(f"· {comment.when:%Y-%m-%d %H:%M} UTC  {comment.who} says: ", "bold")
    return head + content(comment.text)


def _history_line(line: HistoryLine) -> Content:
    why = f": {line.why}" if line.why else ""
    return line_content(f"· {line.when:%Y-%m-%d %H:%M} UTC  {line.who}  {line.what}{why}")
