"""The one registry of what a reviewer can do: id, keys, words, where, and whether the key line shows it.

Bindings, key line, help, palette, ``docs/review_keys.md`` and the check of a user's keymap are generated from it
(``keymap``). It holds words and keys only, no behaviour: a screen implements ``action_<id>`` for every action of
its scope. A new action is one line here and one method there.
"""

from __future__ import annotations

from review_tui.action import DIALOGS, DeskAction, Scope
from review_tui.dialog_actions import DIALOG_ACTIONS
from review_tui.release_actions import RELEASE_ACTIONS

_EVERYWHERE = (
    DeskAction("sign", ("S",), "sign", Scope.EVERYWHERE, "Sign what is marked", on_key_line=True),
    DeskAction("help", ("question_mark",), "help", Scope.EVERYWHERE, "Keys of this page", True, key_shown="?"),
    DeskAction("palette", ("ctrl+p",), "actions", Scope.EVERYWHERE, "Find an action by its name, and do it"),
    DeskAction("go_batches", ("B",), "batches", Scope.EVERYWHERE, "Batches: assemble, submit, report, promote"),
    DeskAction("go_releases", ("R",), "releases", Scope.EVERYWHERE, "Releases: history and rollback"),
    DeskAction("go_affected", ("A",), "affected", Scope.EVERYWHERE, "Live edits whose evidence was taken back"),
    DeskAction("flag_answer", ("F",), "flag", Scope.EVERYWHERE, "Flag a wrong answer of the live model"),
    DeskAction("theme", ("T",), "theme", Scope.EVERYWHERE, "Next theme: dark, light, the terminal's own colours"),
    DeskAction("lock", ("L",), "lock", Scope.EVERYWHERE, "Lock the desk until the PIN is given"),
    DeskAction("leave", ("ctrl+q",), "quit", Scope.EVERYWHERE, "Leave the desk; every mark is saved already"),
)

_VIEWS = (
    "pending",
    "mine: claimed, drafted, marked or corrected",
    "marked by me, not signed",
    "awaiting a second signature",
    "deferred",
    "conflicts",
    "affected: withdrawals and flagged answers",
    "approved",
    "rejected",
    "closed, no edit needed",
)
"""In the order of ``QueueView``."""

_START = (
    DeskAction("open_queue", ("enter",), "queue", Scope.START, "Open the queue", on_key_line=True),
    DeskAction("reload", ("f5",), "reload", Scope.START, "Read the figures again", on_key_line=True),
    DeskAction("deputy", ("D",), "deputy", Scope.START, "Name who stands in for you, or end it"),
    DeskAction("scroll(1)", ("j", "down"), "down", Scope.START, "Scroll down"),
    DeskAction("scroll(-1)", ("k", "up"), "up", Scope.START, "Scroll up"),
)

_QUEUE = (
    DeskAction("open", ("enter",), "open", Scope.QUEUE, "Open the candidate under the cursor", on_key_line=True),
    DeskAction("down", ("j", "down"), "down", Scope.QUEUE, "Next line", key_shown="j/k"),
    DeskAction("up", ("k", "up"), "up", Scope.QUEUE, "Previous line"),
    DeskAction("page_down", ("pagedown", "ctrl+d"), "page down", Scope.QUEUE, "One page down"),
    DeskAction("page_up", ("pageup", "ctrl+u"), "page up", Scope.QUEUE, "One page up"),
    DeskAction("first", ("g", "home"), "first", Scope.QUEUE, "First line"),
    DeskAction("last", ("G", "end"), "last", Scope.QUEUE, "Last line"),
    DeskAction("next_view", ("tab",), "view", Scope.QUEUE, "Next view", on_key_line=True, key_shown="tab/0-9"),
    DeskAction("previous_view", ("shift+tab",), "previous view", Scope.QUEUE, "Previous view"),
    *(
        DeskAction(f"view({number})", (str(number % 10),), words, Scope.QUEUE, f"View: {words}")
        for number, words in enumerate(_VIEWS, 1)
    ),
    DeskAction("search", ("slash",), "search", Scope.QUEUE, "Search in this view", on_key_line=True, key_shown="/"),
    DeskAction("next_match", ("n",), "next match", Scope.QUEUE, "Next line that the search finds"),
    DeskAction("previous_match", ("N",), "previous match", Scope.QUEUE, "Previous line that the search finds"),
    DeskAction("show_all", ("equals_sign",), "all lines", Scope.QUEUE, "Show matches among all lines, or alone"),
    DeskAction("filter", ("f",), "filter", Scope.QUEUE, "Narrow by risk, relation, source and more", on_key_line=True),
    DeskAction("clear_filter", ("c",), "clear", Scope.QUEUE, "Take every filter off"),
    DeskAction("order", ("s",), "order", Scope.QUEUE, "Order by risk, conflict, age or subject"),
    DeskAction("open_view", ("o",), "saved", Scope.QUEUE, "Open a saved view"),
    DeskAction("save_view", ("w",), "save view", Scope.QUEUE, "Save view, search, filter and order under a name"),
    DeskAction("drop_view", ("W",), "drop view", Scope.QUEUE, "Forget a saved view"),
    DeskAction("pick", ("space",), "pick", Scope.QUEUE, "Pick this line, for a verdict on many", on_key_line=True),
    DeskAction("pick_range", ("v",), "range", Scope.QUEUE, "Pick a range: v, move, v"),
    DeskAction("pick_all", ("V",), "pick all", Scope.QUEUE, "Pick every line listed here, or none"),
    DeskAction("bulk_reject", ("r",), "reject", Scope.QUEUE, "Mark the picked ones: reject", decides=True),
    DeskAction("bulk_defer", ("d",), "defer", Scope.QUEUE, "Mark the picked ones: defer", decides=True),
    DeskAction("bulk_close", ("x",), "close", Scope.QUEUE, "Mark the picked ones: nothing to do here", decides=True),
    DeskAction(
        "undo", ("u",), "undo", Scope.QUEUE, "Take the last step back, in whatever sitting it was", on_key_line=True
    ),
    DeskAction("unmark", ("U",), "unmark", Scope.QUEUE, "Take back the mark under the cursor"),
    DeskAction("redo", ("ctrl+r",), "redo", Scope.QUEUE, "Do again what was taken back last"),
    DeskAction("reload", ("f5",), "reload", Scope.QUEUE, "Read the queue again"),
    DeskAction("back", ("escape",), "back", Scope.QUEUE, "Clear selection, then search; then the first screen"),
)

