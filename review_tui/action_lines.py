"""The actions of a page as lines to find one in: help and palette are this one list."""

from __future__ import annotations

from textual.content import Content

from review_tui.action import SCOPE_TITLE, Scope
from review_tui.actions import actions_of
from review_tui.keymap import KeyTable, keys_words
from review_tui.modals.find_modal import FindLine, FindModal

_LEGEND = (
    "▲ HIGH risk, usually two signers  · low  ✓ approve  ± fixed  ✗ reject  » defer  ○ close\n"
    "!2 two things to know first   ≠ in conflict   1/2 signatures given, of those asked for\n"
    "Marks are saved at once; S signs them all with one PIN."
)


def help_modal(scope: Scope, table: KeyTable) -> FindModal:
    """Make the list of what can be done on a page; its line numbers are those of ``actions_of``."""
    actions = actions_of(scope)
    wide = max(len(keys_words(table.keys(action))) for action in actions) + 2
    lines = []
    for action in actions:
        keys = keys_words(table.keys(action))
        shown = Content(f"{keys:<{wide}}").stylize("bold $accent") + Content(action.help)
        lines.append(FindLine(shown, f"{keys} {action.words} {action.help}"))
    return FindModal(
        f"Keys and actions: {SCOPE_TITLE[scope].lower()}", lines, legend=_LEGEND, does="does it", starts_nowhere=True
    )
