"""The seam to the engine's words: candidates become edits, and edits become ledger bodies and back. Free of torch."""

from __future__ import annotations

import json

from editor_engine.edit import Edit
from workflow.records import Candidate


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
        qualifiers=tuple(sorted(candidate.qualifiers.items())),
        must_not_assert=candidate.must_not_assert,
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
