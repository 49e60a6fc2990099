"""The states of a batch and what may follow what: a pure table, and the words for why a batch stands still.

    open -> staged -> passed -> promoted -> rolled back      and back, when the rollback is undone
              |  ^      |  ^
              v  |      v  |
             held       staged again: live moved, or a new check was ordered
    refused ends a batch, and holds its candidates until somebody cancels it; cancelled by hand gives them back.

A passed batch that needs a person is *waiting*: it stays ``passed`` and says what it waits for.
"""

from __future__ import annotations

from enum import StrEnum

from workflow.records import BatchState

NEXT: dict[BatchState, frozenset[BatchState]] = {
    BatchState.OPEN: frozenset({BatchState.STAGED, BatchState.HELD, BatchState.REFUSED, BatchState.CANCELLED}),
    BatchState.STAGED: frozenset(
        {BatchState.STAGED, BatchState.PASSED, BatchState.HELD, BatchState.REFUSED, BatchState.CANCELLED}
    ),
    BatchState.PASSED: frozenset({BatchState.PROMOTED, BatchState.STAGED, BatchState.HELD, BatchState.CANCELLED}),
    BatchState.HELD: frozenset({BatchState.STAGED, BatchState.CANCELLED}),
    BatchState.REFUSED: frozenset({BatchState.CANCELLED}),
    BatchState.PROMOTED: frozenset({BatchState.ROLLED_BACK}),
    BatchState.ROLLED_BACK: frozenset({BatchState.PROMOTED}),
    BatchState.CANCELLED: frozenset(),
}

UNPROMOTED = frozenset({BatchState.OPEN, BatchState.STAGED, BatchState.PASSED, BatchState.HELD})
"""Batches that are neither live nor closed."""


class HoldReason(StrEnum):
    """Why a batch stands still; words may follow it on record."""

    GATE_UNDECIDED = "gate_undecided"
    """A check of the gate is missing, or its sample is too small."""
    CHANGED = "changed"
    """What would go live is not what was signed or gated."""
    CLOCK = "clock"
    """The clock runs behind the record."""
    OUTSIDE_ENVELOPE = "outside_envelope"
    """The night may not promote it; a person may. The batch is *waiting*."""
    RETURNED = "returned"
    """It was live, failed its check there, and was sent back."""


def may_become(state: BatchState, target: BatchState) -> bool:
    """Whether a batch in ``state`` may go to ``target``: the one table of transitions."""
    return target in NEXT[state]


def hold_text(reason: HoldReason, words: str) -> str:
    """Write a reason with its words, as the ledger keeps it."""
    return f"{reason}: {words}" if words else str(reason)


def standing_word(state: BatchState, hold_reason: str | None) -> str:
    """How a batch stands, in a word for people: its state, or *waiting*."""
    if state is BatchState.PASSED and hold_reason:
        return "waiting"
    return state.replace("_", " ")


def was_returned(state: BatchState, hold_reason: str | None) -> bool:
    """Whether a batch was live, failed its check there, and was sent back by itself."""
    return state is BatchState.ROLLED_BACK and (hold_reason or "").startswith(HoldReason.RETURNED)
