"""The hash that a signature binds to: what a reviewer was shown of a candidate.

Covers the fact, its qualifiers, the quotes with the versions of their sources, the carrier with the very value that was
rehearsed (where a rehearsal names it: older ones do not), and what the model would say. Order and times are not part of
it, nor what live says now: a new release alone voids no signature.
"""

from __future__ import annotations

import hashlib

from workflow.ledger.audit import canonical_json
from workflow.records import Candidate, Certainty
from workflow.rehearsal_records import Rehearsal


def shown_sha256(candidate: Candidate, rehearsal: Rehearsal | None) -> str:
    """Hash what is shown of a candidate with its newest rehearsal."""
    fact = {
        "action": candidate.action,
        "subject": candidate.subject,
        "aliases": sorted(candidate.aliases),
        "relation": candidate.relation,
        "qualifiers": candidate.qualifiers,
        "object_new": candidate.object_new,
        "object_old": candidate.object_old,
        "question": candidate.question,
        "paraphrases": sorted(candidate.paraphrases),
        "must_not_assert": sorted(candidate.must_not_assert),
        "change_kind": candidate.change_kind,
        "withdraws": candidate.withdraws,
        "evidence": sorted([e.role, e.notice_id, e.document_id, e.quote] for e in candidate.evidence),
    }
    if candidate.certainty is not Certainty.DEFINITE:
        fact["certainty"] = candidate.certainty
    shown = {"version": 1, "fact": fact, "rehearsal": None if rehearsal is None else _answers(rehearsal)}
    return hashlib.sha256(canonical_json(shown).encode("ascii")).hexdigest()


def _answers(rehearsal: Rehearsal) -> dict[str, object]:
    value = {"value_sha256": rehearsal.value_sha256} if rehearsal.value_sha256 else {}
    return {
        **value,
        "carrier": rehearsal.carrier,
        "outcomes": sorted([o.question, o.would_say, o.takes] for o in rehearsal.outcomes),
        "moves": sorted([m.question, m.would_say] for m in rehearsal.moves),
    }
