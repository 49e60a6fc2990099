"""Named editors, each a composition of the same parts: the paper's, its released code's, RECIPE's, and ours.

Owns which choice goes with which name, and building an untrained editor of a preset. Widths are parameters: the paper's
4096 is ``PAPER_WIDTH``, a small encoder wants less. No arithmetic, no training.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from editor_engine.editor import Editor
from editor_engine.errors import EngineError
from editor_engine.lm_families import CausalLM
from editor_engine.parts import EncodingParts, PromptPart, RepresentationPart, TextEncoderPart, TextPart
from editor_engine.prompt_encoder import PromptEncoder
from editor_engine.prompt_encoders import build_prompt_encoder
from editor_engine.text_encoder import TextEncoder
from editor_engine.thresholds import Thresholds
from editor_engine.verifier import ADAPTED_LAYERS

PAPER_WIDTH = 4096
"""Representation dimension in the paper (Table 5)."""

PAPER_TOKENS = {"MedCF++": 3, "MedVersa": 8}
"""T in the paper, by data set (Table 5)."""


@dataclass(frozen=True)
class TrainingChoices:
    """How a preset is trained: what Appendix E leaves open, and what the released code does otherwise.

    Questions are always contrasted with keys, z_k: Appendix E writes z_v for them but cites Eq. 9, the key, and the
    released code takes the key. RECIPE's key is its z_v.
    """

    pairing: Literal["both", "random"] = "both"
    """Question and rephrase both in both contrastive terms; or one drawn for each, as released."""
    hinge: float | None = None
    """c: a term is left out once its target leads the next by this factor. None: plain, as the paper writes."""
    temperature: float = 1.0
    """tau of the contrastive losses; the score's own scale comes on top."""
    batch_size: int = 8
    """Facts a step."""
    learning_rate: float = 1e-5
    """Adam's, for all that is trained."""
    epochs: int = 200
    """Passes over the training facts."""
    dropout: bool = True
    """Whether the text encoder drops states while it is trained."""


@dataclass(frozen=True)
class Preset:
    """An editor by name: parts and training."""

    name: str
    encoding: EncodingParts
    prompt: PromptPart
    training: TrainingChoices = field(default_factory=TrainingChoices)
    encoder: str | None = None
    """Text encoder that it is published with, by path or hub id; None is the embedded one."""

    def resized(self, *, key_width: int | None = None, tokens: int | None = None, heads: int | None = None) -> Preset:
        """The same preset with another representation dimension, number of prompt tokens, or of heads.

        Raises:
            EngineError: a width for a preset whose keys are as wide as the encoder.
        """
        encoding, prompt = self.encoding, self.prompt
        if key_width is not None:
            part = encoding.representation
            if part.key_width is None:
                raise EngineError(f"Preset {self.name}: its keys are as wide as the encoder; leave key_width out")
            widths = {"key_width": key_width, "value_width": key_width}
            encoding = encoding.model_copy(update={"representation": part.model_copy(update=widths)})
        if tokens is not None:
            prompt = prompt.model_copy(update={"tokens": tokens})
        if heads is not None:
            prompt = prompt.model_copy(update={"heads": heads})
        return replace(self, encoding=encoding, prompt=prompt)


def _paper() -> Preset:
    return Preset(
        name="paper",
        encoding=EncodingParts(
            text_encoder=TextEncoderPart(pooled="raw", summary="first state", trained="everything"),
            representation=RepresentationPart(
                start="random",
                key_width=PAPER_WIDTH,
                value_width=PAPER_WIDTH,
                biases=False,
                key_mlp="shared",
                prototype="tokens",
                prototype_tokens=10,
                prototype_mlp="key",
                score="dot",
            ),
            texts=TextPart(key="question", fact="bare"),
            decision="prototype",
        ),
        prompt=PromptPart(kind="tied", tokens=PAPER_TOKENS["MedVersa"], heads=8, options={"biases": False}),
        encoder="roberta-base",
    )


