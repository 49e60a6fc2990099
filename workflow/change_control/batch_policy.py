"""How approved candidates become batches without anybody's hand: a pure rule, and the night's use of it.

Expedited candidates go alone and first. Relations that the site keeps apart go into batches of their own relation. A
batch holds at most so many edits, and a night makes at most so many batches; what is left waits for the next one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import select

from workflow.change_control.batches import approved_candidates, create_batch
from workflow.ledger.control_tables import expedited
from workflow.ledger.ledger import Ledger
from workflow.ledger.signing import void_outdated
from workflow.records import Action, Candidate
from workflow.review_policy import ReviewPolicy
from workflow.settings.control import BatchTable


def plan_batches(
    approved: Sequence[Candidate], policy: BatchTable, *, hasty: Collection[str] = ()
) -> tuple[tuple[str, ...], ...]:
    """Divide approved candidates (oldest first) into batches of candidate ids; each candidate stands in one at most.

    Args:
        hasty: ids of the expedited ones; these are not counted among the night's batches.
    """
    alone = [(one.candidate_id,) for one in approved if one.candidate_id in hasty]
    groups: dict[str, list[str]] = {}
    for one in approved:
        if one.candidate_id not in hasty:
            groups.setdefault(one.relation if one.relation in policy.apart else "", []).append(one.candidate_id)
    planned = [
        tuple(ids[start : start + policy.most_edits])
        for _, ids in sorted(groups.items())
        for start in range(0, len(ids), policy.most_edits)
    ]
    return (*alone, *planned[: policy.most_per_night])


def create_batches(ledger: Ledger, policy: BatchTable, *, actor: str, note: str) -> tuple[str, ...]:
    """Make the batches that the policy asks for of what is approved now; return their ids."""
    review_policy = ReviewPolicy(ledger.signer_profile())
    approved = _approved(ledger, review_policy)
    with ledger.read() as connection:
        hasty = set(connection.execute(select(expedited.c.candidate_id)).scalars())
    made = []
    for planned in plan_batches(approved, policy, hasty=hasty):
        standing = {one.candidate_id for one in _approved(ledger, review_policy)}  # the batch before may be in conflict
        ids = [candidate_id for candidate_id in planned if candidate_id in standing]
        if not ids:
            continue
        is_hasty = ids[0] in hasty
        batch_id = create_batch(
            ledger,
            actor=actor,
            note="expedited" if is_hasty else note,
            candidate_ids=ids,
            expedited=is_hasty,
        )
        made += [batch_id] if batch_id is not None else []
    return tuple(made)


def _approved(ledger: Ledger, policy: ReviewPolicy) -> list[Candidate]:
    """The edits whose signatures stand now; the others go back to their reviewers."""
    with ledger.write() as transaction:
        void_outdated(transaction, policy)
        return [one for one in approved_candidates(transaction.connection) if one.action is Action.EDIT]
