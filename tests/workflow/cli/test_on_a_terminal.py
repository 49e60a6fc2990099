"""What commands ask on a terminal, and that no answer is ever assumed."""

from __future__ import annotations

import re
from pathlib import Path

from tests.workflow.cli.made_site import World
from tests.workflow.cli.terminal import run_on_terminal
from workflow.change_control.release import read_live
from workflow.site import HOME_VARIABLE, Site

ROOT = str(Path(__file__).parents[3])


def on_terminal(site: Site, arguments: tuple[str, ...], answers: tuple[tuple[str, str], ...]) -> tuple[int, str]:
    """Run a command on the site."""
    environment = {HOME_VARIABLE: str(site.root), "PYTHONPATH": ROOT}
    return run_on_terminal(arguments, answers, environment=environment, folder=site.root)


def live_release(site: Site) -> int:
    """The number of the live release."""
    ledger = site.open_ledger()
    with ledger.read() as connection:
        live = read_live(connection)
    ledger.close()
    assert live is not None
    return live.release_id


def test_rollback_asks_for_reason_and_yes(world: World) -> None:
    answers = (("reason:", "wrong dose"), ("[y/N]", "y"))
    code, shown = on_terminal(world.site, ("rollback", "b0002"), answers)
    assert code == 0
    assert shown.index("answer again") < shown.index("[y/N]"), "the effect is shown before the question"
    assert live_release(world.site) == 3


def test_enter_alone_is_no(world: World) -> None:
    code, shown = on_terminal(world.site, ("rollback", "b0002", "--reason", "x"), (("[y/N]", ""),))
    assert code == 0
    assert "nothing was changed" in shown
    assert live_release(world.site) == 2


def test_ctrl_c_leaves_everything_as_it_was(world: World) -> None:
    code, shown = on_terminal(world.site, ("rollback", "b0002", "--reason", "x"), (("[y/N]", "\x03"),))
    assert code == 130
    assert "Traceback" not in shown
    assert live_release(world.site) == 2


def test_an_empty_reason_is_refused(world: World) -> None:
    code, _ = on_terminal(world.site, ("rollback", "b0002"), (("reason:", ""),))
    assert code == 2
    assert live_release(world.site) == 2


def test_init_asks_for_profile_and_pin_twice_and_shows_no_pin(tmp_path: Path) -> None:
    answers = (("new PIN", "135791"), ("the same PIN", "135791"))
    arguments = ("init", str(tmp_path / "new"), "--demo", "--profile", "two-signer", "--reviewer", "A Signer")
    environment = {"PYTHONPATH": ROOT}
    code, shown = run_on_terminal(arguments, answers, environment=environment, folder=tmp_path)
    assert code == 0
    assert "135791" not in shown
    assert Site(tmp_path / "new").settings_path.is_file()


def test_pins_that_differ_or_are_short_are_asked_for_again_and_make_no_site(tmp_path: Path) -> None:
    differ = (("new PIN", "135791"), ("the same PIN", "135792"))
    answers = (*differ, ("new PIN", "12"), *differ)
    arguments = ("init", str(tmp_path / "new"), "--profile", "two-signer", "--reviewer", "A Signer")
    code, shown = run_on_terminal(arguments, answers, environment={"PYTHONPATH": ROOT}, folder=tmp_path)
    assert code == 2
    assert "expected 6 to 128 characters, got 2" in shown
    assert not (tmp_path / "new").exists()


def test_init_of_a_hospital_site_asks_for_profile_and_name_until_they_are_said(tmp_path: Path) -> None:
    answers = (
        ("one or two", "three"),
        ("one or two", "Two"),
        ("your name", "A Signer"),
        ("new PIN for A Signer", "135791"),
        ("the same PIN", "135791"),
    )
    arguments = ("init", str(tmp_path / "new"))
    code, shown = run_on_terminal(arguments, answers, environment={"PYTHONPATH": ROOT}, folder=tmp_path)
    assert code == 0
    assert "expected one of: one, two, one-signer, two-signer" in shown
    assert "a second signer is needed: medrek-flow reviewer add" in shown
    ledger = Site(tmp_path / "new").open_ledger()
    assert ledger.signer_profile() == "two_signer"
    ledger.close()


def test_init_of_a_hospital_site_assumes_no_profile(tmp_path: Path) -> None:
    arguments = ("init", str(tmp_path / "new"), "--reviewer", "A Signer")
    answers = (("one or two", "three-signer"),) * 3
    code, _ = run_on_terminal(arguments, answers, environment={"PYTHONPATH": ROOT}, folder=tmp_path)
    assert code == 2
    assert not (tmp_path / "new").exists()


def test_the_review_screen_opens_and_leaves(world: World) -> None:
    code, shown = on_terminal(world.site, ("review", "--as", "script-one"), (("SOURCES", "\x11"),))
    assert code == 0
    assert "DEMO SITE" in shown


def test_help_on_a_terminal_fits_80_columns(tmp_path: Path) -> None:
    environment = {"PYTHONPATH": ROOT, "COLUMNS": "80"}
    code, shown = run_on_terminal(("--help",), (), environment=environment, folder=tmp_path)
    assert code == 0
    assert "rollback" in shown
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert max(len(line) for line in plain.splitlines()) <= 80
