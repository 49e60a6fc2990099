"""The seam to the engine's words: candidates become edits, and edits become ledger bodies and back. Free of torch."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from editor_engine.edit import Edit
from workflow.records import Candidate
from workflow.rehearsal_records import CarrierTrial

if TYPE_CHECKING:
    from editor_engine.carriers import CarrierMeasure


def make_edit(candidate: Candidate) -> Edit:
    """Make the immutable edit of an approved candidate; its id follows from the candidate's content."""
    return Edit(
        edit_id=f"e-{candidate.content_sha256[:10]}",
        subject=candidate.subject,
        relation=candidate.relation,
        object_new=candidate.object_new,
        question=candidate.question,
        paraphrases=candidate.paraphrases,
        object_old=candidate.object_old,
        aliases=candidate.aliases,
        qualifiers=candidate.key_qualifiers,
        must_not_assert=candidate.must_not_assert,
    )


def make_trial(measure: CarrierMeasure) -> CarrierTrial:
    """Write what a carrier did as the rehearsal keeps it; its answers stand among the outcomes."""
    return CarrierTrial(
        carrier=measure.carrier,
        value_sha256=measure.value_sha256,
        own_taken=measure.own_taken,
        own_asked=measure.own_asked,
        check_taken=measure.check_taken,
        check_asked=measure.check_asked,
        near_moved=measure.near_moved,
        near_asked=measure.near_asked,
        tokens=measure.tokens,
        value_bytes=measure.value_bytes,
        steps=measure.steps,
        seconds=round(measure.seconds, 3),
        ended=measure.ended,
    )


def edit_to_json(edit: Edit) -> str:
    """Write an edit as the ledger stores it: canonical JSON."""
    fields = {name: getattr(edit, name) for name in edit.__dataclass_fields__}
    return json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def edit_from_json(body: str) -> Edit:
    """Read an edit back from the ledger."""
    fields = json.loads(body)
    for name in ("paraphrases", "aliases", "must_not_assert"):
        fields[name] = tuple(fields[name])
    fields["qualifiers"] = tuple((name, value) for name, value in fields["qualifiers"])
    return Edit(**fields)
