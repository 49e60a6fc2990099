"""``bench gate``: the gate against a batched run of every probe before and after: how much faster, and the same?"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from workflow.cli.options import Json
from workflow.cli.output import Progress, emit_json, note, progress_bar, say, table
from workflow.errors import ExitCode

if TYPE_CHECKING:
    from workflow.change_control.gate import Comparison, GateRun
    from workflow.cli.bench_gate_batch import BenchBatch

WANTED = 50.0
"""Times faster than the rival, of the design."""


@dataclass(frozen=True)
class GateTiming:
    """Seconds of wall time, and how the two agree."""

    base_model: str
    probes: int
    edits: int
    in_force: int
    max_new_tokens: int
    encode_s: float
    """Encoding every question once, which neither of the two below has to do again."""
    gate_s: float
    gate_cpu_s: float
    gate_answers: int
    """Answers that were generated; those below too."""
    gate_tokens_read: int
    gate_tokens_said: int
    rival_s: float
    rival_cpu_s: float
    rival_answers: int
    rival_tokens_read: int
    rival_tokens_said: int
    ratio: float
    """Rival by gate, with known encodings for both."""
    cpu_ratio: float
    """The same by processor time of this process: what an otherwise idle machine without a GPU would show."""
    cold_ratio: float
    """The same where both have to encode every question first."""
    verdict: str
    rival_verdict: str
    ejected: int
    rival_ejected: int
    ejected_otherwise: tuple[str, ...]
    """Edits that only one of the two took out, or each for another reason."""
    compared: int
    different: int
    """Probes that came out otherwise."""

    @property
    def is_same(self) -> bool:
        """Whether the verdict, every probe and every edit that was taken out agree."""
        return self.verdict == self.rival_verdict and not self.different and not self.ejected_otherwise


def gate(
    probes: Annotated[int, typer.Option("--probes", min=50, help="Questions whose answers are compared.")] = 10_000,
    edits: Annotated[int, typer.Option("--edits", min=1, help="Edits in the batch.")] = 100,
    in_force: Annotated[int, typer.Option("--in-force", min=0, help="Edits in force, asked as portfolio.")] = 100,
    max_new_tokens: Annotated[int, typer.Option("--max-new-tokens", min=1, help="Longest answer, for both.")] = 48,
    seed: Annotated[int, typer.Option("--seed", help="Of the names and the order.")] = 0,
    as_json: Json = False,
) -> None:
    """Measure the gate against a batched run of every probe before and after; exit 1 where they do not agree."""
    with progress_bar() as progress:
        timing = measure_gate(
            probes=probes,
            edits=edits,
            in_force=in_force,
            max_new_tokens=max_new_tokens,
            seed=seed,
            progress=progress,
        )
    if as_json:
        emit_json("bench-gate", {**asdict(timing), "wanted": WANTED, "is_same": timing.is_same})
    else:
        _show(timing)
    if timing.ratio < WANTED:
        note(f"short of {WANTED:.0f} times here and now; look again on an idle machine and at full size")
    if not timing.is_same:
        raise typer.Exit(ExitCode.FAILED)


def _show(timing: GateTiming) -> None:
    rows = [
        (
            "gate: screen, run what changed, audit",
            f"{timing.gate_s:.2f} s",
            f"{timing.gate_cpu_s:.2f} s",
            f"{timing.gate_answers:,}",
            f"{timing.gate_tokens_read:,} / {timing.gate_tokens_said:,}",
            timing.verdict,
        ),
        (
            "rival: every probe before and after",
            f"{timing.rival_s:.2f} s",
            f"{timing.rival_cpu_s:.2f} s",
            f"{timing.rival_answers:,}",
            f"{timing.rival_tokens_read:,} / {timing.rival_tokens_said:,}",
            timing.rival_verdict,
        ),
    ]
    title = f"{timing.probes} probes, {timing.edits} edits on {timing.in_force} in force"
    table((title, "took", "processor", "answers", "tokens read / said", "verdict"), rows)
    say(f"{timing.ratio:.0f} times faster with known encodings (wanted: {WANTED:.0f})", style="bold")
    say(f"{timing.cpu_ratio:.0f} times by processor time, which a busy machine blurs less")
    say(
        f"{timing.rival_answers / max(timing.gate_answers, 1):.0f} times fewer answers, of which "
        f"{timing.rival_tokens_read / max(timing.gate_tokens_read, 1):.0f} times fewer tokens are read and "
        f"{timing.rival_tokens_said / max(timing.gate_tokens_said, 1):.0f} times fewer are said"
    )
    say(f"encoding every question once took {timing.encode_s:.2f} s; with it for both {timing.cold_ratio:.1f} times")
    say(f"{timing.compared} probes compared, {timing.different} came out otherwise")
    otherwise = ", ".join(timing.ejected_otherwise) or "none"
    say(f"ejected: {timing.ejected} by the gate, {timing.rival_ejected} by the rival; otherwise: {otherwise}")


def measure_gate(
    *, probes: int, edits: int, in_force: int, max_new_tokens: int, seed: int, progress: Progress
) -> GateTiming:
    """Judge one batch by the gate and by its rival, on the bundled model and the embedded encoder."""
    from editor_engine import Editor, TextEncoder
    from editor_engine.benchmarks.brute_force import BruteForce
    from editor_engine.demo import bundled_model
    from editor_engine.threads import choose_threads
    from workflow.cli.bench_gate_batch import make_batch
    from workflow.cli.bench_gate_work import CountedLM

    base = CountedLM.counted(bundled_model())
    choose_threads(base.parameters, device="cpu", wanted=0)
    progress("making the batch", 0, None)
    batch = make_batch(
        Editor(base, TextEncoder.load()),
        probes=probes,
        edits=edits,
        in_force=in_force,
        seed=seed,
        max_new_tokens=max_new_tokens,
    )
    progress("encoding questions", 0, None)
    encode_s = _encode(batch)
    base.taken()
    gate_s, gate_cpu_s, run = _timed(batch, None, progress)
    by_gate = base.taken()
    rival_s, rival_cpu_s, other = _timed(batch, BruteForce(), progress)
    by_rival = base.taken()
    return GateTiming(
        base_model=base.name,
        probes=len(run.outcomes),
        edits=edits,
        in_force=in_force,
        max_new_tokens=max_new_tokens,
        encode_s=round(encode_s, 3),
        gate_s=round(gate_s, 3),
        gate_cpu_s=round(gate_cpu_s, 3),
        gate_answers=by_gate.answers,
        gate_tokens_read=by_gate.tokens_read,
        gate_tokens_said=by_gate.tokens_said,
        rival_s=round(rival_s, 3),
        rival_cpu_s=round(rival_cpu_s, 3),
        rival_answers=by_rival.answers,
        rival_tokens_read=by_rival.tokens_read,
        rival_tokens_said=by_rival.tokens_said,
        ratio=round(rival_s / gate_s, 2),
        cpu_ratio=round(rival_cpu_s / max(gate_cpu_s, 1e-9), 2),
        cold_ratio=round((rival_s + encode_s) / (gate_s + encode_s), 2),
        verdict=run.report.verdict,
        rival_verdict=other.report.verdict,
        ejected=len(run.report.ejected),
        rival_ejected=len(other.report.ejected),
        ejected_otherwise=ejected_otherwise(run, other),
        compared=len(run.outcomes),
        different=differences(run, other),
    )


def _encode(batch: BenchBatch) -> float:
    """Ask both memories for every decision once; what was encoded is known from then on."""
    from workflow.change_control.probe_sets import probes_for

    began = time.perf_counter()
    asked = probes_for(
        batch.inputs.edits,
        candidates=batch.inputs.candidates,
        in_force=batch.inputs.in_force,
        faq=batch.inputs.faq,
    )
    staged = batch.live.with_memory(batch.live.memory.with_rows(batch.rows.values()))
    for model in (batch.live, staged):
        model.retrieve([probe.question for probe in asked])
    return time.perf_counter() - began


def _timed(batch: BenchBatch, comparison: Comparison | None, progress: Progress) -> tuple[float, float, GateRun]:
    """Seconds of wall and of processor time, and the gate."""
    from workflow.change_control.gate import run_gate_on_record

    began, busy = time.perf_counter(), time.process_time()
    run = run_gate_on_record(
        batch.inputs,
        batch.live,
        batch.rows,
        reread=lambda: batch.rows,
        progress=progress,
        comparison=comparison,
    )
    return time.perf_counter() - began, time.process_time() - busy, run


def differences(run: GateRun, other: GateRun) -> int:
    """How many probes the gate and its rival disagree on: what moved, what takes, and every answer that both have."""
    if [one.probe for one in run.outcomes] != [one.probe for one in other.outcomes]:
        return max(len(run.outcomes), len(other.outcomes))
    count = 0
    for mine, its in zip(run.outcomes, other.outcomes, strict=True):
        moved_otherwise = mine.probe.expects_new is None and mine.moved != its.moved
        says_otherwise = any(
            one is not None and one != answer
            for one, answer in ((mine.live_answer, its.live_answer), (mine.staged_answer, its.staged_answer))
        )
        count += moved_otherwise or says_otherwise or mine.takes != its.takes
    return count


def ejected_otherwise(run: GateRun, other: GateRun) -> tuple[str, ...]:
    """Ids of the edits that only one of the two took out, or each for another reason, sorted."""
    mine, its = ({(out.edit_id, out.reason) for out in one.report.ejected} for one in (run, other))
    return tuple(sorted({edit_id for edit_id, _ in mine ^ its}))
