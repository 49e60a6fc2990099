"""What a command may ask a person: a yes, a line, a new PIN; and what it does where nobody sits at a terminal."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from workflow.errors import UsageError

_MOST_TRIES = 3


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


def ask_line(question: str, *, option: str, default: str = "") -> str:
    """Ask for one line on the terminal; Enter alone takes the default, where there is one.

    Raises:
        UsageError: nobody sits at a terminal, or the answer is empty; the message names the option.
    """
    if not at_terminal():
        raise UsageError(f"expected {option}, got none and no terminal to ask on; pass {option}")
    answer = _ask(f"{question} [{default}]:" if default else f"{question}:").strip() or default
    if not answer:
        raise UsageError(f"expected an answer, got an empty line; pass {option}")
    return answer


def ask_choice(question: str, choices: Mapping[str, str], *, option: str) -> str:
    """Ask which of several it is, again after an answer that is none of them.

    Args:
        question: What is asked.
        choices: What may be typed, whatever the case, and the choice that it stands for.
        option: The option that answers it without a terminal.

    Raises:
        UsageError: nobody sits at a terminal, or three answers were none of them.
    """
    for _ in range(_MOST_TRIES):
        answer = ask_line(question, option=option)
        if answer.casefold() in choices:
            return choices[answer.casefold()]
        sys.stderr.write(f"expected one of: {', '.join(choices)}\n")
    raise UsageError(f"expected one of {', '.join(choices)}, got {_MOST_TRIES} other answers; pass {option}")


def read_new_pin(pin_fd: int | None, *, who: str, kind: str) -> str:
    """Read a new PIN: from the descriptor once, from the terminal twice, again where the two differ.

    Raises:
        UsageError: it is too short or too long three times over, or there is no way to read one.
    """
    from workflow.identity import LONGEST_PIN, SHORTEST_PIN, read_pin

    if pin_fd is not None:
        return read_pin(pin_fd=pin_fd)
    wanted = f"{SHORTEST_PIN[kind]} to {LONGEST_PIN} characters"
    for _ in range(_MOST_TRIES):
        pin = read_pin(prompt=f"new PIN for {who}, {wanted}: ")
        if not SHORTEST_PIN[kind] <= len(pin) <= LONGEST_PIN:
            sys.stderr.write(f"expected {wanted}, got {len(pin)}\n")
        elif read_pin(prompt="the same PIN again: ") != pin:
            sys.stderr.write("expected the same PIN twice, got two different ones\n")
        else:
            return pin
    raise UsageError(f"expected the same PIN of {wanted} twice, got none in {_MOST_TRIES} tries; run the command again")


def _ask(question: str) -> str:
    from workflow.reports.shown_text import shown_line

    sys.stderr.write(f"{shown_line(question)} ")
    sys.stderr.flush()
    return sys.stdin.readline()
