"""A hospital site in this process, with the bundled model loaded once: batches are staged, gated and promoted for real.

The model can be made to fail or to change in the middle, as a device does that is lost, or an engine that is another.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from editor_engine import CausalLM, Editor, Memory, TextEncoder
from editor_engine.base_model import Prompted
from editor_engine.demo import bundled_model
from editor_engine.demo.facts import demo_facts
from tests.workflow.change_control.made_batches import approve, make_candidate
from workflow.batch_steps import LedgerBatchSteps
from workflow.change_control.batches import BatchRow, create_batch, read_batch
from workflow.change_control.gate_report import GateReport
from workflow.change_control.ordering import order_promotion
from workflow.change_control.release import EngineIdentity, LiveState, ensure_initial_release, read_live
from workflow.ledger.ledger import Ledger
from workflow.night import read_gate_summary
from workflow.records import Candidate, NearMiss, NearMissKind
from workflow.site import Site
from workflow.workbench import Workbench

FAQ = [fact.question for fact in demo_facts()][::12]


class FailingLM(CausalLM):
    """The bundled model; from its n-th call on its device is lost, or its answers are others."""

    calls_left: int | None = None
    drifts = False

    def generate(self, prompted: Sequence[Prompted], **settings: int) -> list[str]:
        """Answer, or fail as a GPU does that is gone."""
        if self.calls_left is not None:
            self.calls_left -= 1
            if self.calls_left < 0:
                raise RuntimeError("CUDA error: unspecified launch failure\nCompile with TORCH_USE_CUDA_DSA")
        texts = super().generate(prompted, **settings)
        return [f"{text} or so" for text in texts] if self.drifts else texts


@dataclass
class MovingClock:
    """A clock that a test sets."""

    now: datetime = field(default_factory=lambda: datetime(2026, 11, 20, 2, 0, tzinfo=UTC))

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now

    def jump(self, **by: float) -> None:
        """Move it, forward or back."""
        self.now += timedelta(**by)


def load_editor() -> Editor:
    """The bundled model, which can be made to fail, and the untrained encoder."""
    loaded = CausalLM.load(bundled_model())
    return Editor(_failing(loaded), TextEncoder.load())


def _failing(loaded: CausalLM) -> FailingLM:
    base = FailingLM(loaded._model, loaded._tokenizer, name=loaded.name, weights_digest="0")
    base.digest = loaded.digest
    return base


def dose(subject: str, new: str = "5 mg once daily", old: str = "10 mg once daily", **changes: object) -> Candidate:
    """A dose candidate in the product's wordings, which the bundled model takes as text."""
    near = NearMiss(question=f"What is {subject} used for?", kind=NearMissKind.OTHER_RELATION)
    return make_candidate(
        subject,
        new,
        **{
            "object_old": old,
            "question": f"What is the recommended dose of {subject}?",
            "paraphrases": (f"How much {subject} is recommended?",),
            "near_misses": (near,),
            **changes,
        },
    )


@dataclass
class GatedSite:
    """A site, its ledger under a clock that tests set, and an engine."""

    site: Site
    ledger: Ledger
    editor: Editor
    clock: MovingClock

    @classmethod
    def make(cls, folder: Path, editor: Editor, **gate: object) -> GatedSite:
        """A new site with a short question set; keys of ``gate`` are dotted, ``__`` for the dot."""
        clock = MovingClock()
        settings: dict[str, object] = {
            "gate.faq_file": "faq.jsonl",
            "gate.limits.faq_moved": 0.2,
            "gate.drift_questions": 12,
            "model.max_new_tokens": 24,
            **{name.replace("__", "."): value for name, value in gate.items()},
        }
        site = Site.create(folder / "site", settings=settings, clock=clock)
        (site.root / "faq.jsonl").write_text("\n".join(map(json.dumps, FAQ)), encoding="utf-8")
        made = cls(site, site.open_ledger(clock=clock), editor, clock)
        identity = EngineIdentity(editor.base.digest, editor.encoder.digest, editor.model().thresholds.to_json())
        ensure_initial_release(made.ledger, identity)
        return made

    @property
    def lm(self) -> FailingLM:
        """The model, to be made to fail."""
        assert isinstance(self.editor.base, FailingLM)
        return self.editor.base

    def bench(self) -> Workbench:
        """The engine as a new process would open it: nothing is known of any answer."""
        bench = Workbench(self.site, self.ledger, self.editor, self.live, self.editor.model(Memory()), {})
        bench.refresh()
        return bench

    @property
    def live(self) -> LiveState:
        """What is live."""
        with self.ledger.read() as connection:
            live = read_live(connection)
        assert live is not None
        return live

    def steps(self) -> LedgerBatchSteps:
        """The steps of a batch, on a fresh engine."""
        bench = self.bench()
        return LedgerBatchSteps(self.site, self.ledger, lambda: bench, guard=lambda _transaction: None)

    def staged(self, *candidates: Candidate) -> str:
        """Approve, batch and stage; give the batch."""
        for candidate in candidates:
            approve(self.ledger, candidate)
        batch_id = create_batch(self.ledger, actor="tests")
        assert batch_id is not None
        self.steps().stage(batch_id)
        return batch_id

    def gate(self, batch_id: str) -> GateReport:
        """Run the gate and give its report."""
        self.steps().gate(batch_id)
        return read_gate_summary(self.ledger, batch_id).report

    def promote(self, batch_id: str) -> None:
        """Gate, promote by a person's order, and read back."""
        assert self.gate(batch_id).verdict == "pass"
        order_promotion(self.ledger, batch_id, actor="s1", reason="tests")
        steps = self.steps()
        steps.promote(batch_id)
        steps.read_back(batch_id)

    def batch(self, batch_id: str) -> BatchRow:
        """One batch as it stands."""
        with self.ledger.read() as connection:
            return read_batch(connection, batch_id)
