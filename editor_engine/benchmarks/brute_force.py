"""The rival of screening: every probe answered by the base model on both sides, in the same batches.

Remembers what it answered on a side, so that a further round runs only what a changed memory puts in front of a
question anew; never takes one side's answer for the other's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from editor_engine.edit import Firing
from editor_engine.edited_model import EditedModel
from editor_engine.metrics import takes
from editor_engine.probes import Probe
from editor_engine.regression import Decisions, ProbeOutcome, RegressionReport

Progress = Callable[[str, int, int], None]
_AT_ONCE = 1024
_Key = tuple[str, tuple[str | None, str | None, str | None]]


class BruteForce:
    """Compares two memories by running every probe on both; takes the place of ``regression.compare``."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._before: dict[_Key, str] = {}
        self._after: dict[_Key, str] = {}
        self._decisions = Decisions()
        self.generations = 0

    def __call__(
        self,
        live: EditedModel,
        staged: EditedModel,
        probes: Sequence[Probe],
        *,
        max_new_tokens: int,
        ask_before: bool,  # noqa: ARG002 - everything is asked on both sides
        progress: Progress | None,
    ) -> RegressionReport:
        """Every probe's outcome with both answers; probes with the same triple count as audited."""
        started, generated = time.perf_counter(), self.generations
        questions = [probe.question for probe in probes]
        firings = self._decisions.live(live, questions), self._decisions.staged(staged, questions)
        screened = time.perf_counter()
        before = self._answers(live, questions, firings[0], self._before, max_new_tokens, "before", progress)
        after = self._answers(staged, questions, firings[1], self._after, max_new_tokens, "after", progress)
        outcomes = tuple(
            ProbeOutcome(probe, one, other, said, says, _verdict(probe, says))
            for probe, one, other, said, says in zip(probes, *firings, before, after, strict=True)
        )
        same = [outcome for outcome in outcomes if not outcome.triple_changed]
        return RegressionReport(
            outcomes=outcomes,
            audited=tuple(outcome.probe.probe_id for outcome in same),
            audit_differs=tuple(one.probe.probe_id for one in same if one.live_answer != one.staged_answer),
            generations=self.generations - generated,
            screen_s=screened - started,
            run_s=time.perf_counter() - screened,
            audit_s=0.0,
        )

    def _answers(
        self,
        model: EditedModel,
        questions: Sequence[str],
        firings: Sequence[Firing],
        known: dict[_Key, str],
        max_new_tokens: int,
        side: str,
        progress: Progress | None,
    ) -> list[str]:
        keys: list[_Key] = [(question, firing.triple) for question, firing in zip(questions, firings, strict=True)]
        wanted = {key: firing for key, firing in zip(keys, firings, strict=True) if key not in known}
        new = list(wanted)
        for start in range(0, len(new), _AT_ONCE):
            part = new[start : start + _AT_ONCE]
            prompted = [model.prompted(key[0], wanted[key]) for key in part]
            known.update(zip(part, model.base.generate(prompted, max_new_tokens=max_new_tokens), strict=True))
            if progress is not None:
                progress(f"every probe {side}", start + len(part), len(new))
        self.generations += len(new)
        return [known[key] for key in keys]


def _verdict(probe: Probe, answer: str) -> bool | None:
    if probe.expects_new is None:
        return None
    return takes(answer, probe.expects_new, probe.expects_not_old, probe.must_not_assert)
