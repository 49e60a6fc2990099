"""Errors of the workflow, each with the exit code of the command that meets it.

A refused gate or an ungrounded fact is a result, not an exception. Messages say what, which, expected, got and
the next step, and hold no document text, prompt or key.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What a command's exit status means; one table for all commands."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    SETTINGS = 10
    SOME_SOURCES_FAILED = 11
    LLM_UNUSABLE = 12
    GATE_REFUSED = 13
    HELD = 14
    DAMAGED = 15
    ILLEGAL_TRANSITION = 16
    BUSY = 17


_WORST_FIRST = (
    ExitCode.DAMAGED,
    ExitCode.GATE_REFUSED,
    ExitCode.HELD,
    ExitCode.LLM_UNUSABLE,
    ExitCode.SOME_SOURCES_FAILED,
)


def worst(codes: set[ExitCode]) -> ExitCode:
    """The one exit code of a run in which several hold: the first of 15, 13, 14, 12, 11, else any other, else 0."""
    for code in (*_WORST_FIRST, *sorted(codes)):
        if code in codes and code is not ExitCode.DONE:
            return code
    return ExitCode.DONE


class WorkflowError(Exception):
    """A refusal that a person can act on, in one line."""

    exit_code = ExitCode.FAILED


class UsageError(WorkflowError):
    """The command's words are off: an unknown id, a missing reason."""

    exit_code = ExitCode.USAGE


class SettingsError(WorkflowError):
    """The site or its settings are missing or wrong."""

    exit_code = ExitCode.SETTINGS


class DamagedError(WorkflowError):
    """Ledger, document store or memory are not what they should be."""

    exit_code = ExitCode.DAMAGED


class IllegalTransitionError(WorkflowError):
    """The thing is not in a state in which this can be done."""

    exit_code = ExitCode.ILLEGAL_TRANSITION


class BusyError(WorkflowError):
    """Another run holds the lease."""

    exit_code = ExitCode.BUSY
