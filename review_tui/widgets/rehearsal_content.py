"""What the model says now, what it would say, and what moves: the rehearsal in words. Pure functions."""

from __future__ import annotations

from textual.content import Content

from review_tui.protocol import RehearsalView
from review_tui.safe_text import content, field_content, line_content
from review_tui.widgets.evidence_pane import heading
from review_tui.words import counted

_LOUD = "bold $text-error"
_WARN = "bold $text-warning"
_NAME_WIDTH = 12


def rehearsal_content(rehearsal: RehearsalView | None, width: int) -> Content:
    """Write for a width *now / would say / what moves*; a moved near miss is the loudest thing on the page."""
    if rehearsal is None:
        return heading("REHEARSAL") + content("\n! Not rehearsed yet: what the model would say is not known.", _WARN)
    lines = [heading("REHEARSAL", f"this candidate alone, on a copy of live · carrier: {rehearsal.carrier}")]
    if rehearsal.says_now:
        lines.append(line_content(f"· live says now: {rehearsal.says_now}"))
    if rehearsal.already_says:
        lines.append(content("· The model says this already."))
    if not rehearsal.takes:
        lines.append(content("✗ It does not take: not every answer says the new object.", _LOUD))
    for answer in rehearsal.answers:
        verdict = "✓ takes" if answer.takes else "✗ DOES NOT TAKE"
        lines += [
            field_content(answer.question, "bold"),
            named(width, "  now", answer.now, "$quiet", multi_line=True),
            named(width, "  would say", answer.would_say, multi_line=True),
            Content(f"  {verdict}").stylize("$text-success" if answer.takes else _LOUD),
        ]
    tried = [line_content(f"· tried {trial}").stylize("$quiet") for trial in rehearsal.trials]
    return Content("\n").join([*lines, *_moves_lines(rehearsal, width), *tried])


def _moves_lines(rehearsal: RehearsalView, width: int) -> list[Content]:
    asked = f" ({counted(rehearsal.near_misses_asked, 'near miss', 'near misses')} asked)"
    told = asked if rehearsal.near_misses_asked else ""
    if not rehearsal.moves:
        return [Content(f"✓ Nothing else moves{told}.").stylize("$text-success")]
    lines = [Content(f" ✗ {moves_words(len(rehearsal.moves)).upper()}{told} ").stylize("bold reverse")]
    for move in rehearsal.moves:
        lines += [
            field_content(f"✗ {move.question}", _LOUD) + line_content(f"  ({move.kind.replace('_', ' ')})"),
            named(width, "  now", move.now, multi_line=True),
            named(width, "  would say", move.would_say, _LOUD, multi_line=True),
        ]
    return lines


def named(width: int, name: str, value: str, style: str = "", *, multi_line: bool = False) -> Content:
    """Write a named value; its further lines stand under its first one."""
    shown = content(value, style) if multi_line else field_content(value, style)
    lines = shown.wrap(max(10, width - _NAME_WIDTH))
    indent = Content("\n" + " " * _NAME_WIDTH)
    return line_content(f"{name.replace('_', ' '):<{_NAME_WIDTH - 1}} ", "$quiet") + indent.join(lines)


def moves_words(count: int) -> str:
    """Say how many answers move that must not."""
    return counted(count, "other answer moves", "other answers move")
