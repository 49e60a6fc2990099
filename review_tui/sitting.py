"""One sitting at the desk: the desk itself, who sits there, what was seen, what was done, and what could not be saved.

Desk calls run in threads: reads side by side, writes one after another and never cancelled, so that a mark is
either saved or kept here as unsaved. Knows no widget.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import ParamSpec, TypeVar

from review_tui.options import DeskOptions
from review_tui.protocol import CandidateView, MarkRequest, ReleaseDesk, ReviewDesk, Reviewer
from review_tui.session import Session
from review_tui.verdict_guard import VerdictGuard
from review_tui.write_queue import WriteQueue

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class UnsavedMark:
    """A mark that the desk did not take because something broke; kept so that nothing is lost."""

    request: MarkRequest
    words: str


@dataclass
class Sitting:
    """What all screens share."""

    desk: ReviewDesk
    reviewer: Reviewer
    guard: VerdictGuard
    today: Callable[[], date]
    releases: ReleaseDesk | None = None
    options: DeskOptions = field(default_factory=DeskOptions)
    session: Session = field(default_factory=Session)
    writes: WriteQueue = field(default_factory=WriteQueue)
    unsaved: dict[str, UnsavedMark] = field(default_factory=dict)
    """By candidate id."""
    _seen: dict[tuple[str, str], set[int]] = field(default_factory=dict)

    async def read(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a reading call of the desk in a thread."""
        return await asyncio.to_thread(call, *args, **kwargs)

    async def write(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a writing call of the desk in a thread, after the writes before it."""
        return await self.writes.run(call, *args, **kwargs)

    def note_seen(self, view: CandidateView, index: int) -> None:
        """Remember that a quote of exactly this version was on the screen, from its first line to its last."""
        self._seen.setdefault((view.candidate_id, view.shown_sha256), set()).add(index)

    def seen_count(self, view: CandidateView) -> int:
        """Count the quotes of this version that were on the screen."""
        return len(self._seen.get((view.candidate_id, view.shown_sha256), ()))

    def has_seen_all(self, view: CandidateView) -> bool:
        """Tell whether every quote was on the screen; false where there is none to see."""
        return bool(view.evidence) and self.seen_count(view) >= len(view.evidence)

    def saved(self, request: MarkRequest) -> None:
        """Note that the record holds this mark."""
        self.unsaved.pop(request.candidate_id, None)

    def keep(self, request: MarkRequest, words: str) -> None:
        """Keep a mark that could not be saved."""
        self.unsaved[request.candidate_id] = UnsavedMark(request, words)
