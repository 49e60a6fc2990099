"""The questions that the gate asks for one batch: checks, near misses, portfolio, and the site's standing questions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, select

from editor_engine.edit import Edit
from editor_engine.probes import Probe, ProbeKind, check_probes
from workflow.change_control.question_sets import folded
from workflow.change_control.release import ReleasedEdit
from workflow.ledger import tables
from workflow.records import Candidate


def candidates_of(connection: Connection, edit_ids: Sequence[str]) -> dict[str, Candidate]:
    """Read the candidates that edits were made of, by edit id."""
    query = (
        select(tables.edits.c.edit_id, tables.candidates.c.body)
        .join(tables.candidates, tables.candidates.c.candidate_id == tables.edits.c.candidate_id)
        .where(tables.edits.c.edit_id.in_(edit_ids))
        .order_by(tables.edits.c.edit_id)
    )
    return {row.edit_id: Candidate.model_validate_json(row.body) for row in connection.execute(query)}


def near_miss_probes(candidates: Mapping[str, Candidate]) -> list[Probe]:
    """The near misses of these edits, one probe for each question and edit."""
    return [
        Probe(f"near:{edit_id}#{number}", near.question, ProbeKind.NEAR_MISS, edit_id=edit_id)
        for edit_id, candidate in candidates.items()
        for number, near in enumerate(candidate.near_misses)
    ]


def portfolio_probes(in_force: Iterable[ReleasedEdit], candidates: Mapping[str, Candidate]) -> list[Probe]:
    """Questions and paraphrases of the edits in force: also of those that the batch supersedes.

    Where the successor does not answer such a question the base model would, with what was true before both.
    """
    return [
        Probe(f"portfolio:{edit.edit_id}#{number}", question, ProbeKind.PORTFOLIO, edit_id=edit.edit_id)
        for edit in in_force
        for number, question in enumerate(_wordings(candidates[edit.edit_id]))
    ]


def _wordings(candidate: Candidate) -> tuple[str, ...]:
    return (candidate.question, *candidate.paraphrases)


def probes_for(
    edits: Sequence[Edit],
    *,
    candidates: Mapping[str, Candidate],
    in_force: Sequence[ReleasedEdit],
    faq: Sequence[Probe],
    pinned: Sequence[Probe] = (),
) -> list[Probe]:
    """All probes of one round of the gate: a clinical question that is an edit's own question is no probe.

    A pinned one is, whoever's question it is: it may not move.

    Args:
        edits: what the batch still holds.
        candidates: of ``edits`` and of the edits in force, by edit id.
        in_force: the edits of the live release.
        faq: the clinical question set.
        pinned: the pinned safety set.
    """
    replaced = frozenset(edit.functional_key for edit in edits)
    own = {folded(question) for edit in edits for question in (edit.question, *edit.paraphrases)}
    mine = {edit.edit_id: candidates[edit.edit_id] for edit in edits}
    theirs = {edit.edit_id: candidates[edit.edit_id] for edit in in_force if edit.functional_key not in replaced}
    return [
        *check_probes(edits),
        *near_miss_probes({**mine, **theirs}),
        *portfolio_probes(in_force, candidates),
        *pinned,
        *(probe for probe in faq if folded(probe.question) not in own),
    ]


def probes_digest(probes: Iterable[Probe]) -> str:
    """Hex digest over ids and questions, in order."""
    lines = (f"{probe.probe_id}\t{probe.kind}\t{probe.question}" for probe in probes)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
