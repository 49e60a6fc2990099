"""Bindings, key line and help from the registry of actions under the reviewer's own keys; and the rules of keys.

Must never bind alt (terminals type it into a field), nor let enter or backspace decide anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from rich.cells import cell_len
from textual.binding import Binding
from textual.content import Content
from textual.keys import Keys

from review_tui.action import DIALOGS, SCREENS, DeskAction, Scope
from review_tui.actions import ACTIONS, actions_of
from review_tui.errors import KeymapError

NEVER_DECIDE = frozenset({"enter", "backspace", "delete", "space", "tab", "escape"})
LOST_IN_TERMINALS = frozenset({"ctrl+i", "ctrl+m", "ctrl+j", "ctrl+h", "ctrl+a", "ctrl+b"})
"""Arrive as tab, enter or backspace on old terminals, or belong to tmux and screen."""
RESERVED = frozenset({"ctrl+c", "ctrl+z", "ctrl+s", "ctrl+q", "escape", "enter", "tab", "shift+tab"})
"""Kept for the terminal and for moving about; a keymap cannot give them to something else."""

_NAMED_KEYS = frozenset(key.value for key in Keys)
_SHOWN = {
    "slash": "/",
    "question_mark": "?",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "equals_sign": "=",
    "apostrophe": "'",
    "comma": ",",
    "full_stop": ".",
    "plus": "+",
    "minus": "-",
    "asterisk": "*",
    "pagedown": "PgDn",
    "pageup": "PgUp",
    "escape": "esc",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
}
_BY_SIGN = {sign: key for key, sign in _SHOWN.items() if len(sign) == 1 and sign.isascii()}
_MORE = " ? more"


@dataclass(frozen=True)
class KeyTable:
    """Which keys do what: the registry's, but for the actions that the reviewer has put on others."""

    changed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By the action's name."""

    @classmethod
    def read(cls, wanted: Mapping[str, str]) -> KeyTable:
        """Take a user's keymap: ``{"candidate.approve": "y", "queue.down": "j,down"}``.

        Raises:
            KeymapError: An unknown action, a key twice in one scope, a verdict without a key, a reserved key: one
                line tells all of it.
        """
        changed = {name: tuple(_key(word) for word in keys.split(",") if word.strip()) for name, keys in wanted.items()}
        table = cls(changed)
        if found := table.problems():
            raise KeymapError("keymap: " + "; ".join(found) + "; medrek-flow review --keys lists the names")
        return table

    def keys(self, action: DeskAction) -> tuple[str, ...]:
        """Give the keys of an action."""
        return self.changed.get(action.name, action.keys)

    def shown_key(self, action: DeskAction) -> str:
        """Give the key as the screen writes it; empty where an action has none."""
        if action.name in self.changed:
            return key_sign(self.changed[action.name][0]) if self.changed[action.name] else ""
        return action.key_shown or key_sign(action.keys[0])

    def for_textual(self) -> dict[str, str]:
        """Give the changed keys as ``App.set_keymap`` takes them."""
        return {name: ",".join(keys) for name, keys in self.changed.items()}

    def problems(self) -> list[str]:
        """List what is wrong with the changed keys; empty if a reviewer can work with them."""
        names = {action.name: action for action in ACTIONS}
        found = [f"there is no action {name}" for name in self.changed if name not in names]
        for name in self.changed.keys() & names.keys():
            found += self._problems_of(names[name])
        for scope in SCREENS:
            found += problems(actions_of(scope), self)
        return list(dict.fromkeys(found))

    def _problems_of(self, action: DeskAction) -> list[str]:
        keys, found = self.changed[action.name], []
        if action.scope in DIALOGS:
            found.append(f"{action.name} is in a dialog, whose keys are fixed")
        for key in keys:
            if key not in action.keys and key in RESERVED:
                found.append(f"{key} is reserved, and cannot be {action.name}")
            elif not _is_key(key):
                found.append(f"{key} is no key (for {action.name})")
        return found


DEFAULT_KEYS = KeyTable()


def bindings(scope: Scope) -> list[Binding]:
    """Give the Textual bindings of a scope; their ids are what a keymap changes."""
    return [
        Binding(key, action.id, action.words, show=False, id=action.name)
        for action in actions_of(scope)
        for key in action.keys
    ]


def key_line(scope: Scope, width: int, table: KeyTable = DEFAULT_KEYS, asleep: frozenset[str] = frozenset()) -> Content:
    """Write as many ``key words`` pairs as fit; where some do not, it says that ``?`` shows more.

    Args:
        scope: Whose keys.
        width: Cells.
        table: The reviewer's keys.
        asleep: Ids of actions that do nothing just now; written in brackets.
    """
    shown = [action for action in actions_of(scope) if action.on_key_line and table.keys(action)]
    pairs = [_pair(action, table, is_asleep=action.id in asleep) for action in shown]
    sleeping = [number for number, action in enumerate(shown) if action.id in asleep]
    if sleeping:  # those that sleep stand side by side: one pair of brackets
        pairs[sleeping[0]] = Content("(").stylize("$quiet") + pairs[sleeping[0]]
        pairs[sleeping[-1]] += Content(")").stylize("$quiet")
    if _width(pairs) <= width:
        return Content("  ").join(pairs)
    while pairs and _width(pairs) + len(_MORE) > width:
        pairs = pairs[:-1]
    return Content("  ").join(pairs) + Content(_MORE)


def help_rows(scope: Scope, table: KeyTable = DEFAULT_KEYS) -> list[tuple[str, str]]:
    """Give every key of a scope with what it does."""
    return [(keys_words(table.keys(action)), action.help) for action in actions_of(scope)]


def keys_words(keys: Iterable[str]) -> str:
    """Write keys side by side as a reader knows them."""
    return " ".join(key_sign(key) for key in keys)


def problems(actions: Iterable[DeskAction], table: KeyTable = DEFAULT_KEYS) -> list[str]:
    """List what is wrong with a set of actions of one scope; empty if a reviewer can work with it."""
    found: list[str] = []
    owner: dict[str, str] = {}
    for action in actions:
        keys = table.keys(action)
        if not keys:
            found.append(f"{action.id} has no key")
        for key in keys:
            if key in owner:
                found.append(f"{key} is bound to {owner[key]} and to {action.id}")
            owner[key] = action.id
            if key.startswith("alt+") or key in LOST_IN_TERMINALS:
                found.append(f"{action.id} uses {key}, which terminals do not deliver")
            if action.decides and key in NEVER_DECIDE:
                found.append(f"{action.id} decides, and must not be on {key}")
    return found


def key_sign(key: str) -> str:
    """Write a key as a reader knows it: ``/`` for ``slash``."""
    return _SHOWN.get(key, key)


def _key(word: str) -> str:
    written = word.strip()
    return _BY_SIGN.get(written, written)


def _is_key(key: str) -> bool:
    last = key.rpartition("+")[2]
    return (len(last) == 1 and last.isprintable()) or key in _NAMED_KEYS or key in _SHOWN or last in _NAMED_KEYS


def _pair(action: DeskAction, table: KeyTable, *, is_asleep: bool) -> Content:
    if is_asleep:
        return Content(f"{table.shown_key(action)} {action.words}").stylize("$quiet")
    return Content(table.shown_key(action)).stylize("bold $accent") + Content(f" {action.words}")


def _width(pairs: list[Content]) -> int:
    return sum(cell_len(pair.plain) + 2 for pair in pairs)
