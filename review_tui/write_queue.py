"""Writes of one sitting, one after another in the order in which they were asked for; none is ever dropped.

A call that waits here belongs to the queue, not to whoever asked: a screen that is closed, or a worker that is
cancelled, does not take it along. Textual-free.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class WriteQueue:
    """Runs calls in a thread, first come first served."""

    def __init__(self) -> None:
        """Start with nothing to do."""
        self._last: asyncio.Future[None] | None = None
        self._tasks: set[asyncio.Task[object]] = set()

    @property
    def pending(self) -> int:
        """How many calls have not come back."""
        return len(self._tasks)

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Give what the call returns, once every call before it has come back."""
        before = self._last
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._last = done
        task = asyncio.create_task(_in_turn(before, done, partial(call, *args, **kwargs)))
        self._tasks.add(task)
        task.add_done_callback(self._came_back)
        return await asyncio.shield(task)

    def _came_back(self, task: asyncio.Task[object]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # asked for here too: whoever waited for it may be gone

    async def drain(self, timeout_s: float) -> bool:
        """Wait until every call has come back; tell whether they all did in time."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=timeout_s)
        return not self._tasks


async def _in_turn(before: asyncio.Future[None] | None, done: asyncio.Future[None], call: Callable[[], T]) -> T:
    if before is not None:
        await asyncio.wait([before])
    try:
        return await asyncio.to_thread(call)
    finally:
        done.set_result(None)
