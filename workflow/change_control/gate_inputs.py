"""All that a gate's verdict depends on, gathered once from settings and ledger, with one digest over it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from editor_engine.edit import Edit
from editor_engine.probes import Probe
from workflow.change_control.probe_sets import probes_digest
from workflow.change_control.question_sets import QuestionSets, read_question_sets
from workflow.change_control.release import ReleasedEdit
from workflow.records import Candidate

if TYPE_CHECKING:
    from editor_engine import MemoryRow
    from workflow.site import Site


@dataclass(frozen=True)
class GateInputs:
    """All that a verdict depends on; its digest stands in the report."""

    batch_id: str
    live_release_id: int
    edits: tuple[Edit, ...]
    candidates: Mapping[str, Candidate]
    """Of the batch's edits and of the edits in force, by edit id."""
    in_force: tuple[ReleasedEdit, ...]
    faq: tuple[Probe, ...]
    faq_limit: float
    audit_share: float
    confidence: float
    max_new_tokens: int
    pinned: tuple[Probe, ...] = ()
    audit_most: int | None = None

    def digest(self, live_digest: str, rows: Mapping[str, MemoryRow]) -> str:
        """Hex digest over the live memory, the staged rows, the questions and the limits."""
        parts = [
            "gate/2",
            self.batch_id,
            live_digest,
            *(rows[edit.edit_id].digest for edit in self.edits),
            *(self.candidates[edit.edit_id].content_sha256 for edit in self.edits),
            probes_digest(self.faq),
            probes_digest(self.pinned),
            f"{self.faq_limit}/{self.audit_share}/{self.audit_most}/{self.confidence}/{self.max_new_tokens}",
        ]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def inputs_for(
    site: Site,
    *,
    batch_id: str,
    live_release_id: int,
    edits: Sequence[Edit],
    candidates: Mapping[str, Candidate],
    in_force: Sequence[ReleasedEdit] = (),
    sets: QuestionSets | None = None,
) -> GateInputs:
    """Gather a gate's inputs under the site's settings.

    Args:
        sets: the standing questions; read as the settings name them where none are given.

    Raises:
        SettingsError: a question file cannot be used.
    """
    gate, chosen = site.settings.gate, sets or read_question_sets(site)
    return GateInputs(
        batch_id=batch_id,
        live_release_id=live_release_id,
        edits=tuple(edits),
        candidates=candidates,
        in_force=tuple(in_force),
        faq=chosen.faq,
        faq_limit=gate.limits.faq_moved,
        audit_share=gate.audit_share,
        confidence=gate.limits.confidence,
        max_new_tokens=site.settings.model.max_new_tokens,
        pinned=chosen.pinned,
        audit_most=gate.audit_most,
    )
