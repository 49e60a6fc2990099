"""Who signs: the operating system's user, a PIN, and bounded tries."""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.workflow.ledger.made_ledgers import TickingClock
from workflow import identity
from workflow.errors import IllegalTransitionError, SettingsError, UsageError
from workflow.identity import (
    MOST_WRONG_PINS,
    WrongPinError,
    add_reviewer,
    change_pin,
    check_pin,
    find_reviewer,
    hash_pin,
    os_user,
    pin_fits,
    read_pin,
)
from workflow.ledger.ledger import Ledger
from workflow.ledger.tables import audit
from workflow.run_log import run_log

PIN = "CANARY-4711"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A demo site with one person."""
    made = Ledger.create(
        tmp_path / "l.sqlite", kind="demo", signer_profile="one_signer", actor="tests", clock=TickingClock()
    )
    add_reviewer(made, reviewer_id="ada", name="Ada", role="pharmacist", pin=PIN, actor="tests")
    yield made
    made.close()


def clock_of(ledger: Ledger) -> TickingClock:
    """Give the clock of a ledger made here."""
    assert isinstance(ledger.clock, TickingClock)
    return ledger.clock


def test_no_variable_says_who_somebody_is(monkeypatch: pytest.MonkeyPatch) -> None:
    before = os_user()
    for name in ("USER", "LOGNAME", "USERNAME", "LNAME", "SUDO_USER"):
        monkeypatch.setenv(name, "mallory")
    assert os_user() == before
    assert before.user_id != "mallory"


def test_a_user_id_without_a_name_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000_000)
    with pytest.raises(SettingsError, match="no name"):
        os_user()


def test_a_pin_is_kept_as_a_salted_hash() -> None:
    first, second = hash_pin(PIN), hash_pin(PIN)
    assert first != second
    assert first.startswith("scrypt$16384$8$1$")
    assert pin_fits(PIN, first)
    assert not pin_fits(PIN + " ", first)
    assert not pin_fits("", first)


def test_a_right_pin_passes_and_leaves_no_row(ledger: Ledger) -> None:
    before = rows(ledger)
    check_pin(ledger, "ada", PIN)
    assert rows(ledger) == before


def test_wrong_pins_are_counted_then_signing_is_locked_for_a_while(ledger: Ledger) -> None:
    for left in range(MOST_WRONG_PINS - 1, 0, -1):
        with pytest.raises(WrongPinError, match=f"{left} tries left"):
            check_pin(ledger, "ada", "wrong")
    with pytest.raises(WrongPinError, match="locked for 15 minutes"):
        check_pin(ledger, "ada", "wrong")
    with pytest.raises(WrongPinError, match="locked until 2026"):
        check_pin(ledger, "ada", PIN)
    assert rows(ledger).count("pin.refused") == MOST_WRONG_PINS
    clock_of(ledger).now += timedelta(minutes=15)
    check_pin(ledger, "ada", PIN)


def test_a_right_pin_starts_the_count_anew(ledger: Ledger) -> None:
    for _ in range(3):
        for _ in range(MOST_WRONG_PINS - 1):
            with pytest.raises(WrongPinError):
                check_pin(ledger, "ada", "wrong")
        check_pin(ledger, "ada", PIN)


def test_the_lock_holds_for_one_person_only(ledger: Ledger) -> None:
    add_reviewer(ledger, reviewer_id="ben", name="Ben", role="pharmacist", pin=PIN, actor="tests")
    for _ in range(MOST_WRONG_PINS):
        with pytest.raises(WrongPinError):
            check_pin(ledger, "ada", "wrong")
    check_pin(ledger, "ben", PIN)


def test_a_pin_is_changed_for_the_old_one(ledger: Ledger) -> None:
    with pytest.raises(WrongPinError):
        change_pin(ledger, "ada", old="wrong", new="another")
    change_pin(ledger, "ada", old=PIN, new="another")
    check_pin(ledger, "ada", "another")
    with pytest.raises(WrongPinError):
        check_pin(ledger, "ada", PIN)


def test_a_name_is_given_once(ledger: Ledger) -> None:
    with pytest.raises(IllegalTransitionError, match="never given twice"):
        add_reviewer(ledger, reviewer_id="ada", name="Other", role="x", pin=PIN, actor="tests")
    with pytest.raises(UsageError, match="printed name"):
        add_reviewer(ledger, reviewer_id="ben", name=" ", role="x", pin=PIN, actor="tests")
    with pytest.raises(UsageError, match="4 to 128"):
        add_reviewer(ledger, reviewer_id="ben", name="Ben", role="x", pin="123", actor="tests")
    with pytest.raises(IllegalTransitionError, match="no reviewer"):
        find_reviewer(ledger, "ben")
    with pytest.raises(IllegalTransitionError, match="no reviewer"):
        check_pin(ledger, "ben", PIN)


def test_a_hospital_site_enrols_people_only(tmp_path: Path) -> None:
    ledger = Ledger.create(tmp_path / "h.sqlite", kind="hospital", signer_profile="two_signer", actor="tests")
    with pytest.raises(IllegalTransitionError, match="demo site"):
        add_reviewer(ledger, reviewer_id="x", name="X", role="x", pin=PIN, actor="tests", scripted=True)
    for account in ("daemon", "no-such-account"):
        with pytest.raises(IllegalTransitionError, match="login shell"):
            add_reviewer(ledger, reviewer_id=account, name="X", role="x", pin=PIN, actor="tests")
    with pytest.raises(UsageError, match="6 to 128"):
        add_reviewer(ledger, reviewer_id="root", name="X", role="x", pin="12345", actor="tests")


def test_a_pin_is_read_from_a_descriptor() -> None:
    reader, writer = os.pipe()
    os.write(writer, f"{PIN}\nmore".encode())
    os.close(writer)
    assert read_pin(pin_fd=reader) == PIN
    os.close(reader)
    with pytest.raises(UsageError, match="--pin-fd"):
        read_pin(pin_fd=reader)


def test_without_a_terminal_a_pin_is_asked_for_by_descriptor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(UsageError, match="--pin-fd N"):
        read_pin()


def test_the_pin_is_in_no_file_and_no_message(ledger: Ledger, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    said = []
    with run_log(tmp_path / "logs", "r1", level=logging.DEBUG):
        for pin in (PIN, PIN + "x"):
            try:
                check_pin(ledger, "ada", pin)
            except WrongPinError as error:
                said.append(repr(error))
        change_pin(ledger, "ada", old=PIN, new=PIN + "y")
    assert said
    assert "CANARY" not in "".join(said)
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or b"CANARY" not in path.read_bytes(), path


def test_the_hash_is_slow_enough() -> None:
    assert identity._SCRYPT["n"] * identity._SCRYPT["r"] >= 2**17


def rows(ledger: Ledger) -> list[str]:
    """List the events of the chain."""
    with ledger.read() as connection:
        return list(connection.execute(select(audit.c.event).order_by(audit.c.seq)).scalars())
