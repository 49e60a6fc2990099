"""Facts that are asked about in nearly the same words as a candidate: in force, and open in the queue.

A near key is where one edit may fire on the other's question (the paper calls a cosine above 0.6 highly similar), so a
reviewer sees it before signing. Another object for the same functional key is a conflict and told as such, elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import select

from workflow.engine_seam import make_edit
from workflow.ledger import tables
from workflow.ledger.ledger import Ledger
from workflow.live_index import near_duplicates
from workflow.records import Action, Candidate, CandidateState

if TYPE_CHECKING:
    from editor_engine import MemoryRow, TextEncoder
    from workflow.workbench import Workbench

MOST_NAMED = 3
"""Lines a candidate at most: the nearest say what there is to know."""
_MOST_OPEN = 2000
_OPEN = (
    CandidateState.PROPOSED,
    CandidateState.PENDING,
    CandidateState.AWAITING_SECOND,
    CandidateState.DEFERRED,
    CandidateState.APPROVED,
)

NearKeys = Callable[["MemoryRow"], tuple[str, ...]]


@contextmanager
def near_keys(bench: Workbench) -> Iterator[NearKeys]:
    """Give a search over what is in force and what is open: the nearest first, one line each."""
    queue = _OpenCandidates(bench.ledger, bench.editor.encoder)
    with near_duplicates(bench.site, bench.edits, bench.model.memory) as in_force:

        def search(row: MemoryRow) -> tuple[str, ...]:
            found = [*(in_force(row) if in_force is not None else ()), *queue.near(row)]
            found.sort(key=lambda one: (-one[0], one[1]))
            return tuple(f"{words} (similarity {how_near:.2f})" for how_near, words in found[:MOST_NAMED])

        yield search


class _OpenCandidates:
    """The keys of the open candidates, encoded when they are first asked for."""

    def __init__(self, ledger: Ledger, encoder: TextEncoder) -> None:
        self._ledger = ledger
        self._encoder = encoder
        self._candidates: dict[str, Candidate] | None = None

    def near(self, row: MemoryRow) -> list[tuple[float, str]]:
        from editor_engine.near_keys import KeyList

        if self._candidates is None:
            self._candidates = _open_candidates(self._ledger)
            self._keys = KeyList([make_edit(candidate) for candidate in self._candidates.values()], self._encoder)
        found = []
        for near in self._keys.near(row.keys[0], most=4 * MOST_NAMED):
            other = self._candidates[near.edit_id]
            if other.functional_key != row.functional_key:
                said = f"({other.subject}, {other.relation}): {other.object_new}"
                found.append((near.cosine, f"candidate {other.candidate_id} asks nearly the same {said}"))
        return found


def _open_candidates(ledger: Ledger) -> dict[str, Candidate]:
    """The newest open candidates by the id of the edit that each would become."""
    columns = tables.candidates.c
    query = (
        select(columns.body)
        .where(columns.state.in_(_OPEN), columns.action == Action.EDIT)
        .order_by(columns.created_at.desc(), columns.candidate_id)
        .limit(_MOST_OPEN)
    )
    with ledger.read() as connection:
        found = [Candidate.model_validate_json(body) for body in connection.execute(query).scalars()]
    return {make_edit(candidate).edit_id: candidate for candidate in found}
