"""Ways back: what was withdrawn because its source was taken back, proposed again once that source is reinstated.

The way back is no shortcut: the fact is a new candidate that says why it comes again, rehearsed on today's memory,
signed, gated and promoted like any other. Nothing answers again by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import Connection, select

from workflow.change_control.affected_list import REINSTATED
from workflow.fault_points import reached
from workflow.intake.takings_back import CHANGE_OF, Pair, label_of
from workflow.ledger import tables
from workflow.ledger.fixing import CandidateExistsError, insert_candidate
from workflow.ledger.ledger import Ledger
from workflow.records import Action, Candidate, ChangeKind

_TAKEN_BACK = frozenset(CHANGE_OF.values()) - {ChangeKind.REINSTATED}


def find_ways(
    connection: Connection, reinstated: Mapping[Pair, str], works_that_stand: Callable[[str], set[Pair]]
) -> tuple[Candidate, ...]:
    """Find the facts that were withdrawn because their source was taken back and that stands again.

    Args:
        reinstated: when a reinstatement was first seen, by identifier of the work.
        works_that_stand: gives every identifier of a notice's work, none while something is said against it.
    """
    edits, candidates = tables.edits.c, tables.candidates.c
    query = (
        select(edits.edit_id, candidates.body)
        .join(tables.candidates, candidates.candidate_id == edits.candidate_id)
        .where(edits.state == "withdrawn")
        .order_by(edits.edit_id)
    )
    taken = _taken_back(connection)
    ways = []
    for edit_id, body in connection.execute(query):
        candidate = Candidate.model_validate_json(body)
        claims = [claim.notice_id for claim in candidate.evidence if claim.role == "claim"]
        works = {pair for claim in claims for pair in works_that_stand(claim)} & set(reinstated)
        if edit_id in taken and works:
            ways.append(_again(candidate, works, max(reinstated[pair] for pair in works)))
    return tuple(ways)


def propose_ways_back(ledger: Ledger, ways: Sequence[Candidate], *, run_id: str) -> tuple[str, ...]:
    """Put the ways back on record and return the new ones; run twice, it adds nothing."""
    made = []
    for candidate in ways:
        with ledger.write() as transaction:
            try:
                made.append(insert_candidate(transaction, candidate, run_id=run_id, change_id=None, actor="intake"))
            except CandidateExistsError:
                continue
            reached("affected.before_commit")
    return tuple(made)


def _taken_back(connection: Connection) -> set[str]:
    """Edits whose withdrawal was proposed because a source was taken back."""
    columns = tables.candidates.c
    bodies = connection.execute(select(columns.body).where(columns.action == Action.WITHDRAW)).scalars()
    proposals = (Candidate.model_validate_json(body) for body in bodies)
    return {one.withdraws for one in proposals if one.withdraws and one.change_kind in _TAKEN_BACK}


def _again(candidate: Candidate, works: set[Pair], seen_at: str) -> Candidate:
    why = f"{REINSTATED}: its source ({label_of(frozenset(works))}) was reinstated, first seen {seen_at[:10]}"
    others = tuple(flag for flag in candidate.flags if not flag.startswith(REINSTATED))
    return candidate.model_copy(update={"flags": (why, *others), "change_kind": ChangeKind.REINSTATED})
