"""One sitting at the desk: the desk itself, who sits there, what was seen, and what could not be saved.

Textual-free. Desk calls run in threads: reads side by side, writes one after another and never cancelled, so
that a mark is either saved or kept here as unsaved.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import ParamSpec, TypeVar

from review_tui.protocol import CandidateView, MarkRequest, ReviewDesk, Reviewer
from review_tui.verdict_guard import VerdictGuard

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
    unsaved: dict[str, UnsavedMark] = field(default_factory=dict)
    """By candidate id."""
    last_marked: list[str] = field(default_factory=list)
    """Candidate ids in the order in which they were marked here; the last one is what *undo* takes back."""
    _seen: dict[tuple[str, str], set[int]] = field(default_factory=dict)
    _write_order: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def read(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a reading call of the desk in a thread."""
        return await asyncio.to_thread(call, *args, **kwargs)

    async def write(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a writing call of the desk in a thread, after the writes before it."""
        async with self._write_order:
            return await asyncio.shield(asyncio.to_thread(call, *args, **kwargs))

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
        self.forget(request.candidate_id)
        self.last_marked.append(request.candidate_id)

    def keep(self, request: MarkRequest, words: str) -> None:
        """Keep a mark that could not be saved."""
        self.unsaved[request.candidate_id] = UnsavedMark(request, words)

    def forget(self, candidate_id: str) -> None:
        """Drop a candidate from the marks that *undo* goes back through."""
        self.last_marked = [marked for marked in self.last_marked if marked != candidate_id]
