"""What a staged memory changes against the live one: screen every probe, run those that can have changed, audit.

The base weights never change, so an answer can differ only where the triple does: fired edit, value, context. The LM
answers only those; a random sample of the others is answered on both sides all the same, and must be identical.
Gives facts; the verdict is the gate's.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from editor_engine.edit import Answer, Firing
from editor_engine.editor import MAX_NEW_TOKENS, EditedModel
from editor_engine.errors import EngineError, PromptTooLongError
from editor_engine.generation import GenerationSettings
from editor_engine.kept_decisions import KeptDecisions
from editor_engine.metrics import takes
from editor_engine.probes import Probe

_ASKED_AT_ONCE = 256
"""Questions between two words of progress; a batch of the LM is smaller."""

Progress = Callable[[str, int, int], None]
"""Called with the phase ("screen", "run", "run before", "audit"), how many are done, and of how many."""


@dataclass(frozen=True)
class Decisions:
    """What both sides decided, kept over the rounds of one comparison."""

    live: KeptDecisions = field(default_factory=KeptDecisions)
    staged: KeptDecisions = field(default_factory=KeptDecisions)


@dataclass(frozen=True)
class ProbeOutcome:
    """One probe, live against staged.

    ``live_answer`` and ``staged_answer`` are None where the LM was not asked: the triple is the same, so the answer
    is; or, for ``live_answer``, staged says what the probe expects, so that nobody needs to know what it said before.
    ``culprit`` is the edit that fires in staged, or else the one that no longer fires. ``takes`` judges the staged
    answer where the probe expects an object.
    """

    probe: Probe
    live: Firing
    staged: Firing
    live_answer: str | None = None
    staged_answer: str | None = None
    takes: bool | None = None

    @property
    def triple_changed(self) -> bool:
        """Whether something else is put in front of the question."""
        return self.live.triple != self.staged.triple

    @property
    def moved(self) -> bool:
        """Whether the answer is another one; False where live was not asked."""
        return self.live_answer != self.staged_answer and not (self.triple_changed and self.live_answer is None)

    @property
    def culprit(self) -> str | None:
        """The edit to blame for a changed triple."""
        return (self.staged.edit_id or self.live.edit_id) if self.triple_changed else None


@dataclass(frozen=True)
class RegressionReport:
    """Every probe's outcome in order, and what it cost.

    ``audited`` are ids of unchanged probes that were answered on both sides; ``audit_differs`` those whose answers
    were not identical, which must be empty.
    """

    outcomes: tuple[ProbeOutcome, ...]
    audited: tuple[str, ...]
    audit_differs: tuple[str, ...]
    generations: int
    screen_s: float
    run_s: float
    audit_s: float

    @property
    def screened(self) -> int:
        """How many probes were compared."""
        return len(self.outcomes)

    @property
    def changed(self) -> tuple[ProbeOutcome, ...]:
        """Probes whose triple differs."""
        return tuple(outcome for outcome in self.outcomes if outcome.triple_changed)

    @property
    def moved(self) -> tuple[ProbeOutcome, ...]:
        """Probes whose answer differs."""
        return tuple(outcome for outcome in self.outcomes if outcome.moved)

    @property
    def seconds(self) -> float:
        """Wall time of the whole comparison."""
        return self.screen_s + self.run_s + self.audit_s


def compare(
    live: EditedModel,
    staged: EditedModel,
    probes: Sequence[Probe],
    *,
    audit_share: float = 0.0,
    audit_most: int | None = None,
    audit_seed: int = 0,
    max_new_tokens: int = MAX_NEW_TOKENS,
    ask_before: bool = True,
    progress: Progress | None = None,
    decisions: Decisions | None = None,
) -> RegressionReport:
    """Compare two memories over one base model on every probe.

    Args:
        audit_share: share of the unchanged probes that are run on both sides all the same, rounded up.
        audit_most: the most that are; None sets no bound.
        audit_seed: of the sample.
        ask_before: whether live is asked too where staged says what its probe expects.
        decisions: of earlier rounds of one comparison; only what can differ from them is decided again.

    Raises:
        EngineError: two different base models, or probes with one id.
        PromptTooLongError: a probe does not fit the base model's window; named.
    """
    _check(live, staged, probes)
    tell = progress or (lambda _phase, _done, _of: None)
    questions = [probe.question for probe in probes]
    started = time.perf_counter()
    kept = decisions or Decisions()
    live_firings, staged_firings = kept.live(live, questions), kept.staged(staged, questions)
    tell("screen", len(probes), len(probes))
    screened = time.perf_counter()
    changed = [number for number in range(len(probes)) if live_firings[number].triple != staged_firings[number].triple]
    moved = frozenset(changed)
    asked = [number for number, probe in enumerate(probes) if probe.expects_new is not None or number in moved]
    after = _answers(staged, probes, staged_firings, asked, max_new_tokens, partial(tell, "run"))
    wanted = [number for number in changed if ask_before or not _takes(probes[number], after[number])]
    before = _answers(live, probes, live_firings, wanted, max_new_tokens, partial(tell, "run before"))
    ran = time.perf_counter()
    report = RegressionReport(
        outcomes=tuple(
            _outcome(probe, live_firings[number], staged_firings[number], before.get(number), after.get(number))
            for number, probe in enumerate(probes)
        ),
        audited=(),
        audit_differs=(),
        generations=len(wanted) + len(asked),
        screen_s=screened - started,
        run_s=ran - screened,
        audit_s=0.0,
    )
    if not audit_share:
        return report
    return with_audit(
        report,
        live,
        staged,
        share=audit_share,
        most=audit_most,
        seed=audit_seed,
        max_new_tokens=max_new_tokens,
        progress=progress,
    )


def with_audit(
    report: RegressionReport,
    live: EditedModel,
    staged: EditedModel,
    *,
    share: float,
    most: int | None = None,
    seed: int = 0,
    max_new_tokens: int = MAX_NEW_TOKENS,
    progress: Progress | None = None,
) -> RegressionReport:
    """The report with a sample of its unchanged probes run on both sides, encodings, decisions and answers anew.

    Args:
        share: of the unchanged probes, rounded up; ``most`` bounds their number, ``seed`` draws them.
    """
    started = time.perf_counter()
    probes = [outcome.probe for outcome in report.outcomes]
    unchanged = [number for number, outcome in enumerate(report.outcomes) if not outcome.triple_changed]
    sample = _sample(unchanged, share, most, seed)
    differs = _audit(live, staged, [probe.question for probe in probes], sample, max_new_tokens)
    if progress is not None:
        progress("audit", len(sample), len(sample))
    return replace(
        report,
        audited=tuple(probes[number].probe_id for number in sample),
        audit_differs=tuple(probes[number].probe_id for number in differs),
        generations=report.generations + 2 * len(sample),
        audit_s=time.perf_counter() - started,
    )


def _check(live: EditedModel, staged: EditedModel, probes: Sequence[Probe]) -> None:
    if live.base.digest != staged.base.digest:
        raise EngineError(
            f"Comparing needs one base model: live has {live.base.digest[:12]}, staged {staged.base.digest[:12]}"
        )
    ids = [probe.probe_id for probe in probes]
    if len(set(ids)) != len(ids):
        twice = next(one for one in ids if ids.count(one) > 1)
        raise EngineError(f"Probe ids must differ: {twice} occurs {ids.count(twice)} times")


def _sample(unchanged: Sequence[int], share: float, most: int | None, seed: int) -> list[int]:
    """Numbers of the unchanged probes that are audited, drawn by the seed."""
    count = -int(-len(unchanged) * share // 1)
    return sorted(random.Random(seed).sample(unchanged, count if most is None else min(count, most)))  # noqa: S311


def _takes(probe: Probe, answer: Answer) -> bool:
    return probe.expects_new is not None and takes(
        answer.text, probe.expects_new, probe.expects_not_old, probe.must_not_assert
    )


def _answers(
    model: EditedModel,
    probes: Sequence[Probe],
    firings: Sequence[Firing],
    chosen: Sequence[int],
    max_new_tokens: int,
    tell: Callable[[int, int], None],
) -> dict[int, Answer]:
    """Answers by number of their probe, part by part, so that a caller hears how far it is."""
    found: dict[int, Answer] = {}
    for start in range(0, len(chosen), _ASKED_AT_ONCE):
        part = chosen[start : start + _ASKED_AT_ONCE]
        try:
            answers = model.answer_fired(
                [probes[number].question for number in part],
                [firings[number] for number in part],
                max_new_tokens=max_new_tokens,
            )
        except PromptTooLongError:
            _name_the_long_one(model, probes, firings, part, max_new_tokens)
            raise
        found.update(zip(part, answers, strict=True))
        tell(len(found), len(chosen))
    return found


def _name_the_long_one(
    model: EditedModel,
    probes: Sequence[Probe],
    firings: Sequence[Firing],
    chosen: Sequence[int],
    max_new_tokens: int,
) -> None:
    """Say which probe does not fit the window, so that it can be mended or taken out."""
    settings = GenerationSettings(max_new_tokens=max_new_tokens)
    for number in chosen:
        try:
            model.base.check_fits([model.prompted(probes[number].question, firings[number])], settings)
        except PromptTooLongError as error:
            raise PromptTooLongError(f"Probe {probes[number].probe_id}: {error}") from error


def _audit(
    live: EditedModel, staged: EditedModel, questions: Sequence[str], sample: Sequence[int], max_new_tokens: int
) -> list[int]:
    """Numbers of sampled probes whose answers differ, with retrieval and LM run anew on both sides."""
    texts, fresh = [questions[number] for number in sample], live.anew()
    sides = [
        model.answer_fired(texts, model.retrieve(texts), max_new_tokens=max_new_tokens, use_known=False)
        for model in (fresh, fresh.with_memory(staged.memory))
    ]
    return [number for number, one, other in zip(sample, *sides, strict=True) if one.text != other.text]


def _outcome(probe: Probe, live: Firing, staged: Firing, before: Answer | None, after: Answer | None) -> ProbeOutcome:
    verdict = None if probe.expects_new is None or after is None else _takes(probe, after)
    staged_answer = None if after is None else after.text
    live_answer = staged_answer if live.triple == staged.triple else None if before is None else before.text
    return ProbeOutcome(probe, live, staged, live_answer, staged_answer, verdict)
