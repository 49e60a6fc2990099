"""What a command may ask a person: a yes, a line, a PIN; and what it does where nobody sits at a terminal.

A PIN comes from a file descriptor or a terminal, never from an argument or the environment, where other users of
the machine could read it.
"""

from __future__ import annotations

import getpass
import os
import sys

from workflow.errors import UsageError

_PIN_LIMIT = 256


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


def read_pin(pin_fd: int | None, *, prompt: str = "PIN") -> str:
    """Read a PIN from the descriptor (one line), else hidden from the terminal.

    Raises:
        UsageError: the descriptor cannot be read, there is no terminal, or the PIN is empty.
    """
    pin = _pin_from(pin_fd) if pin_fd is not None else _pin_from_terminal(prompt)
    if not pin:
        raise UsageError("expected a PIN, got an empty line; pass --pin-fd N with a descriptor that holds it")
    return pin


def new_pin(pin_fd: int | None, *, who: str) -> str:
    """Read a new PIN: from the descriptor once, from the terminal twice."""
    pin = read_pin(pin_fd, prompt=f"new PIN for {who}")
    if pin_fd is None and read_pin(None, prompt="the same PIN again") != pin:
        raise UsageError("expected the same PIN twice, got two different ones; run the command again")
    return pin


def _pin_from(descriptor: int) -> str:
    """Read one line from the descriptor, byte by byte, so that a second PIN behind it stays for the next reader."""
    held = bytearray()
    try:
        while len(held) < _PIN_LIMIT and (byte := os.read(descriptor, 1)) not in {b"", b"\n"}:
            held += byte
    except OSError as error:
        raise UsageError(f"--pin-fd {descriptor}: expected a readable descriptor, got {error.strerror}") from error
    return held.decode(errors="strict").rstrip("\r")


def _pin_from_terminal(prompt: str) -> str:
    if not at_terminal():
        raise UsageError("expected a PIN, got no terminal to ask on; pass --pin-fd N with a descriptor that holds it")
    return getpass.getpass(f"{prompt}: ", stream=sys.stderr)


def _ask(question: str) -> str:
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline()
