"""What a command may ask a person: a yes, a line, a new PIN; and what it does where nobody sits at a terminal."""

from __future__ import annotations

import sys

from workflow.errors import UsageError


def at_terminal() -> bool:
    """Whether a person can be asked: stdin and stderr are both a terminal."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask_yes(question: str) -> bool:
    """Ask on the terminal; anything but yes is no.

    Raises:
        UsageError: nobody sits at a terminal; the message names ``--yes``.
    """
    if not at_terminal():
        raise UsageError(f"{question} Expected a terminal to ask on, got none; pass --yes to answer it")
    return _ask(f"{question} [y/N] ").strip().casefold() in {"y", "yes"}


def ask_line(question: str, *, option: str) -> str:
    """Ask for one line on the terminal.

    Raises:
        UsageError: nobody sits at a terminal, or the answer is empty; the message names the option.
    """
    if not at_terminal():
        raise UsageError(f"expected {option}, got none and no terminal to ask on; pass {option}")
    answer = _ask(f"{question}: ").strip()
    if not answer:
        raise UsageError(f"expected an answer, got an empty line; pass {option}")
    return answer


def read_new_pin(pin_fd: int | None, *, who: str) -> str:
    """Read a new PIN: from the descriptor once, from the terminal twice.

    Raises:
        UsageError: the two differ, or there is no way to read one.
    """
    from workflow.identity import read_pin

    pin = read_pin(pin_fd=pin_fd, prompt=f"new PIN for {who}: ")
    if pin_fd is None and read_pin(prompt="the same PIN again: ") != pin:
        raise UsageError("expected the same PIN twice, got two different ones; run the command again")
    return pin


def _ask(question: str) -> str:
    from workflow.reports.shown_text import shown_line

    sys.stderr.write(f"{shown_line(question)} ")
    sys.stderr.flush()
    return sys.stdin.readline()
