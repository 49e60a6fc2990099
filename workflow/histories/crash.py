"""Crashes in the middle of an act: an exception at the n-th statement, or a process of its own that is killed there.

The killed one is a fork that opens the ledger anew, so that no lock or cache of it lives on: SIGKILL, as in a power
cut of the program. What is on disk then is what the next one finds.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, event

from workflow.errors import WorkflowError
from workflow.fault_points import ENVIRONMENT_NAME
from workflow.histories.promises import Broken

POINTS: dict[str, tuple[str, ...]] = {
    "rehearse": ("rehearse.before_commit",),
    "decide": ("sign.before_commit",),
    "sign": ("sign.before_commit",),
    "batch": ("batch.before_commit",),
    "night_batches": ("batch.before_commit",),
    "stage": ("stage.before_rename", "stage.before_commit"),
    "gate": ("gate.before_commit",),
    "promote": ("promote.before_commit", "promote.after_commit"),
    "roll_back": ("rollback.before_commit",),
    "undo_rollback": ("rollback.before_commit",),
    "withdraw": ("rollback.before_commit", "withdraw.before_commit"),
}
"""The named places of ``fault_points`` that an act passes."""
_WENT_WRONG = 70


class Aborted(BaseException):
    """Ends an act in the middle; not to be caught by anything on the way."""


@contextmanager
def ended_at(statement: int, end: Callable[[], None]) -> Iterator[None]:
    """Call ``end`` right before the n-th statement, commits counted among them, that is run in this block."""
    left = [statement]

    def count(*_: object) -> None:
        left[0] -= 1
        if left[0] == 0:
            end()

    event.listen(Engine, "before_cursor_execute", count)
    event.listen(Engine, "commit", count)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", count)
        event.remove(Engine, "commit", count)


def abort() -> None:
    """End what is going on.

    Raises:
        Aborted: always.
    """
    raise Aborted


def killed_in(act: str, at: int, play: Callable[[], object]) -> bool:
    """Play an act in a fork that is killed at a named place, or at its n-th statement; whether it was.

    Raises:
        Broken: the act failed in a way of its own.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        os._exit(_play_and_die(POINTS.get(act, ()), at, play))
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    if os.WEXITSTATUS(status):
        raise Broken(f"{act}: it failed in the process that was to be killed; its trace stands above")
    return False


def _play_and_die(points: tuple[str, ...], at: int, play: Callable[[], object]) -> int:
    try:
        if points and at <= len(points):
            os.environ[ENVIRONMENT_NAME] = points[at - 1]
            play()
        else:
            with ended_at(at, lambda: os.kill(os.getpid(), signal.SIGKILL)):
                play()
    except WorkflowError:
        return 0
    except BaseException:  # noqa: BLE001 - a fork must never return into its parent's code
        traceback.print_exc()
        return _WENT_WRONG
    return 0
