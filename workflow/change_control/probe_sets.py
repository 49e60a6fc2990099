"""The questions that the gate asks: checks, near misses, portfolio and the clinical question set, for one batch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from sqlalchemy import Connection, select

from editor_engine.edit import Edit
from editor_engine.probes import Probe, ProbeKind, check_probes
from workflow.change_control.release import ReleasedEdit
from workflow.errors import SettingsError
from workflow.ledger import tables
from workflow.records import Candidate


def folded(question: str) -> str:
    """A question as it is compared: case-folded, single spaces."""
    return " ".join(question.casefold().split())


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


def portfolio_probes(
    in_force: Iterable[ReleasedEdit], candidates: Mapping[str, Candidate], replaced: frozenset[str]
) -> list[Probe]:
    """Questions and paraphrases of the edits in force, but for those whose functional key the batch supersedes."""
    return [
        Probe(f"portfolio:{edit.edit_id}#{number}", question, ProbeKind.PORTFOLIO, edit_id=edit.edit_id)
        for edit in in_force
        if edit.functional_key not in replaced
        for number, question in enumerate(_wordings(candidates[edit.edit_id]))
    ]


def _wordings(candidate: Candidate) -> tuple[str, ...]:
    return (candidate.question, *candidate.paraphrases)


def faq_probes(faq_file: Path | None) -> list[Probe]:
    """The site's clinical question set (JSON lines, a question each), or the one that comes with the package.

    Raises:
        SettingsError: the file is missing, or a line of it is no JSON string.
    """
    questions = _packaged_questions() if faq_file is None else _read_questions(faq_file)
    return [Probe(f"faq:{number}", question, ProbeKind.FAQ) for number, question in enumerate(questions)]


def _packaged_questions() -> list[str]:
    from editor_engine.demo.facts import demo_facts

    return list(dict.fromkeys(question for fact in demo_facts() for question in fact.questions))


def _read_questions(path: Path) -> list[str]:
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise SettingsError(f"gate.faq_file {path}: expected one JSON string a line, got {error}") from error
    for number, line in enumerate(lines, start=1):
        if not isinstance(line, str):
            got = type(line).__name__
            raise SettingsError(f"gate.faq_file {path}: line {number}: expected a JSON string, got {got}")
    return list(dict.fromkeys(lines))


def probes_for(
    edits: Sequence[Edit],
    *,
    candidates: Mapping[str, Candidate],
    in_force: Sequence[ReleasedEdit],
    faq: Sequence[Probe],
) -> list[Probe]:
    """All probes of one round of the gate: a clinical question that is an edit's own question is no probe.

    Args:
        edits: what the batch still holds.
        candidates: of ``edits`` and of the edits in force, by edit id.
        in_force: the edits of the live release.
        faq: the clinical question set.
    """
    replaced = frozenset(edit.functional_key for edit in edits)
    own = {folded(question) for edit in edits for question in (edit.question, *edit.paraphrases)}
    mine = {edit.edit_id: candidates[edit.edit_id] for edit in edits}
    theirs = {edit.edit_id: candidates[edit.edit_id] for edit in in_force if edit.functional_key not in replaced}
    return [
        *check_probes(edits),
        *near_miss_probes({**mine, **theirs}),
        *portfolio_probes(in_force, candidates, replaced),
        *(probe for probe in faq if folded(probe.question) not in own),
    ]


def probes_digest(probes: Iterable[Probe]) -> str:
    """Hex digest over ids and questions, in order."""
    lines = (f"{probe.probe_id}\t{probe.kind}\t{probe.question}" for probe in probes)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
