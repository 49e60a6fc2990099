"""What commands print: lines that break between words, and tables without empty columns."""

from __future__ import annotations

import io
import sys

import pytest

from workflow.cli.output import say, table


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """It is."""
        return True


def narrow(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Put a terminal of 40 columns where stdout is."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("COLUMNS", "40")
    return terminal


def test_a_line_on_a_terminal_breaks_between_words(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = narrow(monkeypatch)
    say("the quick brown fox jumps over the lazy dog and runs away")
    assert [line.rstrip() for line in terminal.getvalue().splitlines()] == [
        "the quick brown fox jumps over the lazy",
        "dog and runs away",
    ]


def test_what_is_longer_than_the_terminal_stays_whole_to_be_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = narrow(monkeypatch)
    digest = "ab" * 32
    say(f"audit head {digest} (7 entries)")
    assert terminal.getvalue() == f"audit head {digest} (7 entries)\n"


def test_a_line_in_a_pipe_stays_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    line = "word " * 100
    say(line.strip())
    assert capsys.readouterr().out == line.strip() + "\n"


def test_a_column_without_a_value_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    table(("name", "reason", "done"), [("a", None, True), ("b", "", False)])
    shown = capsys.readouterr().out
    assert "reason" not in shown
    assert all(word in shown for word in ("name", "done", "yes", "no"))
