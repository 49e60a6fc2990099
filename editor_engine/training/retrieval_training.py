"""Trains retrieval from records: bi-encoder, verifier, limits, and a checkpoint folder. No language model takes part.

Owns the order of the steps and how the time is shared out; each step is an objective on the training loop or the
calibration.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import torch
from pydantic import JsonValue

from editor_engine.checkpoint import EditorCheckpoint
from editor_engine.datasets.records import EditRecord, read_records
from editor_engine.errors import TrainingError
from editor_engine.presets import preset_named
from editor_engine.question_evidence import rarity_of
from editor_engine.text_encoder import TextEncoder, read_encoder
from editor_engine.training.calibration import Aim, calibrate
from editor_engine.training.contrast import ContrastObjective
from editor_engine.training.loop import Progress, train
from editor_engine.training.mining import mine
from editor_engine.training.record import Inputs, RunRecord
from editor_engine.training.retrieval_lessons import Lessons, lessons_of
from editor_engine.training.schedule import Schedule
from editor_engine.training.verification import VerificationObjective
from editor_engine.verifier import CrossVerifier

RETRIEVAL_PARTS: Final = preset_named("default").encoding
"""The encoder of a trained retrieval: adapters on every linear layer, clinical terms levelled, decisions verified."""

_SHARES: Final = {"contrast": 0.2, "verification": 0.65}
"""How the minutes are shared out; mining and calibration take the rest."""

_READERS: Final = 2
"""Cross-encoders of the verifier: the mean of two trained apart mistakes less than one (docs/retrieval.md)."""


_LEAST_SHARE: Final = 0.125
"""Of a step, for each data set."""

_MOST_VALID: Final = 500
"""Records of a valid file that choose the checkpoint; calibration takes all of them."""


@dataclass(frozen=True)
class RetrievalSettings:
    """What decides a run beside the data. Either ``minutes`` in all, or ``steps`` of each stage."""

    minutes: float | None = 45.0
    steps: int | None = None
    seed: int = 0
    rate: float = 2e-3
    rows: int = 72
    """Edits in a step of the bi-encoder, over all sets (``_shared_out``)."""
    questions: int = 54
    """Questions in a step of the verifier, likewise."""
    readers: int = _READERS
    """Cross-encoders of the verifier, each trained in a stage of its own."""
    fast: bool | None = None
    """Whether frozen weights compute in bf16; by default where the processor or the GPU is fast at it."""

    def schedule(self, stage: str) -> Schedule:
        """The numbers of one stage."""
        minutes = None if self.minutes is None or self.steps else self.minutes * _SHARES[stage]
        if minutes is not None and stage == "verification":
            minutes /= self.readers
        steps = self.steps if minutes is None else None
        return Schedule(
            seed=self.seed, steps=steps, minutes=minutes, peak_rate=self.rate, warmup_steps=12, validate_every=120
        )

    def plain(self) -> dict[str, JsonValue]:
        """As plain JSON values, for the run record."""
        return {
            "rate": self.rate,
            "rows": self.rows,
            "questions": self.questions,
            "readers": self.readers,
            "parts": RETRIEVAL_PARTS.model_dump_json(),
        }


@dataclass(frozen=True)
class RetrievalRun:
    """What a run left: the checkpoint's digest, each stage's record, and cross-fitted numbers on the valid files."""

    digest: str
    records: Mapping[str, RunRecord]
    numbers: Mapping[str, float]


Tell = Callable[[str, Progress], None]


def train_retrieval(
    data: Sequence[Path],
    valid: Sequence[Path],
    folder: Path,
    *,
    settings: RetrievalSettings | None = None,
    encoder: str | Path | None = None,
    device: str = "cpu",
    resume: bool = False,
    started: str | None = None,
    aim: Aim | None = None,
    tell: Tell | None = None,
) -> RetrievalRun:
    """Train bi-encoder and verifier on records, calibrate them on others, and leave a checkpoint in ``folder``.

    State of the stages lies beside it, in ``folder.contrast``, ``folder.verification`` and ``folder.verification-2``,
    and is kept.

    Args:
        data: files to train on. valid: files to choose checkpoints, head and limits on; they share no role.
        encoder: text encoder; by default the embedded one.
        started: when, as the caller's clock has it.
        tell: called with the stage's name.

    Raises:
        DataError: a file is broken. TrainingError: no valid file, or a stage fails (see ``train``).
    """
    settings = settings or RetrievalSettings()
    if not data or not valid:
        raise TrainingError("Training of retrieval: expected files to train on and files to calibrate on (--valid)")
    sets, held = [read_records(path) for path in data], [read_records(path) for path in valid]
    say = tell or (lambda _stage, _progress: None)
    stages = _Stages(settings, folder, Inputs(data, valid, settings.plain(), started=started), resume=resume, tell=say)
    quick, trained = stages.contrast(sets, held, encoder, device)
    quick_verifier, verifier = stages.verification(sets, held, quick, encoder, device)
    thresholds, numbers = calibrate(
        quick, quick_verifier, [lessons_of(one) for one in held], aim=aim, seed=settings.seed
    )
    trained.representation.load_state_dict(quick.representation.state_dict())
    verifier.evidence.load_state_dict(quick_verifier.evidence.state_dict())
    run: dict[str, object] = {name: record.model_dump(mode="json") for name, record in stages.records.items()}
    run["calibration"] = dict(numbers)
    digest = EditorCheckpoint.save(
        folder, encoder=trained, preset="retrieval", verifier=verifier, thresholds=thresholds, run=run
    )
    return RetrievalRun(digest, dict(stages.records), numbers)


class _Stages:
    """The two stages on the loop, each with a folder of its own."""

    def __init__(self, settings: RetrievalSettings, folder: Path, inputs: Inputs, *, resume: bool, tell: Tell) -> None:
        self._settings, self._folder, self._inputs, self._resume, self._tell = settings, folder, inputs, resume, tell
        self.records: dict[str, RunRecord] = {}

    def contrast(
        self,
        sets: Sequence[Sequence[EditRecord]],
        held: Sequence[Sequence[EditRecord]],
        name: str | Path | None,
        device: str,
    ) -> tuple[TextEncoder, TextEncoder]:
        """The bi-encoder, trained: one that computes fast, and one in full precision."""
        encoder = TextEncoder.load(name, parts=RETRIEVAL_PARTS, device=device, seed=self._settings.seed)
        self._hurry(encoder)
        lessons = [lessons_of(one) for one in sets]
        objective = ContrastObjective(
            encoder,
            lessons,
            [lessons_of(one[:_MOST_VALID]) for one in held],
            rows=_shared_out(self._settings.rows, lessons),
            seed=self._settings.seed,
        )
        left = self._run("contrast", objective)
        trained = TextEncoder.load(name, parts=RETRIEVAL_PARTS, device=device)
        trained.representation.load(left / "representation.safetensors")
        if trained.adapters is not None:
            trained.adapters.load(left / "adapters.safetensors")
        return encoder, trained

    def verification(
        self,
        sets: Sequence[Sequence[EditRecord]],
        held: Sequence[Sequence[EditRecord]],
        encoder: TextEncoder,
        name: str | Path | None,
        device: str,
    ) -> tuple[CrossVerifier, CrossVerifier]:
        """The verifier, trained on what the bi-encoder finds nearest; its head is still to be fitted. Two, likewise."""
        lessons, valid = [lessons_of(one) for one in sets], [lessons_of(one[:_MOST_VALID]) for one in held]
        mined = [(one.keys, mine(records, one, encoder)) for records, one in zip(sets, lessons, strict=True)]
        held = [records[:_MOST_VALID] for records in held]
        mined_valid = [(one.keys, mine(records, one, encoder)) for records, one in zip(held, valid, strict=True)]
        rows = _shared_out(self._settings.questions, lessons)
        rarity: torch.Tensor | None = None
        trained: list[CrossVerifier] = []
        for number in range(self._settings.readers):
            seed = self._settings.seed + number
            one = _new_verifier(name, device, seed, encoder, knows_words=number == 0)
            rarity = rarity if rarity is not None else _rarity(one, lessons)
            one.rarity.copy_(rarity)
            if self._fast(device):
                one.compute_in(torch.bfloat16)
            objective = VerificationObjective(one, mined, mined_valid, rows=rows, seed=seed)
            left = self._run("verification", objective, number)
            one.load(left / "verifier.safetensors")
            trained.append(one)
        quick, verifier = (
            _new_verifier(name, device, self._settings.seed, encoder, readers=len(trained)) for _ in range(2)
        )
        quick.take_readers(trained)
        verifier.take_readers(trained)
        if self._fast(device):
            quick.compute_in(torch.bfloat16)
        return quick, verifier

    def _run(self, stage: str, objective: ContrastObjective | VerificationObjective, number: int = 0) -> Path:
        schedule = self._settings.schedule(stage)
        if number:
            stage = f"{stage}-{number + 1}"
            schedule = replace(schedule, seed=schedule.seed + number)
        folder = self._folder.with_name(f"{self._folder.name}.{stage}")
        self.records[stage] = train(
            objective,
            schedule,
            folder,
            inputs=self._inputs,
            resume=self._resume,
            tell=lambda progress: self._tell(stage, progress),
        )
        return folder

    def _fast(self, device: str) -> bool:
        if self._settings.fast is not None:
            return self._settings.fast
        return torch.device(device).type == "cuda" or torch.cpu._is_avx512_bf16_supported()

    def _hurry(self, encoder: TextEncoder) -> None:
        if self._fast(str(encoder.device)):
            encoder.compute_in(torch.bfloat16)


def _new_verifier(
    name: str | Path | None,
    device: str,
    seed: int,
    encoder: TextEncoder,
    *,
    readers: int = 1,
    knows_words: bool = False,
) -> CrossVerifier:
    """A verifier whose adapters start as the bi-encoder's where it is to know the words; the others start as nothing.

    Readers that start apart err apart.
    """
    model, tokenizer, read_name, digest = read_encoder(name, device=device)
    listed = encoder.parts.texts.terms
    terms = "clinical-1" if listed == "as written" else listed
    verifier = CrossVerifier(
        model, tokenizer, name=read_name, weights_digest=digest, seed=seed, terms=terms, readers=readers
    )
    own = encoder.adapters.weights() if knows_words and encoder.adapters is not None else {}
    with torch.no_grad():
        for layer, tensor in verifier.reader.adapters.weights().items():
            if layer in own and own[layer].shape == tensor.shape:
                tensor.copy_(own[layer])
    return verifier


def _rarity(verifier: CrossVerifier, sets: Sequence[Lessons]) -> torch.Tensor:
    texts = dict.fromkeys(text for one in sets for text in (*one.keys, *(lesson.text for lesson in one.lessons)))
    return rarity_of(
        [verifier.pieces_of(text) for text in texts],
        vocabulary=len(verifier.rarity),
        special=verifier.special_pieces,
    )


def _shared_out(rows: int, sets: Sequence[Lessons]) -> list[int]:
    """Rows of a step by set: by the square root of how many different relations it asks for, at least an eighth.

    Questions made from a few templates are learned soon; those that people worded one by one take the time.
    """
    roots = [len({edit.relation for edit in one.edits}) ** 0.5 for one in sets]
    shares = [max(root / sum(roots), _LEAST_SHARE) for root in roots]
    return [max(1, round(rows * share / sum(shares))) for share in shares]
