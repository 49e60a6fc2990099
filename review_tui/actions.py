"""The one registry of what a reviewer can do: id, keys, words, where, and whether the key line shows it.

Bindings, key line and help are generated from it (``keymap``). It holds words and keys only, no behaviour: a
screen implements ``action_<id>`` for every action of its scope.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """Where an action can be taken."""

    EVERYWHERE = "everywhere"
    START = "start"
    QUEUE = "queue"
    CANDIDATE = "candidate"


@dataclass(frozen=True)
class DeskAction:
    """One thing that a reviewer can do by key."""

    id: str
    keys: tuple[str, ...]
    """Textual key names; the first one is shown."""
    words: str
    scope: Scope
    help: str
    on_key_line: bool = False
    decides: bool = False
    """Whether it leads to a verdict; such a key is guarded against repeats and reflexes."""
    key_shown: str | None = None
    """How the key line writes the key, where that is not the key's own name."""

    @property
    def shown_key(self) -> str:
        """Give the key as the screen writes it."""
        return self.key_shown or self.keys[0]


ACTIONS: tuple[DeskAction, ...] = (
    DeskAction("open_queue", ("enter",), "queue", Scope.START, "Open the queue", on_key_line=True),
    DeskAction("reload", ("f5",), "reload", Scope.START, "Read the figures again", on_key_line=True),
    DeskAction("open", ("enter",), "open", Scope.QUEUE, "Open the candidate under the cursor", on_key_line=True),
    DeskAction("down", ("j", "down"), "down", Scope.QUEUE, "Next line", on_key_line=True, key_shown="j/k"),
    DeskAction("up", ("k", "up"), "up", Scope.QUEUE, "Previous line"),
    DeskAction("page_down", ("pagedown", "space"), "page down", Scope.QUEUE, "One page down"),
    DeskAction("page_up", ("pageup",), "page up", Scope.QUEUE, "One page up"),
    DeskAction("first", ("g", "home"), "first", Scope.QUEUE, "First line"),
    DeskAction("last", ("G", "end"), "last", Scope.QUEUE, "Last line"),
    DeskAction("next_view", ("tab",), "view", Scope.QUEUE, "Next view", on_key_line=True, key_shown="tab/1-7"),
    DeskAction("previous_view", ("shift+tab",), "previous view", Scope.QUEUE, "Previous view"),
    DeskAction("view(1)", ("1",), "pending", Scope.QUEUE, "View: pending"),
    DeskAction("view(2)", ("2",), "marked", Scope.QUEUE, "View: marked by me, not signed"),
    DeskAction("view(3)", ("3",), "second", Scope.QUEUE, "View: awaiting a second signature"),
    DeskAction("view(4)", ("4",), "deferred", Scope.QUEUE, "View: deferred"),
    DeskAction("view(5)", ("5",), "conflicts", Scope.QUEUE, "View: conflicts"),
    DeskAction("view(6)", ("6",), "approved", Scope.QUEUE, "View: approved"),
    DeskAction("view(7)", ("7",), "rejected", Scope.QUEUE, "View: rejected"),
    DeskAction("search", ("slash",), "search", Scope.QUEUE, "Search in this view", on_key_line=True, key_shown="/"),
    DeskAction("undo", ("u",), "undo", Scope.QUEUE, "Take back the mark under the cursor", on_key_line=True),
    DeskAction("reload", ("f5",), "reload", Scope.QUEUE, "Read the queue again"),
    DeskAction("back", ("escape",), "back", Scope.QUEUE, "Clear the search, or back to the first screen"),
    DeskAction(
        "approve", ("a",), "approve", Scope.CANDIDATE, "Mark: approve as it stands", on_key_line=True, decides=True
    ),
    DeskAction(
        "fix",
        ("e",),
        "fix",
        Scope.CANDIDATE,
        "Mark: fix the object and approve",
        on_key_line=True,
        decides=True,
    ),
    DeskAction(
        "reject", ("r",), "reject", Scope.CANDIDATE, "Mark: reject, with a reason", on_key_line=True, decides=True
    ),
    DeskAction("defer", ("d",), "defer", Scope.CANDIDATE, "Mark: defer to a later day", on_key_line=True, decides=True),
    DeskAction(
        "undo", ("u",), "undo", Scope.CANDIDATE, "Take back the mark here, or the last one made", on_key_line=True
    ),
    DeskAction("next", ("n", "right"), "next", Scope.CANDIDATE, "Next candidate", on_key_line=True, key_shown="n/p"),
    DeskAction("previous", ("p", "left"), "previous", Scope.CANDIDATE, "Previous candidate"),
    DeskAction(
        "next_evidence",
        ("right_square_bracket",),
        "evidence",
        Scope.CANDIDATE,
        "Next piece of evidence",
        key_shown="]",
    ),
    DeskAction(
        "previous_evidence",
        ("left_square_bracket",),
        "previous evidence",
        Scope.CANDIDATE,
        "Previous piece of evidence",
        key_shown="[",
    ),
    DeskAction("scroll_down", ("j", "down"), "scroll", Scope.CANDIDATE, "Scroll down"),
    DeskAction("scroll_up", ("k", "up"), "scroll up", Scope.CANDIDATE, "Scroll up"),
    DeskAction("page_down", ("space", "pagedown"), "page down", Scope.CANDIDATE, "One page down"),
    DeskAction("page_up", ("pageup",), "page up", Scope.CANDIDATE, "One page up"),
    DeskAction("top", ("g", "home"), "top", Scope.CANDIDATE, "To the top"),
    DeskAction("bottom", ("G", "end"), "bottom", Scope.CANDIDATE, "To the end"),
    DeskAction("switch_pane", ("tab",), "pane", Scope.CANDIDATE, "Scroll the other pane (wide terminal)"),
    DeskAction("reload", ("f5",), "reload", Scope.CANDIDATE, "Read the candidate again"),
    DeskAction("back", ("escape", "q"), "back", Scope.CANDIDATE, "Back to the queue", key_shown="esc"),
    DeskAction("sign", ("S",), "sign", Scope.EVERYWHERE, "Sign what is marked", on_key_line=True),
    DeskAction("help", ("question_mark",), "help", Scope.EVERYWHERE, "This page", on_key_line=True, key_shown="?"),
    DeskAction("leave", ("ctrl+q",), "quit", Scope.EVERYWHERE, "Leave the desk; every mark is saved already"),
)


def actions_of(scope: Scope) -> tuple[DeskAction, ...]:
    """Give the actions of a scope, those of everywhere last."""
    own = tuple(action for action in ACTIONS if action.scope is scope)
    everywhere = tuple(action for action in ACTIONS if action.scope is Scope.EVERYWHERE)
    return own if scope is Scope.EVERYWHERE else own + everywhere
