"""The registry of actions: one key for one thing, and everything in it can be done."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from rich.cells import cell_len
from textual.binding import Binding

from review_tui.action import DIALOGS, DeskAction, Scope
from review_tui.actions import ACTIONS, actions_of
from review_tui.keymap import bindings, help_rows, key_line, problems
from review_tui.screens.affected_screen import AffectedScreen
from review_tui.screens.batch_screen import BatchScreen
from review_tui.screens.batches_screen import BatchesScreen
from review_tui.screens.candidate_screen import CandidateScreen
from review_tui.screens.desk_screen import DeskScreen
from review_tui.screens.queue_screen import QueueScreen
from review_tui.screens.releases_screen import ReleasesScreen
from review_tui.screens.start_screen import StartScreen

SCREENS: dict[Scope, type[DeskScreen]] = {
    Scope.START: StartScreen,
    Scope.QUEUE: QueueScreen,
    Scope.CANDIDATE: CandidateScreen,
    Scope.BATCHES: BatchesScreen,
    Scope.BATCH: BatchScreen,
    Scope.RELEASES: ReleasesScreen,
    Scope.AFFECTED: AffectedScreen,
}

of_every_screen = pytest.mark.parametrize("scope", SCREENS)


@of_every_screen
def test_no_key_does_two_things_in_one_scope(scope: Scope) -> None:
    assert problems(actions_of(scope)) == []


@of_every_screen
def test_every_action_has_its_method_and_its_binding(scope: Scope) -> None:
    screen = SCREENS[scope]
    bound = {binding.action for binding in screen.BINDINGS if isinstance(binding, Binding)}
    for action in actions_of(scope):
        assert callable(getattr(screen, action.method, None)), action.id
        assert action.id in bound


@of_every_screen
def test_help_tells_every_key(scope: Scope) -> None:
    assert len(help_rows(scope)) == len(actions_of(scope))
    assert all(words for _, words in help_rows(scope))


@of_every_screen
@pytest.mark.parametrize("width", [20, 40, 78, 138])
def test_the_key_line_fits_and_says_where_there_is_more(scope: Scope, width: int) -> None:
    line = key_line(scope, width).plain
    assert cell_len(line) <= width
    left_out = [action for action in actions_of(scope) if action.on_key_line and action.words not in line]
    assert not left_out or line.endswith("? more")


def test_verdict_and_signature_keys_all_fit_on_80_columns() -> None:
    line = key_line(Scope.CANDIDATE, 78).plain
    for words in ("a approve", "e fix", "r reject", "d defer", "u undo", "S sign", "? help"):
        assert words in line


def spoilt() -> Iterator[tuple[str, DeskAction]]:
    yield "no key", DeskAction("x", (), "x", Scope.QUEUE, "x")
    yield "do not deliver", DeskAction("x", ("alt+a",), "x", Scope.QUEUE, "x")
    yield "do not deliver", DeskAction("x", ("ctrl+m",), "x", Scope.QUEUE, "x")
    yield "must not be on enter", DeskAction("x", ("enter",), "x", Scope.CANDIDATE, "x", decides=True)
    yield "must not be on backspace", DeskAction("x", ("backspace",), "x", Scope.CANDIDATE, "x", decides=True)


@pytest.mark.parametrize(("problem", "action"), list(spoilt()))
def test_a_bad_key_is_found(problem: str, action: DeskAction) -> None:
    assert problem in problems([action])[0]


def test_a_key_given_twice_is_found() -> None:
    both = [DeskAction(name, ("a",), name, Scope.QUEUE, name) for name in ("one", "two")]
    assert problems(both) == ["a is bound to one and to two"]


def test_bindings_are_made_for_every_key() -> None:
    keys = [key for action in actions_of(Scope.CANDIDATE) for key in action.keys]
    assert [binding.key for binding in bindings(Scope.CANDIDATE)] == keys


def test_every_verdict_is_guarded() -> None:
    guarded = {action.name for action in ACTIONS if action.decides and action.scope not in DIALOGS}
    assert guarded == {
        *(f"candidate.{verdict}" for verdict in ("approve", "fix", "reject", "defer", "close")),
        *(f"queue.bulk_{verdict}" for verdict in ("reject", "defer", "close")),
    }