_CANDIDATE = (
    DeskAction("approve", ("a",), "approve", Scope.CANDIDATE, "Mark: approve as it stands", True, decides=True),
    DeskAction("fix", ("e",), "fix", Scope.CANDIDATE, "Mark: fix the object and approve", True, decides=True),
    DeskAction("reject", ("r",), "reject", Scope.CANDIDATE, "Mark: reject, with a reason", True, decides=True),
    DeskAction("defer", ("d",), "defer", Scope.CANDIDATE, "Mark: defer to a later day", True, decides=True),
    DeskAction("close", ("x",), "close", Scope.CANDIDATE, "Mark: nothing to do here, no edit needed", decides=True),
    DeskAction("undo", ("u",), "undo", Scope.CANDIDATE, "Take the last step back, in whatever sitting it was", True),
    DeskAction("unmark", ("U",), "unmark", Scope.CANDIDATE, "Take back the mark on this candidate"),
    DeskAction("redo", ("ctrl+r",), "redo", Scope.CANDIDATE, "Do again what was taken back last"),
    DeskAction("comment", ("c",), "comment", Scope.CANDIDATE, "Add a comment; a draft is kept"),
    DeskAction("claim", ("m",), "claim", Scope.CANDIDATE, "Claim it for yourself, or give the claim back"),
    DeskAction("reopen", ("O",), "re-open", Scope.CANDIDATE, "Put a decided candidate back into the queue"),
    DeskAction(
        "expedite", ("X",), "expedite", Scope.CANDIDATE, "Take an approved one through gate and promotion first"
    ),
    DeskAction("next", ("n", "right"), "next", Scope.CANDIDATE, "Next candidate", True, key_shown="n/p"),
    DeskAction("previous", ("p", "left"), "previous", Scope.CANDIDATE, "Previous candidate"),
    DeskAction("next_evidence", ("right_square_bracket",), "evidence", Scope.CANDIDATE, "Next piece of evidence"),
    DeskAction(
        "previous_evidence", ("left_square_bracket",), "previous evidence", Scope.CANDIDATE, "Previous evidence"
    ),
    DeskAction("scroll(1)", ("j", "down"), "scroll", Scope.CANDIDATE, "Scroll down"),
    DeskAction("scroll(-1)", ("k", "up"), "scroll up", Scope.CANDIDATE, "Scroll up"),
    DeskAction("page(1)", ("space", "pagedown"), "page down", Scope.CANDIDATE, "One page down"),
    DeskAction("page(-1)", ("pageup",), "page up", Scope.CANDIDATE, "One page up"),
    DeskAction("top", ("g", "home"), "top", Scope.CANDIDATE, "To the top"),
    DeskAction("bottom", ("G", "end"), "bottom", Scope.CANDIDATE, "To the end"),
    DeskAction("switch_pane", ("tab",), "pane", Scope.CANDIDATE, "Scroll the other pane (wide terminal)"),
    DeskAction("auto_advance", ("t",), "advance", Scope.CANDIDATE, "Go on by itself after a mark, or stay"),
    DeskAction("copy_id", ("y",), "copy id", Scope.CANDIDATE, "Copy the id of the candidate"),
    DeskAction("copy_citation", ("Y",), "copy source", Scope.CANDIDATE, "Copy quote, source, date and link"),
    DeskAction("reload", ("f5",), "reload", Scope.CANDIDATE, "Read the candidate again"),
    DeskAction("back", ("escape", "q"), "back", Scope.CANDIDATE, "Back to the queue", key_shown="esc"),
)

ACTIONS: tuple[DeskAction, ...] = (
    *_START,
    *_QUEUE,
    *_CANDIDATE,
    *RELEASE_ACTIONS,
    *_EVERYWHERE,
    *DIALOG_ACTIONS,
)


def actions_of(scope: Scope) -> tuple[DeskAction, ...]:
    """Give the actions of a scope, those of everywhere last; a dialog has only its own."""
    own = tuple(action for action in ACTIONS if action.scope is scope)
    return own if scope in DIALOGS or scope is Scope.EVERYWHERE else own + _EVERYWHERE
