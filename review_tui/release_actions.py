"""What can be done on the pages of batches, releases and affected edits."""

from __future__ import annotations

from review_tui.action import DeskAction, Scope


def _moving(scope: Scope) -> tuple[DeskAction, ...]:
    """Give the keys that every list of these pages has."""
    return (
        DeskAction("down", ("j", "down"), "down", scope, "Next line", key_shown="j/k"),
        DeskAction("up", ("k", "up"), "up", scope, "Previous line"),
        DeskAction("page(1)", ("pagedown",), "page down", scope, "One page down"),
        DeskAction("page(-1)", ("pageup",), "page up", scope, "One page up"),
        DeskAction("scroll(1)", ("J",), "scroll", scope, "Scroll the text below the list down"),
        DeskAction("scroll(-1)", ("K",), "scroll up", scope, "Scroll the text below the list up"),
        DeskAction("reload", ("f5",), "reload", scope, "Read everything again"),
        DeskAction("back", ("escape", "q"), "back", scope, "Back", on_key_line=True, key_shown="esc"),
    )


RELEASE_ACTIONS: tuple[DeskAction, ...] = (
    DeskAction("open", ("enter",), "open", Scope.BATCHES, "Open the batch under the cursor", on_key_line=True),
    DeskAction("assemble", ("n",), "new batch", Scope.BATCHES, "Make a batch of what is approved", on_key_line=True),
    DeskAction("cancel", ("C",), "cancel", Scope.BATCHES, "Take back an order the worker has not begun"),
    *_moving(Scope.BATCHES),
    DeskAction("submit", ("s",), "submit", Scope.BATCH, "Send it to the worker: stage and gate", on_key_line=True),
    DeskAction("promote", ("p",), "promote", Scope.BATCH, "Make the passed batch live", on_key_line=True),
    DeskAction("roll_back", ("b",), "roll back", Scope.BATCH, "Roll the whole batch back", on_key_line=True),
    DeskAction("roll_one_back", ("e",), "one edit", Scope.BATCH, "Roll a single edit of it back"),
    DeskAction("cancel", ("C",), "cancel", Scope.BATCH, "Take back its order, where the worker has not begun"),
    DeskAction("end", ("x",), "end", Scope.BATCH, "End a batch that is not live; its candidates are approved again"),
    *_moving(Scope.BATCH),
    DeskAction("open", ("enter",), "batch", Scope.RELEASES, "Open the batch of this release", on_key_line=True),
    DeskAction(
        "roll_back", ("b",), "roll back", Scope.RELEASES, "Roll the batch of this release back", on_key_line=True
    ),
    DeskAction("roll_one_back", ("e",), "one edit", Scope.RELEASES, "Roll a single edit of it back"),
    *_moving(Scope.RELEASES),
    DeskAction("propose", ("w",), "withdraw", Scope.AFFECTED, "Propose to withdraw this edit", on_key_line=True),
    DeskAction("open", ("enter",), "open", Scope.AFFECTED, "Open the proposal that stands", on_key_line=True),
    *_moving(Scope.AFFECTED),
)