def _paper_code() -> Preset:
    paper = _paper()
    return replace(
        paper,
        name="paper-code",
        encoding=_with(
            paper.encoding,
            text_encoder={"summary": "pooler"},
            representation={"biases": True, "prototype_mlp": "value", "score": "scaled dot"},
        ),
        prompt=paper.prompt.model_copy(update={"options": {"biases": True}}),
        training=replace(paper.training, pairing="random", hinge=1.2),
    )


def _recipe() -> Preset:
    code = _paper_code()
    return replace(
        code,
        name="recipe",
        encoding=_with(code.encoding, representation={"key_mlp": "value"}, texts={"key": "fact"}),
        prompt=PromptPart(kind="mlp", tokens=PAPER_TOKENS["MedVersa"]),
    )


def _paper_without_shared_mlp() -> Preset:
    paper = _paper()
    encoding = _with(paper.encoding, representation={"key_mlp": "own"})
    return replace(paper, name="paper-without-shared-mlp", encoding=encoding)


def _paper_without_attention() -> Preset:
    paper = _paper()
    prompt = PromptPart(kind="linear", tokens=paper.prompt.tokens)
    return replace(paper, name="paper-without-attention", prompt=prompt)


def _default() -> Preset:
    return Preset(
        name="default",
        encoding=EncodingParts(
            text_encoder=TextEncoderPart(trained="adapters", adapter_rank=16, adapted_layers=ADAPTED_LAYERS),
            texts=TextPart(terms="clinical-2"),
            decision="verified",
        ),
        prompt=PromptPart(kind="copying", tokens=32),
        training=TrainingChoices(batch_size=64, learning_rate=1e-3, epochs=3, temperature=0.05, dropout=False),
    )


def _with(encoding: EncodingParts, **changes: dict[str, object]) -> EncodingParts:
    """The parts with some choices changed, checked anew."""
    body = encoding.model_dump()
    for part, choices in changes.items():
        body[part] |= choices
    return EncodingParts.model_validate(body)


PRESETS = {
    preset.name: preset
    for preset in (
        _paper(),
        _paper_code(),
        _recipe(),
        _paper_without_shared_mlp(),
        _paper_without_attention(),
        _default(),
    )
}
"""Every preset by its name."""


def preset_named(name: str) -> Preset:
    """The preset of a name.

    Raises:
        EngineError: there is none.
    """
    if name not in PRESETS:
        raise EngineError(f"Preset: expected one of {sorted(PRESETS)}, got {name!r}")
    return PRESETS[name]


def build_editor(preset: Preset, base: CausalLM, *, encoder: str | Path | None = None, seed: int = 0) -> Editor:
    """An untrained editor of a preset for a base model, on the base model's device; the same for the same seed.

    Where the preset decides with a verifier, there is none yet: the untrained editor decides by evidence.

    Args:
        encoder: the text encoder by path or hub id; by default the preset's own.

    Raises:
        EncoderError: the text encoder cannot be had, or lacks what the preset wants.
    """
    parts = preset.encoding
    if parts.decision == "verified":
        parts = parts.model_copy(update={"decision": "evidence"})
    text_encoder = TextEncoder.load(encoder or preset.encoder, parts=parts, device=str(base.device), seed=seed)
    prompt_encoder = build_preset_prompt_encoder(preset, text_encoder, base, seed=seed)
    return Editor(base, text_encoder, prompt_encoder, thresholds=Thresholds())


def build_preset_prompt_encoder(
    preset: Preset, encoder: TextEncoder, base: CausalLM, *, seed: int = 0
) -> PromptEncoder:
    """The preset's untrained prompt encoder between a text encoder and a base model, on the base model's device."""
    prompt_encoder = build_prompt_encoder(
        preset.prompt,
        width=encoder.width,
        value_width=encoder.representation.value_width,
        hidden_size=base.hidden_size,
        seed=seed,
    ).to(base.device)
    prompt_encoder.attach(base)
    return prompt_encoder
