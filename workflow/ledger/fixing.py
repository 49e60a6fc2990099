"""The candidates that a reviewer makes of others: with a corrected object, or once more after its edit was ended.

The original never changes; the new one is proposed, rehearsed and signed like any other, and says on its face who
did what. Also the one place where a candidate is put into the ledger by hand.
"""

from __future__ import annotations

import re

from sqlalchemy import insert, select, update

from workflow.errors import IllegalTransitionError
from workflow.ledger.ledger import Transaction
from workflow.ledger.tables import candidates
from workflow.records import Candidate, CandidateState

FIX_TAKEN_BACK = "the correction was taken back"
_AGAIN = "proposed again by "
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


class CandidateExistsError(IllegalTransitionError):
    """The very same proposal is on record already."""


def fixed_candidate(original: Candidate, fixed_object: str, *, by: str) -> Candidate:
    """Make the candidate that says ``fixed_object`` from the same evidence."""
    fixed = " ".join(fixed_object.split())
    flags = [*original.flags, f"fixed by {by}: {original.object_new} -> {fixed}"]
    quotes = " ".join(evidence.quote for evidence in original.evidence if evidence.role != "previous")
    unfounded = sorted(set(_NUMBER.findall(fixed)) - set(_NUMBER.findall(quotes)))
    if unfounded:
        flags.append(f"no quote holds these numbers of the fixed object: {', '.join(unfounded)}")
    forbidden = [words for words in original.must_not_assert if not _says(fixed, words)]
    return original.model_copy(
        update={
            "object_new": fixed,
            "object_old": None if _says(fixed, original.object_old or "") else original.object_old,
            "must_not_assert": tuple(forbidden),
            "flags": tuple(flags),
            "checks": (),  # they were of the object as it was proposed
        }
    )


def candidate_again(original: Candidate, edit_id: str, edit_state: str, *, by: str, reason: str) -> Candidate:
    """Make the candidate that says the same once more, after its edit was ejected or withdrawn; it says so.

    Its name differs, so that the edit which is made of it is another one, and nothing of the first is touched.
    """
    ended = "ejected by its gate" if edit_state == "ejected" else "withdrawn"
    others = tuple(flag for flag in original.flags if not flag.startswith(_AGAIN))
    flag = f"{_AGAIN}{by}, after edit {edit_id} was {ended}: {' '.join(reason.split())}"
    return original.model_copy(update={"flags": (*others, flag)})


def insert_candidate(
    transaction: Transaction,
    candidate: Candidate,
    *,
    run_id: str,
    change_id: str | None,
    actor: str,
    state: CandidateState = CandidateState.PROPOSED,
) -> str:
    """Put a candidate on record and give its id.

    Raises:
        CandidateExistsError: It is there already.
    """
    candidate_id = candidate.candidate_id
    known = transaction.execute(
        select(candidates.c.state).where(candidates.c.candidate_id == candidate_id)
    ).scalar_one_or_none()
    if known is not None:
        raise CandidateExistsError(f"the same proposal is on record already: {candidate_id}, {known}")
    transaction.execute(
        insert(candidates).values(
            candidate_id=candidate_id,
            run_id=run_id,
            change_id=change_id,
            created_at=transaction.now,
            state=state,
            action=candidate.action,
            subject=candidate.subject,
            relation=candidate.relation,
            functional_key=candidate.functional_key,
            risk=candidate.risk,
            content_sha256=candidate.content_sha256,
            body=candidate.model_dump_json(),
        )
    )
    body = {"state": state, "extractor": candidate.extractor}
    transaction.audit("candidate.proposed", f"candidate:{candidate_id}", body, actor=actor)
    return candidate_id


def insert_fixed(
    transaction: Transaction, candidate: Candidate, *, run_id: str, change_id: str | None, actor: str
) -> str:
    """Put a corrected candidate on record; one whose correction was taken back before is taken up again.

    Raises:
        CandidateExistsError: It is there already, and nobody took it back.
    """
    taken_back = select(candidates.c.candidate_id).where(
        candidates.c.candidate_id == candidate.candidate_id,
        candidates.c.state == CandidateState.CLOSED,
        candidates.c.reason == FIX_TAKEN_BACK,
    )
    if transaction.execute(taken_back).first() is None:
        return insert_candidate(transaction, candidate, run_id=run_id, change_id=change_id, actor=actor)
    transaction.execute(
        update(candidates)
        .where(candidates.c.candidate_id == candidate.candidate_id)
        .values(state=CandidateState.PROPOSED, reason=None)
    )
    body = {"from": CandidateState.CLOSED, "to": CandidateState.PROPOSED, "why": "the same correction again"}
    transaction.audit("candidate.moved", f"candidate:{candidate.candidate_id}", body, actor=actor)
    return candidate.candidate_id


def _says(text: str, words: str) -> bool:
    """Tell whether the words stand in the text, whole: "5 mg" is not in "2.5 mg"."""
    if not words.strip():
        return False
    pattern = re.escape(" ".join(words.casefold().split()))
    return re.search(rf"(?<![\w.,]){pattern}(?![\w])", " ".join(text.casefold().split())) is not None
