"""The fixed keys of the dialogs. Enter and backspace decide nothing in any of them."""

from __future__ import annotations

from review_tui.action import DeskAction, Scope

MOST_CHOICES = 9

DIALOG_ACTIONS: tuple[DeskAction, ...] = (
    DeskAction("approve", ("a",), "approve", Scope.FIX, "Approve the text as it is written now", decides=True),
    DeskAction("edit", ("e",), "edit", Scope.FIX, "Back into the field"),
    DeskAction("back", ("escape",), "back", Scope.FIX, "Back, nothing marked"),
    *(
        DeskAction(f"pick({digit})", (str(digit),), f"line {digit}", Scope.PICK, f"Pick line {digit}")
        for digit in range(1, MOST_CHOICES + 1)
    ),
    DeskAction("write", ("t",), "words", Scope.PICK, "Add words first"),
    DeskAction("back", ("escape",), "back", Scope.PICK, "Back, nothing picked"),
    DeskAction("save", ("enter",), "hand over", Scope.WRITE, "Hand over what is written"),
    DeskAction("back", ("escape",), "back", Scope.WRITE, "Back; a draft is kept"),
    DeskAction("sign_without_pin", ("S",), "sign", Scope.SIGN, "Sign, on a desk that asks for no PIN", decides=True),
    DeskAction("scroll(6)", ("down", "pagedown"), "down", Scope.SIGN, "Scroll the list down"),
    DeskAction("scroll(-6)", ("up", "pageup"), "up", Scope.SIGN, "Scroll the list up"),
    DeskAction("back", ("escape",), "back", Scope.SIGN, "Back, nothing signed"),
    DeskAction("yes", ("y",), "yes", Scope.CONFIRM, "Yes", decides=True),
    DeskAction("no", ("escape", "n"), "no", Scope.CONFIRM, "No, back"),
    DeskAction("scroll(6)", ("down", "pagedown"), "down", Scope.CONFIRM, "Scroll down"),
    DeskAction("scroll(-6)", ("up", "pageup"), "up", Scope.CONFIRM, "Scroll up"),
    DeskAction("make", ("y",), "make it", Scope.ASSEMBLE, "Make the batch", decides=True),
    DeskAction("put", ("space",), "in or out", Scope.ASSEMBLE, "Put it into the batch, or leave it out"),
    DeskAction("write", ("t",), "note", Scope.ASSEMBLE, "Write a note"),
    DeskAction("down", ("j", "down"), "down", Scope.ASSEMBLE, "Next line"),
    DeskAction("up", ("k", "up"), "up", Scope.ASSEMBLE, "Previous line"),
    DeskAction("back", ("escape",), "back", Scope.ASSEMBLE, "Back, no batch made"),
    DeskAction("choose", ("enter",), "choose", Scope.LIST, "Do what the cursor is on"),
    DeskAction("down", ("down",), "down", Scope.LIST, "Next line"),
    DeskAction("up", ("up",), "up", Scope.LIST, "Previous line"),
    DeskAction("page(1)", ("pagedown",), "page down", Scope.LIST, "One page down"),
    DeskAction("page(-1)", ("pageup",), "page up", Scope.LIST, "One page up"),
    DeskAction("back", ("escape",), "back", Scope.LIST, "Close"),
)
