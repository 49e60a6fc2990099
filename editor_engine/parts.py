"""The parts an editor is composed of, as they are stored in a checkpoint. Free of torch.

Owns the names of the choices, no arithmetic: each choice is explained where it is carried out. The defaults are the
untrained start, which needs no checkpoint.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Width = Annotated[int, Field(ge=1, le=65536)]
Tokens = Annotated[int, Field(ge=1, le=1024)]


class Part(BaseModel):
    """Base of every part: frozen, no unknown choices, no silent conversion."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)


class TextEncoderPart(Part):
    """How the Hugging Face encoder is read, and what of it is trained."""

    pooled: Literal["normalised", "raw"] = "normalised"
    """Whether each of the four blocks of x (Eq. 7) has length 1; the paper's are raw."""
    summary: Literal["first state", "pooler"] = "first state"
    """What p of Eq. 6 is: the state of the first token, as the paper writes, or the encoder's own tanh pooler."""
    trained: Literal["nothing", "adapters", "everything"] = "nothing"
    """Frozen; frozen with low-rank adapters; or fully fine-tuned."""
    adapter_rank: Width = 8
    """Rank of the adapters."""
    adapted_layers: Annotated[tuple[str, ...], Field(strict=False)] = ("attention.self.query", "attention.self.value")
    """Ends of the names of the linear layers that get an adapter."""


class RepresentationPart(Part):
    """The MLPs over pooled features, the prototype and the score (Eq. 8-10, 12)."""

    start: Literal["mean", "random"] = "mean"
    """Untrained: keys are the mean token state and Eq. 12 is a cosine threshold; or random weights, to be trained."""
    key_width: Width | None = None
    """Width of z_q and z_k; by default one more than the text encoder's for the constant coordinate."""
    value_width: Width | None = None
    """Width of z_v; by default the text encoder's."""
    biases: bool = True
    """Whether the linear layers have a bias; the paper writes none, its released code has them."""
    key_mlp: Literal["shared", "own", "value"] = "shared"
    """Which MLP makes z_k: the questions' (MLP_qk), one of its own, or the facts' (RECIPE)."""
    prototype: Literal["vector", "tokens"] = "vector"
    """z_pt as a free vector, or learned tokens that go through encoder, pooling and an MLP."""
    prototype_tokens: Tokens = 10
    """How many learned tokens."""
    prototype_mlp: Literal["query", "key", "value"] = "key"
    """Which MLP those tokens go through."""
    score: Literal["dot", "scaled dot", "cosine"] = "dot"
    """Product of question and key: plain, divided by the square root of the width, or the cosine."""

    @model_validator(mode="after")
    def _parts_fit_each_other(self) -> Self:
        usual = self.biases and self.key_mlp != "value" and self.prototype == "vector" and self.score == "dot"
        if self.start == "mean" and not (usual and self.key_width is None and self.value_width is None):
            raise ValueError("a mean start wants biases, default widths, a vector as prototype and the plain product")
        shares_facts = self.key_mlp == "value" or (self.prototype, self.prototype_mlp) == ("tokens", "value")
        if shares_facts and self.key_width != self.value_width:
            raise ValueError("where keys or prototype go through the facts' MLP, key_width and value_width are equal")
        return self


class TextPart(Part):
    """Which texts of an edit are encoded."""

    key: Literal["question", "fact"] = "question"
    """A key is the question alone, or the question with its object (RECIPE)."""
    fact: Literal["sentence", "bare"] = "sentence"
    """A fact ends in a full stop (``Edit.statement``), or is question, space and object, as released."""
    terms: Literal["as written", "clinical-1", "clinical-2"] = "as written"
    """Questions and keys as written, or with the names of one thing levelled (``clinical_terms``, list 1 or 2)."""


class EncodingParts(Part):
    """All that decides keys, values and which of them fires."""

    text_encoder: TextEncoderPart = TextEncoderPart()
    representation: RepresentationPart = RepresentationPart()
    texts: TextPart = TextPart()
    decision: Literal["evidence", "prototype", "verified"] = "evidence"
    """``retrieval.retrieve``, with subject, relation and qualifiers; Eq. 12 alone, the nearest key against z_pt; or
    what clears z_pt, fits its qualifiers and is then verified (``verified_decision``)."""


class PromptPart(Part):
    """A prompt encoder: its kind and size."""

    kind: str = "token states"
    """One of ``prompt_encoders.KINDS``."""
    tokens: Tokens = 8
    """T, the number of prompt tokens."""
    heads: Width = 4
    """Attention heads, where there is attention."""
    options: dict[str, bool | int | float | str] = {}
    """What else that kind takes."""
