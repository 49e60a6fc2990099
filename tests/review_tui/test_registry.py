"""One registry makes bindings, key line, help, palette and the page of keys; a user's keymap is checked against it."""

from __future__ import annotations

from pathlib import Path

import pytest

from review_tui.action import DIALOGS, SCREENS, DeskAction, Scope
from review_tui.action_lines import help_modal
from review_tui.actions import ACTIONS, actions_of
from review_tui.errors import KeymapError
from review_tui.key_page import key_page
from review_tui.keymap import DEFAULT_KEYS, KeyTable, help_rows, key_line
from review_tui.modals.assemble_modal import AssembleModal
from review_tui.modals.confirm_modal import ConfirmModal
from review_tui.modals.find_modal import FindModal
from review_tui.modals.fix_modal import FixModal
from review_tui.modals.flag_modal import FlagModal
from review_tui.modals.leave_modal import LeaveModal
from review_tui.modals.pick_modal import PickModal
from review_tui.modals.rollback_modal import RollbackModal
from review_tui.modals.sign_modal import SignModal
from review_tui.modals.write_modal import WriteModal
from review_tui.options import DeskOptions
from tests.review_tui.conftest import ROOT
from tests.review_tui.memory_desk import MemoryDesk, candidate
from tests.review_tui.sittings import at_first_candidate, seated

DIALOG_CLASSES: dict[Scope, tuple[type, ...]] = {
    Scope.FIX: (FixModal,),
    Scope.PICK: (PickModal,),
    Scope.WRITE: (WriteModal, FlagModal, RollbackModal),
    Scope.SIGN: (SignModal,),
    Scope.CONFIRM: (ConfirmModal, LeaveModal),
    Scope.ASSEMBLE: (AssembleModal,),
    Scope.LIST: (FindModal,),
}


def test_the_page_of_keys_is_what_the_registry_says() -> None:
    page = Path(ROOT) / "docs" / "review_keys.md"
    assert page.read_text(encoding="utf-8") == key_page(), "run: python -m review_tui.key_page > docs/review_keys.md"


def test_every_dialog_does_what_the_registry_says() -> None:
    assert set(DIALOG_CLASSES) == DIALOGS
    for scope, dialogs in DIALOG_CLASSES.items():
        for action in actions_of(scope):
            for dialog in dialogs:
                assert callable(getattr(dialog, action.method, None)), f"{dialog.__name__}: {action.id}"


@pytest.mark.parametrize("scope", SCREENS)
def test_every_action_is_in_the_palette_of_its_page(scope: Scope) -> None:
    listed = help_modal(scope, DEFAULT_KEYS)._lines
    assert len(listed) == len(actions_of(scope))
    for action, line in zip(actions_of(scope), listed, strict=True):
        assert action.help in line.shown.plain


def test_names_of_actions_are_distinct() -> None:
    names = [action.name for action in ACTIONS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"candidate.aprove": "y"}, "there is no action candidate.aprove"),
        ({"candidate.approve": "r"}, "r is bound to approve and to reject"),
        ({"candidate.approve": "r", "candidate.reject": "r"}, "r is bound to approve and to reject"),
        ({"everywhere.sign": "a"}, "a is bound to approve and to sign"),
        ({"candidate.approve": ""}, "approve has no key"),
        ({"candidate.approve": "enter"}, "enter is reserved"),
        ({"candidate.approve": "delete"}, "decides, and must not be on delete"),
        ({"candidate.approve": "alt+y"}, "terminals do not deliver"),
        ({"queue.down": "ctrl+c"}, "ctrl+c is reserved"),
        ({"queue.down": "hyper"}, "hyper is no key"),
        ({"sign.back": "q"}, "in a dialog, whose keys are fixed"),
    ],
)
def test_a_keymap_that_cannot_be_worked_with_is_refused_in_one_line(wanted: dict[str, str], words: str) -> None:
    with pytest.raises(KeymapError, match=r"^keymap: ") as refused:
        KeyTable.read(wanted)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_keys_can_be_swapped_and_are_shown_everywhere() -> None:
    table = KeyTable.read({"candidate.approve": "r", "candidate.reject": "a", "queue.search": "/"})
    assert "r approve" in key_line(Scope.CANDIDATE, 200, table).plain
    assert ("r", "Mark: approve as it stands") in help_rows(Scope.CANDIDATE, table)
    assert table.keys(_named("queue.search")) == ("slash",)


def _named(name: str) -> DeskAction:
    return next(action for action in ACTIONS if action.name == name)


async def test_a_key_of_the_reviewers_own_works_and_the_old_one_does_not() -> None:
    keys = KeyTable.read({"start.open_queue": "z", "queue.down": "h"})
    desk = MemoryDesk([candidate(number, subject=f"drug{number}") for number in range(3)])
    async with seated(desk, options=DeskOptions(keys=keys)) as seat:
        assert "z queue" in seat.text()
        await seat.press("enter")
        assert "WHAT BECAME" in seat.text()
        await seat.press("z")
        await seat.shows("> · low             drug0")
        await seat.press("j")
        await seat.shows("> · low             drug0")
        await seat.press("h")
        await seat.shows("> · low             drug1")


async def test_the_palette_finds_an_action_by_its_name_and_does_it() -> None:
    async with seated(MemoryDesk([candidate(0)])) as seat:
        await seat.press("ctrl+p")
        await seat.type("open the queue")
        await seat.press("enter")
        await seat.shows("[1 Pending 1]")
        await seat.press("question_mark")
        await seat.type("view rejected")
        await seat.shows("View: rejected")
        await seat.press("enter")
        await seat.shows("[9 Rejected 0]")


async def test_help_decides_nothing_by_enter_alone() -> None:
    desk = MemoryDesk([candidate(0)])
    async with at_first_candidate(desk) as seat:
        await seat.press("question_mark")
        await seat.shows("Mark: approve as it stands")
        await seat.press("enter", "escape")
        await seat.shows("THE FACT")
        assert not desk.marks()
