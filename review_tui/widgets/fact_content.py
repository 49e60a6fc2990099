"""What a candidate says, in words: header, warnings, and the fact, old to new.

Pure functions from the plain types to markup-free ``Content``; no widget, no desk.
"""

from __future__ import annotations

import difflib
import re
from functools import partial

from textual.content import Content

from review_tui.look_alikes import look_alikes
from review_tui.protocol import Action, CandidateView, CheckLine, Risk
from review_tui.safe_text import FIELD_LIMIT, LINE_LIMIT, content, field_content, is_cut, line_content, one_line
from review_tui.widgets.evidence_pane import heading
from review_tui.widgets.rehearsal_content import moves_words, named
from review_tui.words import (
    ACTION_WORD,
    RISK_LABEL,
    RISK_STYLE,
    STATE_WORD,
    VERDICT_GLYPH,
    VERDICT_STYLE,
    VERDICT_WORD,
)

_LOUD = "bold $text-error"
_WARN = "bold $text-warning"
_NAME_WIDTH = 12


def header_content(view: CandidateView, place: tuple[int, int] | None) -> Content:
    """Write the line above the page: tier, kind, place in the list, state, signatures, own mark."""
    signed = f"signed {len(view.signed_by)} of {view.required_signatures}"
    parts = [
        Content(RISK_LABEL[view.risk] + (" RISK" if view.risk is Risk.HIGH else " risk")).stylize(
            RISK_STYLE[view.risk]
        ),
        Content(ACTION_WORD[view.action]).stylize("bold"),
        *([Content(f"{place[0]:,} of {place[1]:,}")] if place else []),
        Content(STATE_WORD[view.state]),
        Content(signed),
        line_content(view.candidate_id, "$quiet"),
    ]
    if view.mark is not None:
        mark = Content(f"{VERDICT_GLYPH[view.mark]} marked: {VERDICT_WORD[view.mark]}, not signed")
        parts.insert(1, mark.stylize(VERDICT_STYLE[view.mark]))
    if view.claimed_by:
        whose = "claimed by you" if view.claim_is_mine else f"● {view.claimed_by} works on it"
        until = f" until {view.claimed_until:%H:%M} UTC" if view.claimed_until else ""
        parts.insert(1, line_content(whose + until, "" if view.claim_is_mine else _WARN))
    return Content(" · ").join(parts)


def warnings_content(view: CandidateView, not_saved: str | None) -> Content | None:
    """Write what must be known before deciding; None where there is nothing."""
    lines: list[Content] = []
    if not_saved is not None:
        lines.append(line_content(f"✗ Your mark could NOT be saved, S tries again: {not_saved}", _LOUD))
    if any(is_cut(text) for text in _long_fields(view)) or any(len(flag) > LINE_LIMIT for flag in view.flags):
        lines.append(content("✗ A text here is too long to show whole; do not sign what you cannot read.", _LOUD))
    lines += [line_content(f"✗ {line}", _LOUD) for line in look_alikes(*_names(view))]
    lines += [line_content(f"! {flag}", _WARN) for flag in view.flags]
    lines += [line_content(f"≠ Conflict: {conflict}", _WARN) for conflict in view.conflicts]
    lines += [line_content(f"≈ Nearly the same in force: {near}", _WARN) for near in view.near_duplicates]
    lines += [line_content(f"✗ {check.name}: {check.words}", _LOUD) for check in view.checks if check.passed is False]
    lines += [
        line_content(f"! {warning.who} approved on {warning.when:%Y-%m-%d} although: {warning.words}", _WARN)
        for warning in view.dismissed
    ]
    lines += [line_content(f"! An approval does not count any more: {void}", _WARN) for void in view.signatures_void]
    if view.rehearsal is not None and view.rehearsal.moves:
        lines.append(content(f"✗ {moves_words(len(view.rehearsal.moves))}: see the rehearsal.", _LOUD))
    return Content("\n").join(lines) if lines else None


def fact_content(view: CandidateView, width: int) -> Content:
    """Write the fact for a width: subject, relation, qualifiers, old to new, question and paraphrases."""
    field = partial(named, width)
    lines = [
        heading("THE FACT", view.change_kind.replace("_", " ")),
        field("subject", view.subject, "bold"),
        field("relation", view.relation.replace("_", " ")),
        *(field(name, value) for name, value in view.qualifiers),
        *_change_lines(view, width),
        field("question", view.question),
        *(field("also as" if number == 0 else "", text) for number, text in enumerate(view.paraphrases)),
        field("proposed by", view.extractor, "$quiet"),
        *(_check_line(check, width) for check in view.checks),
    ]
    return Content("\n").join(lines)


def _change_lines(view: CandidateView, width: int) -> list[Content]:
    if view.action is Action.WITHDRAW:
        taken_out = view.withdraws or "an edit that is not named"
        return [named(width, "takes out", taken_out, _WARN), named(width, "then says", view.object_new)]
    origin = f"   ({view.object_old_origin})" if view.object_old_origin else ""
    minus, plus = diff_lines(view.object_old, view.object_new)
    minus += line_content(origin, "$quiet") if view.object_old is not None else Content("")
    indent = Content("\n" + " " * (_NAME_WIDTH + 2))
    lines = [
        line_content(f"{name:<{_NAME_WIDTH}}", "$quiet") + indent.join(line.wrap(max(10, width - _NAME_WIDTH - 2)))
        for name, line in (("old", minus), ("new", plus))
    ]
    if view.fixed_from is not None:
        lines.append(
            named(width, "fixed from", f"{view.fixed_from}  ({view.fixed_by or 'a reviewer'} corrected it)", _WARN)
        )
    if view.marked_object is not None:
        lines.append(named(width, "your fix", f"± {view.marked_object}", "bold $text-success"))
    return lines


def _check_line(check: CheckLine, width: int) -> Content:
    sign = {True: "✓", False: "✗", None: "·"}[check.passed]
    return named(width, check.name, f"{sign} {check.words}", _LOUD if check.passed is False else "")


def diff_lines(old: str | None, new: str) -> list[Content]:
    """Write old above new with signs, and the words that differ underlined in both."""
    if old is None:
        return [Content("- nothing before").stylize("$quiet"), field_content(f"+ {new}", "bold $text-success")]
    old_words, new_words = (re.findall(r"\s+|\S+", one_line(text, FIELD_LIMIT)) for text in (old, new))
    matcher = difflib.SequenceMatcher(None, old_words, new_words, autojunk=False)
    minus, plus = Content(""), Content("")
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        changed = "" if tag == "equal" else "bold underline"
        minus += field_content("".join(old_words[i1:i2]), changed)
        plus += field_content("".join(new_words[j1:j2]), changed)
    if max(len(old), len(new)) > FIELD_LIMIT:
        minus, plus = field_content(old), field_content(new)
    return [
        Content("- ").stylize("bold") + minus.stylize("$text-error"),
        Content("+ ").stylize("bold") + plus.stylize("$text-success"),
    ]


def _long_fields(view: CandidateView) -> list[str]:
    return [view.subject, view.object_old or "", view.object_new, view.question, *view.paraphrases]


def _names(view: CandidateView) -> list[str]:
    """Give the texts in which a letter that is not what it looks like would harm."""
    qualifiers = [value for _, value in view.qualifiers]
    return [view.subject, view.object_new, view.object_old or "", *qualifiers, view.question, *view.paraphrases]
