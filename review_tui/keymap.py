"""Bindings, key line and help page, generated from the registry of actions; and the rules that keys obey.

Must never bind alt (terminals type it into a field), nor let enter or backspace decide anything.
"""

from __future__ import annotations

from collections.abc import Iterable

from rich.cells import cell_len
from textual.binding import Binding
from textual.content import Content

from review_tui.actions import DeskAction, Scope, actions_of

NEVER_DECIDE = frozenset({"enter", "backspace", "delete", "space"})
LOST_IN_TERMINALS = frozenset({"ctrl+i", "ctrl+m", "ctrl+j", "ctrl+h", "ctrl+a", "ctrl+b"})
"""Arrive as tab, enter or backspace on old terminals, or belong to tmux and screen."""

_MORE = " ? more"


def bindings(scope: Scope) -> list[Binding]:
    """Give the Textual bindings of a scope."""
    return [Binding(key, action.id, action.words, show=False) for action in actions_of(scope) for key in action.keys]


def key_line(scope: Scope, width: int) -> Content:
    """Write as many ``key words`` pairs as fit; where some do not, it says that ``?`` shows more."""
    shown = [action for action in actions_of(scope) if action.on_key_line]
    if _width(shown) <= width:
        return _pairs(shown)
    while shown and _width(shown) + len(_MORE) > width:
        shown = shown[:-1]
    return _pairs(shown) + Content(_MORE)


def help_rows(scope: Scope) -> list[tuple[str, str]]:
    """Give every key of a scope with what it does."""
    return [(" ".join(_key_name(key) for key in action.keys), action.help) for action in actions_of(scope)]


def problems(actions: Iterable[DeskAction]) -> list[str]:
    """List what is wrong with a set of actions of one scope; empty if a reviewer can work with it."""
    found: list[str] = []
    owner: dict[str, str] = {}
    for action in actions:
        if not action.keys:
            found.append(f"{action.id} has no key")
        for key in action.keys:
            if key in owner:
                found.append(f"{key} is bound to {owner[key]} and to {action.id}")
            owner[key] = action.id
            if key.startswith("alt+") or key in LOST_IN_TERMINALS:
                found.append(f"{action.id} uses {key}, which terminals do not deliver")
            if action.decides and key in NEVER_DECIDE:
                found.append(f"{action.id} decides, and must not be on {key}")
    return found


def _pairs(actions: list[DeskAction]) -> Content:
    parts = [Content(a.shown_key).stylize("bold $accent") + Content(f" {a.words}") for a in actions]
    return Content("  ").join(parts)


def _width(actions: list[DeskAction]) -> int:
    return sum(cell_len(f"{a.shown_key} {a.words}  ") for a in actions)


def _key_name(key: str) -> str:
    names = {
        "slash": "/",
        "question_mark": "?",
        "left_square_bracket": "[",
        "right_square_bracket": "]",
        "pagedown": "PgDn",
        "pageup": "PgUp",
    }
    return names.get(key, key)
